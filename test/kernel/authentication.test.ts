/**
 * Who is let in, and as whom. Proves over HTTP, against a real server: nothing but a token signed by our key, for us
 * and for now, is believed; the tenant comes from the token and the subdomain in agreement; what a user may do comes
 * from the database; every refusal has its code and comes before the body is read; no credential reaches a log.
 */
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endChildrenAfterAll, startChild } from '../support/child.js';
import { parseBody, rawPost, type RawAnswer } from '../support/raw-request.js';
import { startTestServer, TEST_SECRET, useServer, type TestServer } from '../support/server.js';
import { addMember, createTestTenant } from '../support/tenant-fixtures.js';

const server = useServer();
endChildrenAfterAll();

const ME = JSON.stringify({
  query:
    '{ me { userId email role permissions tenant { id slug } memberships { role tenant { slug status } } } roles { role permissions } }',
});

interface MeData {
  readonly me: {
    readonly userId: string;
    readonly email: string;
    readonly role: string;
    readonly permissions: readonly string[];
    readonly tenant: { readonly id: string; readonly slug: string };
    readonly memberships: readonly { role: string; tenant: { slug: string; status: string } }[];
  };
  readonly roles: readonly { readonly role: string; readonly permissions: readonly string[] }[];
}

type Claims = Readonly<Record<string, unknown>>;

const now = (): number => Math.floor(Date.now() / 1_000);

/** Claims that are believed, when signed: the owner of acme, for the next minute. */
const claims = (changed: Claims = {}): Claims => ({
  sub: 'demo|acme|owner',
  email: 'owner@acme.test',
  tenant_id: 'acme',
  iss: 'tenantry',
  aud: 'tenantry',
  iat: now(),
  exp: now() + 3_600,
  ...changed,
});

const without = (...names: string[]): Claims =>
  Object.fromEntries(Object.entries(claims()).filter(([name]) => !names.includes(name)));

/** Signs whatever it is given: a library would refuse some of what an attacker sends. */
function token(
  payload: unknown,
  { header = {}, secret = TEST_SECRET }: { header?: Claims; secret?: string } = {},
): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT', ...header })}.${part(payload)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

const bearer = (payload: unknown, options?: Parameters<typeof token>[1]) =>
  `Bearer ${token(payload, options)}`;

interface Asked {
  readonly authorization?: string;
  readonly host?: string;
  readonly at?: TestServer;
}

/** Asks who one is. `host` is a host name; the port is added. */
function ask({ authorization, host, at = server() }: Asked): Promise<RawAnswer> {
  const url = new URL('/graphql', at.url);
  return rawPost(url.href, {
    body: ME,
    ...(authorization !== undefined && { authorization }),
    ...(host !== undefined && { host: `${host}:${url.port}` }),
  });
}

/** The answer to a caller who is let in. */
async function admitted(asked: Asked): Promise<MeData['me']> {
  const answer = await ask(asked);
  expect(parseBody(answer).errors).toBeUndefined();
  expect(answer.status).toBe(200);
  return (parseBody(answer).data as MeData).me;
}

function expectRefusal(answer: RawAnswer, status: number, code: string): void {
  expect({ status: answer.status, body: JSON.parse(answer.text) as unknown }).toEqual({
    status,
    body: {
      errors: [
        { message: expect.any(String) as string, extensions: expect.objectContaining({ code }) as object },
      ],
    },
  });
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  expect(answer.headers['x-request-id']).toBeTruthy();
}

describe('a token is believed', () => {
  test('when it is signed with our secret, for us, and has not expired', async () => {
    const me = await admitted({ authorization: bearer(claims()) });
    expect(me).toMatchObject({ userId: 'demo|acme|owner', role: 'OWNER', tenant: { slug: 'acme' } });
  });

  test('whatever the case of the scheme, and with a further audience', async () => {
    const authorization = bearer(claims({ aud: ['elsewhere', 'tenantry'] })).replace('Bearer', 'bEARER');
    expect(await admitted({ authorization })).toMatchObject({ userId: 'demo|acme|owner' });
  });

  test('when the clocks of the identity provider and of the server differ by a moment', async () => {
    expect(await admitted({ authorization: bearer(claims({ nbf: now() + 2 })) })).toMatchObject({
      role: 'OWNER',
    });
    expect(await admitted({ authorization: bearer(claims({ exp: now() - 1 })) })).toMatchObject({
      role: 'OWNER',
    });
  });
});

const [header = '', payload = '', signature = ''] = token(claims({ exp: now() + 3_600 })).split('.');
const unsigned = (alg: string) =>
  [{ alg, typ: 'JWT' }, claims()]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');

const UNBELIEVED: Readonly<Record<string, () => string | undefined>> = {
  'no Authorization header': () => undefined,
  'an empty Authorization header': () => '',
  'another scheme': () => `Basic ${Buffer.from('owner@acme.test:password').toString('base64')}`,
  'a scheme without a token': () => 'Bearer',
  'a scheme and blanks': () => 'Bearer    ',
  'a token without a scheme': () => token(claims()),
  'two tokens': () => `${bearer(claims())} ${token(claims())}`,
  'two tokens with a comma': () => `${bearer(claims())}, ${bearer(claims())}`,
  garbage: () => 'Bearer garbage',
  'garbage in three parts': () => 'Bearer a.b.c',
  'three empty parts': () => 'Bearer ..',
  'a token that is not JSON': () =>
    `Bearer ${Buffer.from('{').toString('base64url')}.${payload}.${signature}`,
  'a token whose header is null': () =>
    `Bearer ${Buffer.from('null').toString('base64url')}.${payload}.${signature}`,
  'a token with ten thousand characters': () => `Bearer ${'a'.repeat(10_000)}`,
  'a claims set that is a string': () => bearer('demo|acme|owner'),
  'a claims set that is an array': () => bearer([claims()]),
  'a claims set that is null': () => bearer(null),
  'alg none without a signature': () => `Bearer ${unsigned('none')}.`,
  'alg None with a signature': () => `Bearer ${unsigned('None')}.${signature}`,
  'alg none in the header of a signed token': () => bearer(claims(), { header: { alg: 'none' } }),
  'the empty alg': () => bearer(claims(), { header: { alg: '' } }),
  'no alg': () => bearer(claims(), { header: { alg: undefined } }),
  'a signature that was cut off': () => `Bearer ${header}.${payload}.`,
  'a signature of other claims': () => `Bearer ${unsigned('HS256')}.${signature}`,
  'another secret': () => bearer(claims(), { secret: 'k3Xv9Zb4TnWm8RpYeLgHf3AuQjC5s7d2' }),
  'the empty secret': () => bearer(claims(), { secret: '' }),
  'another algorithm with our secret': () =>
    `Bearer ${jwt.sign(claims(), TEST_SECRET.repeat(2), { algorithm: 'HS512' })}`,
  'HS384 with our very secret': () => `Bearer ${jwt.sign(claims(), TEST_SECRET, { algorithm: 'HS384' })}`,
  'RS256 although no keys are configured': () =>
    `Bearer ${jwt.sign(claims(), rsa.privateKey, { algorithm: 'RS256', keyid: 'rsa' })}`,
  'an expired token': () => bearer(claims({ exp: now() - 10 })),
  'a token that expired in 1970': () => bearer(claims({ exp: 0 })),
  'a token that is not valid yet': () => bearer(claims({ nbf: now() + 60 })),
  'another issuer': () => bearer(claims({ iss: 'https://elsewhere.example' })),
  'no issuer': () => bearer(without('iss')),
  'another audience': () => bearer(claims({ aud: 'elsewhere' })),
  'other audiences': () => bearer(claims({ aud: ['elsewhere', 'tenantry.example'] })),
  'no audience': () => bearer(without('aud')),
  'no subject': () => bearer(without('sub')),
  'an empty subject': () => bearer(claims({ sub: '' })),
  'a subject that is a number': () => bearer(claims({ sub: 7 })),
  'a subject that is an object': () => bearer(claims({ sub: { contains: 'acme' } })),
  'no expiry': () => bearer(without('exp')),
  'an expiry that is no number': () => bearer(claims({ exp: '9999999999' })),
  'an expiry that is null': () => bearer(claims({ exp: null })),
  'a tenant that is an object': () => bearer(claims({ tenant_id: { not: 'globex' } })),
};

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' });

describe('a request is refused with 401 UNAUTHENTICATED', () => {
  for (const [offer, authorization] of Object.entries(UNBELIEVED)) {
    test(`for ${offer}`, async () => {
      const value = authorization();
      expectRefusal(await ask(value === undefined ? {} : { authorization: value }), 401, 'UNAUTHENTICATED');
    });
  }

  test('although the subdomain names a tenant', async () => {
    expectRefusal(await ask({ host: 'acme.localhost' }), 401, 'UNAUTHENTICATED');
    expectRefusal(await ask({ host: 'unknown.localhost' }), 401, 'UNAUTHENTICATED');
  });

  test('for a query by GET', async () => {
    const answer = await fetch(`${server().url}/graphql?query={me{userId}}`, {
      headers: { 'apollo-require-preflight': '1' },
    });
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });

  test('in the same words, whether the user exists or not', async () => {
    const secret = 'k3Xv9Zb4TnWm8RpYeLgHf3AuQjC5s7d2';
    const known = await ask({ authorization: bearer(claims(), { secret }) });
    const unknown = await ask({
      authorization: bearer(claims({ sub: 'nobody', tenant_id: 'none' }), { secret }),
    });
    expect(known.text).toBe(unknown.text);
  });
});

describe('a refusal comes before the body is read', () => {
  test('an unauthenticated caller is answered although no body ever comes', async () => {
    expectRefusal(await rawPost(`${server().url}/graphql`, { withholdBody: true }), 401, 'UNAUTHENTICATED');
  });

  test('and so is a caller without a membership, unless the body is so short that it may be a guest’s', async () => {
    const authorization = bearer(claims({ sub: 'stranger' }));
    const headers = { 'content-length': '5000' };
    expectRefusal(
      await rawPost(`${server().url}/graphql`, { withholdBody: true, authorization, headers }),
      403,
      'FORBIDDEN',
    );
  });

  test('an unauthenticated caller is not told that the body is malformed, too large or of an unknown type', async () => {
    for (const [body, contentType] of [
      ['{', 'application/json'],
      [`"${'a'.repeat(200 * 1024)}"`, 'application/json'],
      ['<xml/>', 'application/xml'],
    ] as const) {
      const answer = await rawPost(`${server().url}/graphql`, {
        body,
        headers: { 'content-type': contentType },
      });
      expectRefusal(answer, 401, 'UNAUTHENTICATED');
    }
  });
});

describe('with a JWKS configured', () => {
  let keys: Server;
  let provider: TestServer;
  let both: TestServer;
  const publicPem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();

  beforeAll(async () => {
    const published = [
      { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa', use: 'sig', alg: 'RS256' },
      { ...elliptic.publicKey.export({ format: 'jwk' }), kid: 'ec', use: 'sig', alg: 'ES256' },
    ];
    keys = createServer((_request, response) => response.end(JSON.stringify({ keys: published })));
    await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve));
    const { port } = keys.address() as AddressInfo;
    const JWKS_URI = `http://127.0.0.1:${port}/jwks`;
    const { database } = server();
    provider = await startTestServer({ database, env: { JWKS_URI, JWT_SECRET: '' } });
    both = await startTestServer({ database, env: { JWKS_URI } });
  });
  afterAll(async () => {
    await provider.close();
    await both.close();
    keys.close();
  });

  const signed = (algorithm: jwt.Algorithm, key: KeyObject, keyid?: string) =>
    `Bearer ${jwt.sign(claims(), key, { algorithm, ...(keyid !== undefined && { keyid }) })}`;

  test('a token signed with a published key is believed', async () => {
    for (const at of [provider, both]) {
      expect(await admitted({ at, authorization: signed('RS256', rsa.privateKey, 'rsa') })).toMatchObject({
        role: 'OWNER',
      });
      expect(await admitted({ at, authorization: signed('ES256', elliptic.privateKey, 'ec') })).toMatchObject(
        {
          role: 'OWNER',
        },
      );
    }
  });

  test('and so is one signed with the secret, when there is one beside it', async () => {
    expect(await admitted({ at: both, authorization: bearer(claims()) })).toMatchObject({ role: 'OWNER' });
  });

  const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const CONFUSED: Readonly<Record<string, () => string>> = {
    'HS256 with the RSA public key as the secret': () =>
      bearer(claims(), { secret: publicPem(rsa.publicKey), header: { kid: 'rsa' } }),
    'HS256 with the trimmed RSA public key as the secret': () =>
      bearer(claims(), { secret: publicPem(rsa.publicKey).trim(), header: { kid: 'rsa' } }),
    'HS256 with the elliptic public key as the secret': () =>
      bearer(claims(), { secret: publicPem(elliptic.publicKey), header: { kid: 'ec' } }),
    'HS256 with the JWK as the secret': () =>
      bearer(claims(), {
        secret: JSON.stringify(rsa.publicKey.export({ format: 'jwk' })),
        header: { kid: 'rsa' },
      }),
    'the empty secret': () => bearer(claims(), { secret: '' }),
    'alg none': () => `Bearer ${unsigned('none')}.`,
    'RS256 with a key that is not published, under a published id': () =>
      signed('RS256', other.privateKey, 'rsa'),
    'RS256 under an unknown key id': () => signed('RS256', rsa.privateKey, 'unknown'),
    'RS256 without a key id, where several keys are published': () => signed('RS256', rsa.privateKey),
    'RS256 under the id of the elliptic key': () => signed('RS256', rsa.privateKey, 'ec'),
    'ES256 under the id of the RSA key': () => signed('ES256', elliptic.privateKey, 'rsa'),
    'RS512 with a published key': () => signed('RS512', rsa.privateKey, 'rsa'),
    'PS256 with a published key': () => signed('PS256', rsa.privateKey, 'rsa'),
    'a key that the token itself brings': () => {
      const jwk = { ...other.publicKey.export({ format: 'jwk' }), kid: 'mine' };
      return `Bearer ${jwt.sign(claims(), other.privateKey, {
        algorithm: 'RS256',
        header: {
          alg: 'RS256',
          kid: 'mine',
          jwk,
          jku: 'http://127.0.0.1:9/jwks',
          x5u: 'http://127.0.0.1:9/',
        } as jwt.JwtHeader,
      })}`;
    },
    'an expired token': () =>
      `Bearer ${jwt.sign(claims({ exp: now() - 10 }), rsa.privateKey, { algorithm: 'RS256', keyid: 'rsa' })}`,
    'another issuer': () =>
      `Bearer ${jwt.sign(claims({ iss: 'https://elsewhere.example' }), rsa.privateKey, { algorithm: 'RS256', keyid: 'rsa' })}`,
    'another audience': () =>
      `Bearer ${jwt.sign(claims({ aud: 'elsewhere' }), rsa.privateKey, { algorithm: 'RS256', keyid: 'rsa' })}`,
  };
  for (const [offer, authorization] of Object.entries(CONFUSED)) {
    test(`${offer} is refused, with and without a secret configured`, async () => {
      for (const at of [provider, both]) {
        expectRefusal(await ask({ at, authorization: authorization() }), 401, 'UNAUTHENTICATED');
      }
    });
  }

  test('a token signed with the secret of another deployment is refused where there is only the JWKS', async () => {
    expectRefusal(await ask({ at: provider, authorization: bearer(claims()) }), 401, 'UNAUTHENTICATED');
  });
});

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
    for (const ref of ['acme', 'ACME', id, id.toUpperCase()]) {
      expect(await admitted({ authorization: named(ref) })).toMatchObject({ tenant: { id, slug: 'acme' } });
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
        tenant: { id },
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

describe('the log', () => {
  test('never contains a token, the Authorization header or a secret, at the highest level and with a defect', async () => {
    const { database } = server();
    const child = startChild('src/main.ts', [], {
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: '0',
      LOG_LEVEL: 'trace',
      DATABASE_URL: database.app,
      JWT_SECRET: TEST_SECRET,
    });
    const [, url = ''] = await child.says(/Server listening at (http:\/\/127\.0\.0\.1:\d+)/);
    const good = token(claims());
    const tokens = [
      good,
      token(claims(), { secret: 'k3Xv9Zb4TnWm8RpYeLgHf3AuQjC5s7d2' }),
      token(claims({ exp: 1 })),
      token(claims({ sub: 'stranger' })),
      'opaque-5c1b8a7f3e',
    ];
    for (const each of tokens) {
      await rawPost(`${url}/graphql?access_token=${each}`, { body: ME, authorization: `Bearer ${each}` });
      await rawPost(`${url}/graphql`, {
        body: '{',
        authorization: `Bearer ${each}`,
        headers: { cookie: `t=${each}` },
      });
    }
    await database.asSuperuser('ALTER TABLE tenants RENAME COLUMN billing_email TO billing_e_mail');
    try {
      const defect = await rawPost(`${url}/graphql`, {
        body: JSON.stringify({ query: '{ tenant { id } }' }),
        authorization: `Bearer ${good}`,
      });
      expect(parseBody(defect).errors?.[0]?.extensions['code']).toBe('INTERNAL_SERVER_ERROR');
      const requestId = String(parseBody(defect).errors?.[0]?.extensions['requestId']);
      await child.says(new RegExp(`"requestId":"${requestId}".*"a resolver failed"`));
    } finally {
      await database.asSuperuser('ALTER TABLE tenants RENAME COLUMN billing_e_mail TO billing_email');
    }
    child.kill('SIGTERM');
    const { stdout, stderr } = await child.ended;
    const log = stdout + stderr;
    expect(log).toContain('"tenant":"acme"');
    const secrets = [...tokens.flatMap((each) => [each, each.split('.').at(-1) ?? each]), TEST_SECRET];
    for (const secret of [...secrets, new URL(database.app).password]) expect(log).not.toContain(secret);
    expect(log).not.toMatch(/bearer|authorization/i);
  });
});
