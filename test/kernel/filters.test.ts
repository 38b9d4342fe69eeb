/**
 * Tests the helpers of filters on real rows: they search for exactly what a client sends, also when it contains the
 * patterns of LIKE.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allOf, anyOf, between, matching, oneOf, within } from '../../src/kernel/graphql/filter.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import type { TenantClient } from '../../src/kernel/tenancy/tenant-client.js';
import { PATIENT } from '../support/patience.js';
import { openTestDatabase, useDatabase } from '../support/database.js';
import { insertApiKey, insertMembership } from '../support/rows.js';

const database = useDatabase();
let opened: Database;
let db: TenantClient;
const EMAILS = ['a%b@x.test', 'a_b@x.test', 'a\\b@x.test', 'aab@x.test'];

beforeAll(async () => {
  opened = openTestDatabase({ url: database().app, poolSize: 1, limits: PATIENT });
  const tenantId = await database().tenantId('acme');
  db = opened.forTenant({ tenantId, actor: { type: 'user', id: 'test' }, requestId: 'test' });
  for (const [n, email] of EMAILS.entries()) {
    await insertMembership(database(), 'acme', { email, joinedAt: `2001-01-0${String(n + 1)}T00:00:00Z` });
  }
  await insertApiKey(database(), 'acme', { permissions: ['members:read', 'audit:read'] });
});
afterAll(() => opened.close());

const found = async (email: ReturnType<typeof matching>) =>
  (await db.membership.findMany({ where: { email, role: 'viewer' }, select: { email: true } }))
    .map((row) => row.email)
    .sort();

test.each([
  [{ equals: 'a%b@x.test' }, ['a%b@x.test']],
  [{ in: ['aab@x.test', 'a_b@x.test'] }, ['a_b@x.test', 'aab@x.test']],
  [{ in: [] }, []],
  [{ startsWith: 'a%' }, ['a%b@x.test']],
  [{ startsWith: 'a_' }, ['a_b@x.test']],
  [{ contains: '\\' }, ['a\\b@x.test']],
  [{ contains: '%', startsWith: 'b' }, []],
  [{ startsWith: 'a', contains: 'b@x', equals: null }, [...EMAILS].sort()],
])('texts: %j', async (filter, expected) => {
  expect(await found(matching(filter))).toEqual(expected);
});

test('lists', async () => {
  const count = (permissions: object) => db.apiKey.count({ where: { permissions } });
  expect(await count(anyOf(['audit:read', 'nothing']))).toBe(1);
  expect(await count(anyOf([]))).toBe(0);
  expect(await count(allOf(['audit:read', 'members:read']))).toBe(1);
  expect(await count(allOf(['audit:read', 'nothing']))).toBe(0);
  expect(await count(allOf([]))).toBe(1);
});

test('ranges and choices', async () => {
  const day = (n: number) => new Date(Date.UTC(2001, 0, n));
  const joined = (joinedAt: object) => db.membership.count({ where: { joinedAt } });
  expect(await joined(within({ from: day(2), to: day(4) }))).toBe(2);
  expect(await joined(between({ min: day(2), max: day(4) }))).toBe(3);
  expect(await joined(between({ min: null, max: day(1) }))).toBe(1);
  expect(await db.membership.count({ where: { role: oneOf(['owner', 'admin']) } })).toBe(2);
  expect(await db.membership.count({ where: { role: oneOf([]) } })).toBe(0);
});

test('what no column can hold is refused', () => {
  expect(() => matching({ equals: 'x'.repeat(256) })).toThrow('at most 255 characters');
  expect(() => matching({ contains: '\u0000' })).toThrow('U+0000');
  expect(() => oneOf(Array.from({ length: 101 }))).toThrow('at most 100 values');
});
