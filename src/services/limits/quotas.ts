/** The resources whose rows plans limit: modules declare them, the database counts and refuses. See docs/quotas.md. */
import { ConfigError } from '../../kernel/config/config-error.js';
import { MigrationError } from '../../kernel/database/migration-error.js';
import type { Module } from '../../kernel/graphql/module.js';
import type { Database } from '../../kernel/tenancy/database.js';
import type { Plans } from '../../kernel/vocabulary/plan.js';

/** A resource that plans can limit. */
export interface LimitedResource {
  /** As `quotas` of a plan and `ResourceUsage.resource` call it. */
  readonly resource: string;
  /** The model whose rows count. */
  readonly model: string;
}

declare module '../../kernel/graphql/module.js' {
  interface ServerParts {
    /** In alphabetical order. */
    readonly limitedResources: readonly LimitedResource[];
  }
}

/**
 * The resources that the modules declare, in alphabetical order.
 *
 * @throws Error when two modules declare the same one
 */
export function limitedResources(modules: readonly Module[]): readonly LimitedResource[] {
  const models = new Map<string, string>();
  for (const { name, quotas = {} } of modules) {
    for (const [resource, model] of Object.entries(quotas)) {
      if (models.has(resource))
        throw new Error(`${name} declares the quota ${resource}, as another module does`);
      models.set(resource, model);
    }
  }
  return [...models]
    .map(([resource, model]) => ({ resource, model }))
    .sort((one, other) => (one.resource < other.resource ? -1 : 1));
}

/** @throws ConfigError when a plan limits a resource that no module declares: nothing would enforce it */
export function refuseUnknownQuotas({ all }: Plans, resources: readonly LimitedResource[]): void {
  const known = resources.map(({ resource }) => resource);
  for (const { name, quotas } of all) {
    const unknown = Object.keys(quotas).find((resource) => !known.includes(resource));
    if (unknown === undefined) continue;
    throw new ConfigError(
      `PLANS_FILE: the plan "${name}" limits ${unknown}, which no module declares. There are ${known.join(', ')}.`,
    );
  }
}

/**
 * Tells the database what the plans allow, from now on and for all servers. Call it before the server listens.
 *
 * @throws MigrationError when the database does not count the rows of a declared resource; the errors of the database
 */
export async function publishQuotas(
  { query, sign, models }: Pick<Database, 'query' | 'sign' | 'models'>,
  plans: Plans,
  resources: readonly LimitedResource[],
): Promise<void> {
  const counted = await query<{ resource: string; table: string }>(
    `SELECT resource, relname AS table FROM tenantry.limited_resources() JOIN pg_catalog.pg_class ON oid = target`,
  );
  for (const { resource, model } of resources) {
    const table = models.get(model)?.tableName;
    if (counted.some((each) => each.resource === resource && each.table === table)) continue;
    throw new MigrationError(
      `The database does not count ${resource}, the rows of ${String(table)}: ` +
        `write a migration with SELECT tenantry.limit_rows('${String(table)}', '${resource}').`,
    );
  }
  const text = JSON.stringify(plans.all.map(({ name, quotas }) => ({ name, quotas })));
  const { expires, signature } = sign('set_plans', text);
  await query('SELECT tenantry.set_plans($1, $2, $3)', [text, expires, signature]);
}
