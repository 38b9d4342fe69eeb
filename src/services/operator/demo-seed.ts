/** The demo tenants of `npm start`. Never in production. */
import type { Module } from '../../kernel/graphql/module.js';
import { ROLES } from '../../kernel/vocabulary/permissions.js';
import type { Database } from '../../kernel/tenancy/database.js';
import type { OperatorConnection } from './operator-connection.js';
import { cellOfSlug } from './operator-cells.js';
import { createTenant, listTenants } from './tenants.js';

const DEMO_TENANTS = [
  { slug: 'acme', name: 'Acme Inc.' },
  { slug: 'globex', name: 'Globex Corporation' },
] as const;

const SEED_LOCK = 7_263_546_103;

/** The user id of a demo user, in the form of an identity provider: `demo|acme|owner`. */
const demoUserId = (slug: string, role: string): string => `demo|${slug}|${role}`;

const demoEmail = (slug: string, role: string): string => `${role}@${slug}.test`;

/** The users that the demo has at first. */
export const DEMO_USERS = DEMO_TENANTS.flatMap(({ slug }) =>
  ROLES.map((role) => ({ slug, email: demoEmail(slug, role) })),
);

/**
 * Creates the demo tenants that are in no cell, each with one user of every role (`owner@acme.test`, …) and the modules'
 * demo data. Does not change existing tenants.
 *
 * @param plan the plan of the tenants
 * @returns the slugs of the tenants just created
 */
export async function seedDemo(
  connection: OperatorConnection,
  database: Database,
  modules: readonly Module[],
  plan?: string,
): Promise<string[]> {
  // Two servers that start at the same time on a new database must not both create them. Held until the connection
  // closes.
  await connection.query('SELECT pg_advisory_lock($1)', [SEED_LOCK]);
  const existing = new Set((await listTenants(connection)).map(({ slug }) => slug));
  const missing: (typeof DEMO_TENANTS)[number][] = [];
  for (const demo of DEMO_TENANTS) {
    // It may have been moved to another cell.
    const isElsewhere = (await cellOfSlug(connection, demo.slug)) !== undefined;
    if (!existing.has(demo.slug) && !isElsewhere) missing.push(demo);
  }
  for (const { slug, name } of missing) {
    const [owner, ...members] = ROLES.map((role) => ({
      role,
      userId: demoUserId(slug, role),
      email: demoEmail(slug, role),
    }));
    const tenant = await createTenant(connection, { slug, name, plan, owner: owner!, members });
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
