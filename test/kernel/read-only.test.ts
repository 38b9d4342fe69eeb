/** Proves that transactions which only read say so when they begin, and others do not. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PATIENT } from '../support/patience.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import type { StatementLine } from '../../src/kernel/driver/statement-log.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import { openTestDatabase, useDatabase } from '../support/database.js';
import { useDemoTenants } from '../support/demo-tenants.js';

const database = useDatabase();
const tenants = useDemoTenants(database);
let lines: StatementLine[] = [];
let opened: Database;
beforeAll(() => {
  opened = openTestDatabase({
    url: database().app,
    poolSize: 1,
    limits: PATIENT,
    statementLog: { write: (line) => lines.push(line), withValues: false },
  });
});
afterAll(() => opened.close());

/** The statements that open transactions during the work. */
async function openings(work: () => Promise<unknown>): Promise<string[]> {
  lines = [];
  await work();
  return lines.map(({ sql }) => sql).filter((sql) => sql.startsWith('BEGIN'));
}

const READS = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

test('reads of one tick, without Prisma and with it', async () => {
  const db = opened.forTenant(tenants().acme);
  const few = { take: 1 };
  expect(
    await openings(() => Promise.all([db.membership.findMany(few), db.invitation.findMany(few)])),
  ).toEqual([READS]);
  // Prisma alone understands it.
  expect(
    await openings(() =>
      Promise.all([db.membership.findMany({ ...few, distinct: ['role'] }), db.membership.count()]),
    ),
  ).toEqual([READS]);
});

test('a transaction that may write does not', async () => {
  const db = opened.forTenant(tenants().acme);
  expect(await openings(() => db.transaction((tx) => tx.membership.count()))).toEqual(['BEGIN']);
  expect(await openings(() => db.$executeRaw(Prisma.sql`SELECT 1`))).toEqual(['BEGIN']);
});
