/** Quotas for tests: the plans of a database, and what its counters say. */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sign, type TestDatabase } from './database.js';
import { connected } from './demo-tenants.js';

/** Plans with limits that no test reaches by chance. */
const LARGE_PLANS_FILE = fileURLToPath(new URL('plans.json', import.meta.url));

type Quotas = Readonly<Record<string, number>>;

/** The plans as they are sent to the database. */
export const plansText = (quotas: Readonly<Record<string, Quotas>>): string =>
  JSON.stringify(Object.entries(quotas).map(([name, of]) => ({ name, quotas: of })));

/** Tells a database what plans allow, as a server does at its start. The first plan is the smallest. */
export async function setPlans(
  database: TestDatabase,
  quotas: Readonly<Record<string, Quotas>>,
): Promise<void> {
  const text = plansText(quotas);
  const { expires, signature } = sign('set_plans', text);
  await connected(database.app, (client) =>
    client.query('SELECT tenantry.set_plans($1, $2, $3)', [text, expires, signature]),
  );
}

/** Writes a file for PLANS_FILE: the plans of tests, with these quotas. @returns the path, in a folder of its own */
export async function writePlansFile(quotas: Readonly<Record<string, Quotas>>): Promise<string> {
  const { plans } = JSON.parse(await readFile(LARGE_PLANS_FILE, 'utf8')) as { plans: { name: string }[] };
  const file = join(await mkdtemp(join(tmpdir(), 'tenantry-plans-')), 'plans.json');
  await writeFile(
    file,
    JSON.stringify({ plans: plans.map((plan) => ({ ...plan, quotas: quotas[plan.name] ?? {} })) }),
  );
  return file;
}

/** The counter of a tenant's resource; undefined when there is none. */
export async function counterOf(
  database: TestDatabase,
  tenant: string,
  resource: string,
): Promise<number | undefined> {
  const [row] = await database.asSuperuser<{ used: number }>(
    `SELECT used::int AS used FROM tenantry.resource_usage u JOIN tenants t ON t.id = u.tenant_id
     WHERE t.slug = $1 AND u.resource = $2`,
    [tenant, resource],
  );
  return row?.used;
}

/** The tables of the resources, and which of their rows count. */
const COUNTED: Readonly<Record<string, string>> = {
  members: 'memberships WHERE true',
  apiKeys: 'api_keys WHERE revoked_at IS NULL',
};

/** The number of rows that count, as the superuser sees them. */
export async function rowsOf(database: TestDatabase, tenant: string, resource: string): Promise<number> {
  const [row] = await database.asSuperuser<{ rows: number }>(
    `SELECT count(*)::int AS rows FROM ${COUNTED[resource]!} AND tenant_id = $1`,
    [await database.tenantId(tenant)],
  );
  return row!.rows;
}
