/** Proves that nothing of a request stays in memory until its deadline, when the request has ended before. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FairGate } from '../../src/kernel/pool/fair-gate.js';
import { Deadline } from '../../src/kernel/request/deadline.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('a request whose signal was used keeps no timer after its answer', () => {
  const deadline = Deadline.after(10_000);
  expect(deadline.signal.aborted).toBe(false);
  expect(vi.getTimerCount()).toBe(1);
  deadline.finish();
  expect(vi.getTimerCount()).toBe(0);
});

test('a request that has waited for a connection keeps no timer', async () => {
  const gate = new FairGate({ poolSize: 1, maxWait: 1_000 });
  const applicant = { tenantId: 'a', actor: { type: 'user', id: 'u' } } as const;
  const first = await gate.admit(applicant);
  const waiting = gate.admit({
    ...applicant,
    actor: { type: 'user', id: 'v' },
    deadline: Deadline.after(10_000),
  });
  expect(vi.getTimerCount()).toBeGreaterThan(0);
  first();
  (await waiting)();
  expect(vi.getTimerCount()).toBe(0);
});
