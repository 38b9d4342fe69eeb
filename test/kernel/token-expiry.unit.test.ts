/** One tolerance for clocks: a connection ends at the moment from which a request with the same token is refused. */
import { afterEach, expect, test, vi } from 'vitest';
import { issueToken } from '../../src/kernel/auth/issue-token.js';
import { createTokenVerifier } from '../../src/kernel/auth/verify-token.js';

const signing = { secret: 'jC5s7d2KqXv9Zb4TnWm8RpYeLgHf3AuQ', issuer: 'tenantry', audience: 'tenantry' };
const ISSUED = Date.parse('2026-01-01T12:00:00Z');
const LIFETIME_SECONDS = 60;

afterEach(() => void vi.useRealTimers());

test('a token is accepted until its `expiresAt`, five seconds after its expiry, and never after it', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: ISSUED });
  const token = issueToken(
    { userId: 'u', email: 'u@example.test', tenantId: 'acme' },
    signing,
    LIFETIME_SECONDS,
  );
  const verifier = () => createTokenVerifier({ ...signing, providerKeys: undefined });
  const remembering = verifier();
  const { expiresAt } = await remembering(token);
  expect(expiresAt).toBe(ISSUED + (LIFETIME_SECONDS + 5) * 1_000);

  vi.setSystemTime(expiresAt - 1);
  for (const verify of [remembering, verifier()]) expect(await verify(token)).toMatchObject({ expiresAt });
  vi.setSystemTime(expiresAt);
  for (const verify of [remembering, verifier()]) {
    await expect(verify(token)).rejects.toMatchObject({ code: 'UNAUTHENTICATED', reason: 'expired' });
  }
});
