/**
 * The erasure of a tenant that an owner asks for: a waiting period in which the tenant is suspended and owners can change
 * their mind or take their data; then nothing is left.
 */
import jwt from 'jsonwebtoken';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ErasureRunner } from '../../src/services/lifecycle/erasure-runner.js';
import { JobQueue } from '../../src/services/jobs/job-queue.js';
import { tenantExportModule } from '../../src/platform/tenant-export/index.js';
import { useKeyClients } from '../support/key-clients.js';
import { insertTenantExport } from '../support/rows.js';
import { runJobs } from '../support/run-jobs.js';
import { KEYS, sealAll, verifyOf } from '../support/sealed-trails.js';
import { TEST_SECRET, useServer, type TestClient } from '../support/server.js';
import { until } from '../support/until.js';

const server = useServer();
const keyOf = useKeyClients(server);

const REQUEST = `mutation ($confirm: String!) {
  requestTenantErasure(input: { confirm: $confirm }) { erasure { executeAt requestedBy } } }`;
const CANCEL = 'mutation ($slug: String!) { cancelTenantErasure(input: { slug: $slug }) { active } }';

let owner: TestClient;
let globex: TestClient;
beforeAll(async () => {
  owner = await server().as('owner', 'acme');
  globex = await server().as('owner', 'globex');
});

const codeOf = async (client: Pick<TestClient, 'query'>, document: string, slug = 'acme') =>
  (await client.query(document, document === REQUEST ? { confirm: `erase ${slug}` } : { slug })).errors[0]
    ?.extensions.code;
/** Every server drops what it cached of access a moment after the commit. */
const isSuspended = (suspended: boolean) =>
  until(`acme is ${suspended ? '' : 'not '}suspended`, async () => {
    const { errors } = await owner.query('{ me { userId } }');
    return (errors[0]?.extensions.code === 'TENANT_SUSPENDED') === suspended;
  });
afterEach(async () => {
  await server().database.asSuperuser('DELETE FROM tenantry.erasures');
  await server().database.asSuperuser("UPDATE tenants SET status = 'active'");
  await isSuspended(false);
});

/** A token as an identity provider issues it. */
const signedInAt = (claims: object) => {
  const token = jwt.sign({ sub: 'demo|acme|owner', tenant_id: 'acme', ...claims }, TEST_SECRET, {
    issuer: server().config.jwtIssuer,
    audience: server().config.jwtAudience,
    expiresIn: '1h',
  });
  return server().withHeaders({ authorization: `Bearer ${token}` });
};

describe('an erasure is asked for', () => {
  test('by an owner who has signed in a moment ago, and names the tenant', async () => {
    const now = Math.floor(Date.now() / 1_000);
    expect(await codeOf(await server().as('admin', 'acme'), REQUEST)).toBe('FORBIDDEN');
    expect(await codeOf(await keyOf('tenant:erase'), REQUEST)).toBe('FORBIDDEN');
    expect(await codeOf(owner, REQUEST, 'globex')).toBe('BAD_USER_INPUT');
    const old = await signedInAt({ iat: now - 400 }).query(REQUEST, { confirm: 'erase acme' });
    expect(old.errors[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', requires: 'fresh-token' });
    // A token that was renewed without the user.
    expect(await codeOf(signedInAt({ auth_time: now - 400 }), REQUEST)).toBe('FORBIDDEN');
    expect(await codeOf(signedInAt({ iat: now + 4, auth_time: now + 400 }), REQUEST)).toBe('FORBIDDEN');
    expect((await owner.query('{ tenantErasure { executeAt } }')).data).toEqual({ tenantErasure: null });
  });

  test('and suspends the tenant until it is cancelled; asking again changes nothing', async () => {
    const { data } = await owner.query<{
      requestTenantErasure: { erasure: { executeAt: string; requestedBy: string } };
    }>(REQUEST, { confirm: 'erase acme' });
    const { executeAt, requestedBy } = data.requestTenantErasure.erasure;
    expect(requestedBy).toBe('demo|acme|owner');
    expect(Date.parse(executeAt)).toBeGreaterThan(Date.now() + 29 * 86_400_000);
    await isSuspended(true);
    expect((await owner.query('{ tenantErasure { executeAt } }')).data).toEqual({
      tenantErasure: { executeAt },
    });
    expect(await codeOf(await server().as('admin', 'acme'), '{ exports { totalCount } }')).toBe(
      'TENANT_SUSPENDED',
    );
    expect((await globex.query('{ tenantErasure { executeAt } }')).data).toEqual({ tenantErasure: null });
    expect(await codeOf(globex, CANCEL)).toBe('BAD_USER_INPUT');
    expect(await codeOf(globex, CANCEL, 'globex')).toBe('NOT_FOUND');
    expect((await owner.query(CANCEL, { slug: 'acme' })).data).toEqual({
      cancelTenantErasure: { active: true },
    });
    await isSuspended(false);
    expect(await codeOf(owner, CANCEL)).toBe('NOT_FOUND');
  });
});

describe('while a tenant waits for its erasure', () => {
  test('its owners do nothing but cancel it and take their data', async () => {
    await owner.query(REQUEST, { confirm: 'erase acme' });
    await isSuspended(true);
    for (const document of [
      '{ exports { totalCount } me { userId } }',
      'query { ...Root } fragment Root on Query { exports { totalCount } }',
      '{ ... { exports { totalCount } } }',
      'query A { exports { totalCount } } query B { me { userId } }',
      'mutation { updateTenant(input: { name: "x" }) { tenant { id } } }',
      '{ tenant { id } }',
      'subscription { exports { totalCount } }',
      `{ exports { totalCount } #${' '.repeat(5_000)}\n }`,
    ]) {
      expect(await codeOf(owner, document)).toBe('TENANT_SUSPENDED');
    }
    const { data } = await owner.query<{ requestTenantExport: { export: { id: string } } }>(
      'mutation { requestTenantExport(input: {}) { export { id } } }',
    );
    expect(data.requestTenantExport.export.id).toBeDefined();
    await runJobs(server(), 'acme', 'tenant-export.write', tenantExportModule.jobs!['tenant-export.write']!);
    const link = await owner.query<{ linkTenantExport: { url: string } }>(
      'mutation ($id: ID!) { linkTenantExport(input: { id: $id }) { url } }',
      { id: data.requestTenantExport.export.id },
    );
    expect((await fetch(server().url + link.data.linkTenantExport.url)).status).toBe(200);
  });

  test('a worker gives out its exports, and no other job of it', async () => {
    const { services, database } = server();
    await owner.query(REQUEST, { confirm: 'erase acme' });
    await database.asSuperuser('DELETE FROM tenantry.jobs');
    await owner.query('mutation { requestTenantExport(input: { anonymise: true }) { export { id } } }');
    await database.asSuperuser(
      `INSERT INTO tenantry.jobs (tenant_id, task, payload, run_at, max_attempts, actor_type, actor)
       VALUES ($1, 'tenant.clean', '{}', now() - interval '1 minute', 10, 'system', 'test')`,
      [await database.tenantId('acme')],
    );
    const { claimed } = await new JobQueue(services.database).claim({
      worker: 'test',
      finished: [],
      wanted: 10,
      tasks: { 'tenant.clean': null, 'tenant-export.write': 1 },
      plans: { '': { weight: 1, most: 5 } },
      used: new Map(),
      leaseMs: 20_000,
    });
    expect(claimed.map(({ task }) => task)).toEqual(['tenant-export.write']);
  });

  test('an owner of a tenant that an operator has suspended does nothing', async () => {
    const { database } = server();
    await database.asSuperuser("UPDATE tenants SET status = 'suspended' WHERE slug = 'acme'");
    await isSuspended(true);
    for (const document of ['{ exports { totalCount } }', CANCEL]) {
      expect(await codeOf(owner, document)).toBe('TENANT_SUSPENDED');
    }
  });
});

describe('when the time has come', () => {
  const runner = () => {
    const { database, services, warnings } = server();
    return new ErasureRunner({
      url: database.operator,
      contextKey: database.contextKey,
      stores: [],
      plans: services.plans,
      keys: KEYS,
      warn: (problem) => warnings.push(problem),
    });
  };

  test('the tenant is erased, and not before', async () => {
    const { database } = server();
    await insertTenantExport(database, 'globex');
    const id = await database.tenantId('globex');
    await globex.query(REQUEST, { confirm: 'erase globex' });
    expect(await runner().round()).toBe(0);
    await database.asSuperuser("UPDATE tenantry.erasures SET execute_at = now() - interval '1 second'");
    const done = await Promise.all([runner().round(), runner().round()]);
    expect(done.sort()).toEqual([0, 1]);
    const [left] = await database.asSuperuser(
      `SELECT (SELECT count(*)::int FROM tenants WHERE id = $1) AS tenants,
         (SELECT count(*)::int FROM tenant_export_chunks WHERE tenant_id = $1) AS chunks,
         (SELECT count(*)::int FROM tenantry.erasure_certificates) AS certificates`,
      [id],
    );
    expect(left).toEqual({ tenants: 0, chunks: 0, certificates: 1 });
    await until(
      'the tenant is unknown',
      async () => (await codeOf(globex, '{ me { userId } }')) === 'TENANT_NOT_FOUND',
    );
  });
});

describe('erasePerson', () => {
  const ERASE = `mutation ($input: ErasePersonInput!) { erasePerson(input: $input) {
    memberships invitations exports auditEntries changed { table column rows } remaining { table rows } } }`;
  const erase = async (input: object) => (await owner.query(ERASE, { input })).data['erasePerson'];

  test('leaves nothing of a member, the trail intact, and tells where the name still is', async () => {
    const { database } = server();
    const id = await database.tenantId('acme');
    await database.asSuperuser(
      `INSERT INTO memberships (tenant_id, user_id, email, role, invited_by)
       VALUES ($1, 'the|person', 'Person@acme.test', 'admin', NULL), ($1, 'guest', 'guest@acme.test', 'viewer', 'the|person')`,
      [id],
    );
    await database.asSuperuser(
      `INSERT INTO invitations (tenant_id, email, role, invited_by, expires_at, token_hash)
       VALUES ($1, 'person@acme.test', 'viewer', 'demo|acme|owner', now() + interval '1 day', repeat('ab', 32))`,
      [id],
    );
    await database.asSuperuser(
      `UPDATE tenants SET settings = '{"contact": "ask person@acme.test"}' WHERE id = $1`,
      [id],
    );
    await sealAll(database);
    expect(
      await erase({ userId: 'the|person', confirm: 'erase this person', reason: 'asked by letter' }),
    ).toMatchObject({
      memberships: 1,
      invitations: 1,
      changed: [{ table: 'public.memberships', column: 'invited_by', rows: 1 }],
      remaining: [{ table: 'public.tenants', rows: 1 }],
    });
    const [left] = await database.asSuperuser(
      `SELECT (SELECT count(*)::int FROM audit_log e WHERE e.tenant_id = $1 AND e.entity <> 'Tenant' AND e::text ILIKE '%person@acme%') AS addresses,
         (SELECT count(*)::int FROM audit_log e WHERE e.tenant_id = $1 AND e::text LIKE '%the|person%') AS ids,
         (SELECT count(*)::int FROM memberships m WHERE m.tenant_id = $1 AND m::text ILIKE '%person%') AS rows`,
      [id],
    );
    expect(left).toEqual({ addresses: 0, ids: 0, rows: 0 });
    await sealAll(database);
    expect(await verifyOf(database, 'acme')).toMatchObject({ intact: true });
  });

  test('knows somebody who was only invited, by the address, and touches no other tenant', async () => {
    const { database } = server();
    const [before] = await database.asSuperuser(
      "SELECT count(*)::int FROM memberships WHERE email = 'member@acme.test'",
    );
    expect(
      await erase({ email: 'nobody@acme.test', confirm: 'erase this person', reason: 'asked' }),
    ).toMatchObject({
      memberships: 0,
      invitations: 0,
    });
    expect(
      await database.asSuperuser("SELECT count(*)::int FROM memberships WHERE email = 'member@acme.test'"),
    ).toEqual([before]);
  });

  test('keeps the only owner, and is for owners who are users', async () => {
    const input = { userId: 'demo|acme|owner', confirm: 'erase this person', reason: 'asked' };
    expect((await owner.query(ERASE, { input })).errors[0]?.extensions.code).toBe('CONFLICT');
    const admin = await server().as('admin', 'acme');
    expect((await admin.query(ERASE, { input })).errors[0]?.extensions.code).toBe('FORBIDDEN');
    const key = await keyOf('persons:erase');
    expect((await key.query(ERASE, { input })).errors[0]?.extensions.code).toBe('FORBIDDEN');
    expect((await owner.query(ERASE, { input: { reason: 'none' } })).errors[0]?.extensions.code).toBe(
      'BAD_USER_INPUT',
    );
  });
});
