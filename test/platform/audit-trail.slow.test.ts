/**
 * Proves what a tenant can do with its sealed audit log: verify it, prove an entry to others, and delete values from it
 * so that it still verifies.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import {
  TrustedKeys,
  flawOfProof,
  itemsOf,
  leafOfEntry,
  proofOf,
  verifyExport,
  type Proof,
} from 'tenantry-verify';
import { exportTrail } from '../../src/services/audit-trail/export-trail.js';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import type { TestDatabase } from '../support/database.js';
import { useKeyClients } from '../support/key-clients.js';
import { insertInvitation, insertMembership } from '../support/rows.js';
import {
  KEYS,
  headIn,
  makeEntries,
  readingTrail,
  sealAll,
  tamper,
  verifyOf,
} from '../support/sealed-trails.js';
import { useServer } from '../support/server.js';

const server = useServer();
const withoutKeys = useServer({ sealKeys: null });
const keyOf = useKeyClients(server);
const keys = TrustedKeys.fromPem(KEYS.publicPem);

interface Verified {
  readonly auditVerification: {
    readonly sealedThrough: string | null;
    readonly entries: number;
    readonly pending: number;
    readonly redacted: number;
    readonly intact: boolean | null;
    readonly head: Record<string, unknown> | null;
    readonly firstBroken: { readonly entryId: string; readonly reason: string } | null;
  };
}

const VERIFY = `query ($head: JSONObject) { auditVerification(head: $head) {
  sealedThrough entries pending redacted intact head firstBroken { entryId reason explanation } } }`;

/** The id of an entry in the API. */
const idOf = (uuid: string): string => encodeId('AuditEntry', uuid);

const owner = () => server().as('owner', 'acme');
const verification = async (head?: object) =>
  (await (await owner()).query<Verified>(VERIFY, { head })).data.auditVerification;

async function exported(database: TestDatabase, slug: string): Promise<string[]> {
  const tenantId = await database.tenantId(slug);
  return readingTrail(database, tenantId, async (query) => {
    const lines: string[] = [];
    for await (const piece of exportTrail(query, tenantId)) lines.push(...piece.trimEnd().split('\n'));
    return lines;
  });
}

/** The entries of acme, by what identifies them in a test. */
const entriesWhere = (condition: string) =>
  server().database.asSuperuser<{
    id: string;
    actor: string;
    old_value: object | null;
    new_value: object | null;
  }>(
    `SELECT e.id, e.actor, e.old_value, e.new_value FROM audit_log e JOIN tenants t ON t.id = e.tenant_id
     WHERE slug = 'acme' AND (${condition}) ORDER BY e.id`,
  );

beforeAll(async () => {
  await sealAll(server().database);
});

describe('verification', () => {
  test('says how far the log is sealed, and what is pending', async () => {
    const { database } = server();
    const head = await headIn(database, 'acme');
    const before = await verification();
    expect(before).toMatchObject({
      intact: true,
      pending: 0,
      firstBroken: null,
      sealedThrough: head.sealedAt,
    });
    expect(before.head).toMatchObject({ format: 'tenantry.audit.head.v1', ...head });
    await makeEntries(database, 'acme', 2);
    expect(await verification()).toMatchObject({ entries: before.entries, pending: 2, intact: true });
    await sealAll(database);
    const after = await verification(before.head!);
    expect(after).toMatchObject({ entries: before.entries + 2, pending: 0, intact: true });
  });

  test('names the first broken entry, in this tenant alone', async () => {
    const { database } = server();
    await makeEntries(database, 'acme', 1);
    await sealAll(database);
    const [entry] = await entriesWhere("action = 'test.happened'");
    await tamper(database, `UPDATE audit_log SET actor = 'x' WHERE id = '${entry!.id}'`);
    expect(await verification()).toMatchObject({
      intact: false,
      firstBroken: { entryId: idOf(entry!.id), reason: 'CHANGED' },
    });
    expect(await verifyOf(database, 'globex')).toMatchObject({ intact: true });
    await tamper(database, `UPDATE audit_log SET actor = '${entry!.actor}' WHERE id = '${entry!.id}'`);
    expect(await verification()).toMatchObject({ intact: true });
  });

  test('takes a head of this tenant only', async () => {
    const foreign = { format: 'tenantry.audit.head.v1', ...(await headIn(server().database, 'globex')) };
    for (const head of [foreign, {}, { ...foreign, size: 'x' }]) {
      const { errors } = await (await owner()).query(VERIFY, { head });
      expect(errors[0]?.extensions.code).toBe('BAD_USER_INPUT');
    }
  });

  test('tells nothing on a server without keys', async () => {
    const client = await withoutKeys().as('owner', 'acme');
    const { data } = await client.query<Verified>(VERIFY);
    expect(data.auditVerification).toMatchObject({ intact: null, head: null, firstBroken: null });
  });

  test('is done once at a time for a tenant', async () => {
    const twice = '{ one: auditVerification { intact } two: auditVerification { intact } }';
    const { errors } = await (await owner()).query(twice);
    expect(errors.map(({ extensions: { code } }) => code)).toEqual(['UNAVAILABLE']);
    expect(await verification()).toMatchObject({ intact: true });
  });

  test('of an export agrees', async () => {
    const { database } = server();
    await sealAll(database);
    const head = await headIn(database, 'acme');
    const result = await verifyExport(await exported(database, 'acme'), { keys, head });
    expect(result).toMatchObject({ intact: true, head, entries: head.size });
  });
});

describe('a proof', () => {
  const PROOFS = `query ($filter: AuditEntryFilter) { auditLog(first: 50, filter: $filter) { nodes { id proof } } }`;
  interface Proofs {
    readonly auditLog: { readonly nodes: { readonly id: string; readonly proof: Proof | null }[] };
  }

  test('of each entry is good, for the head that is in it', async () => {
    const { database } = server();
    await makeEntries(database, 'acme', 300);
    await sealAll(database);
    const head = await headIn(database, 'acme');
    const { nodes } = (await (await owner()).query<Proofs>(PROOFS)).data.auditLog;
    expect(nodes).toHaveLength(50);
    for (const { proof } of nodes) {
      expect(flawOfProof(proofOf(JSON.stringify(proof)), { keys, head })).toBeUndefined();
    }
  });

  test('shows the values that the caller may read, and of the others nothing', async () => {
    const { database } = server();
    await (await owner()).query('mutation { changePlan(input: { plan: "team" }) { tenant { id } } }');
    await sealAll(database);
    const shown = async (client: Awaited<ReturnType<typeof owner>>) => {
      const { data } = await client.query<Proofs>(PROOFS, { filter: { action: 'tenant.updated' } });
      const proof = data.auditLog.nodes[0]!.proof!;
      expect(flawOfProof(proof, { keys })).toBeUndefined();
      return proof.items.flatMap((item) => (typeof item === 'string' ? [] : [item.path]));
    };
    expect(await shown(await owner())).toEqual(expect.arrayContaining(['actor', 'old."plan"', 'new."plan"']));
    const admin = await shown(await server().as('admin', 'acme'));
    expect(admin).toEqual(expect.arrayContaining(['actor', 'old."slug"', 'new."slug"']));
    expect(admin.filter((path) => /plan|billing/.test(path))).toEqual([]);
  });

  test('is null while the entry is not sealed', async () => {
    const { database } = server();
    await makeEntries(database, 'acme', 1);
    const { nodes } = (await (await owner()).query<Proofs>(PROOFS, { filter: { action: 'test.happened' } }))
      .data.auditLog;
    expect([nodes[0]!.proof, typeof nodes[1]!.proof]).toEqual([null, 'object']);
    await sealAll(database);
  });
});

describe('redactAuditEntries', () => {
  const REDACT = `mutation ($input: RedactAuditEntriesInput!) {
    redactAuditEntries(input: $input) { redacted hasMore } }`;
  interface Redacted {
    readonly redactAuditEntries: { readonly redacted: number; readonly hasMore: boolean };
  }
  const redact = async (input: object) => (await owner()).query<Redacted>(REDACT, { input });

  test('deletes what concerns a user, and the log still verifies', async () => {
    const { database } = server();
    const userId = 'idp|gone';
    await insertMembership(database, 'acme', { userId, email: 'gone@acme.test' });
    await insertInvitation(database, 'acme', { email: 'gone@acme.test' });
    await insertMembership(database, 'acme', { userId: 'idp|guest', invitedBy: userId });
    await sealAll(database);
    const head = await headIn(database, 'acme');
    const concerned = await entriesWhere(`new_value::text LIKE '%gone%'`);
    expect(concerned).toHaveLength(3);

    const { data, errors } = await redact({ userId, reason: 'request for erasure' });
    expect([errors, data.redactAuditEntries]).toEqual([[], { redacted: 3, hasMore: false }]);
    expect(await entriesWhere(`to_jsonb(e)::text LIKE '%gone%'`)).toEqual([]);
    const [member, invitation, guest] = await entriesWhere(
      `e.id IN (${concerned.map(({ id }) => `'${id}'`).join()})`,
    );
    expect([member!.new_value, invitation!.new_value]).toEqual([{}, {}]);
    expect(guest!.new_value).toMatchObject({ user_id: 'idp|guest' });
    expect(guest!.new_value).not.toHaveProperty('invited_by');

    await sealAll(database);
    expect(await verification({ format: 'tenantry.audit.head.v1', ...head })).toMatchObject({
      intact: true,
      redacted: 3,
    });
    const lines = await exported(database, 'acme');
    expect((await verifyExport(lines, { keys, head })).intact).toBe(true);
    expect(lines.join()).not.toContain('gone');
    expect(lines.find((line) => line.includes(guest!.id))).toMatch(
      /"redacted":\[\{"index" ?: ?\d+, ?"path" ?: ?"new.\\"invited_by\\"","commitment":"[0-9a-f]{64}","at":"[^"]+"\}/,
    );
    expect(lines.find((line) => line.includes('audit_entry.redacted'))).toMatch(
      /"actor":"demo\|acme\|owner".*request for erasure/,
    );
  });

  test('deletes the values of an entry before it is sealed, too, and is recorded', async () => {
    const { database } = server();
    await sealAll(database);
    await makeEntries(database, 'acme', 1);
    const entry = (await entriesWhere("action = 'test.happened'")).at(-1)!;
    const { data } = await redact({ entryIds: [idOf(entry.id)], reason: 'by mistake' });
    expect(data.redactAuditEntries).toEqual({ redacted: 1, hasMore: false });
    const [now] = await entriesWhere(`e.id = '${entry.id}'`);
    expect(now).toMatchObject({ actor: entry.actor, new_value: {} });
    const [record] = (await entriesWhere("action = 'audit_entry.redacted'")).slice(-1);
    expect(record).toMatchObject({
      actor: 'demo|acme|owner',
      new_value: { reason: 'by mistake', entries: 1, deleted: { [entry.id]: [1, 2, 3] } },
    });
    await sealAll(database);
    expect(await verification()).toMatchObject({ intact: true, pending: 0 });
    // Once more there is nothing left to delete.
    const again = await redact({ entryIds: [idOf(entry.id)], reason: 'by mistake' });
    expect(again.data.redactAuditEntries).toEqual({ redacted: 0, hasMore: false });
  });

  test('deletes the actor, and values that are no objects, piece by piece', async () => {
    const { database } = server();
    const tenantId = await database.tenantId('acme');
    const [row] = await database.asSuperuser<{ id: string }>(
      `INSERT INTO audit_log (tenant_id, actor, actor_type, action, entity, old_value, new_value)
       VALUES ($1, 'idp|writer', 'user', 'report.run', 'Report', '"idp|writer"', '{"by": "idp|writer", "ö\\"": 1.50}')
       RETURNING id`,
      [tenantId],
    );
    await sealAll(database);
    await redact({ userId: 'idp|writer', reason: 'first' });
    expect((await entriesWhere(`e.id = '${row!.id}'`))[0]).toMatchObject({
      actor: '',
      old_value: null,
      new_value: { 'ö"': 1.5 },
    });
    expect(await verification()).toMatchObject({ intact: true });
    await redact({ entryIds: [idOf(row!.id)], reason: 'second' });
    expect((await entriesWhere(`e.id = '${row!.id}'`))[0]).toMatchObject({ new_value: {} });
    expect(await verification()).toMatchObject({ intact: true });
    const salts = await database.asSuperuser<{ rest: string }>(
      "SELECT replace(encode(salts, 'hex'), '0', '') AS rest FROM tenantry.audit_leaves WHERE entry_id = $1",
      [row!.id],
    );
    expect(salts).toEqual([{ rest: '' }]);
  });

  test('finds the user in nested values, as a value and as a key, and nothing else', async () => {
    const { database } = server();
    const tenantId = await database.tenantId('acme');
    const values = {
      list: [{ by: 'idp|nested' }],
      map: { 'idp|nested': 1 },
      text: 'said "idp|nested" and "idp|nested',
      other: ['idp|nested2'],
      'idp|nested': true,
    };
    const [row] = await database.asSuperuser<{ id: string }>(
      `INSERT INTO audit_log (tenant_id, actor, actor_type, action, entity, new_value)
       VALUES ($1, 'x', 'user', 'report.run', 'Report', $2) RETURNING id`,
      [tenantId, values],
    );
    await sealAll(database);
    await redact({ userId: 'idp|nested', reason: 'request' });
    expect((await entriesWhere(`e.id = '${row!.id}'`))[0]).toMatchObject({
      actor: 'x',
      new_value: { text: values.text, other: values.other },
    });
    const left = await database.asSuperuser(
      "SELECT path FROM tenantry.audit_redactions WHERE path LIKE '%idp|nested%'",
    );
    expect(left).toEqual([]);
    await sealAll(database);
    expect(await verification()).toMatchObject({ intact: true });
    expect((await verifyExport(await exported(database, 'acme'), { keys })).intact).toBe(true);
  });

  test('deletes the actors of named entries, if that is wanted', async () => {
    const { database } = server();
    await makeEntries(database, 'acme', 1);
    const entry = (await entriesWhere("action = 'test.happened'")).at(-1)!;
    await redact({ entryIds: [idOf(entry.id)], deleteActors: true, reason: 'request' });
    expect((await entriesWhere(`e.id = '${entry.id}'`))[0]).toMatchObject({ actor: '', new_value: {} });
    await sealAll(database);
    expect(await verification()).toMatchObject({ intact: true });
  });

  test('keeps what says that values were deleted, of entries that are deleted themselves', async () => {
    const { database } = server();
    const [record] = (await entriesWhere("action = 'audit_entry.redacted'")).slice(-1);
    await redact({ entryIds: [idOf(record!.id)], deleteActors: true, reason: 'request' });
    const { deleted } = record!.new_value as { deleted: Record<string, number[]> };
    expect((await entriesWhere(`e.id = '${record!.id}'`))[0]).toMatchObject({
      actor: '',
      new_value: { deleted },
    });
    await sealAll(database);
    expect(await verification()).toMatchObject({ intact: true });
    const person = Object.keys(deleted)[0]!;
    await redact({ userId: person, reason: 'request' });
    expect((await entriesWhere(`e.id = '${record!.id}'`))[0]).toMatchObject({ new_value: { deleted } });
  });

  test('is verified before it is sealed, and an export waits for its seal', async () => {
    const { database } = server();
    await makeEntries(database, 'acme', 1);
    await sealAll(database);
    const entry = (await entriesWhere("action = 'test.happened'")).at(-1)!;
    await redact({ entryIds: [idOf(entry.id)], reason: 'request' });
    expect(await verification()).toMatchObject({ intact: true, pending: 1 });
    const [lines] = await Promise.all([exported(database, 'acme'), sealAll(database)]);
    expect(await verifyExport(lines, { keys })).toMatchObject({ intact: true });
  });

  test('leaves nothing to guess from: what is kept of a value is not its hash', async () => {
    const { database } = server();
    const [row] = await database.asSuperuser<{ commitments: string[] }>(
      `SELECT array_agg(DISTINCT encode(commitment, 'hex')) AS commitments FROM tenantry.audit_redactions
       WHERE path = 'actor' OR path LIKE '%user_id%'`,
    );
    expect(row!.commitments.length).toBeGreaterThan(1);
  });

  test('reaches entries of this tenant only', async () => {
    const { database } = server();
    const [foreign] = await database.asSuperuser<{ id: string; row: string }>(
      `SELECT e.id, e::text AS row FROM audit_log e JOIN tenants t ON t.id = e.tenant_id WHERE slug = 'globex' LIMIT 1`,
    );
    const { data } = await redact({ entryIds: [idOf(foreign!.id)], reason: 'x' });
    expect(data.redactAuditEntries.redacted).toBe(0);
    expect(
      await database.asSuperuser('SELECT e.id, e::text AS row FROM audit_log e WHERE id = $1', [foreign!.id]),
    ).toEqual([foreign]);
  });

  test.each([
    ['without a reason', { userId: 'x', reason: '' }],
    ['with a reason of several lines', { userId: 'x', reason: 'a\nb' }],
    ['of nobody and nothing', { reason: 'x' }],
    ['of an empty list', { entryIds: [], reason: 'x' }],
    ['of what is no id', { entryIds: ['x'], reason: 'x' }],
  ])('is refused %s', async (_how, input) => {
    expect((await redact(input)).errors[0]?.extensions.code).toBe('BAD_USER_INPUT');
  });

  test('needs its own permission, which an administrator does not have', async () => {
    const admin = await server().as('admin', 'acme');
    const input = { userId: 'x', reason: 'x' };
    for (const client of [admin, await keyOf('audit:read')]) {
      const { errors } = await client.query(REDACT, { input });
      expect(errors[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', requires: 'audit:redact' });
    }
  });
});

test('the leaf that PostgreSQL’s bytes make is the one that is stored', async () => {
  const { database } = server();
  const lines = await exported(database, 'acme');
  const entries = lines.flatMap((line) => {
    const { entry } = JSON.parse(line) as { entry?: Parameters<typeof leafOfEntry>[0] & { leaf: string } };
    return entry ? [{ ...entry, tenant: (JSON.parse(lines[0]!) as { tenant: string }).tenant }] : [];
  });
  expect(entries.length).toBeGreaterThan(300);
  for (const entry of entries) expect(leafOfEntry(entry).toString('hex')).toBe(entry.leaf);
  expect(entries.every((entry) => itemsOf(entry).length > 0)).toBe(true);
});
