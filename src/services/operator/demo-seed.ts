/** The demo tenants: what `npm start` shows to whoever has no data yet. Never in production. */
import type { Module } from '../../kernel/graphql/module.js';
import { ROLES } from '../../kernel/vocabulary/permissions.js';
import type { Database } from '../../kernel/tenancy/database.js';
import type { OperatorConnection } from './operator-connection.js';
import { createTenant, listTenants } from './tenants.js';

const DEMO_TENANTS = [
  { slug: 'acme', name: 'Acme Inc.' },
  { slug: 'globex', name: 'Globex Corporation' },
] as const;

const SEED_LOCK = 7_263_546_103;

/** The user id of a demo user, as an identity provider would give it: `demo|acme|owner`. */
const demoUserId = (slug: string, role: string): string => `demo|${slug}|${role}`;

/**
 * Creates the demo tenants that are missing, each with one user of every role (`owner@acme.test`, …) and what the
 * modules add. Changes nothing of a tenant that exists.
 *
 * @returns the slugs of the tenants just created
 */
export async function seedDemo(
  connection: OperatorConnection,
  database: Database,
  modules: readonly Module[],
): Promise<string[]> {
  // Two servers that start together on a new database must not both create them. Held until the door closes.
  await connection.query('SELECT pg_advisory_lock($1)', [SEED_LOCK]);
  const existing = new Set((await listTenants(connection)).map(({ slug }) => slug));
  const missing = DEMO_TENANTS.filter(({ slug }) => !existing.has(slug));
  for (const { slug, name } of missing) {
    const [owner, ...members] = ROLES.map((role) => ({
      role,
      userId: demoUserId(slug, role),
      email: `${role}@${slug}.test`,
    }));
    const tenant = await createTenant(connection, { slug, name, owner: owner!, members });
    for (const module of modules) {
      await module.seedDemo?.((role) =>
        database.forTenant({
          tenantId: tenant.id,
          actor: { type: 'user', id: demoUserId(slug, role) },
          requestId: 'demo-seed',
        }),
      );
    }
  }
  return missing.map(({ slug }) => slug);
}
