/** Proves that remembering verified tokens does not change which tokens are accepted, or for how long. */
import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createTokenVerifier } from '../../src/kernel/auth/verify-token.js';
import { publicError } from '../../src/kernel/vocabulary/errors.js';
import { parseBody, rawPost } from '../support/raw-request.js';
import { TEST_SECRET, useServer } from '../support/server.js';
import { addMember } from '../support/tenant-fixtures.js';

const server = useServer();
afterEach(() => {
  vi.useRealTimers();
});

const SECRET = 'a secret of these tests, long enough to be one';
const options = { secret: SECRET, providerKeys: undefined, issuer: 'tenantry', audience: 'tenantry' };
const seconds = () => Date.now() / 1_000;

function token(claims: object, secret = SECRET): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256' })}.${part({ sub: 'u', iss: 'tenantry', aud: 'tenantry', exp: Math.floor(seconds()) + 60, ...claims })}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => 'believed',
    (error: unknown) => publicError(error)?.code,
  );

describe('a remembered token', () => {
  test.each([0.5, 3, 20])(
    'is refused %d seconds and the tolerance of clocks behind its expiry',
    async (life) => {
      vi.useFakeTimers({ toFake: ['Date', 'performance'] });
      const verify = createTokenVerifier(options);
      const short = token({ exp: seconds() + life });
      expect(await verify(short)).toMatchObject({ userId: 'u' });
      vi.setSystemTime(Date.now() + life * 1_000 - 100);
      expect(await verify(short)).toMatchObject({ userId: 'u' });
      vi.advanceTimersByTime((life + 7) * 1_000);
      vi.setSystemTime(Date.now() + 10_000);
      expect(await refusalOf(verify(short))).toBe('UNAUTHENTICATED');
      expect(await refusalOf(verify(short))).toBe('UNAUTHENTICATED');
    },
  );

  test('is another one when a single character differs, wherever it is', async () => {
    const verify = createTokenVerifier(options);
    const good = token({});
    await verify(good);
    const [header, payload, signature] = good.split('.') as [string, string, string];
    const forged = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(payload, 'base64url').toString()), sub: 'another' }),
    ).toString('base64url');
    for (const bad of [
      `${header}.${forged}.${signature}`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${good}x`,
      `x${good}`,
      good.slice(0, -2),
      `${good}.${signature}`,
    ]) {
      expect(await refusalOf(verify(bad))).toBe('UNAUTHENTICATED');
    }
    expect(await verify(good)).toMatchObject({ userId: 'u' });
  });

  test('was good once: a refusal is not remembered, and neither is a token that is not good yet', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    const verify = createTokenVerifier(options);
    const later = token({ nbf: Math.floor(seconds()) + 20 });
    expect(await refusalOf(verify(later))).toBe('UNAUTHENTICATED');
    vi.advanceTimersByTime(25_000);
    expect(await verify(later)).toMatchObject({ userId: 'u' });
    expect(await refusalOf(verify(token({}, 'another secret that is long enough')))).toBe('UNAUTHENTICATED');
  });

  test('is remembered by the verifier that believed it alone', async () => {
    const good = token({});
    await createTokenVerifier(options)(good);
    for (const changed of [
      { secret: 'another secret that is long enough' },
      { issuer: 'another' },
      { audience: 'another' },
    ]) {
      expect(await refusalOf(createTokenVerifier({ ...options, ...changed })(good))).toBe('UNAUTHENTICATED');
    }
  });

  test('does not keep a member in who was removed', async () => {
    const { database } = server();
    await addMember(database, { slug: 'acme', userId: 'remembered', email: 'r@acme.test', role: 'viewer' });
    const authorization = `Bearer ${token({ sub: 'remembered', tenant_id: 'acme', email: 'r@acme.test' }, TEST_SECRET)}`;
    const ask = () =>
      rawPost(new URL('/graphql', server().url).href, {
        body: JSON.stringify({ query: '{ me { userId } }' }),
        authorization,
      });
    for (let use = 0; use < 3; use++)
      expect(parseBody(await ask()).data).toEqual({ me: { userId: 'remembered' } });
    await database.asSuperuser(`DELETE FROM memberships WHERE user_id = 'remembered'`);
    await expect.poll(async () => (await ask()).status).toBe(403);
    expect((await ask()).status).toBe(403);
  });
});
