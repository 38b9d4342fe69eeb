/**
 * Proves that requests do not fail when a migration changes the type of a column: prepared statements are prepared
 * again at once on every connection, whichever code sends them.
 */
import { randomUUID } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import type { TenantClient } from '../../src/kernel/tenancy/tenant-client.js';
import { openTestDatabase, useDatabase } from '../support/database.js';
import { useDemoTenants } from '../support/demo-tenants.js';
import { PATIENT } from '../support/patience.js';

const database = useDatabase();
const tenants = useDemoTenants(database);
const POOL = 2;

let length = 300;
const changeType = () =>
  database().asSuperuser(`ALTER TABLE memberships ALTER COLUMN invited_by TYPE varchar(${String(length++)})`);

let userId = '';
beforeEach(async () => {
  userId = randomUUID();
  await database().asSuperuser(
    `INSERT INTO memberships (tenant_id, user_id, email, role) VALUES ($1, $2, $2, 'viewer')`,
    [tenants().acme.tenantId, userId],
  );
});

/** One operation for each way in which statements are prepared. Each resolves or throws. */
const WORK: Record<string, (acme: TenantClient, opened: Database) => Promise<unknown>> = {
  'a plain read': (acme) => acme.membership.findFirst({ where: { userId } }),
  'a read of Prisma’s': (acme) => acme.tenant.findMany({ include: { memberships: true } }),
  'a batch of reads': (acme) =>
    Promise.all([acme.tenant.findMany(), acme.membership.findMany(), acme.membership.findMany({ take: 1 })]),
  'a plain write': async (acme) => {
    const { id } = await acme.membership.create({
      data: { userId: randomUUID(), email: 'x', role: 'viewer' },
    });
    await acme.membership.delete({ where: acme.key(id) });
  },
  'an update of Prisma’s': async (acme) => {
    const { id } = (await acme.membership.findFirst({ where: { userId } }))!;
    return acme.membership.update({ where: acme.key(id), data: { email: 'changed' } });
  },
  'a transaction': (acme) =>
    acme.transaction(async (tx) => {
      await tx.membership.updateMany({ where: { userId }, data: { email: 'in a transaction' } });
      return tx.membership.findMany({ where: { userId } });
    }),
  'a unit of work': (_acme, opened) =>
    opened.unitOfWork(tenants().acme, async (db) => {
      const { id } = (await db.membership.findFirst({ where: { userId } }))!;
      await db.membership.update({ where: db.key(id), data: { email: 'as one' } });
      return db.membership.findFirst({ where: { userId } });
    }),
};

async function withDatabase(work: (acme: TenantClient, opened: Database) => Promise<void>): Promise<void> {
  const opened = openTestDatabase({ url: database().app, poolSize: POOL, limits: PATIENT });
  try {
    await work(opened.forTenant(tenants().acme), opened);
  } finally {
    await opened.close();
  }
}

/** Runs every operation on every connection and more than once, so that everything is prepared. */
async function warm(acme: TenantClient, opened: Database): Promise<void> {
  for (let round = 0; round < 2; round++) {
    for (const work of Object.values(WORK)) {
      await Promise.all(Array.from({ length: 2 * POOL }, () => work(acme, opened)));
    }
  }
}

test.each(Object.keys(WORK))('%s succeeds after the type of a column has changed', async (name) => {
  await withDatabase(async (acme, opened) => {
    await warm(acme, opened);
    await changeType();
    // Several at the same time, so that it happens on several connections.
    await Promise.all(Array.from({ length: 2 * POOL }, () => WORK[name]!(acme, opened)));
    for (const work of Object.values(WORK)) await work(acme, opened);
  });
});

test('what one connection has lost is prepared anew', async () => {
  await withDatabase(async (acme, opened) => {
    await warm(acme, opened);
    for (const [name, work] of Object.entries(WORK)) {
      await acme.transaction((tx) => tx.$executeRaw(Prisma.sql`DEALLOCATE ALL`));
      for (let use = 0; use < POOL; use++) await expect(work(acme, opened), name).resolves.not.toThrow();
    }
  });
});
