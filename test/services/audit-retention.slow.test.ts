/**
 * Proves that retention drops sealed entries only, from the first on, and records it so that what remains verifies; and
 * that nobody without the key can make a deletion look like it.
 */
import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TrustedKeys, flawOfProof, verifyExport, type Seal } from 'tenantry-verify';
import { Prisma } from '../../src/generated/prisma/client.js';
import { dropEntries, nextCut } from '../../src/services/audit-trail/drop-entries.js';
import { exportTrail } from '../../src/services/audit-trail/export-trail.js';
import { proveEntries } from '../../src/services/audit-trail/prove-entries.js';
import { readSealKeys } from '../../src/services/audit-trail/seal-keys.js';
import { TrailDroppedError, verifyTrail } from '../../src/services/audit-trail/verify-trail.js';
import type { TrailQuery } from '../../src/services/audit-trail/trail-rows.js';
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
  tamper,
  verifyOf,
} from '../support/sealed-trails.js';

let database: TestDatabase;
let tenantId: string;
/** The head before the last five entries. */
let first: Seal;

beforeEach(async () => {
  database = await createTestDatabase();
  tenantId = await database.tenantId('acme');
  await makeEntries(database, 'acme', 3);
  await sealAll(database);
  first = await headIn(database, 'acme');
  await makeEntries(database, 'acme', 5);
  await sealAll(database);
});
afterEach(() => database.drop());

const OPERATOR = { type: 'operator', id: 'root' } as const;
const IN_A_DAY = new Date(Date.now() + 86_400_000);

/** Runs `work` in a transaction of an operator in acme. */
const asOperator = <Result>(work: (query: TrailQuery) => Promise<Result>): Promise<Result> =>
  connected(database.operator, async (client) => {
    await client.query('BEGIN');
    await bind(client, contextOf(tenantId, OPERATOR));
    const result = await work(
      async <Row extends object>(sql: { text: string; values: unknown[] }) =>
        (await client.query<Row>(sql.text, sql.values)).rows,
    );
    await client.query('COMMIT');
    return result;
  });

/** Drops the entries of the first seal: `most` is reached with them. */
const dropFirst = (keys = KEYS) =>
  asOperator((query) => dropEntries(query, { tenantId, before: IN_A_DAY, most: first.size }, keys));

const entries = async (): Promise<number> => {
  const [row] = await database.asSuperuser<{ count: number }>(
    'SELECT count(*)::int AS count FROM audit_log WHERE tenant_id = $1',
    [tenantId],
  );
  return row!.count;
};

const exported = (): Promise<string[]> =>
  readingTrail(database, tenantId, async (query) => {
    let text = '';
    for await (const piece of exportTrail(query, tenantId)) text += piece;
    return text.trimEnd().split('\n');
  });

test('what remains verifies, in the database and offline, also with a head of before', async () => {
  const head = await headIn(database, 'acme');
  expect(await dropFirst()).toEqual({ entries: first.size, through: first.sealedAt });
  // The rest, and the record.
  expect(await entries()).toBe(head.size - first.size + 1);
  await sealAll(database);
  const now = { intact: true, pending: 0, dropped: first.size, entries: head.size + 1 };
  for (const given of [first, head])
    expect(await verifyOf(database, 'acme', { head: given })).toMatchObject(now);
  const lines = await exported();
  const keys = TrustedKeys.fromPem(KEYS.publicPem);
  expect(await verifyExport(lines, { keys, head })).toMatchObject({ intact: true, dropped: first.size });
  expect(await verifyOf(database, 'globex')).toMatchObject({ intact: true, dropped: 0 });
});

test('it is an entry of the log, and leaves neither salts nor redactions behind', async () => {
  await dropFirst();
  const [record] = await database.asSuperuser(
    "SELECT actor, actor_type, new_value FROM audit_log WHERE action = 'audit_log.dropped'",
  );
  expect(record).toMatchObject({
    actor: 'root',
    actor_type: 'operator',
    new_value: { seal: first.number, entries: first.size },
  });
  const left = await database.asSuperuser(
    'SELECT FROM tenantry.audit_leaves WHERE tenant_id = $1 AND position < $2 AND octet_length(salts) > 0',
    [tenantId, first.size],
  );
  expect(left).toEqual([]);
});

test('entries that remain can be proven', async () => {
  await dropFirst();
  const [entry] = await database.asSuperuser<{ id: string }>(
    "SELECT id FROM audit_log WHERE tenant_id = $1 AND action = 'test.happened' ORDER BY id DESC LIMIT 1",
    [tenantId],
  );
  const proofs = await readingTrail(database, tenantId, (query) =>
    proveEntries(query, tenantId, [entry!.id], () => true),
  );
  expect(flawOfProof(proofs.get(entry!.id)!, { keys: KEYS.trusted })).toBeUndefined();
});

test('it goes on block by block, and drops nothing that is younger', async () => {
  await dropFirst();
  await dropFirst();
  await sealAll(database);
  expect(await verifyOf(database, 'acme')).toMatchObject({ intact: true });
  const before = new Date(Date.parse(first.sealedAt) - 1);
  expect(await asOperator((query) => nextCut(query, { tenantId, before }))).toBeUndefined();
  expect(await asOperator((query) => dropEntries(query, { tenantId, before }, KEYS))).toBeUndefined();
});

describe('while entries are dropped', () => {
  /** Drops everything that is sealed just before entries are read, so many times, and seals others. */
  const dropping = (query: TrailQuery, times: number): TrailQuery => {
    let left = times;
    let dropped: Promise<unknown> = Promise.resolve();
    const drop = async () => {
      await asOperator((inTenant) => dropEntries(inTenant, { tenantId, before: IN_A_DAY }, KEYS));
      await makeEntries(database, 'acme', 1);
      await sealAll(database);
    };
    return async (sql) => {
      // The next page is read while this one is worked on.
      if (sql.sql.includes('bytes_before') && left-- > 0) dropped = dropped.then(drop);
      await dropped;
      return query(sql);
    };
  };
  const verifying = (times: number) =>
    readingTrail(database, tenantId, (query) =>
      verifyTrail(dropping(query, times), tenantId, { keys: KEYS.trusted }),
    );

  test('verifying begins again, and is right', async () => {
    expect(await verifying(1)).toMatchObject({ intact: true, broken: null });
  });

  test('verifying says that it must be done again when they are dropped each time', async () => {
    await expect(verifying(9)).rejects.toBeInstanceOf(TrailDroppedError);
  });

  test('an export ends with an error', async () => {
    const exporting = readingTrail(database, tenantId, async (query) => {
      for await (const piece of exportTrail(dropping(query, 1), tenantId)) expect(piece).not.toBe('');
    });
    await expect(exporting).rejects.toBeInstanceOf(TrailDroppedError);
  });
});

test('entries that are not sealed stay', async () => {
  await makeEntries(database, 'acme', 2);
  const { size } = await headIn(database, 'acme');
  await asOperator((query) => dropEntries(query, { tenantId, before: IN_A_DAY }, KEYS));
  expect(await entries()).toBe(2 + 1);
  expect(await verifyOf(database, 'acme')).toMatchObject({ intact: true, dropped: size, pending: 3 });
});

describe('found is', () => {
  test('a deletion without a cut', async () => {
    await tamper(
      database,
      `DELETE FROM audit_log e USING tenantry.audit_leaves l
       WHERE l.entry_id = e.id AND l.tenant_id = '${tenantId}' AND l.position < ${first.size}`,
    );
    expect(await brokenIn(database)).toMatchObject({ defect: 'removed' });
  });

  test('a cut that was signed with another key', async () => {
    await dropFirst({ ...KEYS, ...readSealKeys(newSealKey()), trusted: KEYS.trusted });
    expect(await brokenIn(database)).toMatchObject({ defect: 'removed' });
  });

  test('a cut that was moved', async () => {
    await dropFirst();
    await sealAll(database);
    await database.asSuperuser(
      `BEGIN; ALTER TABLE tenantry.audit_cuts DISABLE TRIGGER ALL;
       UPDATE tenantry.audit_cuts SET size = size + 1; ALTER TABLE tenantry.audit_cuts ENABLE TRIGGER ALL; COMMIT`,
    );
    expect(await brokenIn(database)).toMatchObject({ defect: 'removed' });
  });

  test('an entry that was put back', async () => {
    const [old] = await database.asSuperuser<{ id: string }>(
      'SELECT entry_id AS id FROM tenantry.audit_leaves WHERE tenant_id = $1 AND position = 0',
      [tenantId],
    );
    await dropFirst();
    await sealAll(database);
    await tamper(
      database,
      `INSERT INTO audit_log (tenant_id, id, actor, actor_type, action, entity, tx)
       VALUES ('${tenantId}', '${old!.id}', 'x', 'user', 'a.b', 'X', '3')`,
    );
    expect(await brokenIn(database)).toMatchObject({ defect: 'inserted', entryId: old!.id });
  });
});

describe('the database', () => {
  const DROP = Prisma.sql`SELECT tenantry.drop_audit(1, sha256('x'), now(), 'k', sha512('x'))`;

  test('lets only an operator drop entries', async () => {
    await expect(readingTrail(database, tenantId, (query) => query(DROP))).rejects.toMatchObject({
      code: '42501',
    });
    await connected(database.operator, async (client) => {
      await client.query('BEGIN');
      await bind(client, contextOf(tenantId, { type: 'system', id: 'x' }));
      await expect(client.query(DROP.text, DROP.values)).rejects.toMatchObject({ code: '42501' });
    });
  });

  test.each([
    ['removing a sealed entry', 'DELETE FROM audit_log'],
    ['removing what is left of deleted values', 'DELETE FROM tenantry.audit_redactions'],
    ['deleting salts', "UPDATE tenantry.audit_leaves SET salts = ''"],
    ['removing a cut', 'DELETE FROM tenantry.audit_cuts'],
    ['changing a cut', "UPDATE tenantry.audit_cuts SET key = 'x'"],
  ])('refuses %s later, also to a superuser', async (_what, sql) => {
    await database.asSuperuser(
      `INSERT INTO tenantry.audit_redactions (tenant_id, entry_id, index, path, commitment)
       SELECT tenant_id, entry_id, 0, 'actor', sha256('x') FROM tenantry.audit_leaves
       WHERE tenant_id = $1 AND position = $2`,
      [tenantId, first.size],
    );
    await dropFirst();
    await expect(database.asSuperuser(sql)).rejects.toMatchObject({ code: '42501' });
  });

  test('knows no seal that is not there', async () => {
    await expect(
      asOperator((query) =>
        query(Prisma.sql`SELECT tenantry.drop_audit(99, sha256('x'), now(), 'k', sha512('x'))`),
      ),
    ).rejects.toMatchObject({ code: '23503' });
  });
});

test('a seal of an unknown key is not cut at', async () => {
  const keys = readSealKeys(
    generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  );
  await expect(dropFirst(keys)).rejects.toThrow(/not signed with a trusted key/);
});
