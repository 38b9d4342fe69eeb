/**
 * Proves with a real provider that any OpenID Connect provider works: users log in by the authorization code flow;
 * their access tokens are accepted only with the provider's keys, its issuer and our audience; keys are rotated without
 * a restart; and while the provider cannot be reached, tokens of known keys are accepted and others are answered with
 * 503, not 401.
 */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { ProviderKeys } from '../../src/kernel/auth/provider-keys.js';
import { createTokenVerifier } from '../../src/kernel/auth/verify-token.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { makeKeys, startOidcProvider, type OidcProvider } from '../support/oidc.js';
import { startTestServer, type Answer, type TestServer } from '../support/server.js';

const AUDIENCE = 'https://api.tenantry.test';
const accounts = [
  { sub: 'demo|acme|member', email: 'member@acme.test', tenant: 'acme' },
  { sub: 'demo|globex|owner', email: 'owner@globex.test', tenant: 'globex' },
  { sub: 'nobody-here', email: 'nobody@example.test', tenant: 'acme' },
];

let database: TestDatabase;
let provider: OidcProvider;
let server: TestServer;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
});

interface Me {
  readonly me: {
    readonly userId: string;
    readonly email: string;
    readonly role: string;
    readonly tenant: { slug: string };
  };
}

const ask = (token: string): Promise<Answer<Me>> =>
  server
    .withHeaders({ authorization: `Bearer ${token}` })
    .query<Me>('{ me { userId email role tenant { slug } } }');

async function refusal(token: string): Promise<{ status: number; code: string | undefined }> {
  const { status, errors } = await ask(token);
  return { status, code: errors[0]?.extensions.code };
}

const UNAUTHENTICATED = { status: 401, code: 'UNAUTHENTICATED' };
const UNAVAILABLE = { status: 503, code: 'UNAVAILABLE' };

const headerOf = (token: string) => jwt.decode(token, { complete: true })?.header;

/** A valid token, except that its key is unknown. */
const ofUnknownKey = (kid: string = randomUUID()): string =>
  jwt.sign({ tenant_id: 'acme' }, foreignKey, {
    algorithm: 'RS256',
    keyid: kid,
    subject: 'demo|acme|member',
    issuer: provider.issuer,
    audience: AUDIENCE,
    expiresIn: 300,
  });
const { privateKey: foreignKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** A new provider and a new server for each test, because the tests are about the keys that a server has cached. */
beforeEach(async () => {
  provider = await startOidcProvider({ keys: makeKeys('first'), accounts, audience: AUDIENCE });
  server = await startTestServer({
    database,
    env: { JWT_SECRET: '', JWKS_URI: provider.jwksUri, JWT_ISSUER: provider.issuer, JWT_AUDIENCE: AUDIENCE },
  });
  return async () => {
    await server.close();
    await provider.stop();
  };
});

describe('a user who logged in at the provider', () => {
  test('is answered as the member they are, with a token signed by RS256 or by ES256', async () => {
    for (const algorithm of ['RS256', 'ES256'] as const) {
      const { accessToken } = await provider.logIn('demo|acme|member', algorithm);
      expect(headerOf(accessToken)).toMatchObject({ alg: algorithm });
      const { data, errors } = await ask(accessToken);
      expect(errors).toEqual([]);
      expect(data.me).toEqual({
        userId: 'demo|acme|member',
        email: 'member@acme.test',
        role: 'MEMBER',
        tenant: { slug: 'acme' },
      });
    }
  });

  test('is answered in their own tenant, each in theirs', async () => {
    const { accessToken } = await provider.logIn('demo|globex|owner', 'RS256');
    expect((await ask(accessToken)).data.me).toMatchObject({ role: 'OWNER', tenant: { slug: 'globex' } });
  });

  test('is refused where they are no member', async () => {
    const { accessToken } = await provider.logIn('nobody-here', 'RS256');
    expect(await refusal(accessToken)).toEqual({ status: 403, code: 'FORBIDDEN' });
  });

  test('is refused with the ID token, which is for the client and not for us', async () => {
    const { idToken } = await provider.logIn('demo|acme|member', 'RS256');
    expect(await refusal(idToken)).toEqual(UNAUTHENTICATED);
  });

  test('is refused with a token that was tampered with', async () => {
    const { accessToken } = await provider.logIn('demo|acme|member', 'ES256');
    const [header, payload = '', signature] = accessToken.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'demo|acme|owner' })).toString('base64url');
    expect(await refusal([header, forged, signature].join('.'))).toEqual(UNAUTHENTICATED);
  });
});

describe('another provider', () => {
  async function logInAt(options: { keys: string; issuer?: string; audience?: string }): Promise<string> {
    const other = await startOidcProvider({
      keys: makeKeys(options.keys),
      accounts,
      audience: options.audience ?? AUDIENCE,
      ...(options.issuer !== undefined && { issuer: options.issuer }),
    });
    try {
      return (await other.logIn('demo|acme|member', 'RS256')).accessToken;
    } finally {
      await other.stop();
    }
  }

  test('is not believed', async () => {
    expect(await refusal(await logInAt({ keys: 'second' }))).toEqual(UNAUTHENTICATED);
  });

  test('is not believed when it uses the name of ours', async () => {
    const token = await logInAt({ keys: 'second', issuer: provider.issuer });
    expect(jwt.decode(token)).toMatchObject({ iss: provider.issuer, aud: AUDIENCE });
    expect(await refusal(token)).toEqual(UNAUTHENTICATED);
  });

  test('is not believed when it uses the name of ours and of its keys', async () => {
    const { accessToken } = await provider.logIn('demo|acme|member', 'RS256');
    const token = await logInAt({ keys: 'first', issuer: provider.issuer });
    expect(headerOf(token)).toEqual(headerOf(accessToken));
    expect(await refusal(token)).toEqual(UNAUTHENTICATED);
    expect((await ask(accessToken)).status).toBe(200);
  });
});

test('a token of our provider for another audience is refused', async () => {
  const keys = makeKeys('shared');
  await provider.restart(keys);
  const other = await startOidcProvider({
    keys,
    accounts,
    audience: 'https://elsewhere.test',
    issuer: provider.issuer,
  });
  const { accessToken } = await other.logIn('demo|acme|member', 'RS256');
  await other.stop();
  expect(await refusal(accessToken)).toEqual(UNAUTHENTICATED);
});

describe('when the provider rotates its keys', () => {
  test('new tokens are believed without a restart', async () => {
    const before = await provider.logIn('demo|acme|member', 'RS256');
    expect((await ask(before.accessToken)).status).toBe(200);
    await provider.restart(makeKeys('second'));
    for (const algorithm of ['RS256', 'ES256'] as const) {
      const { accessToken } = await provider.logIn('demo|acme|member', algorithm);
      expect(headerOf(accessToken)?.kid).toMatch(/-second$/);
      expect((await ask(accessToken)).data.me).toMatchObject({ userId: 'demo|acme|member' });
    }
  });

  test('tokens of a withdrawn key that was never asked for are refused', async () => {
    const { accessToken } = await provider.logIn('demo|acme|member', 'RS256');
    await provider.restart(makeKeys('second'));
    expect(await refusal(accessToken)).toEqual(UNAUTHENTICATED);
  });
});

describe('while the provider’s keys cannot be fetched', () => {
  test('tokens of known keys are believed, and those of unknown keys are answered 503 UNAVAILABLE, not 401', async () => {
    const { accessToken } = await provider.logIn('demo|acme|member', 'RS256');
    expect((await ask(accessToken)).status).toBe(200);
    await provider.stop();
    expect((await ask(accessToken)).data.me).toMatchObject({ userId: 'demo|acme|member' });
    expect(await refusal(ofUnknownKey())).toEqual(UNAVAILABLE);
    await provider.restart(makeKeys('first'));
    expect(await refusal(ofUnknownKey())).toEqual(UNAUTHENTICATED);
  });

  const FAILURES: Readonly<Record<string, Parameters<OidcProvider['answerKeysWith']>[0]>> = {
    'an error': (response) => response.writeHead(500).end('{"keys":[]}'),
    'a page instead': (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    'no keys': (response) => response.end('{"keys":[]}'),
    'something else': (response) => response.end('[]'),
    nothing: (response) => response.end(),
    'a closed connection': (response) => response.destroy(),
  };
  for (const [what, answer] of Object.entries(FAILURES)) {
    test(`because the answer is ${what}, the refusal is 503 UNAVAILABLE, and it passes with its cause`, async () => {
      const { accessToken } = await provider.logIn('demo|acme|member', 'RS256');
      const keys = (await (await fetch(provider.jwksUri)).json()) as unknown;
      provider.answerKeysWith(answer);
      expect(await refusal(accessToken)).toEqual(UNAVAILABLE);
      provider.answerKeysWith((response) => response.end(JSON.stringify(keys)));
      expect((await ask(accessToken)).status).toBe(200);
    });
  }

  test('because they never come, the refusal is 503 UNAVAILABLE in bounded time, and others are served meanwhile', async () => {
    const { accessToken } = await provider.logIn('demo|acme|member', 'RS256');
    expect((await ask(accessToken)).status).toBe(200);
    provider.answerKeysWith(() => undefined);
    const waiting = refusal(ofUnknownKey());
    expect((await ask(accessToken)).status).toBe(200);
    expect(await waiting).toEqual(UNAVAILABLE);
  });
});

describe('the keys a server knows', () => {
  const verifier = () =>
    createTokenVerifier({
      secret: undefined,
      providerKeys: new ProviderKeys({
        jwksUri: provider.jwksUri,
        cacheSeconds: 300,
        onFailure: () => undefined,
      }),
      issuer: provider.issuer,
      audience: AUDIENCE,
    });

  test('are kept for as long as the provider cannot be reached: an hour, say', async () => {
    const verify = verifier();
    const { accessToken } = await provider.logIn('demo|acme|member', 'RS256');
    await verify(accessToken);
    await provider.stop();
    const clocks = [Date, performance].map((clock) => {
      const now = clock.now.bind(clock);
      return vi.spyOn(clock, 'now').mockImplementation(() => now() + 3_600_000);
    });
    try {
      expect(await verify(accessToken)).toMatchObject({ userId: 'demo|acme|member' });
    } finally {
      for (const clock of clocks) clock.mockRestore();
    }
  });

  test('include all that were fetched: strangers with made-up key ids lock no member out', async () => {
    const { accessToken } = await provider.logIn('demo|acme|member', 'RS256');
    const strangers = await Promise.all(Array.from({ length: 40 }, () => refusal(ofUnknownKey())));
    expect(strangers).toEqual(strangers.map(() => ({ status: 401, code: 'UNAUTHENTICATED' })));
    expect(await refusal(accessToken)).toEqual({ status: 200, code: undefined });
  });

  test('are asked for once by many requests at the same time', async () => {
    const { accessToken } = await provider.logIn('demo|acme|member', 'RS256');
    const keys = (await (await fetch(provider.jwksUri)).json()) as unknown;
    let fetches = 0;
    provider.answerKeysWith((response) => {
      fetches++;
      response.end(JSON.stringify(keys));
    });
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(accessToken)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(fetches).toBe(1);
  });
});
