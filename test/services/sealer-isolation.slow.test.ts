/**
 * Proves that a trail that cannot be continued keeps no other one from being sealed, and is sealed itself once it can be;
 * and that entries that claim to be older than they can be are not sealed but reported.
 */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { bind, connected, contextOf } from '../support/demo-tenants.js';
import {
  KEYS,
  brokenIn,
  headIn,
  makeEntries,
  newSealKey,
  readingTrail,
  sealAll,
  sealerOf,
  tamper,
  verifyOf,
} from '../support/sealed-trails.js';
import { readSealKeys } from '../../src/services/audit-trail/seal-keys.js';
import { leavesOf } from '../../src/services/audit-trail/trail-pages.js';
import { until } from '../support/until.js';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
  await makeEntries(database, 'acme', 1);
  await sealAll(database);
});
afterEach(() => database.drop());

const watermark = async (): Promise<bigint> => {
  const [row] = await database.asSuperuser<{ watermark: string }>(
    'SELECT watermark::text AS watermark FROM tenantry.audit_sealer',
  );
  return BigInt(row!.watermark);
};
const pendingIn = async (slug: string) => (await verifyOf(database, slug)).pending;
const behind = () => database.asSuperuser('SELECT since FROM tenantry.audit_behind');

/** Seals until everything of globex is sealed, and the sealer has said how far. */
async function sealGlobex(sealer: ReturnType<typeof sealerOf>['sealer']): Promise<void> {
  const before = await watermark();
  await until('globex is sealed', async () => (await sealer.round(), (await pendingIn('globex')) === 0));
  await until('the others are past it', async () => (await sealer.round(), (await watermark()) > before));
}

/** An entry of acme with what somebody has chosen. */
const insert = (columns: string, values: string) =>
  tamper(
    database,
    `INSERT INTO audit_log (tenant_id, actor, actor_type, action, entity, ${columns})
     SELECT id, 'x', 'user', 'a.b', 'X', ${values} FROM tenants WHERE slug = 'acme'`,
  );

describe('a trail that cannot be continued', () => {
  test('does not keep the others, and is sealed when it can be', async () => {
    const head = await headIn(database, 'acme');
    const change = (key: string) =>
      tamper(
        database,
        `UPDATE tenantry.audit_seals SET key = '${key}' WHERE tenant_id = '${head.tenant}' AND number = ${head.number}`,
      );
    await change('x');
    await makeEntries(database, 'acme', 2);
    await makeEntries(database, 'globex', 2);
    const { sealer, problems } = sealerOf(database);
    await sealGlobex(sealer);
    // It is tried again, and said again, after half a minute.
    const said = expect.stringMatching(new RegExp(`^broken ${head.tenant}`)) as string;
    expect(problems).not.toEqual([]);
    expect(problems).toEqual(problems.map(() => said));
    expect(await behind()).toHaveLength(1);
    await makeEntries(database, 'acme', 1);
    await makeEntries(database, 'globex', 1);
    await sealGlobex(sealer);
    await sealer.close();

    await change(head.key);
    // What waits was not put there by somebody else.
    expect(await verifyOf(database, 'acme')).toMatchObject({ intact: true, pending: 3 });
    const next = sealerOf(database).sealer;
    await until('acme is sealed', async () => (await next.round(), (await pendingIn('acme')) === 0));
    await until('nothing is behind', async () => (await next.round(), (await behind()).length === 0));
    await next.close();
    expect(await verifyOf(database, 'acme', { head })).toMatchObject({ intact: true });
  });

  test('is looked through whole when it could not be sealed at first', async () => {
    await tamper(database, "UPDATE tenantry.audit_sealer SET watermark = NULL, database = 'elsewhere'");
    await makeEntries(database, 'acme', 1);
    // Otherwise there is nothing yet that the first round could not seal, and the second looks only at what came since.
    await until('the entry waits for no transaction', async () => {
      const [row] = await database.asSuperuser<{ ready: boolean }>(
        'SELECT max(tx::text::numeric) < pg_snapshot_xmin(pg_current_snapshot())::text::numeric AS ready FROM audit_log',
      );
      return row!.ready;
    });
    const other = readSealKeys(newSealKey());
    const { sealer } = sealerOf(database, { keys: other });
    await until('acme is behind', async () => (await sealer.round(), (await behind()).length > 0));
    expect(await behind()).toContainEqual({ since: '0' });
    await sealer.close();
    await sealAll(database, { keys: KEYS });
    expect(await verifyOf(database, 'acme')).toMatchObject({ intact: true, pending: 0 });
  });

  test('does not keep the others while somebody redacts in it for long', async () => {
    await makeEntries(database, 'acme', 1);
    await makeEntries(database, 'globex', 1);
    const acme = await database.tenantId('acme');
    const { sealer, problems } = sealerOf(database);
    await connected(database.superuser, async (holder) => {
      await holder.query('BEGIN');
      await holder.query('SELECT FROM tenantry.audit_trees WHERE tenant_id = $1 FOR UPDATE', [acme]);
      await until('globex is sealed', async () => (await sealer.round(), (await pendingIn('globex')) === 0));
      await holder.query('ROLLBACK');
    });
    await until('acme is sealed', async () => (await sealer.round(), (await pendingIn('acme')) === 0));
    expect(problems).toEqual([]);
    await sealer.close();
  });
});

describe('not sealed, and found, is an entry', () => {
  const pass = async () => {
    const { sealer, problems } = sealerOf(database);
    await makeEntries(database, 'globex', 1);
    await sealGlobex(sealer);
    await sealer.close();
    return problems;
  };

  test('with an old date', async () => {
    await insert('created_at', "now() - interval '1 hour'");
    expect(await pass()).toContainEqual(expect.stringMatching(/^refused .*: entry /));
    expect(await brokenIn(database)).toMatchObject({ defect: 'inserted' });
    expect(await pendingIn('acme')).toBe(1);
  });

  test('with an old date, of a transaction that ran when the last seal was made', async () => {
    await makeEntries(database, 'acme', 1);
    const tx = await connected(database.superuser, async (slow) => {
      await slow.query('BEGIN');
      const { rows } = await slow.query<{ tx: string }>('SELECT pg_current_xact_id()::text AS tx');
      await makeEntries(database, 'globex', 1);
      const { sealer } = sealerOf(database);
      await until('acme is sealed', async () => (await sealer.round(), (await pendingIn('acme')) === 0));
      await sealer.close();
      await slow.query('COMMIT');
      return rows[0]!.tx;
    });
    expect(Number((await headIn(database, 'acme')).horizon)).toBeGreaterThan(Number(tx));
    await insert('created_at, tx', `now() - interval '3 days', '${tx}'`);
    expect(await pass()).toContainEqual(expect.stringMatching(/^refused /));
    expect(await brokenIn(database)).toMatchObject({ defect: 'inserted' });
    expect(await pendingIn('acme')).toBe(1);
  });

  test.each([
    ['without a number', 'NULL'],
    ['of a transaction that has not begun', "'999999999999'"],
  ])('%s, also when the whole log is looked through', async (_which, tx) => {
    await insert('tx', tx);
    expect(await brokenIn(database)).toMatchObject({ defect: 'inserted' });
    await database.asSuperuser('UPDATE tenantry.audit_sealer SET watermark = NULL');
    const { sealer, problems } = sealerOf(database);
    await until('the log is looked through', async () => (await sealer.round(), problems.length > 0));
    await until(
      'it is known how far',
      async () => (await sealer.round(), (await brokenIn(database)) !== null),
    );
    await sealer.close();
    expect(problems[0]).toMatch(/^refused /);
    expect(await pendingIn('acme')).toBe(1);
  });
});

test('how far everything is sealed is not believed when no transaction has come so far', async () => {
  await database.asSuperuser("UPDATE tenantry.audit_sealer SET watermark = '999999999999'");
  await makeEntries(database, 'acme', 2);
  await sealAll(database);
  expect(await verifyOf(database, 'acme')).toMatchObject({ intact: true, pending: 0 });
  expect(await watermark()).toBeLessThan(999_999_999_999n);
});

test('entries of another database are sealed after a restore, and that is said', async () => {
  await insert('tx', "'999999999999'");
  await database.asSuperuser("UPDATE tenantry.audit_sealer SET database = 'elsewhere'");
  const { sealer, problems } = sealerOf(database);
  await until('acme is sealed', async () => (await sealer.round(), (await pendingIn('acme')) === 0));
  await sealer.close();
  expect(problems).toContainEqual(expect.stringMatching(/^restored .*: entry /));
  expect(await verifyOf(database, 'acme')).toMatchObject({ intact: true });
});

test('large entries are sealed and read in pages of few, each once', async () => {
  const acme = await database.tenantId('acme');
  await connected(database.app, async (client) => {
    for (let each = 0; each < 6; each++) {
      await client.query('BEGIN');
      await bind(client, contextOf(acme));
      // Random digits, so that they are stored about as long as they are.
      await client.query("SELECT tenantry.record_audit('test.large', 'Test', NULL, NULL, $1)", [
        { text: randomBytes(700_000).toString('base64') },
      ]);
      await client.query('COMMIT');
    }
  });
  const before = await headIn(database, 'acme');
  await sealAll(database);
  const head = await headIn(database, 'acme');
  expect([head.size, head.number > before.number + 1]).toEqual([before.size + 6, true]);
  expect(await verifyOf(database, 'acme')).toMatchObject({ intact: true, entries: head.size, pending: 0 });
  const longest = await readingTrail(database, acme, async (query) => {
    let most = 0;
    for await (const rows of leavesOf(query, acme, {})) most = Math.max(most, rows.length);
    return most;
  });
  expect(longest).toBeLessThan(head.size);
});
