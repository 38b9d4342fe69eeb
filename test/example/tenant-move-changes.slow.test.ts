/**
 * What a tenant changes while it is copied is in the copy, in every kind of table: changed rows with their versions, deleted ones,
 * values that another row takes over, tables without a key, circles, tables that were made by hand, and the sealed log.
 */
import { beforeAll, expect, test } from 'vitest';
import type { TenantClient } from '../../src/kernel/tenancy/tenant-client.js';
import type { MoveStep } from '../../src/services/lifecycle/copy-and-leave.js';
import { confirmMove, moveTenant, undoMove } from '../../src/services/lifecycle/move-tenant.js';
import { CELL, useCells } from '../support/cells.js';
import { rejectionOf } from '../support/demo-tenants.js';
import { KEYS, sealAll, verifyOf } from '../support/sealed-trails.js';
import {
  createTables,
  exported,
  fillTables,
  hashesOf,
  newTenant,
  useFolder,
} from '../support/tenant-life.js';

const cells = useCells();
const file = useFolder();
let number = 0;

beforeAll(async () => {
  await createTables(cells().home);
  await createTables(cells().cell);
});

async function tenant(): Promise<{ readonly slug: string; readonly id: string }> {
  const slug = `changing-${String(++number)}`;
  const id = await newTenant(cells().home, slug);
  await fillTables(cells().home, id);
  await clientOf(id).conversation.create({ data: { body: 'before', subject: 's', userId: 'u' } });
  return { slug, id };
}

const clientOf = (tenantId: string): TenantClient =>
  cells().server.services.database.all[0]!.forTenant({
    tenantId,
    actor: { type: 'user', id: 'u' },
    requestId: 'r',
  });

const move = (slug: string, onStep: (step: MoveStep) => void | Promise<void> = () => undefined) =>
  cells().asOperators((all) => moveTenant(all, { slug, to: CELL, reason: 'test', keys: KEYS, onStep }));

/** Erases what was left behind, so that everything in the first cell can be sealed. */
const confirm = (slug: string) => cells().asOperators((all) => confirmMove(all, slug, KEYS));

/** Moves a tenant that changes after the first pass, and compares the copy with what was left behind. */
async function moved(
  { slug, id }: { readonly slug: string; readonly id: string },
  change: (sql: (statement: string) => Promise<unknown>) => Promise<unknown>,
): Promise<void> {
  const sql = (statement: string) => cells().home.asSuperuser(statement, [id]);
  await move(slug, async (step) => {
    if (step === 'copied') await change(sql);
  });
  // The source refuses everything now, so the old copy is looked at from inside.
  await cells().home.asSuperuser("UPDATE tenantry.moves SET state = 'leaving' WHERE subject = $1", [id]);
  await cells().home.asSuperuser('DELETE FROM tenantry.moves WHERE subject = $1', [id]);
  await cells().home.asSuperuser('SELECT tenantry.set_fence()');
  const [left, arrived] = [file(`${slug}-left.tar.gz`), file(`${slug}-arrived.tar.gz`)];
  const [before, after] = [
    await exported(cells().home, slug, left),
    await exported(cells().cell, slug, arrived),
  ];
  expect(hashesOf(after)).toEqual(hashesOf(before));
  expect(Object.keys(hashesOf(after)).length).toBeGreaterThan(7);
}

test('rows that are changed, added and deleted, in tables of all kinds', async () => {
  const one = await tenant();
  await moved(one, async (sql) => {
    await clientOf(one.id).conversation.updateMany({ data: { body: 'changed' } });
    await clientOf(one.id).conversation.updateMany({ data: { body: 'changed twice' } });
    await sql(
      `INSERT INTO crm.contacts (tenant_id, name) SELECT $1, 'more ' || n FROM generate_series(1, 300) n`,
    );
    await sql("UPDATE crm.contacts SET name = name || '!' WHERE tenant_id = $1 AND name LIKE 'more 1%'");
    await sql("DELETE FROM crm.contacts WHERE tenant_id = $1 AND name LIKE 'more 2%'");
    // Without a key: one row more, one changed and one that is there twice.
    await sql(
      "INSERT INTO crm.events VALUES (1, $1, '2026-03-04'), (2, $1, '2026-03-05'), (2, $1, '2026-03-05')",
    );
    await sql(
      'DELETE FROM crm.steps WHERE before IS NOT NULL AND $1::uuid IS NOT NULL AND contact_id IN (SELECT id FROM crm.contacts WHERE tenant_id = $1) AND NOT EXISTS (SELECT FROM crm.steps o WHERE o.before = steps.id)',
    );
    await sql(`WITH ids AS MATERIALIZED (SELECT tenantry.uuid_v7() AS pair, tenantry.uuid_v7() AS half),
       pairs AS (INSERT INTO crm.pairs SELECT pair, $1, half FROM ids)
       INSERT INTO crm.halves SELECT half, pair FROM ids`);
  });
  const [version] = await cells().cell.asSuperuser<{ version: number }>(
    'SELECT version FROM conversations WHERE tenant_id = $1',
    [one.id],
  );
  expect(version).toEqual({ version: 3 });
  // The numbers of the database go on behind those that have arrived.
  const [next] = await cells().cell.asSuperuser<{ is_free: boolean }>(
    `SELECT nextval(pg_get_serial_sequence('crm.contacts', 'id')) > max(id) AS is_free FROM crm.contacts`,
  );
  expect(next).toEqual({ is_free: true });
});

test('rows that are only deleted', async () => {
  const one = await tenant();
  await moved(one, async (sql) => {
    await sql(
      'DELETE FROM crm.halves WHERE pair IN (SELECT id FROM crm.pairs WHERE tenant_id = $1 AND half IS NULL)',
    );
    await sql(
      'DELETE FROM crm."Odd notes" WHERE contact_id IN (SELECT id FROM crm.contacts WHERE tenant_id = $1)',
    );
    await sql('DELETE FROM crm.events WHERE tenant_id = $1');
    await clientOf(one.id).conversation.deleteMany();
  });
});

test('a value that is unique, and goes from a deleted row to a new one', async () => {
  const one = await tenant();
  await moved(one, async (sql) => {
    const member = `${one.slug}|member`;
    await sql(`DELETE FROM memberships WHERE tenant_id = $1 AND user_id = '${member}'`);
    await sql(
      `INSERT INTO memberships (tenant_id, user_id, email, role) VALUES ($1, '${member}', 'again@x.test', 'viewer')`,
    );
  });
  const members = 'SELECT user_id, email, role FROM memberships WHERE tenant_id = $1 ORDER BY user_id';
  expect(await cells().cell.asSuperuser(members, [one.id])).toMatchObject([
    { email: 'again@x.test' },
    { role: 'owner' },
  ]);
  // What its leaving has revoked in the source is revoked at the same time here.
  const keys = 'SELECT id, revoked_at FROM api_keys WHERE tenant_id = $1';
  expect(await cells().cell.asSuperuser(keys, [one.id])).toEqual(
    await cells().home.asSuperuser(keys, [one.id]),
  );
});

test('unique values that two rows have exchanged: the copy is made anew', async () => {
  const one = await tenant();
  await cells().home.asSuperuser(
    `INSERT INTO memberships (tenant_id, user_id, email, role) VALUES ($1, 'a', 'a@x.test', 'viewer'), ($1, 'c', 'c@x.test', 'viewer')`,
    [one.id],
  );
  let copies = 0;
  await move(one.slug, async (step) => {
    if (step !== 'copied' || ++copies > 1) return;
    for (const [from, to] of [
      ['a', 'b'],
      ['c', 'a'],
      ['b', 'c'],
    ]) {
      await cells().home.asSuperuser(
        `UPDATE memberships SET user_id = '${to!}' WHERE tenant_id = $1 AND user_id = '${from!}'`,
        [one.id],
      );
    }
  });
  expect(copies).toBe(2);
  const members = 'SELECT user_id, email FROM memberships WHERE tenant_id = $1 ORDER BY user_id';
  expect(await cells().cell.asSuperuser(members, [one.id])).toEqual(
    await cells().home.asSuperuser(members, [one.id]),
  );
  await confirm(one.slug);
});

test('entries of the log that are sealed between two passes, and some after the move', async () => {
  const { slug, id } = await tenant();
  await clientOf(id).conversation.create({ data: { body: 'unsealed', subject: 's', userId: 'u' } });
  await move(slug, async (step) => {
    if (step !== 'copied') return;
    await sealAll(cells().home);
    await clientOf(id).conversation.create({ data: { body: 'sealed there', subject: 's', userId: 'u' } });
  });
  const before = await verifyOf(cells().cell, slug);
  expect(before.intact).toBe(true);
  expect(before.pending).toBeGreaterThan(0);
  await confirm(slug);
  await sealAll(cells().cell);
  expect(await verifyOf(cells().cell, slug)).toMatchObject({ intact: true, pending: 0 });
});

test('a row of another tenant is not replaced by one with its number', async () => {
  const { slug, id } = await tenant();
  const other = await newTenant(cells().cell, `${slug}-there`);
  const [contact] = await cells().home.asSuperuser<{ id: string }>(
    'SELECT id FROM crm.contacts WHERE tenant_id = $1',
    [id],
  );
  await cells().cell.asSuperuser(
    'INSERT INTO crm.contacts (id, tenant_id, name) OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3)',
    [contact!.id, other, 'of another tenant'],
  );
  expect(String(await rejectionOf(move(slug)))).toMatch(/crm\.contacts|does not fit/);
  expect(
    await cells().cell.asSuperuser('SELECT name FROM crm.contacts WHERE id = $1', [contact!.id]),
  ).toEqual([{ name: 'of another tenant' }]);
  expect(await cells().cell.asSuperuser('SELECT FROM tenants WHERE id = $1', [id])).toEqual([]);
  await cells().asOperators((all) => undoMove(all, { slug, reason: 'test', keys: KEYS }));
});
