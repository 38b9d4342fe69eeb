/**
 * Proves that the statement log contains every statement of the pool, however it was sent, with its tenant and its
 * request, and that it contains values only when these are enabled.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { PATIENT } from '../support/patience.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import { Plans, type PlanLine } from '../../src/kernel/driver/plans.js';
import type { StatementLine } from '../../src/kernel/driver/statement-log.js';
import { openTestDatabase, useDatabase } from '../support/database.js';
import { useDemoTenants } from '../support/demo-tenants.js';
import { until } from '../support/until.js';

const database = useDatabase();
const tenants = useDemoTenants(database);

/** The log of a database with one connection, so that the next caller gets whatever the last one left on it. */
function useLog({ withValues, plans = false }: { withValues: boolean; plans?: boolean }) {
  const lines: StatementLine[] = [];
  const planned: PlanLine[] = [];
  let opened: Database | undefined;
  beforeAll(() => {
    opened = openTestDatabase({
      url: database().app,
      poolSize: 1,
      limits: PATIENT,
      statementLog: {
        // The inspection of a connection before its release can happen at any time, so it is left out.
        write: (line) => line.sql !== 'SELECT … AS leftovers' && lines.push(line),
        withValues,
        ...(plans && { writePlan: (line: PlanLine) => planned.push(line) }),
      },
    });
  });
  afterAll(() => opened?.close());
  beforeEach(async () => {
    // Gets the connection when the last test's COMMIT, for which no answer waits, has its line.
    await opened?.query('SELECT 1');
    lines.length = 0;
    planned.length = 0;
  });
  return {
    lines,
    planned,
    get on(): Database {
      if (!opened) throw new Error('the database is open in tests only');
      return opened;
    },
    get sent(): readonly string[] {
      return lines.map(({ sql }) => sql);
    },
  };
}

const newMember = (email: string) => ({ userId: randomUUID(), email, role: 'viewer' });

describe('a line', () => {
  const log = useLog({ withValues: true });
  const acme = () => log.on.forTenant(tenants().acme);
  const line = (pattern: RegExp) => log.lines.find(({ sql }) => pattern.test(sql));

  const expectAllOf = ({ tenantId, requestId }: { tenantId: string; requestId: string }) => {
    const inTransaction = log.lines.filter(({ sql }) => !sql.startsWith('BEGIN'));
    expect(inTransaction.length).toBeGreaterThan(1);
    for (const each of inTransaction) expect(each).toMatchObject({ tenant: tenantId, requestId });
  };

  test('of a read has its duration, its rows, its values, its tenant and its request', async () => {
    const members = await acme().membership.findMany({ where: { role: 'owner' } });
    expect(line(/FROM "public"\."memberships"/)).toEqual({
      tenant: tenants().acme.tenantId,
      requestId: 'request-acme',
      ms: expect.any(Number) as number,
      rows: members.length,
      sql: expect.stringMatching(/^SELECT .* = \$2/) as string,
      values: expect.arrayContaining(['owner', tenants().acme.tenantId]) as string[],
    });
    expectAllOf(tenants().acme);
  });

  test('is written for each statement of reads that share a transaction', async () => {
    const [count, members] = await Promise.all([
      acme().membership.count(),
      acme().membership.findMany({ take: 2 }),
    ]);
    expect(count).toBeGreaterThan(2);
    expect(members).toHaveLength(2);
    expect(line(/count\(\*\)/)).toMatchObject({ rows: 1 });
    expect(line(/LIMIT/)).toMatchObject({ rows: 2 });
    expectAllOf(tenants().acme);
  });

  test('of several reads of one client: BEGIN, the binding, the reads, COMMIT', async () => {
    const db = acme();
    await Promise.all([db.membership.count(), db.tenant.findMany()]);
    await until('it is committed', () => log.sent.includes('COMMIT'));
    expect(log.sent.map((sql) => sql.split(' ', 2).join(' '))).toEqual([
      'BEGIN ISOLATION',
      'SELECT tenantry.bind($1::uuid,',
      'SELECT count(*)',
      'SELECT "id",',
      'COMMIT',
    ]);
  });

  test('is written for what Prisma sends: transactions, and all operations of a mutation with a key', async () => {
    const email = `${randomUUID()}@acme.test`;
    await acme().transaction(async (tx) => {
      await tx.membership.create({ data: newMember(email) });
      await tx.membership.updateMany({ where: { email }, data: { role: 'member' } });
    });
    expect(line(/^INSERT/)).toMatchObject({ rows: 1 });
    expect(line(/^INSERT/)?.values).toContain(email);
    expect(line(/^UPDATE/)).toMatchObject({ rows: 1 });
    expectAllOf(tenants().acme);
    log.lines.length = 0;
    await log.on.unitOfWork(tenants().globex, (db) => db.membership.count({ where: { email } }));
    expect(log.sent).toEqual(
      expect.arrayContaining(['SAVEPOINT apart', 'RELEASE SAVEPOINT apart', 'COMMIT']),
    );
    expectAllOf(tenants().globex);
  });

  test('of a statement that fails has its SQLSTATE, and what follows has its own', async () => {
    const [failed, read] = await Promise.allSettled([
      acme().$queryRaw(Prisma.sql`SELECT ${'no number'}::text::int`),
      acme().membership.count(),
    ]);
    expect([failed.status, read.status]).toEqual(['rejected', 'fulfilled']);
    expect(line(/::text::int/)).toMatchObject({ failed: '22P02', values: ['no number'] });
    expect(line(/count\(\*\)/)).toMatchObject({ rows: 1 });
    expect(line(/count\(\*\)/)).not.toHaveProperty('failed');
  });

  test('of a binding that fails names whom it was for; nothing behind it was run', async () => {
    const nowhere = { ...tenants().acme, tenantId: 'nowhere', requestId: 'in vain' };
    await Promise.allSettled([log.on.forTenant(nowhere).membership.count()]);
    expect(log.lines).toMatchObject([{ tenant: 'nowhere', requestId: 'in vain', failed: '22P02' }]);
    expect(log.sent).toEqual([expect.stringContaining('tenantry.bind') as string]);
  });

  test('of a look-up has no tenant, though the connection was just used for one', async () => {
    await acme().membership.count();
    log.lines.length = 0;
    await log.on.query('SELECT $1::int AS looked_up', [7]);
    expect(line(/looked_up/)).toEqual({
      tenant: undefined,
      requestId: undefined,
      ms: expect.any(Number) as number,
      rows: 1,
      sql: 'SELECT $1::int AS looked_up',
      values: ['7'],
    });
  });

  test('is of the tenant it was sent for, also when two share the connection', async () => {
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const context = index % 2 === 0 ? tenants().acme : tenants().globex;
        await log.on.forTenant({ ...context, requestId: `request ${String(index)}` }).membership.count();
      }),
    );
    const counts = log.lines.filter(({ sql }) => sql.includes('count(*)'));
    expect(counts).toHaveLength(20);
    for (const { tenant, requestId, values } of counts) {
      const index = Number(requestId?.split(' ')[1]);
      expect(tenant).toBe((index % 2 === 0 ? tenants().acme : tenants().globex).tenantId);
      expect(values).toContain(tenant);
    }
  });

  test('has the time that the statement itself took', async () => {
    // A busy machine may read both answers together: then the binding seems to have taken all of the time.
    await until('the answers are read one by one', async () => {
      await log.on.query('SELECT 1');
      log.lines.length = 0;
      await acme().$queryRaw(Prisma.sql`SELECT 1 AS slow FROM pg_sleep(1)`);
      const [binding, slow] = log.lines;
      expect([binding?.sql, slow?.sql]).toEqual([
        expect.stringContaining('tenantry.bind') as string,
        expect.stringContaining('slow') as string,
      ]);
      expect((slow?.ms ?? 0) + (binding?.ms ?? 0)).toBeGreaterThan(990);
      return slow!.ms > binding!.ms;
    });
  });

  test('is bounded, however long the text and the values are', async () => {
    const long = 'x'.repeat(100_000);
    await acme().$queryRaw(Prisma.sql`SELECT ${long}::text = ${'y'} AS bounded`);
    await acme().membership.findMany({
      where: { OR: Array.from({ length: 500 }, () => ({ role: 'viewer' })) },
      select: { id: true },
    });
    expect(line(/bounded/)?.values?.[0]).toBe(`${'x'.repeat(200)}… (100000 characters)`);
    for (const each of log.lines) expect(JSON.stringify(each).length).toBeLessThan(40_000);
  });
});

describe('without values', () => {
  const log = useLog({ withValues: false });

  test('no value is in any line: neither of parameters, nor of a binding, nor of a failure', async () => {
    const secret = randomUUID();
    const db = log.on.forTenant(tenants().acme);
    await db.membership.create({ data: newMember(secret) });
    await db.membership.findMany({ where: { email: secret } });
    await db.membership.updateMany({ where: { email: secret }, data: { email: `${secret}2` } });
    await db.$queryRaw(Prisma.sql`SELECT ${secret}::text::int`).catch(() => undefined);
    await log.on.unitOfWork(tenants().acme, (unit) =>
      unit.membership.deleteMany({ where: { email: secret } }),
    );
    await log.on.query('SELECT $1::text', [secret]);
    expect(log.lines.length).toBeGreaterThan(10);
    for (const line of log.lines) expect(line).not.toHaveProperty('values');
    const written = JSON.stringify(log.lines);
    expect(written).toContain('22P02');
    expect(written).not.toContain(secret);
    expect(written).not.toContain(tenants().acme.actor.id);
    // A signature.
    expect(written).not.toMatch(/[0-9a-f]{64}/);
  });
});

describe('plans', () => {
  const log = useLog({ withValues: true, plans: true });
  const arrived = (pattern: RegExp) =>
    until('the plan arrives', () => log.planned.some(({ sql }) => pattern.test(sql)));

  test('of a tenant are those behind its policies', async () => {
    await log.on.forTenant(tenants().acme).membership.findMany({ where: { role: 'owner' } });
    await arrived(/"memberships"/);
    const { acme } = tenants();
    expect(log.planned).toMatchObject([{ tenant: acme.tenantId, requestId: acme.requestId }]);
    expect(log.planned[0]?.plan).toMatch(/Scan .*on memberships/);
    // The policy calls this function; the statement does not.
    expect(log.planned[0]?.sql).not.toContain('current_tenant');
    expect(log.planned[0]?.plan).toContain('InitPlan');
  });

  test('of a change executes nothing, and what has no plan is not asked', async () => {
    const email = `${randomUUID()}@acme.test`;
    const requestId = randomUUID();
    await log.on.forTenant({ ...tenants().acme, requestId }).transaction(async (tx) => {
      await tx.membership.create({ data: newMember(email) });
      await tx.$executeRaw(Prisma.sql`UPDATE memberships SET role = 'member' WHERE email = ${email}`);
    });
    await arrived(/^UPDATE/);
    expect(log.planned.find(({ sql }) => sql.startsWith('UPDATE'))?.plan).toMatch(/^Update on memberships/);
    expect(log.planned.filter(({ sql }) => /^(BEGIN|COMMIT|INSERT)|tenantry\.bind/.test(sql))).toEqual([]);
    const entries = await database().asSuperuser<{ action: string }>(
      'SELECT action FROM audit_log WHERE request_id = $1 ORDER BY id',
      [requestId],
    );
    expect(entries.map(({ action }) => action)).toEqual(['membership.created', 'membership.updated']);
  });

  test('are had again when their connection was lost', async () => {
    const db = log.on.forTenant(tenants().acme);
    await db.$queryRaw(Prisma.sql`SELECT 1 AS before FROM memberships`);
    await arrived(/before/);
    await database().asSuperuser(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'tenantry plans' AND datname = current_database()",
    );
    await db.$queryRaw(Prisma.sql`SELECT 2 AS meanwhile FROM memberships`);
    await arrived(/meanwhile/);
    await db.$queryRaw(Prisma.sql`SELECT 3 AS afterwards FROM memberships`);
    await arrived(/afterwards/);
    expect(log.planned.at(-1)?.plan).toMatch(/Scan .*on memberships/);
  });

  test('that cannot be had say why; of very many that wait, the last ones are left out', async () => {
    const lines: PlanLine[] = [];
    // No server listens on this port.
    const plans = new Plans('postgresql://nobody@127.0.0.1:1/none', (line) => lines.push(line));
    for (let each = 0; each < 300; each++)
      plans.explain({ ms: 0, text: `SELECT ${String(each)}`, values: [], binding: [] });
    await plans.close();
    expect(lines).toHaveLength(200);
    for (const { plan } of lines) expect(plan).toMatch(/^no plan: .*ECONNREFUSED/);
  });
});
