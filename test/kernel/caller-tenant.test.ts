/**
 * Proves how the tenant of a request and its caller are determined: from the token, the subdomain and the membership.
 */
import { describe, expect, test } from 'vitest';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import { parseBody, rawPost } from '../support/raw-request.js';
import { startTestServer } from '../support/server.js';
import { addMember, createTestTenant } from '../support/tenant-fixtures.js';
import {
  ME,
  type MeData,
  type Claims,
  claims,
  without,
  bearer,
  expectRefusal,
  useAuthentication,
} from '../support/authentication.js';

const { server, ask, admitted } = useAuthentication();

describe('the tenant', () => {
  const named = (tenant?: string, changed: Claims = {}) =>
    bearer(
      tenant === undefined
        ? { ...without('tenant_id'), ...changed }
        : claims({ tenant_id: tenant, ...changed }),
    );

  test('is needed: a token without a tenant at a host without a subdomain is refused', async () => {
    for (const host of [
      'localhost',
      '127.0.0.1',
      'acme.example.com',
      'acmelocalhost',
      '.localhost',
      'acme',
    ]) {
      expectRefusal(await ask({ authorization: named(), host }), 403, 'TENANT_REQUIRED');
    }
  });

  test('may come from the claim, as a slug or as an id, in whatever case', async () => {
    const id = await server().database.tenantId('acme');
    const tenant = { id: encodeId('Tenant', id), slug: 'acme' };
    for (const ref of ['acme', 'ACME', id, id.toUpperCase(), tenant.id]) {
      expect(await admitted({ authorization: named(ref) })).toMatchObject({ tenant });
    }
  });

  test('may come from the subdomain', async () => {
    expect(await admitted({ authorization: named(), host: 'acme.localhost' })).toMatchObject({
      tenant: { slug: 'acme' },
    });
  });

  test('may come from a subdomain in capitals and with a trailing dot', async () => {
    for (const host of ['ACME.LocalHost', 'acme.localhost.', 'Acme.localhost.']) {
      expect(await admitted({ authorization: named(), host })).toMatchObject({ tenant: { slug: 'acme' } });
    }
  });

  test('may come from a subdomain without a port', async () => {
    const answer = await rawPost(`${server().url}/graphql`, {
      body: ME,
      host: 'acme.localhost',
      authorization: named(),
    });
    expect(answer.status).toBe(200);
  });

  test('may be named by both, in agreement', async () => {
    const id = await server().database.tenantId('acme');
    for (const ref of ['acme', 'Acme', id, id.toUpperCase()]) {
      expect(await admitted({ authorization: named(ref), host: 'acme.localhost' })).toMatchObject({
        tenant: { id: encodeId('Tenant', id) },
      });
    }
  });

  test('must not be named differently: the claim of one and the subdomain of another are refused', async () => {
    const globex = await server().database.tenantId('globex');
    for (const ref of ['globex', globex]) {
      expectRefusal(await ask({ authorization: named(ref), host: 'acme.localhost' }), 403, 'TENANT_MISMATCH');
    }
    expectRefusal(
      await ask({ authorization: named('no-such-tenant'), host: 'acme.localhost' }),
      403,
      'TENANT_MISMATCH',
    );
  });

  test('is not found under an unknown subdomain', async () => {
    for (const host of [
      'unknown.localhost',
      'www.acme.localhost',
      'a.b.c.localhost',
      '%00.localhost',
      "'.localhost",
    ]) {
      expectRefusal(await ask({ authorization: named(), host }), 404, 'TENANT_NOT_FOUND');
    }
  });

  test('is not found by an unknown claim', async () => {
    for (const ref of [
      'unknown',
      '00000000-0000-7000-8000-000000000000',
      'acme\u0000',
      "acme' OR true --",
      ' acme',
      '%',
      'a'.repeat(4_000),
    ]) {
      expectRefusal(await ask({ authorization: named(ref) }), 404, 'TENANT_NOT_FOUND');
    }
  });

  test('is not taken from headers that a proxy would set, or from the query string', async () => {
    const answer = await rawPost(`${server().url}/graphql?tenant=acme&tenant_id=acme`, {
      body: ME,
      host: 'localhost',
      authorization: named(),
      headers: {
        'x-forwarded-host': 'acme.localhost',
        forwarded: 'host=acme.localhost',
        'x-tenant-id': 'acme',
        tenant_id: 'acme',
      },
    });
    expectRefusal(answer, 403, 'TENANT_REQUIRED');
  });

  test('must have the caller as a member: a user of globex is refused at acme, by claim and by subdomain', async () => {
    const stranger = { sub: 'demo|globex|owner', email: 'owner@globex.test' };
    expectRefusal(await ask({ authorization: named('acme', stranger) }), 403, 'FORBIDDEN');
    expectRefusal(
      await ask({ authorization: named(undefined, stranger), host: 'acme.localhost' }),
      403,
      'FORBIDDEN',
    );
    expectRefusal(
      await ask({ authorization: named('acme', stranger), host: 'acme.localhost' }),
      403,
      'FORBIDDEN',
    );
  });

  test('must have the caller as a member by user id: the e-mail address of a member does not do', async () => {
    const impostor = { sub: 'somebody-else', email: 'owner@acme.test', email_verified: true };
    expectRefusal(await ask({ authorization: named('acme', impostor) }), 403, 'FORBIDDEN');
    expectRefusal(await ask({ authorization: named('acme', { sub: 'owner@acme.test' }) }), 403, 'FORBIDDEN');
    expectRefusal(await ask({ authorization: named('acme', { sub: 'DEMO|ACME|OWNER' }) }), 403, 'FORBIDDEN');
    expectRefusal(await ask({ authorization: named('acme', { sub: 'demo|acme|owner ' }) }), 403, 'FORBIDDEN');
  });

  test('of a token for acme is not exchanged at globex’s subdomain', async () => {
    const acme = await server().as('owner', 'acme');
    const authorization = `Bearer ${acme.token}`;
    expectRefusal(await ask({ authorization, host: 'globex.localhost' }), 403, 'TENANT_MISMATCH');
    expect(await admitted({ authorization, host: 'acme.localhost' })).toMatchObject({
      tenant: { slug: 'acme' },
    });
  });

  test('while suspended refuses its members with TENANT_SUSPENDED, and strangers as it always did', async () => {
    await createTestTenant(server().database, 'initech');
    await server().database.asSuperuser("UPDATE tenants SET status = 'suspended' WHERE slug = 'initech'");
    const member = named('initech', { sub: 'owner|initech' });
    expectRefusal(await ask({ authorization: member }), 403, 'TENANT_SUSPENDED');
    expectRefusal(await ask({ authorization: member, host: 'initech.localhost' }), 403, 'TENANT_SUSPENDED');
    expectRefusal(await ask({ authorization: named('initech') }), 403, 'FORBIDDEN');
    const [suspended, active] = await Promise.all([
      ask({ authorization: named('initech', { sub: 'stranger' }) }),
      ask({ authorization: named('globex', { sub: 'stranger' }) }),
    ]);
    expect(suspended.text).toBe(active.text);
  });

  test('is served below the configured base domain only', async () => {
    const elsewhere = await startTestServer({
      database: server().database,
      env: { BASE_DOMAIN: 'Tenants.Example.com' },
    });
    try {
      const authorization = named();
      const at = elsewhere;
      expect(await admitted({ at, authorization, host: 'acme.tenants.example.com' })).toMatchObject({
        tenant: { slug: 'acme' },
      });
      for (const host of [
        'acme.localhost',
        'acme.example.com',
        'tenants.example.com',
        'acmetenants.example.com',
      ]) {
        expectRefusal(await ask({ at, authorization, host }), 403, 'TENANT_REQUIRED');
      }
    } finally {
      await elsewhere.close();
    }
  });
});

describe('the viewer', () => {
  test('has the role of the membership in the database, whatever the token claims', async () => {
    const authorization = bearer(
      claims({
        sub: 'demo|acme|viewer',
        email: 'viewer@acme.test',
        role: 'owner',
        roles: ['owner'],
        permissions: ['users:manage', 'audit:read'],
        scope: 'users:manage audit:read',
        'https://tenantry/role': 'owner',
      }),
    );
    const answer = await ask({ authorization });
    const { me, roles } = parseBody(answer).data as MeData;
    expect(me.role).toBe('VIEWER');
    expect(me.permissions).toEqual(roles.find(({ role }) => role === 'VIEWER')?.permissions);
    const refused = await rawPost(`${server().url}/graphql`, {
      authorization,
      body: JSON.stringify({ query: '{ auditLog(first: 1) { totalCount } }' }),
    });
    expect(parseBody(refused).errors?.[0]?.extensions).toMatchObject({
      code: 'FORBIDDEN',
      requires: 'audit:read',
    });
  });

  test('has the e-mail address the identity provider vouches for', async () => {
    for (const email_verified of [true, undefined]) {
      const me = await admitted({
        authorization: bearer(claims({ email: 'new@acme.test', email_verified })),
      });
      expect(me.email).toBe('new@acme.test');
    }
  });

  test('does not have an e-mail address that is not verified: the one of the membership is shown', async () => {
    const authorization = bearer(claims({ email: 'victim@acme.test', email_verified: false }));
    expect(await admitted({ authorization })).toMatchObject({ email: 'owner@acme.test' });
  });

  test('has the e-mail address of the membership when the token has none', async () => {
    expect(await admitted({ authorization: bearer(without('email')) })).toMatchObject({
      email: 'owner@acme.test',
    });
  });

  test('in two tenants sees both memberships, and is somebody else in each', async () => {
    const { database } = server();
    await addMember(database, { slug: 'acme', userId: 'both', email: 'both@acme.test', role: 'admin' });
    await addMember(database, { slug: 'globex', userId: 'both', email: 'both@globex.test', role: 'viewer' });
    const user = { ...without('tenant_id', 'email'), sub: 'both' };
    const atAcme = await admitted({ authorization: bearer(user), host: 'acme.localhost' });
    const atGlobex = await admitted({ authorization: bearer({ ...user, tenant_id: 'globex' }) });
    expect(atAcme).toMatchObject({ role: 'ADMIN', email: 'both@acme.test', tenant: { slug: 'acme' } });
    expect(atGlobex).toMatchObject({ role: 'VIEWER', email: 'both@globex.test', tenant: { slug: 'globex' } });
    const memberships = [
      { role: 'ADMIN', tenant: { slug: 'acme', status: 'ACTIVE' } },
      { role: 'VIEWER', tenant: { slug: 'globex', status: 'ACTIVE' } },
    ];
    expect(atAcme.memberships).toEqual(memberships);
    expect(atGlobex.memberships).toEqual(memberships);
    expect(atAcme.permissions).not.toEqual(atGlobex.permissions);
  });

  test('sees no membership of anybody else', async () => {
    const me = await admitted({ authorization: bearer(claims()) });
    expect(me.memberships).toEqual([{ role: 'OWNER', tenant: { slug: 'acme', status: 'ACTIVE' } }]);
  });
});
