/**
 * Proves that a watcher of changes either receives each change or is told that some may be missing: when leases expire,
 * when the database does not answer, and when tenants take turns.
 */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { PATIENT } from '../support/patience.js';
import type { Closing } from '../../src/services/subscriptions/closing.js';
import type { Connection } from '../../src/services/subscriptions/connection.js';
import { Connections, CONNECTIONS_PER_TENANT } from '../../src/services/subscriptions/connections.js';
import type { RowChange } from '../../src/kernel/notifications/row-change.js';
import {
  CHANGES_CHANNEL,
  changeEvents,
  type ChangeEvents,
} from '../../src/kernel/notifications/change-events.js';
import type { LoggedChange } from '../../src/kernel/notifications/change-log.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import { listen, type Notifications } from '../../src/kernel/notifications/notifications.js';
import { openTestDatabase, useDatabase } from '../support/database.js';
import { rejectionOf } from '../support/demo-tenants.js';
import { createNotes } from '../support/notes.js';
import { until } from '../support/until.js';

const database = useDatabase();
beforeAll(() => createNotes(database()));

describe('changes', () => {
  let pool: Database;
  let notifications: Notifications;
  let invalidations: ChangeEvents;
  let warnings: string[];

  beforeEach(() => {
    // The test decides when leases are renewed. Other timers are real.
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    warnings = [];
    pool = openTestDatabase({ url: database().app, poolSize: 2, limits: PATIENT });
    notifications = listen({
      listenUrl: database().app,
      databaseUrl: database().app,
      channels: [CHANGES_CHANNEL],
      onProblem: () => undefined,
    });
    invalidations = changeEvents(notifications, pool, (problem) => warnings.push(problem));
  });
  afterEach(async () => {
    vi.useRealTimers();
    invalidations.close();
    await notifications.close();
    await pool.close();
    await database().asSuperuser('DELETE FROM tenantry.listening');
  });

  async function watch(slug = 'acme', entity = 'Note') {
    const heard: RowChange[] = [];
    let lost = 0;
    const listener = { heard: ({ change }: LoggedChange) => heard.push(change), lost: () => lost++ };
    const stop = await invalidations.forTenant(await database().tenantId(slug)).watch(entity, listener);
    return {
      heard,
      stop,
      get lost() {
        return lost;
      },
    };
  }

  const minutePasses = async () => {
    await vi.advanceTimersByTimeAsync(20_000);
    await vi.advanceTimersByTimeAsync(20_000);
    await vi.advanceTimersByTimeAsync(20_000);
  };
  /** @returns the note's id */
  const addNote = async (slug: string) => {
    const [note] = await database().asSuperuser<{ id: string }>(
      'INSERT INTO notes (tenant_id) SELECT id FROM tenants WHERE slug = $1 RETURNING id',
      [slug],
    );
    return note!.id;
  };
  const leases = () =>
    database().asSuperuser<{ tenant_id: string; until: Date }>('SELECT * FROM tenantry.listening');

  test('are heard by all who watch the entity in the tenant, until they stop', async () => {
    const [first, second, other] = [await watch(), await watch(), await watch('globex')];
    await addNote('acme');
    await until('both hear of it', () => first.heard.length === 1 && second.heard.length === 1);
    first.stop();
    await addNote('acme');
    await until('the second hears of it', () => second.heard.length === 2);
    expect(first.heard).toHaveLength(1);
    expect(other.heard).toEqual([]);
  });

  test('are announced for as long as somebody watches, and for a minute more', async () => {
    const watching = await watch();
    await watch('globex').then(({ stop }) => stop());
    const [acme, globex] = [await database().tenantId('acme'), await database().tenantId('globex')];
    const untilWhen = async (tenantId: string) =>
      (await leases()).find(({ tenant_id: id }) => id === tenantId)!.until;
    const before = { acme: await untilWhen(acme), globex: await untilWhen(globex) };
    await vi.advanceTimersByTimeAsync(20_000);
    await until('the lease is prolonged', async () => (await untilWhen(acme)) > before.acme);
    expect(await untilWhen(globex)).toEqual(before.globex);
    const last = await leases();
    watching.stop();
    await minutePasses();
    expect(await leases()).toEqual(last);
    expect(watching.lost).toBe(0);
  });

  test.each([
    ['lapsed', "UPDATE tenantry.listening SET until = clock_timestamp() - interval '1 second'"],
    ['vanished, as in a crash', 'DELETE FROM tenantry.listening'],
    [
      'lapsed, though another server has a new one by now',
      "UPDATE tenantry.listening SET until = clock_timestamp() - interval '1 second'; SELECT tenantry.listen(array_agg(id)) FROM tenants",
    ],
  ])('may have been missed when the lease has %s', async (_name, statement) => {
    const watching = await watch();
    await database().asSuperuser(statement);
    await vi.advanceTimersByTimeAsync(20_000);
    await until('the listener is told', () => watching.lost === 1);
    await addNote('acme');
    // The new watcher may also receive the earlier note: that change was announced and can arrive late.
    const next = await watch();
    const note = await addNote('acme');
    await until('a new one hears', () => next.heard.some(({ id }) => id === note));
    expect(watching.heard).toEqual([]);
    expect(watching.lost).toBe(1);
  });

  test('may have been missed when the database has not answered for a minute, and not before', async () => {
    const watching = await watch();
    const query = vi.spyOn(pool, 'query').mockRejectedValue(new Error('no answer'));
    await vi.advanceTimersByTimeAsync(20_000);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(watching.lost).toBe(0);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(watching.lost).toBe(1);
    expect(warnings).toEqual(['subscriptions were ended: no answer']);
    query.mockRestore();
  });

  test('cannot be watched of what is not published, nor in a tenant that does not exist', async () => {
    expect(await rejectionOf(watch('acme', 'Membership'))).toMatchObject({
      message: expect.stringContaining('tenantry.publish') as string,
    });
    const nowhere = invalidations.forTenant(randomUUID()).watch('Note', { heard: vi.fn(), lost: vi.fn() });
    expect(await rejectionOf(nowhere)).toMatchObject({
      message: expect.stringContaining('no tenant') as string,
    });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await leases()).toEqual([]);
  });

  test('that cannot be listened for, because the database refuses, are no reason not to try again', async () => {
    await watch().then(({ stop }) => stop());
    const query = vi.spyOn(pool, 'query').mockRejectedValueOnce(new Error('not now'));
    expect(await rejectionOf(watch())).toMatchObject({ message: 'not now' });
    query.mockRestore();
    const again = await watch();
    await addNote('acme');
    await until('it is heard', () => again.heard.length === 1);
  });

  test('are lost to whoever watches while everything is closed', async () => {
    const watching = await watch();
    invalidations.close();
    expect(watching.lost).toBe(1);
  });
});

test('a tenant has at most a thousand connections to a process, another one its own', () => {
  const connections = new Connections({ isLive: true, onChange: () => undefined }, 10);
  const add = (tenantId: string, n: number) => {
    const userId = `user ${n}`;
    const kind = n % 2 === 0 ? 'websocket' : 'stream';
    connections.add({ viewer: { userId }, kind } as unknown as Connection, { tenantId, userId });
  };
  for (let n = 0; n < CONNECTIONS_PER_TENANT; n++) add('large', n);
  let closing: unknown;
  try {
    add('large', -1);
  } catch (error) {
    closing = error;
  }
  expect((closing as Closing).code).toBe(1013);
  add('small', 1);
  expect(connections.websockets + connections.streams).toBe(CONNECTIONS_PER_TENANT + 1);
});
