/**
 * Moves of tenants into a schema of their own and back: the rows are equal, the log, the quotas, the events and other tenants notice
 * nothing, writes are refused for a moment and reads are not, and a move that is cut off after any step goes on or is undone.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { schemaOf } from '../../src/kernel/database/schemas/own-schema.js';
import type { TenantClient } from '../../src/kernel/tenancy/tenant-client.js';
import type { MoveStep } from '../../src/services/lifecycle/copy-and-leave.js';
import type { Side } from '../../src/services/lifecycle/place-in-database.js';
import { connected, refusalOf, rejectionOf } from '../support/demo-tenants.js';
import {
  allowSchemas,
  bodiesOn,
  confirmOf,
  hashOf,
  moveTo,
  undoOf,
  type OnStep,
} from '../support/moved-sides.js';
import { sealAll, verifyOf } from '../support/sealed-trails.js';
import { useServer } from '../support/server.js';
import { asOperatorOf, erased, exported, newTenant, useFolder } from '../support/tenant-life.js';
import { until } from '../support/until.js';

const server = useServer();
const file = useFolder();
const database = () => server().database;
const OTHER = { shared: 'schema', schema: 'shared' } as const;
const SIDES: readonly Side[] = ['schema', 'shared'];
let number = 0;

beforeAll(() => allowSchemas(database()));

const clientOf = (tenantId: string): TenantClient =>
  server().services.database.all[0]!.forTenant({
    tenantId,
    actor: { type: 'user', id: 'writer' },
    requestId: 'r',
  });
const write = (id: string, body = 'more') =>
  clientOf(id).conversation.create({ data: { body, subject: 's', userId: 'writer' } });
const read = async (id: string) =>
  (await clientOf(id).conversation.findMany()).map(({ body }) => body).sort();

/** A tenant with rows that is on the side from which it is to be moved to `to`. */
async function tenant(to: Side): Promise<{ readonly slug: string; readonly id: string }> {
  const slug = `side-${String(++number)}`;
  const id = await newTenant(database(), slug);
  const { id: conversationId } = await write(id, 'before');
  for (const body of ['one', 'two']) {
    await clientOf(id).message.create({ data: { userId: 'u', body, conversationId } });
  }
  if (to === 'shared') {
    await moveTo(database(), slug, 'schema');
    await confirmOf(database(), slug);
  }
  return { slug, id };
}

const schemasOf = (id: string) =>
  database().asSuperuser('SELECT nspname FROM pg_namespace WHERE nspname = $1', [schemaOf(id)]);
const entriesOf = (id: string) =>
  database().asSuperuser<{ action: string; actor: string; reason: string | null }>(
    "SELECT action, actor, new_value ->> 'reason' AS reason FROM audit_log WHERE tenant_id = $1 ORDER BY created_at, id",
    [id],
  );
const usedOf = (id: string) =>
  database().asSuperuser(
    "SELECT used::int FROM tenantry.resource_usage WHERE tenant_id = $1 AND resource = 'conversations'",
    [id],
  );

/** A transaction of the tenant that has written, and ends when it is told to. */
async function openTransaction(id: string) {
  let end = (): void => undefined;
  const held = new Promise<void>((resolve) => (end = resolve));
  let ended: Promise<unknown> | undefined;
  await new Promise<void>((begun) => {
    ended = clientOf(id).transaction(async (tx) => {
      await tx.conversation.create({ data: { body: 'late', subject: 's', userId: 'writer' } });
      begun();
      await held;
    });
  });
  return { end, ended };
}

/** What `work` announces of rows. */
async function announced(id: string, work: () => Promise<unknown>): Promise<readonly string[]> {
  return connected(database().superuser, async (client) => {
    const heard: string[] = [];
    client.on('notification', ({ channel, payload = '' }) => {
      if (channel === 'tenantry_changes' && payload.includes(id)) heard.push(payload);
      if (payload === `end ${id}`) heard.push('end');
    });
    await client.query('LISTEN tenantry_changes; LISTEN test_end');
    await database().asSuperuser(
      "INSERT INTO tenantry.listening (tenant_id, until, lease) VALUES ($1, now() + interval '1 hour', gen_random_uuid())",
      [id],
    );
    await work();
    await client.query('SELECT pg_notify($1, $2)', ['test_end', `end ${id}`]);
    await until('everything was heard', () => heard.includes('end'));
    return heard.slice(0, -1);
  });
}

test('A tenant goes into a schema and back, and every row is as it was', async () => {
  const { slug, id } = await tenant('schema');
  const other = await tenant('schema');
  await clientOf(id).conversation.updateMany({ where: {}, data: { subject: 'changed' } });
  const [hash, others] = [
    await hashOf(database(), id, 'shared'),
    await hashOf(database(), other.id, 'shared'),
  ];
  const [entries, used] = [await entriesOf(id), await usedOf(id)];
  await sealAll(database());
  expect(used).toEqual([{ used: 1 }]);
  const heard = await announced(id, async () => {
    for (const to of SIDES) {
      expect(await moveTo(database(), slug, to)).toMatchObject({
        slug,
        from: OTHER[to],
        to,
        cell: 'default',
      });
      expect(await hashOf(database(), id, to)).toBe(hash);
      expect(await read(id)).toEqual(['before']);
      await confirmOf(database(), slug);
      expect(await hashOf(database(), id, to)).toBe(hash);
      expect(await usedOf(id)).toEqual(used);
    }
  });
  expect(heard).toEqual([]);
  expect(await schemasOf(id)).toEqual([]);
  const begun = { action: 'operator.tenant_move_begun', actor: 'tester', reason: 'INC-7' };
  expect(await entriesOf(id)).toEqual([...entries, begun, begun]);
  expect(await hashOf(database(), other.id, 'shared')).toBe(others);
  await sealAll(database());
  expect(await verifyOf(database(), slug)).toMatchObject({ intact: true, pending: 0 });
});

describe.each(SIDES)('A move to the side %s', (to) => {
  const from = OTHER[to];

  test('lets the tenant work while it is copied, and refuses writes only during the last pass', async () => {
    const { slug, id } = await tenant(to);
    await write(id, 'gone');
    await write(id, 'changed');
    const seen: unknown[] = [];
    const steps: MoveStep[] = [];
    await moveTo(database(), slug, to, async (step) => {
      steps.push(step);
      if (step === 'copied') {
        await write(id);
        await clientOf(id).conversation.deleteMany({ where: { body: 'gone' } });
        for (const [body, next] of [
          ['changed', 'newer'],
          ['newer', 'new'],
        ] as const) {
          await clientOf(id).conversation.updateMany({ where: { body }, data: { body: next } });
        }
      }
      // It may be tried again.
      if (step !== 'frozen' || seen.length > 0) return;
      seen.push(await read(id));
      seen.push((await refusalOf(write(id, 'refused'))).state);
    });
    expect(seen).toEqual([['before', 'more', 'new'], 'TE003']);
    expect(await bodiesOn(database(), id, to)).toEqual(['before', 'more', 'new']);
    const versions = await clientOf(id).conversation.findMany({ where: { body: 'new' } });
    expect(versions.map(({ version }) => version)).toEqual([3]);
    // The first copy has followed, with versions as they are.
    expect(steps.filter((step) => step === 'copied')).toHaveLength(1);
  });

  test('leaves a copy that is kept until it is confirmed', async () => {
    const { slug, id } = await tenant(to);
    await moveTo(database(), slug, to);
    await write(id);
    expect(await read(id)).toEqual(['before', 'more']);
    expect(await bodiesOn(database(), id, from)).toEqual(['before']);
    // The archive has the rows of the tenant, not those of the copy.
    const { tables } = await exported(database(), slug, file(`${slug}.tar`));
    expect(tables.find(({ name }) => name === 'conversations')).toMatchObject({ schema: 'public', rows: 2 });
    // The numbers of quotas are compared with the rows of the tenant, too.
    const counted = await asOperatorOf(database(), (operator) =>
      operator.inTenant(id, (query) =>
        query("SELECT used::int, rows::int FROM tenantry.check_use('conversations', false)"),
      ),
    );
    expect(counted).toEqual([{ used: 2, rows: 2 }]);
    expect(await confirmOf(database(), slug)).toEqual({ slug, erasedFrom: from });
    expect(await schemasOf(id)).toHaveLength(to === 'schema' ? 1 : 0);
    if (to === 'schema') expect(await bodiesOn(database(), id, from)).toEqual([]);
    expect(await read(id)).toEqual(['before', 'more']);
    expect(await rejectionOf(confirmOf(database(), slug))).toMatchObject({ name: 'TenantLifeError' });
    expect(await usedOf(id)).toEqual([{ used: 2 }]);
  });

  test('is undone afterwards, with what was written meanwhile', async () => {
    const { slug, id } = await tenant(to);
    await moveTo(database(), slug, to);
    await write(id);
    expect(await undoOf(database(), slug)).toEqual({ slug, in: from });
    expect(await bodiesOn(database(), id, from)).toEqual(['before', 'more']);
    expect(await read(id)).toEqual(['before', 'more']);
  });

  test('is refused when the tenant is there already, or an old copy is', async () => {
    const { slug } = await tenant(to);
    expect(String(await rejectionOf(moveTo(database(), slug, from)))).toContain('already');
    await moveTo(database(), slug, to);
    expect(String(await rejectionOf(moveTo(database(), slug, to)))).toContain('already');
    expect(String(await rejectionOf(moveTo(database(), slug, from)))).toContain('confirm that move first');
  });

  test('waits for a transaction that was open before it', async () => {
    const { slug, id } = await tenant(to);
    const open = await openTransaction(id);
    await moveTo(database(), slug, to, (step) => {
      // Later than a move that does not wait has read the rows; one that waits does so for as long as it takes.
      if (step === 'begun') setTimeout(open.end, 2_000);
    });
    await open.ended;
    expect(await bodiesOn(database(), id, to)).toEqual(['before', 'late']);
  });

  test('waits for a transaction that has written and is open at its end', async () => {
    const { slug, id } = await tenant(to);
    let open: Awaited<ReturnType<typeof openTransaction>> | undefined;
    await moveTo(database(), slug, to, async (step) => {
      if (step !== 'copied') return;
      open = await openTransaction(id);
      // Longer than writes are refused for it at once.
      setTimeout(open.end, 2_500);
    });
    await open!.ended;
    expect(await bodiesOn(database(), id, to)).toEqual(['before', 'late']);
  });

  test('refuses a copy that a trigger has changed, and can be undone', async () => {
    const { slug, id } = await tenant(to);
    await database().asSuperuser(`CREATE FUNCTION public.spoil() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF NEW.body = 'before' THEN NEW.body := 'spoilt'; END IF; RETURN NEW; END $$`);
    await database().asSuperuser(
      'CREATE TRIGGER a_spoil BEFORE INSERT ON public.conversations FOR EACH ROW EXECUTE FUNCTION public.spoil()',
    );
    try {
      expect(String(await rejectionOf(moveTo(database(), slug, to)))).toContain(
        'not equal in public.conversations',
      );
      expect(await undoOf(database(), slug)).toEqual({ slug, in: from });
    } finally {
      await database().asSuperuser('DROP FUNCTION public.spoil() CASCADE');
    }
    await write(id);
    expect(await bodiesOn(database(), id, from)).toEqual(['before', 'more']);
    expect(await schemasOf(id)).toHaveLength(from === 'schema' ? 1 : 0);
  });
});

const STEPS: readonly MoveStep[] = ['begun', 'copied', 'frozen', 'equal', 'placed'];

describe.each(SIDES.flatMap((to) => STEPS.map((step) => ({ to, step }))))(
  'A move to the side $to that is cut off after the step $step',
  ({ to, step: last }) => {
    const cutOff: OnStep = (step) => {
      if (step === last) throw new Error('killed');
    };

    test('goes on when it is begun again', async () => {
      const { slug, id } = await tenant(to);
      await rejectionOf(moveTo(database(), slug, to, cutOff));
      await write(id, 'while it is cut off');
      await moveTo(database(), slug, to);
      await write(id);
      expect(await bodiesOn(database(), id, to)).toEqual(['before', 'more', 'while it is cut off']);
      await confirmOf(database(), slug);
      expect(await read(id)).toEqual(['before', 'more', 'while it is cut off']);
    });

    test('is undone', async () => {
      const { slug, id } = await tenant(to);
      await rejectionOf(moveTo(database(), slug, to, cutOff));
      await write(id, 'while it is cut off');
      expect(await undoOf(database(), slug)).toEqual({ slug, in: OTHER[to] });
      await write(id);
      expect(await bodiesOn(database(), id, OTHER[to])).toEqual(['before', 'more', 'while it is cut off']);
      expect(await database().asSuperuser('SELECT FROM tenantry.moves WHERE subject = $1', [id])).toEqual([]);
    });
  },
);

test('A copy that lacks migrations does not take the place of the tenant, and is made anew', async () => {
  const { slug, id } = await tenant('schema');
  const steps: MoveStep[] = [];
  await moveTo(database(), slug, 'schema', async (step) => {
    if (step === 'equal' && !steps.includes(step)) {
      await database().asSuperuser("UPDATE tenantry.schema_moves SET migration = '2026' WHERE subject = $1", [
        id,
      ]);
    }
    steps.push(step);
  });
  expect(steps.filter((step) => step === 'copied')).toHaveLength(2);
  expect(await bodiesOn(database(), id, 'schema')).toEqual(['before']);
  expect(
    await database().asSuperuser(
      `SELECT s.migration = (SELECT max(migration_name) FROM public._prisma_migrations) AS is_current
       FROM tenantry.schemas s WHERE subject = $1`,
      [id],
    ),
  ).toEqual([{ is_current: true }]);
});

test('An erasure takes both sides, and is refused while the tenant is moved', async () => {
  const { slug, id } = await tenant('schema');
  const refusals: unknown[] = [];
  await moveTo(database(), slug, 'schema', async (step) => {
    if (step === 'equal') refusals.push(await rejectionOf(erased(database(), id)));
  });
  expect(refusals).toMatchObject([{ name: 'TenantLifeError' }]);
  await erased(database(), id);
  expect(await bodiesOn(database(), id, 'shared')).toEqual([]);
  expect(await schemasOf(id)).toEqual([]);
  expect(await database().asSuperuser('SELECT FROM tenantry.schema_moves WHERE subject = $1', [id])).toEqual(
    [],
  );
});
