/** What a tenant uses of the resources that plans limit. */
import { Prisma, type Tenant } from '../../generated/prisma/client.js';
import type { ServerParts } from '../../kernel/graphql/module.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import type { LimitedResource } from '../../services/limits/quotas.js';

declare module '../../kernel/graphql/request-context.js' {
  interface ModuleContext {
    readonly limitedResources: readonly LimitedResource[];
  }
}

/** What the module adds to the context of every request. */
export const tenantContext = ({ limitedResources }: ServerParts) => ({ limitedResources });

/** The counters of the bound tenant with the limits of its plan; the database keeps them, so no row is counted. */
export async function usageOf(
  { id, plan }: Pick<Tenant, 'id' | 'plan'>,
  { db, plans, limitedResources }: Pick<RequestContext, 'db' | 'plans' | 'limitedResources'>,
) {
  const counters = await db.$queryRaw<{ resource: string; used: number }>(Prisma.sql`
    SELECT resource, least(used, 2147483647)::int AS used FROM tenantry.resource_usage WHERE tenant_id = ${id}::uuid`);
  const used = new Map(counters.map((counter) => [counter.resource, counter.used]));
  const { quotas } = plans.of(plan);
  return limitedResources.map(({ resource }) => ({
    resource,
    used: used.get(resource) ?? 0,
    limit: quotas[resource] ?? null,
  }));
}
