/**
 * Proves what PostgreSQL announces of changed rows and when: only ids, only of committed changes, and only in tenants
 * that have a listener. Without one it announces nothing, at no cost to writers. Observed with a plain connection that
 * listens to the channel.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CHANGES_CHANNEL } from '../../src/kernel/notifications/change-events.js';
import { useDatabase } from '../support/database.js';
import { bind, connected, refusalOf, useDemoTenants } from '../support/demo-tenants.js';
import { createNotes } from '../support/notes.js';
import { insertTenant } from '../support/rows.js';
import { until } from '../support/until.js';

const database = useDatabase();
const tenants = useDemoTenants(database);

let listener: pg.Client;
let announced: string[] = [];

beforeAll(async () => {
  await createNotes(database());
  // No user is bound: every role that can connect can listen.
  listener = new pg.Client({ connectionString: database().app });
  await listener.connect();
  listener.on('notification', ({ payload = '' }) => announced.push(payload));
  await listener.query(`LISTEN ${CHANGES_CHANNEL}`);
});
beforeEach(() => {
  announced = [];
});
afterEach(async () => {
  await database().asSuperuser('DELETE FROM tenantry.listening');
  await database().asSuperuser('DELETE FROM notes');
});
afterAll(async () => {
  await listener.end();
});

const acme = () => tenants().acme.tenantId;
const globex = () => tenants().globex.tenantId;

const listenIn = async (...tenantIds: string[]): Promise<Record<string, string>> => {
  const { rows } = await connected(database().app, (client) =>
    client.query<{ tenant_id: string; lease: string }>('SELECT * FROM tenantry.listen($1)', [tenantIds]),
  );
  return Object.fromEntries(rows.map(({ tenant_id: tenantId, lease }) => [tenantId, lease]));
};

/** What has been announced so far. Messages arrive in order, so this waits for a message of its own. */
async function heard(): Promise<unknown[]> {
  const last = randomUUID();
  await database().asSuperuser('SELECT pg_notify($1, $2)', [CHANGES_CHANNEL, last]);
  await until('the last message arrives', () => announced.includes(last));
  return announced.filter((payload) => payload !== last).map((payload) => JSON.parse(payload) as unknown);
}

/** Runs statements as the server does, in a transaction that is bound to a tenant. */
const write = (tenantId: string, ...statements: readonly string[]) =>
  connected(database().app, async (client) => {
    await client.query('BEGIN');
    await bind(client, { ...tenants().acme, tenantId });
    for (const statement of statements) await client.query(statement);
    await client.query('COMMIT');
  });

const change = (kind: string, id: string, folder: string | null = null, tenantId = acme()) => ({
  tenantId,
  entity: 'Note',
  kind,
  id,
  keys: { folder_id: folder },
});

describe('where nobody listens', () => {
  test('nothing is announced', async () => {
    await write(
      acme(),
      "INSERT INTO notes (text) VALUES ('a')",
      "UPDATE notes SET text = 'b'",
      'DELETE FROM notes',
    );
    expect(await heard()).toEqual([]);
  });

  test('nothing is announced in a tenant, though somebody listens in another', async () => {
    await listenIn(globex());
    const id = randomUUID();
    await write(acme(), "INSERT INTO notes (text) VALUES ('a')");
    await write(globex(), `INSERT INTO notes (id) VALUES ('${id}')`);
    expect(await heard()).toEqual([change('CREATED', id, null, globex())]);
  });

  test('nothing is announced any more when the lease is over', async () => {
    await listenIn(acme());
    await database().asSuperuser("UPDATE tenantry.listening SET until = clock_timestamp() - interval '1 ms'");
    await write(acme(), "INSERT INTO notes (text) VALUES ('a')");
    expect(await heard()).toEqual([]);
  });
});

describe('where somebody listens', () => {
  const [id, folder, other] = [randomUUID(), randomUUID(), randomUUID()];
  beforeEach(() => listenIn(acme()));

  test('each committed change is announced once, by ids and nothing else', async () => {
    await write(acme(), `INSERT INTO notes (id, folder_id, text) VALUES ('${id}', '${folder}', 'a secret')`);
    await write(acme(), "UPDATE notes SET text = 'another secret'");
    await write(acme(), 'DELETE FROM notes');
    expect(await heard()).toEqual(['CREATED', 'UPDATED', 'DELETED'].map((kind) => change(kind, id, folder)));
    expect(announced.join()).not.toContain('secret');
  });

  test('what is rolled back is not announced, nor what a savepoint undid', async () => {
    await write(acme(), "INSERT INTO notes (text) VALUES ('a')", 'ROLLBACK');
    await write(
      acme(),
      'SAVEPOINT s',
      "INSERT INTO notes (text) VALUES ('a')",
      'ROLLBACK TO s',
      `INSERT INTO notes (id) VALUES ('${id}')`,
    );
    expect(await heard()).toEqual([change('CREATED', id)]);
  });

  test('an update that changes nothing is not announced, json columns and all', async () => {
    await write(acme(), `INSERT INTO notes (id, tags) VALUES ('${id}', '{"a": 1}')`);
    await write(acme(), 'UPDATE notes SET text = text, tags = tags');
    expect(await heard()).toEqual([change('CREATED', id)]);
  });

  test('a row that moves to another parent is announced under both', async () => {
    await write(acme(), `INSERT INTO notes (id, folder_id) VALUES ('${id}', '${folder}')`);
    await write(acme(), `UPDATE notes SET folder_id = '${other}'`);
    expect((await heard()).slice(1)).toEqual([change('UPDATED', id, folder), change('UPDATED', id, other)]);
  });

  test('a change of an operator, and of maintenance that binds no tenant, is announced as well', async () => {
    await connected(database().operator, async (client) => {
      await client.query('BEGIN');
      await bind(client, { ...tenants().acme, actor: { type: 'operator', id: 'op' } });
      await client.query(`INSERT INTO notes (id) VALUES ('${id}')`);
      await client.query('COMMIT');
    });
    await database().asSuperuser("UPDATE notes SET text = 'b'");
    expect(await heard()).toEqual([change('CREATED', id), change('UPDATED', id)]);
  });

  test('a lease stays the same while it is prolonged, and becomes another one when it had lapsed', async () => {
    const first = await listenIn(acme());
    expect(await listenIn(acme())).toEqual(first);
    await database().asSuperuser(
      "UPDATE tenantry.listening SET until = clock_timestamp() + interval '1 second'",
    );
    const second = await listenIn(acme());
    expect(second[acme()]).not.toBe(first[acme()]);
    await database().asSuperuser('DELETE FROM tenantry.listening');
    expect((await listenIn(acme()))[acme()]).not.toBe(second[acme()]);
  });

  test('many listeners at once get the same leases, and none waits for another for ever', async () => {
    const orders = [
      [acme(), globex()],
      [globex(), acme()],
    ];
    const leases = await Promise.all(Array.from({ length: 20 }, (_, at) => listenIn(...orders[at % 2]!)));
    for (const lease of leases) expect(lease).toEqual(leases[0]);
  });
});

test('whoever begins to listen while a transaction is under way is told of all that it commits', async () => {
  const id = randomUUID();
  await connected(database().app, async (client) => {
    await client.query('BEGIN');
    await bind(client, tenants().acme);
    await client.query(`INSERT INTO notes (id) VALUES ('${id}')`);
    await listenIn(acme());
    await client.query('COMMIT');
  });
  expect(await heard()).toEqual([change('CREATED', id)]);
});

test('there is no lease for a tenant that does not exist, and none left of one that is gone', async () => {
  const tenantId = await insertTenant(database(), 'shortlived');
  expect(Object.keys(await listenIn(randomUUID(), tenantId))).toEqual([tenantId]);
  await connected(database().superuser, async (client) => {
    // Closing the connection rolls this back. Triggers are disabled because a tenant with audit entries cannot be
    // deleted otherwise.
    await client.query('BEGIN');
    await client.query('ALTER TABLE audit_log DISABLE TRIGGER USER');
    await client.query('DELETE FROM audit_log WHERE tenant_id = $1', [tenantId]);
    await client.query('ALTER TABLE tenants DISABLE TRIGGER audit');
    await client.query('DELETE FROM tenants WHERE id = $1', [tenantId]);
    expect((await client.query('SELECT FROM tenantry.listening')).rowCount).toBe(0);
  });
});

describe('publish', () => {
  /** Runs a script as a migration does: as the owner and all at once. A failure rolls it back. */
  const migrate = (script: string) =>
    connected(database().superuser, async (client) => {
      await client.query('SET ROLE tenantry_owner');
      await client.query(script);
    });
  const stateOf = async (script: string) => (await refusalOf(migrate(script))).state;
  const INVALID_TABLE_DEFINITION = '42P16';

  test('refuses a table that is not protected', async () => {
    const script = `CREATE TABLE public.bare (tenant_id uuid, id uuid); SELECT tenantry.publish('bare')`;
    const { state, message } = await refusalOf(migrate(script));
    expect(state).toBe(INVALID_TABLE_DEFINITION);
    expect(message).toContain("SELECT tenantry.protect('bare')");
  });

  test.each(['text', 'tags', 'nothing', 'xmin'])(
    'refuses to announce the column %s, which is no id',
    async (column) => {
      expect(await stateOf(`SELECT tenantry.publish('notes', 'folder_id', '${column}')`)).toBe(
        INVALID_TABLE_DEFINITION,
      );
    },
  );

  test('may be called again, and announces no change twice', async () => {
    await migrate(
      "SELECT tenantry.publish('notes', 'folder_id'); SELECT tenantry.publish('notes', 'folder_id')",
    );
    await listenIn(acme());
    await write(acme(), "INSERT INTO notes (text) VALUES ('a')");
    await database().asSuperuser("UPDATE notes SET text = 'b'");
    expect(await heard()).toHaveLength(2);
  });

  test('lets a migration change rows of the table and then the table', async () => {
    await database().asSuperuser('INSERT INTO notes (tenant_id) VALUES ($1)', [acme()]);
    await listenIn(acme());
    await connected(database().superuser, (client) =>
      client.query(
        `UPDATE notes SET text = 'none'; ALTER TABLE notes ALTER text SET NOT NULL; ALTER TABLE notes ALTER text DROP NOT NULL`,
      ),
    );
    expect(await heard()).toHaveLength(1);
  });

  test('is known of the entity that is published, and of no other', async () => {
    const isPublished = async (entity: string) =>
      connected(database().app, async (client) => {
        const { rows } = await client.query<{ published: boolean }>(
          'SELECT tenantry.is_published($1) AS published',
          [entity],
        );
        return rows[0]?.published;
      });
    expect(await isPublished('Note')).toBe(true);
    for (const entity of ['note', 'notes', 'No', '', 'Membership'])
      expect(await isPublished(entity)).toBe(false);
  });
});

describe('the server’s role', () => {
  const INSUFFICIENT_PRIVILEGE = '42501';

  test.each([
    'SELECT * FROM tenantry.listening',
    'DELETE FROM tenantry.listening',
    "SELECT tenantry.publish('notes')",
    'SELECT tenantry.announce_change()',
    'DROP TRIGGER publish ON notes',
  ])('cannot %s', async (statement) => {
    const { state } = await refusalOf(connected(database().app, (client) => client.query(statement)));
    expect(state).toBe(INSUFFICIENT_PRIVILEGE);
  });
});
