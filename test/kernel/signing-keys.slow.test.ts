/**
 * Proves with a real provider when keys that it withdraws or replaces are no longer accepted, when new keys are, how
 * often unknown callers can make the server fetch the keys, and what an operator sees of it.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { ProviderKeys } from '../../src/kernel/auth/provider-keys.js';
import { publicError } from '../../src/kernel/vocabulary/errors.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { makeKeys, startOidcProvider, type OidcProvider } from '../support/oidc.js';
import { startTestServer, type TestServer } from '../support/server.js';

const AUDIENCE = 'https://api.tenantry.test';
const accounts = [{ sub: 'demo|acme|member', email: 'member@acme.test', tenant: 'acme' }];
const { privateKey: foreignKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

let database: TestDatabase;
let provider: OidcProvider;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
});
beforeEach(async () => {
  provider = await startOidcProvider({ keys: makeKeys('first'), accounts, audience: AUDIENCE });
  return () => provider.stop();
});

async function withServer(
  env: Readonly<Record<string, string>>,
  work: (server: TestServer, statusOf: (token: string) => Promise<number>) => Promise<void>,
): Promise<void> {
  const server = await startTestServer({
    database,
    env: {
      JWT_SECRET: '',
      JWKS_URI: provider.jwksUri,
      JWT_ISSUER: provider.issuer,
      JWT_AUDIENCE: AUDIENCE,
      ...env,
    },
  });
  const statusOf = async (token: string): Promise<number> =>
    (await server.withHeaders({ authorization: `Bearer ${token}` }).query('{ me { userId } }')).status;
  try {
    await work(server, statusOf);
  } finally {
    await server.close();
  }
}

const logIn = async (): Promise<string> => (await provider.logIn('demo|acme|member', 'RS256')).accessToken;

const forged = (kid: string, key: KeyObject = foreignKey): string =>
  jwt.sign({ tenant_id: 'acme' }, key, {
    algorithm: 'RS256',
    keyid: kid,
    subject: 'demo|acme|member',
    issuer: provider.issuer,
    audience: AUDIENCE,
    expiresIn: 300,
  });

/** Counts the fetches of the keys from now on. */
async function countFetches(): Promise<() => number> {
  const keys = await (await fetch(provider.jwksUri)).text();
  let fetches = 0;
  provider.answerKeysWith((response) => {
    fetches++;
    response.end(keys);
  });
  return () => fetches;
}

describe('a key that the provider withdraws', () => {
  test('is refused after JWKS_CACHE_SECONDS, and a remembered token with it', async () => {
    await withServer({ JWKS_CACHE_SECONDS: '1' }, async (_server, statusOf) => {
      const token = await logIn();
      expect(await statusOf(token)).toBe(200);
      await provider.restart(makeKeys('second'));
      await expect.poll(() => statusOf(token), { timeout: 30_000 }).toBe(401);
      expect(await statusOf(token)).toBe(401);
    });
  });

  test('is refused by the first request after a pause, however long ago it was withdrawn', async () => {
    await withServer({ JWKS_CACHE_SECONDS: '60' }, async (_server, statusOf) => {
      const token = await logIn();
      expect(await statusOf(token)).toBe(200);
      await provider.restart(makeKeys('second'));
      const now = Date.now.bind(Date);
      const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + 61_000);
      try {
        expect(await statusOf(token)).toBe(401);
      } finally {
        clock.mockRestore();
      }
    });
  });

  test('is refused at once when another token has shown that the keys have changed', async () => {
    await withServer({}, async (_server, statusOf) => {
      const before = await logIn();
      expect(await statusOf(before)).toBe(200);
      await provider.restart(makeKeys('second'));
      expect(await statusOf(await logIn())).toBe(200);
      expect(await statusOf(before)).toBe(401);
    });
  });
});

describe('a new key under a known name', () => {
  test('is believed at once, and the former key no longer', async () => {
    await withServer({}, async (_server, statusOf) => {
      const before = await logIn();
      expect(await statusOf(before)).toBe(200);
      await provider.restart(makeKeys('first'));
      const after = await logIn();
      expect(jwt.decode(after, { complete: true })?.header.kid).toBe(
        jwt.decode(before, { complete: true })?.header.kid,
      );
      expect(await statusOf(after)).toBe(200);
      expect(await statusOf(before)).toBe(401);
    });
  });
});

describe('strangers cannot make the server ask the provider at will', () => {
  test('not with forged signatures under a known name, all at once', async () => {
    await withServer({}, async (_server, statusOf) => {
      expect(await statusOf(await logIn())).toBe(200);
      const fetches = await countFetches();
      const statuses = await Promise.all(Array.from({ length: 40 }, () => statusOf(forged('rsa-first'))));
      expect(new Set(statuses)).toEqual(new Set([401]));
      // The allowed burst. On a slow machine the requests are spread over several fetches.
      expect(fetches()).toBeLessThanOrEqual(10);
    });
  });

  test('forty who ask while a fetch is under way share it', async () => {
    const keys = new ProviderKeys({
      jwksUri: provider.jwksUri,
      cacheSeconds: 300,
      onFailure: () => undefined,
    });
    const known = await keys.find('rsa-first');
    const fetches = await countFetches();
    const found = await Promise.all(Array.from({ length: 40 }, () => keys.findAgain('rsa-first', known)));
    expect(new Set(found)).toEqual(new Set([undefined]));
    expect(fetches()).toBe(1);
  });

  test('not with tokens that would be refused whatever their key is', async () => {
    await withServer({}, async (_server, statusOf) => {
      expect(await statusOf(await logIn())).toBe(200);
      const fetches = await countFetches();
      const options = { algorithm: 'RS256', keyid: 'unknown', subject: 'x', expiresIn: 300 } as const;
      const { issuer } = provider;
      const tokens = [
        jwt.sign({}, foreignKey, { ...options, issuer: 'https://elsewhere.test', audience: AUDIENCE }),
        jwt.sign({}, foreignKey, { ...options, issuer, audience: 'https://elsewhere.test' }),
        jwt.sign({}, foreignKey, { ...options, issuer, audience: AUDIENCE, expiresIn: -300 }),
      ];
      for (const token of tokens) expect(await statusOf(token)).toBe(401);
      expect(fetches()).toBe(0);
    });
  });

  test('one after the other: ten times, then twice a minute', async () => {
    let clock = 1_000_000;
    const now = vi.spyOn(performance, 'now').mockImplementation(() => clock);
    try {
      const keys = new ProviderKeys({
        jwksUri: provider.jwksUri,
        cacheSeconds: 300,
        onFailure: () => undefined,
      });
      const known = await keys.find('rsa-first');
      const fetches = await countFetches();
      const ask = async (seconds: number): Promise<void> => {
        for (let second = 0; second < seconds; second++) {
          clock += 1_000;
          if (second % 2 === 0) expect(await keys.findAgain('rsa-first', known)).toBeUndefined();
          else
            expect(await keys.find('invented').catch((error: unknown) => publicError(error)?.code)).toBe(
              'UNAUTHENTICATED',
            );
        }
      };
      await ask(20);
      expect(fetches()).toBe(10);
      clock += 600_000;
      await ask(10);
      expect(fetches()).toBe(20);
      await ask(60);
      // The number depends on where the half minutes begin.
      expect([22, 23]).toContain(fetches());
    } finally {
      now.mockRestore();
    }
  });
});

describe('while the keys cannot be fetched', () => {
  const ready = async ({ url }: TestServer): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(`${url}/readyz`);
    return { status: response.status, body: await response.json() };
  };
  const metric = async ({ url }: TestServer, name: string): Promise<string | undefined> =>
    (await (await fetch(`${url}/metrics`)).text()).split('\n').find((line) => line.startsWith(`${name} `));

  test('a server that knows some stays ready and says that they are old; it says so in its log, once', async () => {
    await withServer({ JWKS_CACHE_SECONDS: '1' }, async (server, statusOf) => {
      const token = await logIn();
      expect(await statusOf(token)).toBe(200);
      expect(await ready(server)).toEqual({ status: 200, body: { status: 'ready', signingKeys: 'ok' } });
      expect(await metric(server, 'tenantry_signing_keys_reachable')).toBe(
        'tenantry_signing_keys_reachable 1',
      );
      await provider.stop();
      await expect
        .poll(async () => [await statusOf(token), (await ready(server)).body], { timeout: 30_000 })
        .toEqual([200, { status: 'ready', signingKeys: 'stale' }]);
      expect((await ready(server)).status).toBe(200);
      expect(await metric(server, 'tenantry_signing_keys_reachable')).toBe(
        'tenantry_signing_keys_reachable 0',
      );
      for (let attempt = 0; attempt < 3; attempt++) await statusOf(forged(`invented-${String(attempt)}`));
      expect(server.warnings.filter((line) => line.includes('JWKS_URI. Known keys serve on'))).toHaveLength(
        1,
      );
    });
  });

  test('a server that has never known any is not ready, and is as soon as they can be fetched', async () => {
    const keys = await (await fetch(provider.jwksUri)).text();
    provider.answerKeysWith((response) => response.writeHead(500).end());
    await withServer({}, async (server, statusOf) => {
      expect(await ready(server)).toEqual({
        status: 503,
        body: { status: 'signing keys unavailable', signingKeys: 'missing' },
      });
      expect(await statusOf(forged('rsa-first'))).toBe(503);
      provider.answerKeysWith((response) => response.end(keys));
      await expect.poll(async () => (await ready(server)).status, { timeout: 30_000 }).toBe(200);
      expect(await statusOf(await logIn())).toBe(200);
    });
  });
});
