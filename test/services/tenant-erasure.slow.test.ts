/**
 * An erasure leaves nothing of a tenant and nothing changed of others, in tables made outside of Prisma as well; nobody
 * writes for the tenant meanwhile; and it says what it did in a certificate that names nobody.
 */
import { createPublicKey } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  isSigned,
  hashOfTenant,
  sha256,
  type Certificate,
} from '../../src/services/lifecycle/certificate.js';
import { planErasure } from '../../src/services/lifecycle/erase-tenant.js';
import { scanFor } from '../../src/services/lifecycle/scan.js';
import { useDatabase } from '../support/database.js';
import { bind, connected, contextOf } from '../support/demo-tenants.js';
import { KEYS, sealAll } from '../support/sealed-trails.js';
import { asOperatorOf, createTables, erased, fillTables, newTenant } from '../support/tenant-life.js';
import { until } from '../support/until.js';

const database = useDatabase();

beforeAll(() => createTables(database()));

async function tenantWithRows(slug: string): Promise<string> {
  const id = await newTenant(database(), slug);
  await fillTables(database(), id);
  return id;
}

const certificateOf = (text: string) => JSON.parse(text) as Certificate;

/** Looks as a superuser, who may read everything. */
const traces = (id: string) => asOperatorOf(database(), ({ query }) => scanFor(query, id));

const rowsOfOthers = async () => {
  const globex = await database().tenantId('globex');
  const { tables } = await asOperatorOf(database(), (connection) => planErasure(connection, globex, false));
  return tables;
};

test('nothing is left, and the others have what they had', async () => {
  await fillTables(database(), await database().tenantId('globex'));
  const id = await tenantWithRows('initech');
  await sealAll(database());
  const before = await rowsOfOthers();
  const plan = await asOperatorOf(database(), (connection) => planErasure(connection, id, false));
  const result = (await erased(database(), id))!;
  const certificate = certificateOf(result.certificate);
  expect(certificate).toMatchObject({
    format: 'tenantry.erasure.v1',
    tenant: hashOfTenant(id),
    auditTrail: 'erased',
    scan: { found: 0 },
  });
  const planned = plan.tables.filter(({ rows, table }) => rows > 0 && !table.includes('audit'));
  expect(certificate.tables).toEqual(expect.arrayContaining(planned));
  expect(planned.map(({ table }) => table)).toEqual(
    expect.arrayContaining([
      'crm.Odd notes',
      'crm.contacts',
      'crm.events',
      'crm.halves',
      'crm.pairs',
      'crm.steps',
    ]),
  );
  expect(isSigned(result, createPublicKey(KEYS.signing))).toBe(true);
  expect(isSigned({ ...result, certificate: `${result.certificate} ` }, createPublicKey(KEYS.signing))).toBe(
    false,
  );
  for (const told of [id, 'initech', 'owner@', 'Söhne']) expect(JSON.stringify(result)).not.toContain(told);
  expect((await traces(id)).found).toEqual([]);
  expect(await rowsOfOthers()).toEqual(before);
  const [kept] = await database().asSuperuser(
    'SELECT certificate FROM tenantry.erasure_certificates WHERE id = $1',
    [certificate.id],
  );
  expect(kept).toEqual({ certificate: result.certificate });
  const [rest] = await database().asSuperuser(
    `SELECT (SELECT count(*)::int FROM tenantry.erasures) AS erasures, (SELECT count(*)::int FROM tenantry.life_work) AS work,
       tenantry.is_fenced($1) AS fenced, (SELECT count(*)::int FROM crm.names WHERE tenant_id = $1) AS copies`,
    [id],
  );
  expect(rest).toEqual({ erasures: 0, work: 0, fenced: false, copies: 0 });
  expect(await erased(database(), id)).toBeUndefined();
});

test('the plan was made before anything was erased, and its hash is in the certificate', async () => {
  const id = await tenantWithRows('hooli');
  let recorded: unknown;
  const store = {
    name: 'files',
    erase: async () => {
      [recorded] = await database().asSuperuser('SELECT plan FROM tenantry.erasures WHERE subject = $1', [
        id,
      ]);
    },
  };
  const result = (await erased(database(), id, { stores: [store] }))!;
  const { plan, external } = certificateOf(result.certificate);
  expect(plan).toBe(sha256(JSON.stringify((recorded as { plan: unknown }).plan)));
  expect(external).toEqual(['files']);
});

test('a store that fails is asked again, and one that has erased is not', async () => {
  const id = await tenantWithRows('vehement');
  const asked: string[] = [];
  const good = { name: 'good', erase: () => Promise.resolve(void asked.push('good')) };
  const bad = { name: 'bad', erase: () => Promise.reject(new Error('the store is away')) };
  await expect(erased(database(), id, { stores: [good, bad] })).rejects.toThrow('the store is away');
  const again = { name: 'bad', erase: () => Promise.resolve(void asked.push('bad')) };
  expect(await erased(database(), id, { stores: [good, again] })).toBeDefined();
  expect(asked).toEqual(['good', 'bad']);
});

test('a sealer that could not seal the tenant leaves no note behind the erasure', async () => {
  const id = await tenantWithRows('unsealed');
  const store = {
    name: 'files',
    erase: async () => {
      const work = () =>
        database().asSuperuser(
          `SELECT FROM tenantry.audit_work('0199e7a5-0000-7000-8000-0000000000aa',
             pg_snapshot_xmin(pg_current_snapshot()), ARRAY[$1]::uuid[], NULL, NULL)`,
          [id],
        );
      // The first call becomes the sealer.
      await work();
      await work();
      expect(
        await database().asSuperuser('SELECT FROM tenantry.audit_behind WHERE tenant_id = $1', [id]),
      ).toEqual([]);
    },
  };
  expect(await erased(database(), id, { stores: [store] })).toBeDefined();
  expect(await traces(id)).toMatchObject({ found: [] });
});

test('a second process is refused while the first erases', async () => {
  const id = await tenantWithRows('erased-once');
  let second: Promise<unknown> | undefined;
  const store = {
    name: 'files',
    erase: async () => {
      second = erased(database(), id);
      await expect(second).rejects.toThrow('Another process erases the tenant at the moment.');
    },
  };
  expect(await erased(database(), id, { stores: [store] })).toBeDefined();
  expect(second).toBeDefined();
});

test('the trail of a tenant whose plan keeps it names nobody', async () => {
  const id = await tenantWithRows('massive');
  await sealAll(database());
  const [sealed] = await database().asSuperuser<{ entries: number }>(
    'SELECT count(*)::int AS entries FROM tenantry.audit_leaves WHERE tenant_id = $1',
    [id],
  );
  const { certificate } = (await erased(database(), id, { keepTrail: true }))!;
  const { id: certificateId, auditTrail } = certificateOf(certificate);
  expect(auditTrail).toBe('pseudonymised');
  const kept = await database().asSuperuser('SELECT * FROM tenantry.erased_trails WHERE certificate = $1', [
    certificateId,
  ]);
  expect(kept).toHaveLength(sealed!.entries);
  expect(JSON.stringify(kept)).not.toMatch(/massive|owner@/);
});

describe('while a tenant is being erased', () => {
  test('nobody is bound to it, and what was open before ends first', async () => {
    const id = await tenantWithRows('umbrella');
    await connected(database().app, async (client) => {
      await client.query('BEGIN');
      await bind(client, contextOf(id));
      let isDone = false;
      const erasing = erased(database(), id).then((result) => {
        isDone = true;
        return result;
      });
      await until('the fence is raised', async () => {
        const [fence] = await database().asSuperuser<{ raised: boolean }>(
          'SELECT tenantry.is_fenced($1) AS raised',
          [id],
        );
        return fence!.raised;
      });
      await connected(database().app, async (late) => {
        await late.query('BEGIN');
        await expect(bind(late, contextOf(id))).rejects.toThrow('the tenant is being erased');
      });
      await connected(database().app, async (other) => {
        await other.query('BEGIN');
        await bind(other, contextOf(await database().tenantId('globex')));
      });
      // Nothing is even counted while the transaction is open.
      for (let look = 0; look < 300; look++) {
        const [erasure] = await database().asSuperuser(
          'SELECT plan FROM tenantry.erasures WHERE subject = $1',
          [id],
        );
        expect(erasure).toEqual({ plan: null });
        // PostgreSQL ends a transaction that is idle for a minute.
        await client.query('SELECT 1');
      }
      // The transaction that was bound before still writes, and its row is erased as well.
      await client.query(
        "INSERT INTO public.memberships (user_id, email, role) VALUES ('late', 'late@x.test', 'viewer')",
      );
      expect(isDone).toBe(false);
      await client.query('COMMIT');
      const { certificate } = (await erasing)!;
      expect(certificateOf(certificate).tables).toContainEqual({ table: 'public.memberships', rows: 3 });
    });
    expect((await traces(id)).found).toEqual([]);
  });

  test('its members are told that it is suspended', async () => {
    const id = await tenantWithRows('soylent');
    await asOperatorOf(database(), async (connection) => {
      const { expires, signature } = connection.sign('start_erasure', id, connection.operator);
      await connection.query('SELECT tenantry.start_erasure($1, $2, $3, $4)', [
        id,
        connection.operator,
        expires,
        signature,
      ]);
    });
    const [tenant] = await database().asSuperuser('SELECT status FROM tenants WHERE id = $1', [id]);
    expect(tenant).toEqual({ status: 'suspended' });
    expect(await erased(database(), id)).toBeDefined();
  });
});

describe('the scan', () => {
  test('finds a row in a table without tenant column, and nothing is certified until it is gone', async () => {
    const id = await tenantWithRows('stark');
    const bytes = id.replaceAll('-', '');
    await database().asSuperuser(`INSERT INTO crm.countries VALUES ('xx ${id.toUpperCase()} in a text')`);
    await expect(erased(database(), id)).rejects.toThrow(/its id is still in crm\.countries \(1 rows\)/);
    await database().asSuperuser(`UPDATE crm.countries SET code = '\\x${bytes}' WHERE code LIKE 'xx %'`);
    await expect(erased(database(), id)).rejects.toThrow(/still in crm\.countries/);
    const [certificates] = await database().asSuperuser<{ count: number }>(
      'SELECT count(*)::int AS count FROM tenantry.erasure_certificates WHERE certificate LIKE $1',
      [`%${hashOfTenant(id)}%`],
    );
    expect(certificates).toEqual({ count: 0 });
    await database().asSuperuser(`DELETE FROM crm.countries WHERE code LIKE '%${bytes}%'`);
    expect(await erased(database(), id)).toBeDefined();
  });

  test('refuses to pass over a table that the operator may not read', async () => {
    const id = await tenantWithRows('wayne');
    await database().asSuperuser('CREATE SCHEMA hidden; CREATE TABLE hidden.notes (text text)');
    await database().asSuperuser("COMMENT ON TABLE hidden.notes IS '@tenancy shared: nobody knows'");
    await expect(erased(database(), id)).rejects.toThrow(/hidden\.notes cannot be searched: GRANT SELECT/);
    await database().asSuperuser('DROP SCHEMA hidden CASCADE');
    expect(await erased(database(), id)).toBeDefined();
  });
});

test('the database refuses to erase a tenant that nobody has begun to erase, and to end an erasure early', async () => {
  const id = await tenantWithRows('oscorp');
  await asOperatorOf(database(), async ({ query, sign, operator }) => {
    const { expires, signature } = sign('erase', id);
    await expect(
      query("SELECT tenantry.erase_rows($1, 'crm.events'::regclass, 10, $2, $3)", [id, expires, signature]),
    ).rejects.toThrow('there is no such erasure');
    const start = sign('start_erasure', id, operator);
    const [{ erasure } = { erasure: '' }] = await query<{ erasure: string }>(
      'SELECT tenantry.start_erasure($1, $2, $3, $4) AS erasure',
      [id, operator, start.expires, start.signature],
    );
    await expect(query("SELECT tenantry.finish_erasure($1, '{}', NULL, NULL)", [erasure])).rejects.toThrow(
      'the tenant is not erased yet',
    );
  });
  expect(await erased(database(), id)).toBeDefined();
});
