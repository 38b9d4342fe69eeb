/** The file with the plans: what it may contain, and what the start says of a wrong one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/kernel/config/config-error.js';
import { Plans } from '../../src/kernel/vocabulary/plan.js';
import { plansOfTenants, readPlans } from '../../src/services/limits/plans.js';
import { largePlan } from '../support/plans.js';

const folder = mkdtempSync(join(tmpdir(), 'tenantry-plans-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PRO = {
  name: 'pro',
  weight: 2.5,
  requests: { tenant: 100, actor: 50, windowSeconds: 60 },
  cost: { size: 1_000, restoreRate: 10 },
  concurrentTransactions: 5,
  statementTimeoutMs: 5_000,
  transactionTimeoutMs: 10_000,
  mostRowsPerPage: 50,
  mostCostPerRequest: 1_000,
  quotas: { members: 10 },
};

let files = 0;
const fileWith = (content: unknown): string => {
  const path = join(folder, `${String(files++)}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};
const withPro = (changed: object) => ({
  plans: [
    { ...PRO, name: 'free' },
    { ...PRO, ...changed },
  ],
});

test('the file of the server has the documented plans, the smallest first', () => {
  expect(readPlans().names).toBe('free, starter, pro, team, business, enterprise');
  const weights = readPlans().all.map(({ weight }) => weight);
  expect([...weights].sort((one, other) => one - other)).toEqual(weights);
});

test('a file of one’s own replaces it', () => {
  const plans = readPlans(fileWith({ plans: [PRO] }));
  expect(plans.all).toEqual([PRO]);
});

describe('the start fails and names the file, the plan and the field for', () => {
  test.each<[string, unknown, RegExp]>([
    ['what is no JSON', '{ plans', /is not JSON: /],
    ['no plan', { plans: [] }, /: plans: /],
    ['a list of plans without the object around it', [PRO], /: Invalid input/],
    ['a plan without a name', { plans: [{ ...PRO, name: undefined }] }, /: the plan number 1: name: /],
    ['a name with a space', withPro({ name: 'pro plan' }), /: the plan "pro plan": name: must be /],
    ['a second plan of the same name', withPro({ name: 'free' }), /: two plans have the name free\./],
    ['an unknown field', withPro({ colour: 'red' }), /: the plan "pro": .*colour/],
    [
      'an unknown field of a field',
      withPro({ cost: { ...PRO.cost, restoreRat: 1 } }),
      /"pro": cost: .*restoreRat/,
    ],
    ['an unknown field beside the plans', { plans: [PRO], plan: [] }, /: .*"plan"/],
    ['a missing field', withPro({ requests: { tenant: 1, actor: 1 } }), /"pro": requests\.windowSeconds: /],
    ['a number as text', withPro({ weight: '2' }), /"pro": weight: .*number/],
    ['a share of nothing', withPro({ weight: 0 }), /"pro": weight: /],
    ['half a request', withPro({ requests: { ...PRO.requests, tenant: 0.5 } }), /"pro": requests\.tenant: /],
    ['a page beyond the server’s', withPro({ mostRowsPerPage: 101 }), /"pro": mostRowsPerPage: /],
    ['a page smaller than the usual one', withPro({ mostRowsPerPage: 19 }), /"pro": mostRowsPerPage: /],
    ['a cost beyond the server’s', withPro({ mostCostPerRequest: 100_001 }), /"pro": mostCostPerRequest: /],
    [
      'a bucket that never holds the most costly operation',
      withPro({ mostCostPerRequest: 1_001 }),
      /"pro": cost\.size: must be at least mostCostPerRequest/,
    ],
    [
      'a transaction shorter than a statement',
      withPro({ transactionTimeoutMs: 4_999 }),
      /"pro": transactionTimeoutMs: must be at least/,
    ],
    ['a negative quota', withPro({ quotas: { members: -1 } }), /"pro": quotas\.members: /],
  ])('%s', (_what, content, message) => {
    const path = fileWith(content);
    const reading = () => readPlans(path);
    expect(reading).toThrow(ConfigError);
    expect(reading).toThrow(message);
    expect(reading).toThrow(`PLANS_FILE ${path}`);
  });

  test('a file that is missing', () => {
    const path = join(folder, 'missing.json');
    expect(() => readPlans(path)).toThrow(`PLANS_FILE ${path} cannot be read: ENOENT`);
  });
});

test('a tenant whose plan is not in the file has the first plan of it, and an operator learns of it', () => {
  const plans = new Plans([largePlan({ name: 'small' }), largePlan({ name: 'large' })]);
  const noted: unknown[] = [];
  const planOf = plansOfTenants(plans, {
    note: ({ name, reason }, detail) => noted.push([name, reason, detail]),
  });
  expect(planOf('large').name).toBe('large');
  expect(noted).toEqual([]);
  for (const gone of ['gone', '__proto__', 'constructor', '']) expect(planOf(gone).name).toBe('small');
  expect(noted).toEqual(['gone', '__proto__', 'constructor', ''].map((name) => ['plan', 'unknown', name]));
});
