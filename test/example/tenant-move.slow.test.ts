/**
 * Moves of tenants between cells: what is moved is complete and equal, its trail still verifies, writes are refused in the
 * meantime and reads are not, and a move that is cut off after any step goes on or is undone, with never two cells that write.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import type { TenantClient } from '../../src/kernel/tenancy/tenant-client.js';
import type { MoveStep } from '../../src/services/lifecycle/copy-and-leave.js';
import { confirmMove, moveTenant, undoMove } from '../../src/services/lifecycle/move-tenant.js';
import { eraseTenant } from '../../src/services/lifecycle/erase-tenant.js';
import { CELL, useCells } from '../support/cells.js';
import { bind, connected, contextOf, refusalOf, rejectionOf } from '../support/demo-tenants.js';
import { KEYS, sealAll, verifyOf } from '../support/sealed-trails.js';
import { newTenant } from '../support/tenant-life.js';
import { until } from '../support/until.js';

const cells = useCells();
const STEPS: readonly MoveStep[] = ['begun', 'copied', 'frozen', 'equal', 'left', 'placed', 'served'];
const SERVED_AT_HOME: readonly MoveStep[] = ['begun', 'copied', 'frozen', 'equal'];
const ACTOR = { type: 'user', id: 'writer' } as const;
const reason = 'test';
let number = 0;

/** A tenant of the default cell, with rows. */
async function tenant(): Promise<{ readonly slug: string; readonly id: string }> {
  const slug = `mover-${String(++number)}`;
  const id = await newTenant(cells().home, slug);
  await clientAt(0, id).conversation.create({ data: { body: 'before', subject: 's', userId: 'writer' } });
  await clientAt(0, id).enqueue('invitation.mail', { invitationId: id });
  return { slug, id };
}

const clientAt = (cell: 0 | 1, tenantId: string): TenantClient =>
  cells().server.services.database.all[cell]!.forTenant({ tenantId, actor: ACTOR, requestId: 'r' });

const write = (cell: 0 | 1, id: string) =>
  clientAt(cell, id).conversation.create({ data: { body: 'more', subject: 's', userId: 'writer' } });

/** Which cells accept a write: the promise is that it is never more than one. */
async function writable(id: string): Promise<readonly number[]> {
  const accepted = await Promise.all(
    ([0, 1] as const).map((cell) =>
      write(cell, id).then(
        () => true,
        () => false,
      ),
    ),
  );
  return [0, 1].filter((cell) => accepted[cell]);
}

const move = (slug: string, to = CELL, onStep?: (step: MoveStep) => void | Promise<void>) =>
  cells().asOperators((all) =>
    moveTenant(all, { slug, to: to === 'default' ? undefined : to, reason, keys: KEYS, onStep }),
  );
const undo = (slug: string) => cells().asOperators((all) => undoMove(all, { slug, reason, keys: KEYS }));
const confirm = (slug: string) => cells().asOperators((all) => confirmMove(all, slug, KEYS));

const bodies = async (cell: 0 | 1, id: string): Promise<string[]> =>
  (
    await [cells().home, cells().cell][cell]!.asSuperuser<{ body: string }>(
      'SELECT body FROM conversations WHERE tenant_id = $1 ORDER BY id',
      [id],
    )
  ).map(({ body }) => body);

describe('A move', () => {
  let moved: { readonly slug: string; readonly id: string };
  beforeAll(async () => {
    moved = await tenant();
  });

  test('takes everything along, and the server follows', async () => {
    const { slug, id } = moved;
    await sealAll(cells().home);
    await write(0, id);
    const audit = 'SELECT count(*)::int AS entries FROM audit_log WHERE tenant_id = $1';
    expect(await move(slug)).toMatchObject({ slug, from: 'default', to: CELL });
    const { home, cell, server } = cells();
    expect(await bodies(1, id)).toEqual(['before', 'more']);
    expect(await cell.asSuperuser(audit, [id])).toEqual(await home.asSuperuser(audit, [id]));
    const jobs = 'SELECT task, state FROM tenantry.jobs WHERE tenant_id = $1 ORDER BY id';
    expect(await cell.asSuperuser(jobs, [id])).toEqual(await home.asSuperuser(jobs, [id]));
    // Workers of the cell know that there is something to do.
    expect(
      await cell.asSuperuser(
        `SELECT EXISTS (SELECT FROM tenantry.job_tenants q WHERE q.tenant_id = $1)
           AND (EXISTS (SELECT FROM tenantry.job_wakes w WHERE w.tenant_id = $1)
             OR EXISTS (SELECT FROM tenantry.job_tenants q WHERE q.tenant_id = $1 AND (q.active OR q.next_at <= now()))) AS woken`,
        [id],
      ),
    ).toEqual([{ woken: true }]);
    const { database } = server.services;
    await until('the server knows the route', () => database.at(id) === database.all[1]);
    expect(await writable(id)).toEqual([1]);
    expect(await bodies(0, id)).toEqual(['before', 'more']);
    // Sealed in the first cell, continued in the second.
    await sealAll(cell);
    expect(await verifyOf(cell, slug)).toMatchObject({ intact: true, pending: 0 });
  });

  test('leaves a copy that nobody reads or writes, and that is erased when the move is confirmed', async () => {
    const { slug, id } = moved;
    expect((await refusalOf(clientAt(0, id).conversation.findMany())).state).toBe('TE003');
    expect(await confirm(slug)).toEqual({ slug, erasedFrom: 'default' });
    expect(await bodies(0, id)).toEqual([]);
    expect(await cells().home.asSuperuser('SELECT 1 FROM tenants WHERE id = $1', [id])).toEqual([]);
    expect(await cells().home.asSuperuser('SELECT 1 FROM tenantry.moves WHERE subject = $1', [id])).toEqual(
      [],
    );
    expect(await writable(id)).toEqual([1]);
    expect(await rejectionOf(confirm(slug))).toMatchObject({ name: 'TenantLifeError' });
  });

  test('can go back, with what was written meanwhile', async () => {
    const { slug, id } = moved;
    await move(slug, 'default');
    expect((await bodies(0, id)).sort()).toEqual((await bodies(1, id)).sort());
    await confirm(slug);
    expect(await writable(id)).toEqual([0]);
    // It is in the default cell, and no list says that it was elsewhere.
    expect(
      await cells().home.asSuperuser('SELECT 1 FROM tenantry.directory WHERE subject = $1', [id]),
    ).toEqual([]);
  });
});

test('A tenant works while it is copied, and is read and not written during the last pass', async () => {
  const { slug, id } = await tenant();
  const seen: unknown[] = [];
  await move(slug, CELL, async (step) => {
    if (step === 'copied') await write(0, id);
    if (step !== 'frozen') return;
    seen.push((await clientAt(0, id).conversation.findMany()).map(({ body }) => body));
    seen.push((await refusalOf(write(0, id))).state);
    seen.push((await refusalOf(clientAt(0, id).$executeRaw(Prisma.sql`DELETE FROM conversations`))).state);
  });
  expect(seen).toEqual([['before', 'more'], 'TE003', 'TE003']);
  expect((await bodies(1, id)).sort()).toEqual(['before', 'more']);
});

test('A tenant that is being moved is not erased, because another cell may have a copy', async () => {
  const { slug, id } = await tenant();
  const refusals: unknown[] = [];
  await move(slug, CELL, async (step) => {
    if (step !== 'equal') return;
    const erase = cells().asOperators(({ home }) =>
      eraseTenant(home, { tenantId: id, stores: [], keepTrail: false, keys: undefined }),
    );
    refusals.push(await rejectionOf(erase));
  });
  expect(refusals).toMatchObject([{ name: 'TenantLifeError' }]);
  expect(await writable(id)).toEqual([1]);
});

/** A transaction of a tenant in the default cell that has written, and ends when it is told to. */
async function openTransaction(id: string): Promise<{ end(): Promise<unknown> }> {
  let end = (): void => undefined;
  const held = new Promise<void>((resolve) => (end = resolve));
  let begin = (): void => undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const done = clientAt(0, id).transaction(async (tx) => {
    await tx.conversation.create({ data: { body: 'late', subject: 's', userId: 'writer' } });
    begin();
    await held;
  });
  await begun;
  return {
    end: () => {
      end();
      return done;
    },
  };
}

test('A transaction that was open before the move is waited for, and is in the copy', async () => {
  const { slug, id } = await tenant();
  const open = await openTransaction(id);
  await move(slug, CELL, (step) => {
    // Later than a move that does not wait has read the rows; one that waits does so for as long as it takes.
    if (step === 'begun') setTimeout(() => void open.end(), 1_000);
  });
  await open.end();
  expect((await bodies(1, id)).sort()).toEqual(['before', 'late']);
});

test('A transaction that is open at the end is waited for, while the tenant works on', async () => {
  const { slug, id } = await tenant();
  let open: Awaited<ReturnType<typeof openTransaction>> | undefined;
  await move(slug, CELL, async (step) => {
    if (step !== 'copied') return;
    open = await openTransaction(id);
    // Longer than writes are refused for it at once.
    setTimeout(() => void open!.end(), 2_500);
  });
  await open!.end();
  expect((await bodies(1, id)).sort()).toEqual(['before', 'late']);
});

test('A transaction that has not noticed the move does not write the old copy', async () => {
  const { slug, id } = await tenant();
  await connected(cells().home.app, async (client) => {
    await move(slug, CELL, async (step) => {
      if (step !== 'copied') return;
      // Its snapshot is of now, for good; the tenant is bound afterwards.
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await client.query('SELECT FROM pg_catalog.pg_class LIMIT 1');
    });
    expect((await refusalOf(bind(client, contextOf(id, ACTOR)))).state).toBe('40001');
  });
  expect(await writable(id)).toEqual([1]);
});

describe.each(STEPS)('A move that is cut off after the step %s', (last) => {
  const cutOff = (slug: string) =>
    rejectionOf(
      move(slug, CELL, (step) => {
        if (step === last) throw new Error('killed');
      }),
    );

  test('goes on when it is begun again', async () => {
    const { slug, id } = await tenant();
    await cutOff(slug);
    const open = await writable(id);
    expect(open).toEqual(SERVED_AT_HOME.includes(last) ? [0] : last === 'served' ? [1] : []);
    if (last !== 'served') await move(slug);
    expect(await writable(id)).toEqual([1]);
    // Each write that was accepted is there, once.
    const written = ['before', ...open.map(() => 'more'), 'more'];
    expect((await bodies(1, id)).sort()).toEqual(written);
  });

  test('is undone', async () => {
    const { slug, id } = await tenant();
    await cutOff(slug);
    expect(await undo(slug)).toEqual({ slug, in: 'default' });
    expect(await writable(id)).toEqual([0]);
    expect((await bodies(0, id)).sort()).toEqual(['before', 'more']);
  });
});

test('A copy that differs is refused, and the tenant is as it was after the move is undone', async () => {
  const { slug, id } = await tenant();
  await cells().cell.asSuperuser(`CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.body := NEW.body || '!'; RETURN NEW; END $$`);
  await cells().cell.asSuperuser(
    'CREATE TRIGGER a_spoil BEFORE INSERT ON conversations FOR EACH ROW EXECUTE FUNCTION spoil()',
  );
  try {
    expect(String(await rejectionOf(move(slug)))).toContain('not equal in public.conversations');
    expect(await bodies(1, id)).toEqual([]);
    await undo(slug);
    expect(await writable(id)).toEqual([0]);
  } finally {
    await cells().cell.asSuperuser('DROP FUNCTION spoil() CASCADE');
  }
});
