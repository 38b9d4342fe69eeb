/**
 * A tenant leaves a database in an archive, and comes into another one from it: every row of every table, also of tables
 * that were made outside of Prisma, with the same hashes afterwards.
 */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { useDatabase, sign } from '../support/database.js';
import { bind, connected, contextOf } from '../support/demo-tenants.js';
import { sealAll, verifyOf } from '../support/sealed-trails.js';
import {
  asOperatorOf,
  createTables,
  exported,
  fillTables,
  hashesOf,
  imported,
  newTenant,
  textOf,
  useFolder,
} from '../support/tenant-life.js';
import { exportTenant } from '../../src/services/lifecycle/export-tenant.js';
import { walkTables } from '../../src/services/lifecycle/walk.js';

const source = useDatabase();
const target = useDatabase();
const file = useFolder();

beforeAll(async () => {
  for (const database of [source(), target()]) await createTables(database);
  await fillTables(source(), await newTenant(source(), 'initech'));
  await fillTables(source(), await source().tenantId('globex'));
});

test('what goes out and comes in is the same, by hash, and its audit log is sealed on', async () => {
  await sealAll(source());
  const first = await exported(source(), 'initech', file('first.tar.gz'));
  expect(Object.keys(hashesOf(first)).sort()).toEqual([
    'crm.Odd notes',
    'crm.contacts',
    'crm.events',
    'crm.halves',
    'crm.pairs',
    'crm.steps',
    'public.api_keys',
    'public.invitations',
    'public.memberships',
    'public.tenants',
  ]);
  expect(await imported(target(), file('first.tar.gz'))).toMatchObject({
    tenant: { slug: 'initech', id: first.tenant.id },
    leftOut: ['tenantry.jobs'],
  });
  const second = await exported(target(), 'initech', file('second.tar.gz'));
  expect(hashesOf(second)).toEqual(hashesOf(first));
  const [before, after] = await Promise.all(
    ['first', 'second'].map((name) => textOf(file(`${name}.tar.gz`), 'public', 'audit_log')),
  );
  // What was sealed is the same; then it was exported, imported, and exported again.
  const sealed = before!.split('\n').slice(0, -2);
  expect(after!.split('\n').slice(0, sealed.length)).toEqual(sealed);
  const actions = [...after!.matchAll(/"action":"(tenant\.[a-z]+ed)"/g)].map(([, action]) => action);
  expect(actions.slice(-3)).toEqual(['tenant.exported', 'tenant.imported', 'tenant.exported']);
  await sealAll(target());
  expect(await verifyOf(target(), 'initech')).toMatchObject({ intact: true, pending: 0 });
});

test('only rows of the tenant are in it, as PostgreSQL prints them', async () => {
  await exported(source(), 'initech', file('own.tar.gz'));
  const contacts = await textOf(file('own.tar.gz'), 'crm', 'contacts');
  expect(contacts.trimEnd().split('\n')).toHaveLength(1);
  expect(contacts).toContain('"amount":1234567890.1234567890');
  expect(contacts).toContain(
    '"at":"2026-02-03T02:05:06.789012+00:00","raw":"\\\\x00ff10","tags":["one",null,"tw\\"o"]',
  );
  expect(await textOf(file('own.tar.gz'), 'crm', 'Odd notes')).toContain(
    '{ "b": 1,   "a": 12345678901234567890.5, "text": "line\\nbreak" }',
  );
  const id = await source().tenantId('initech');
  for (const [schema, name] of [
    ['public', 'memberships'],
    ['public', 'audit_log'],
    ['crm', 'events'],
  ] as const) {
    const lines = (await textOf(file('own.tar.gz'), schema, name)).trimEnd().split('\n');
    expect(lines.every((line) => line.includes(`"tenant_id":"${id}"`))).toBe(true);
  }
});

test('all rows are of one moment, whatever is written meanwhile', async () => {
  const id = await source().tenantId('initech');
  const write = () => source().asSuperuser("INSERT INTO crm.events VALUES (77, $1, '2026-03-05')", [id]);
  const order = { tenantId: id, slug: 'initech', disguise: 'none', sign } as const;
  const text = await asOperatorOf(source(), (connection) =>
    connection.inTenant(
      id,
      async (query) => {
        let all = '';
        let isWritten = false;
        for await (const piece of exportTenant(query, order)) {
          all += piece.toString('latin1');
          if (!isWritten) await write();
          isWritten = true;
        }
        return all;
      },
      { snapshot: true },
    ),
  );
  expect(text).toContain('data/crm.events/');
  expect(text).not.toContain('"id":77');
  await source().asSuperuser('DELETE FROM crm.events WHERE id = 77');
});

describe('a copy beside the tenant', () => {
  test('has other ids throughout, the same references, and no secret of the original', async () => {
    await exported(source(), 'initech', file('copied.tar.gz'));
    const order = { slug: 'copy', newIds: true };
    // The numbers of crm.contacts are those of all tenants together, and do not become others.
    await expect(imported(source(), file('copied.tar.gz'), order)).rejects.toThrow(/The ids are taken/);
    await target().asSuperuser('TRUNCATE crm.contacts CASCADE');
    const { tenant, leftOut } = await imported(target(), file('copied.tar.gz'), order);
    expect(leftOut).toContain('public.audit_log');
    const id = await source().tenantId('initech');
    expect(tenant.id).not.toBe(id);
    const copy = await exported(target(), 'copy', file('copy.tar.gz'));
    for (const { schema, name } of copy.tables) {
      expect(await textOf(file('copy.tar.gz'), schema, name)).not.toContain(id);
    }
    expect(copy.tables.find(({ name }) => name === 'steps')).toMatchObject({ rows: 3 });
    const [keys] = await target().asSuperuser(
      `SELECT key_hash ~ '^[0-9a-f]{64}$' AS formed, key_hash <> encode(sha256('initech'), 'hex') AS other
       FROM api_keys WHERE tenant_id = $1`,
      [tenant.id],
    );
    expect(keys).toEqual({ formed: true, other: true });
    const [secret] = await target().asSuperuser('SELECT api_secret FROM crm.contacts WHERE tenant_id = $1', [
      tenant.id,
    ]);
    expect(secret).not.toEqual({ api_secret: 'very secret' });
  });

  test('to develop with has no text of the original, and its references hold', async () => {
    const manifest = await exported(source(), 'initech', file('anonymous.tar.gz'), 'texts');
    expect(manifest).toMatchObject({ disguise: 'texts', trail: null, tenant: { slug: '' } });
    const texts = await Promise.all(
      manifest.tables.map(({ schema, name }) => textOf(file('anonymous.tar.gz'), schema, name)),
    );
    expect(texts.join('\n')).not.toMatch(/initech|Söhne|quoted|very secret|blue|line.nbreak/);
    const members = await textOf(file('anonymous.tar.gz'), 'public', 'memberships');
    const rows = members
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, string>);
    const owner = rows.find(({ role }) => role === 'owner');
    expect(rows.find(({ role }) => role === 'member')).toMatchObject({ invited_by: owner!['user_id'] });
    expect(owner!['email']).toMatch(/^[0-9a-f]{16}@example\.invalid$/);
    await target().asSuperuser('TRUNCATE crm.contacts CASCADE');
    await imported(target(), file('anonymous.tar.gz'), { slug: 'anonymous', newIds: true });
  });
});

describe('the walk', () => {
  test('stops at a table that it cannot place, and says what to do', async () => {
    await source().asSuperuser('SET ROLE tenantry_owner; CREATE TABLE crm.loose (note text); RESET ROLE');
    await expect(exported(source(), 'initech', file('never.tar.gz'))).rejects.toThrow(
      /crm\.loose has no column tenant_id .* COMMENT ON TABLE crm\.loose IS '@tenancy shared: why'/,
    );
    await source().asSuperuser("COMMENT ON TABLE crm.loose IS '@tenancy shared: a list'");
    await exported(source(), 'initech', file('declared.tar.gz'));
    await source().asSuperuser('DROP TABLE crm.loose');
  });

  test('stops at a table whose rows the owner cannot reach', async () => {
    await source().asSuperuser('CREATE TABLE crm.foreign_owner (tenant_id uuid)');
    await expect(exported(source(), 'initech', file('never.tar.gz'))).rejects.toThrow(
      /crm\.foreign_owner does not belong to tenantry_owner: ALTER TABLE crm\.foreign_owner OWNER TO/,
    );
    await source().asSuperuser('DROP TABLE crm.foreign_owner');
  });

  test('puts parents first, and tables that refer to each other together', async () => {
    const groups = await asOperatorOf(source(), ({ query }) => walkTables(query, null));
    const order = groups.map((group) => group.map(({ schema, name }) => `${schema}.${name}`).sort());
    expect(order[0]).toEqual(['public.tenants']);
    expect(order).toContainEqual(['crm.halves', 'crm.pairs']);
    const at = (name: string) => order.findIndex((group) => group.includes(name));
    expect(at('crm.contacts')).toBeLessThan(at('crm.Odd notes'));
    expect(at('public.webhooks')).toBeLessThan(at('public.webhook_deliveries'));
    expect(order.flat()).not.toContain('crm.events_2026');
    expect(order.flat()).not.toContain('crm.countries');
  });

  test('finds every table of the server that has a tenant', async () => {
    const groups = await asOperatorOf(source(), ({ query }) => walkTables(query, null));
    const walked = groups.flat().map(({ schema, name }) => `${schema}.${name}`);
    const withColumn = await source().asSuperuser<{ name: string }>(
      `SELECT table_schema || '.' || table_name AS name FROM information_schema.columns c
       JOIN information_schema.tables t USING (table_schema, table_name)
       WHERE column_name = 'tenant_id' AND table_type = 'BASE TABLE' AND table_name <> 'events_2026'`,
    );
    for (const { name } of withColumn) expect(walked).toContain(name);
  });
});

test('rows are read by nobody who is not bound to the tenant', async () => {
  const acme = await source().tenantId('acme');
  const globex = await source().tenantId('globex');
  const [table] = await source().asSuperuser<{ oid: string }>(
    "SELECT 'crm.contacts'::regclass::oid::text AS oid",
  );
  const linesIn = (tenantId: string, signedFor = tenantId) =>
    connected(source().app, async (client) => {
      await client.query('BEGIN');
      await bind(client, contextOf(tenantId));
      const { expires, signature } = sign('open_tenant_rows', signedFor, table!.oid, 'none');
      const { rows } = await client.query<{ cursor: string }>(
        'SELECT tenantry.open_tenant_rows($1, $2, NULL, $3, $4)::text AS cursor',
        [table!.oid, 'none', expires, signature],
      );
      return (await client.query(`FETCH ALL FROM "${rows[0]!.cursor}"`)).rowCount;
    });
  expect(await linesIn(acme)).toBe(0);
  expect(await linesIn(globex)).toBe(1);
  expect(await linesIn(randomUUID())).toBe(0);
  // Where contexts are signed, so is the question.
  if (source().contextKey !== undefined) await expect(linesIn(globex, acme)).rejects.toThrow(/signature/);
});
