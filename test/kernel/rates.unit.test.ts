/** The counting of requests and cost in memory, and how it is told. */
import { OperationTypeNode, type OperationDefinitionNode } from 'graphql';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { PublicError } from '../../src/kernel/vocabulary/errors.js';
import type { Plan } from '../../src/kernel/vocabulary/plan.js';
import { actualCost } from '../../src/services/limits/actual-cost.js';
import type { CostReservation } from '../../src/services/rates/cost-reservation.js';
import { LocalLedger } from '../../src/services/rates/local-ledger.js';
import { Rates } from '../../src/services/rates/rates.js';
import type { Standing } from '../../src/services/rates/standing.js';
import { members } from '../support/limited.js';
import { largePlan } from '../support/plans.js';

const plan = largePlan({
  requests: { tenant: 5, actor: 3, windowSeconds: 60 },
  cost: { size: 100, restoreRate: 10 },
  mostCostPerRequest: 100,
});

let ledger: LocalLedger;
let rates: Rates;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'], now: 0 });
  ledger = new LocalLedger();
  rates = new Rates(ledger, 2);
  return () => vi.useRealTimers();
});

const caller = (id: string, { tenantId = 't-1', of = plan }: { tenantId?: string; of?: Plan } = {}) => ({
  tenantId,
  actor: { type: 'user' as const, id },
  plan: of,
});
/** In memory there are no promises. */
const admit = (...args: Parameters<typeof caller>) => rates.admit(caller(...args)) as Standing;
const reserve = (points: number, of: Plan = plan) =>
  rates.reserve(caller('u', { of }), points) as CostReservation;
const times = (count: number, work: () => Standing) => Array.from({ length: count }, work);
const isRefused = ({ refusal }: Standing) => refusal !== undefined;

describe('requests', () => {
  test('of one caller are admitted up to its limit, and those of others go on', () => {
    expect(times(4, () => admit('a')).map(isRefused)).toEqual([false, false, false, true]);
    expect(isRefused(admit('b'))).toBe(false);
  });

  test('of a refused caller do not use up the limit of its tenant', () => {
    times(100, () => admit('a'));
    expect(times(3, () => admit('b')).map(isRefused)).toEqual([false, false, true]);
  });

  test('of one tenant do not count for another', () => {
    times(100, () => admit('a'));
    expect(isRefused(admit('a', { tenantId: 't-2' }))).toBe(false);
  });

  test('of a user and of an API key with the same id are counted apart', () => {
    times(3, () => admit('a'));
    const key = { ...caller('a'), actor: { type: 'api_key' as const, id: 'a' } };
    expect(isRefused(rates.admit(key) as Standing)).toBe(false);
  });

  test('are admitted again when the window has ended', () => {
    times(4, () => admit('a'));
    vi.advanceTimersByTime(59_999);
    expect(isRefused(admit('a'))).toBe(true);
    vi.advanceTimersByTime(1);
    expect(isRefused(admit('a'))).toBe(false);
  });

  test('of a tenant that has another plan now have its limits at once, and count on', () => {
    times(3, () => admit('a'));
    const larger = { ...plan, requests: { tenant: 10, actor: 10, windowSeconds: 60 } };
    const standing = admit('a', { of: larger });
    expect(isRefused(standing)).toBe(false);
    expect(members(standing.remaining)).toMatchObject({ actor: { r: 6 }, tenant: { r: 6 } });
  });

  test('are told in structured fields, with the time to wait', () => {
    vi.advanceTimersByTime(500);
    const [first, ...others] = times(4, () => {
      const standing = admit('a');
      vi.advanceTimersByTime(700);
      return standing;
    });
    expect(members(first!.policies)).toEqual({ tenant: { q: 5, w: 60 }, actor: { q: 3, w: 60 } });
    expect(members(first!.remaining)).toEqual({ tenant: { r: 4, t: 60 }, actor: { r: 2, t: 60 } });
    const { refusal, remaining } = others.at(-1)!;
    expect(members(remaining)).toEqual({ actor: { r: 0, t: 58 } });
    expect(refusal).toMatchObject({ code: 'RATE_LIMITED', extensions: { retryAfter: 58 } });
    expect(rates.refused).toEqual({ tenant: 0, actor: 1, address: 0, operator: 0, cost: 0 });
  });

  test('of several servers without a common store are admitted for each server’s share', () => {
    ledger.servers = 3;
    expect(
      times(3, () =>
        admit('a', { of: largePlan({ requests: { tenant: 6, actor: 6, windowSeconds: 60 } }) }),
      ).map(isRefused),
    ).toEqual([false, false, true]);
  });
});

describe('callers without access', () => {
  test('are counted by address, and an exhausted address causes no work', async () => {
    const answers = await Promise.all(Array.from({ length: 3 }, () => rates.stranger('192.0.2.1')));
    expect(answers.map(isRefused)).toEqual([false, false, true]);
    expect(members(answers[0]!.policies)).toEqual({ address: { q: 2, w: 60 } });
    expect(() => rates.refuseExhausted('192.0.2.1')).toThrow(PublicError);
    expect(() => rates.refuseExhausted('192.0.2.2')).not.toThrow();
    expect(isRefused(await rates.stranger('192.0.2.2'))).toBe(false);
  });

  test('do not use up what callers with access may send', async () => {
    for (let n = 0; n < 10; n++) await rates.stranger('192.0.2.1');
    expect(isRefused(admit('a'))).toBe(false);
  });
});

describe('cost', () => {
  test('is taken before, and what was not used is given back once', () => {
    const reservation = reserve(60);
    expect(() => reserve(60)).toThrow(PublicError);
    expect(reservation.settle(10)).toEqual({
      requested: 60,
      actual: 10,
      limit: 100,
      throttle: { maximumAvailable: 100, currentlyAvailable: 90, restoreRate: 10 },
    });
    reservation.settle(0);
    expect(reserve(90).settle(90).throttle.currentlyAvailable).toBe(0);
  });

  test('is never more than was requested', () => {
    expect(reserve(20).settle(Infinity)).toMatchObject({ actual: 20, throttle: { currentlyAvailable: 80 } });
  });

  test('comes back continuously, and not beyond the size', () => {
    reserve(100);
    expect(() => reserve(1)).toThrow();
    vi.advanceTimersByTime(2_500);
    expect(reserve(25).settle(25).throttle.currentlyAvailable).toBe(0);
    vi.advanceTimersByTime(3_600_000);
    expect(reserve(1).settle(1).throttle.currentlyAvailable).toBe(99);
  });

  test('that is not there is refused with the time until it is', () => {
    reserve(95);
    expect(() => reserve(50)).toThrow(
      expect.objectContaining({
        code: 'RATE_LIMITED',
        extensions: expect.objectContaining({
          retryAfter: 5,
          cost: {
            requested: 50,
            limit: 100,
            throttle: { maximumAvailable: 100, currentlyAvailable: 5, restoreRate: 10 },
          },
        }) as unknown,
      }),
    );
    expect(rates.refused.cost).toBe(1);
    vi.advanceTimersByTime(4_500);
    expect(reserve(50)).toBeDefined();
  });

  test('beyond a server’s share is admitted when nothing else was', () => {
    ledger.servers = 3;
    reserve(90).settle(90);
    expect(() => reserve(1)).toThrow();
    vi.advanceTimersByTime(17_300);
    expect(reserve(1)).toBeDefined();
  });
});

describe('the cost of an answer', () => {
  const operation = (kind: OperationTypeNode) => ({ operation: kind }) as OperationDefinitionNode;
  const query = operation(OperationTypeNode.QUERY);
  test.each<[string, object, number]>([
    ['a value for each field', { a: 1, b: null, c: 'x' }, 3],
    ['an object and its values', { a: { b: 1, c: 2 } }, 3],
    ['each object of a list', { list: [{ a: 1 }, { a: 2 }] }, 4],
    ['a list without rows, and one of scalars, as its field', { list: [], words: ['a', 'b'] }, 2],
    ['a null in a list as an object that was looked up', { list: [null, { a: 1 }, null] }, 4],
    ['a page', { things: { nodes: [{ name: 'a' }, { name: 'b' }], totalCount: 2 } }, 1 + 4 + 1],
  ])('%s', (_what, data, cost) => {
    expect(actualCost(query, { data: data as Record<string, unknown> })).toBe(cost);
  });

  test('of a mutation has more for each root field', () => {
    expect(actualCost(operation(OperationTypeNode.MUTATION), { data: { a: 1, b: null } })).toBe(22);
  });

  test('is small when the operation was refused, and all of it when its work was done in vain', () => {
    const refused = (code: string) => ({ errors: [{ message: '', extensions: { code } }] });
    expect(actualCost(query, refused('BAD_USER_INPUT'))).toBe(1);
    expect(actualCost(query, refused('ANSWER_TOO_LARGE'))).toBe(Infinity);
    expect(actualCost(query, refused('DEADLINE_EXCEEDED'))).toBe(Infinity);
    expect(actualCost(query, { data: null, errors: [{ message: '' }] })).toBe(Infinity);
  });
});
