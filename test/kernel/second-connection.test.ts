/**
 * Proves that code inside a transaction cannot take a second connection through another client, a look-up or another
 * transaction, and that other code is not affected before, meanwhile and afterwards.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { PATIENT } from '../support/patience.js';
import { createInvitationAcceptance } from '../../src/platform/invitation/accept-invitation.js';
import type { TenantContext } from '../../src/kernel/request/tenant-context.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import { findMember } from '../../src/kernel/auth/find-member.js';
import { SecondConnectionError } from '../../src/kernel/driver/open-transaction.js';
import { findAccess } from '../../src/kernel/auth/resolve-access.js';
import { createApiKeyResolver } from '../../src/kernel/auth/resolve-api-key.js';
import { openTestDatabase, useDatabase } from '../support/database.js';
import { rejectionOf, useDemoTenants } from '../support/demo-tenants.js';

const database = useDatabase();
const tenants = useDemoTenants(database);
let shared: Database;
beforeAll(() => {
  shared = openTestDatabase({ url: database().app, poolSize: 4, perTenant: 4, limits: PATIENT });
});
afterAll(() => shared.close());

const NO_NEWS = { isLive: false, onChange: () => undefined };
const count = (on: Database, context: TenantContext) => on.forTenant(context).membership.count();

/** The operations that take a connection. */
const CHECKOUTS: readonly [string, (on: Database, context: TenantContext) => Promise<unknown>][] = [
  ['a read', count],
  ['a read in another tenant', (on) => count(on, tenants().globex)],
  ['a raw read', (on, context) => on.forTenant(context).$queryRaw(Prisma.sql`SELECT 1`)],
  ['a write', (on, context) => on.forTenant(context).membership.updateMany({ data: { invitedBy: null } })],
  ['a transaction', (on, context) => on.forTenant(context).transaction((tx) => tx.membership.count())],
  ['a unit of work', (on, context) => on.unitOfWork(context, (db) => db.membership.count())],
  ['a look-up of access', (on) => findAccess(on, 'acme', 'demo|acme|owner')],
  ['a look-up of a member', (on) => findMember(on, 'acme', 'demo|acme|owner')],
  ['a look-up of an API key', (on) => createApiKeyResolver(on, NO_NEWS).resolve('a'.repeat(64))],
  [
    'an acceptance',
    (on) =>
      createInvitationAcceptance(on)({
        tokenHash: 'a'.repeat(64),
        user: { userId: 'u', verifiedEmail: 'u@new.test' },
        requestId: 'r',
      }).catch((error: unknown) => {
        // When it runs, it fails because the token is unknown.
        if (!String(error).includes('There is no such invitation')) throw error;
      }),
  ],
];

/** The operations that hold a connection meanwhile. */
const HOLDERS: readonly [string, (on: Database, work: () => Promise<unknown>) => Promise<unknown>][] = [
  ['db.transaction', (on, work) => on.forTenant(tenants().acme).transaction(work)],
  ['a unit of work', (on, work) => on.unitOfWork(tenants().acme, work)],
  ['a transaction of a unit', (on, work) => on.unitOfWork(tenants().acme, (db) => db.transaction(work))],
];

describe.each(HOLDERS)('inside %s', (_holder, inside) => {
  test.each(CHECKOUTS)('%s is refused, and allowed afterwards', async (_checkout, take) => {
    const error = await rejectionOf(inside(shared, () => take(shared, tenants().acme)));
    expect(error).toBeInstanceOf(SecondConnectionError);
    expect(String(error)).toMatch(/would take a second connection .* use the tx that it is given/);
    await take(shared, tenants().acme);
  });

  test('what others do at the same time is theirs', async () => {
    await inside(shared, async () => undefined);
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const open = inside(shared, () => ended);
    for (const [, take] of CHECKOUTS) await take(shared, tenants().acme);
    end();
    await open;
  });

  test('what is started there and outlives it is no longer inside', async () => {
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    let later: Promise<unknown> | undefined;
    await inside(shared, async () => {
      later = ended.then(() => count(shared, tenants().acme));
      // The callback must end before `later` does.
      await Promise.resolve();
    });
    // Continues while another transaction is open, when the process still tracks which code runs inside a transaction.
    await Promise.all([
      inside(shared, async () => {
        end();
        await later;
      }),
      later,
    ]);
    expect(await later).toBeGreaterThan(0);
  });
});

test('in production it is reported, at most once a minute, and done', async () => {
  const reported: Error[] = [];
  const lenient = openTestDatabase({
    url: database().app,
    poolSize: 4,
    perTenant: 4,
    limits: PATIENT,
    onSecondConnection: (error) => reported.push(error),
  });
  try {
    for (let round = 0; round < 3; round++) {
      const found = await lenient.forTenant(tenants().acme).transaction(() => count(lenient, tenants().acme));
      expect(found).toBeGreaterThan(0);
    }
  } finally {
    await lenient.close();
  }
  expect(reported).toHaveLength(1);
  expect(reported[0]).toBeInstanceOf(SecondConnectionError);
  // The stack shows where it happened.
  expect(reported[0]?.stack).toContain('second-connection.test.ts');
});

test('units of work leave nothing behind that slows the process down', async () => {
  const cost = async (): Promise<number> => {
    let best = Infinity;
    for (let round = 0; round < 5; round++) {
      const before = process.cpuUsage();
      for (let at = 0; at < 20_000; at++) await Promise.resolve(at);
      const { user, system } = process.cpuUsage(before);
      best = Math.min(best, user + system);
    }
    return best;
  };
  const before = await cost();
  for (let at = 0; at < 50; at++) {
    await shared.unitOfWork(tenants().acme, (db) => db.transaction(async () => undefined));
  }
  // With one AsyncLocalStorage for each unit, this was more than a hundred times slower before Node 24.
  expect(await cost()).toBeLessThan(20 * before);
});
