/**
 * Proves which tokens are accepted, that every other token is refused with the same message before the body is read,
 * and that no token reaches the log.
 */
import { generateKeyPairSync } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { describe, expect, test } from 'vitest';
import { startChild } from '../support/child.js';
import { parseBody, rawPost } from '../support/raw-request.js';
import { TEST_SECRET } from '../support/server.js';
import { until } from '../support/until.js';
import {
  ME,
  now,
  claims,
  without,
  token,
  bearer,
  expectRefusal,
  unsigned,
  useAuthentication,
} from '../support/authentication.js';

const { server, ask, admitted } = useAuthentication();

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
    // On a slow machine more than a moment passes before the token is read.
    await expect
      .poll(async () => (await ask({ authorization: bearer(claims({ exp: now() - 1 })) })).status)
      .toBe(200);
  });
});

const [header = '', payload = '', signature = ''] = token(claims({ exp: now() + 7_200 })).split('.');

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
      let failed: Readonly<Record<string, unknown>> | undefined;
      // The child has the limits of a real server, and is UNAVAILABLE while the machine is too slow for them.
      await until('a resolver fails', async () => {
        const defect = await rawPost(`${url}/graphql`, {
          body: JSON.stringify({ query: '{ tenant { id } }' }),
          authorization: `Bearer ${good}`,
        });
        failed = parseBody(defect).errors?.[0]?.extensions;
        return failed?.['code'] !== 'UNAVAILABLE';
      });
      expect(failed?.['code']).toBe('INTERNAL_SERVER_ERROR');
      const requestId = String(failed?.['requestId']);
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
