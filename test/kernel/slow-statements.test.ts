/** Proves that slow statements are logged with their tenant and plan, in production too, and without any value. */
import { Prisma } from '../../src/generated/prisma/client.js';
import { beforeAll, afterAll, expect, test } from 'vitest';
import { readConfig } from '../../src/kernel/config/config.js';
import { PATIENT } from '../support/patience.js';
import { statementLog } from '../../src/statement-log.js';
import { openTestDatabase, useDatabase } from '../support/database.js';
import { useDemoTenants } from '../support/demo-tenants.js';
import { until } from '../support/until.js';
import type { Database } from '../../src/kernel/tenancy/database.js';

const CANARY = 'canary-2f8b';
const database = useDatabase();
const tenants = useDemoTenants(database);
const lines: { readonly what: string; readonly fields: Readonly<Record<string, unknown>> }[] = [];
let opened: Database;
beforeAll(() => {
  const config = readConfig(
    {
      NODE_ENV: 'production',
      DATABASE_URL: database().app,
      SLOW_STATEMENT_MS: '50',
      SLOW_STATEMENT_PLANS: 'true',
    },
    'command',
  );
  opened = openTestDatabase({
    url: database().app,
    poolSize: 2,
    limits: PATIENT,
    statementLog: statementLog(config, (what, fields) => lines.push({ what, fields: { ...fields } })),
  });
});
afterAll(() => opened.close());

test('a slow read and a slow write have a line with their tenant, and a plan; no value is in any of it', async () => {
  const { acme } = tenants();
  const db = opened.forTenant({ ...acme, requestId: 'slow-request' });
  await db.$queryRaw(
    Prisma.sql`SELECT pg_sleep(0.1)::text, ${CANARY}::text AS given FROM public.tenants WHERE name <> ${CANARY}`,
  );
  await db.transaction(async (tx) => {
    await tx.$executeRaw(
      Prisma.sql`UPDATE public.tenants SET name = ${CANARY} WHERE id = ${acme.tenantId}::uuid AND pg_sleep(0.1) IS NOT NULL`,
    );
  });
  // On a busy machine other statements are slow as well, and those have plans too.
  const planned = (sql: string) =>
    lines.some(({ what, fields }) => what.startsWith('plan') && String(fields['sql']).startsWith(sql));
  await until('both plans are written', () => ['SELECT pg_sleep', 'UPDATE public.tenants'].every(planned));
  const slow = lines.filter(({ what }) => what === 'slow statement').map(({ fields }) => fields);
  for (const sql of ['SELECT pg_sleep', 'UPDATE public.tenants']) {
    const line = slow.find((each) => String(each['sql']).startsWith(sql));
    expect(line, sql).toMatchObject({ tenant: acme.tenantId, requestId: 'slow-request' });
    expect(line?.['ms']).toBeGreaterThanOrEqual(50);
  }
  for (const { fields } of lines.filter(({ what }) => what === 'plan of a slow statement')) {
    expect(fields).toMatchObject({ tenant: acme.tenantId });
    expect(String(fields['plan'])).toMatch(/on tenants/);
  }
  expect(JSON.stringify(lines)).not.toContain(CANARY);
});
