import type { Prisma } from '../../generated/prisma/client.js';
import { z } from 'zod';
import type { OperatorPermission, Resolvers } from '../../generated/operator-graphql.js';
import { Page } from '../../kernel/graphql/connection.js';
import { optional, parseInput, text } from '../../kernel/graphql/input.js';
import { PublicError } from '../../kernel/vocabulary/errors.js';
import type { Permission } from '../../kernel/vocabulary/permissions.js';
import { verifyTrail } from '../audit-trail/verify-trail.js';
import { createTenantIn } from './cells.js';
import { cancelErasure, findErasure, requestErasure } from './erasures.js';
import { listExports } from './exports.js';
import { beginImpersonation, endImpersonation, listImpersonations, MOST_MINUTES } from './impersonations.js';
import { listJobs } from './jobs.js';
import { cellOfTenant } from './operator-cells.js';
import { renameTenantIn } from './rename-tenant.js';
import { readHealth } from './tenant-health.js';
import { countTenantsIn, TENANT_ORDERS, tenantsOfPageIn, type TenantOrder } from './tenant-list.js';
import { readTenant, refuseUnknownPlan, resumeTenant, setTenantPlan, suspendTenant } from './tenants.js';
import { MOST_HOURS, readUsageHistory, readTopTenantsIn } from './tenant-usage.js';
import { readUse } from './usage.js';

const MOST_JOBS = 100;

const NO_CONTROL = /^[^\p{Cc}]*$/u;
const reason = text(1, 500).regex(NO_CONTROL, 'must be one line').regex(/\S/, 'must not be blank');
const name = text(1, 200);
const slug = text(1, 63);

const between = (least: number, most: number) =>
  z
    .int()
    .min(least, `must be at least ${String(least)}`)
    .max(most, `must be at most ${String(most)}`);

const readInput = z.object({ slug, reason });
const searchInput = z.object({ search: optional(text(1, 100)) });
const historyInput = z.object({ last: between(1, 1_100) });
const topInput = z.object({ hours: between(1, MOST_HOURS), first: between(1, 100) });
const createInput = z.object({
  slug,
  name,
  ownerUserId: text(1, 255),
  ownerEmail: text(3, 254),
  plan: optional(text(1, 63)),
  cell: optional(text(1, 32)),
  reason,
});
const suspendInput = z.object({ slug, reason, tellMembers: z.boolean() });
const resumeInput = z.object({ slug, reason });
const renameInput = z.object({ slug, name: optional(name), newSlug: optional(slug), reason });
const planInput = z.object({ slug, plan: text(1, 63), reason });
const impersonateInput = z
  .object({
    slug,
    userId: optional(text(1, 255)),
    role: optional(z.enum(['owner', 'admin', 'member', 'viewer'])),
    reason,
    minutes: between(1, MOST_MINUTES),
  })
  .refine(
    ({ userId, role }) => (userId === undefined) !== (role === undefined),
    'must name a userId or a role, and not both',
  );
const endInput = z.object({ slug, id: z.string(), reason });
const eraseInput = z.object({ slug, confirm: z.string(), now: z.boolean(), reason });

const DAY_SECONDS = 86_400;

const ORDERS: Readonly<Record<'SLUG' | 'NAME' | 'CREATED_AT', TenantOrder>> = {
  SLUG: 'slug',
  NAME: 'name',
  CREATED_AT: 'createdAt',
};

const PERMISSIONS: Readonly<Record<OperatorPermission, Permission>> = {
  TENANTS_READ: 'tenants:read',
  TENANTS_MANAGE: 'tenants:manage',
  TENANTS_IMPERSONATE: 'tenants:impersonate',
  TENANTS_ERASE: 'tenants:erase',
};

export const resolvers: Resolvers = {
  OrderDirection: { ASC: 'asc', DESC: 'desc' },
  TenantStatus: { ACTIVE: 'active', SUSPENDED: 'suspended' },
  Role: { OWNER: 'owner', ADMIN: 'admin', MEMBER: 'member', VIEWER: 'viewer' },
  JobState: {
    QUEUED: 'queued',
    RUNNING: 'running',
    SUCCEEDED: 'succeeded',
    DEAD: 'dead',
    CANCELLED: 'cancelled',
  },
  TenantExportStatus: { PENDING: 'pending', READY: 'ready', FAILED: 'failed' },
  TenantErasureState: { REQUESTED: 'requested', RUNNING: 'running' },
  UsagePeriod: { HOUR: 'hour', DAY: 'day' },
  TopTenantOrder: { TIME: 'time', REQUESTS: 'requests', ROWS: 'rows' },
  // No field answers any Node: the interface only says which ids have a type.
  Node: { __resolveType: () => null },
  Query: {
    me: (_parent, _args, { viewer }) => viewer,
    plans: (_parent, _args, { plans }) => plans.all.map(({ name }) => name),
    tenants: async (_parent, { search: given, filter, orderBy, ...args }, { tenants }) => {
      const { search } = parseArguments(searchInput, { search: given });
      const page = new Page(args, {
        key: TENANT_ORDERS[ORDERS[orderBy?.field ?? 'SLUG']],
        direction: orderBy?.direction ?? 'asc',
      });
      const conditions = { search, ...filter };
      const { reachable, away } = await tenants.forLists();
      return Object.assign(
        page.connection(await tenantsOfPageIn(reachable, page, conditions), () =>
          countTenantsIn(reachable, conditions),
        ),
        { unavailableCells: away.map(({ name: cell }) => cell) },
      );
    },
    topTenants: async (_parent, { by, ...args }, { tenants }) => {
      const options = { by, ...parseArguments(topInput, args) };
      return readTopTenantsIn((await tenants.forLists()).reachable, options);
    },
    unavailableCells: async (_parent, _args, { tenants }) =>
      (await tenants.forLists()).away.map(({ name: cell }) => cell),
    tenant: async (_parent, args, { tenants }) => {
      const { slug, reason } = parseArguments(readInput, args);
      return tenants
        .of(slug)
        .then((connection) => readTenant(connection, slug, reason))
        .catch(nullIfMissing);
    },
  },
  Operator: {
    permissions: ({ permissions }) =>
      (Object.keys(PERMISSIONS) as OperatorPermission[]).filter((name) => permissions.has(PERMISSIONS[name])),
  },
  Tenant: {
    suspensionReason: ({ suspension_reason: why }) => why,
    createdAt: ({ created_at: at }) => at,
    cell: async ({ id }, _args, { tenants }) => (await cellOfTenant(tenants.home, id)) ?? 'default',
    usage: async (tenant, _args, { tenants, plans }) => {
      const { quotas } = plans.of(tenant.plan);
      return (await readUse(await tenants.ofTenant(tenant.id), tenant)).map((counter) => ({
        ...counter,
        limit: quotas[counter.resource] ?? null,
      }));
    },
    usageHistory: async ({ id }, { period, ...args }, { tenants }) =>
      readUsageHistory(await tenants.ofTenant(id), id, { period, ...parseArguments(historyInput, args) }),
    health: async ({ id }, _args, { tenants }) => readHealth(await tenants.ofTenant(id), id),
    jobs: async (tenant, { state }, { tenants }) =>
      listJobs(await tenants.ofTenant(tenant.id), tenant, { state: state ?? undefined, most: MOST_JOBS }),
    impersonations: async ({ id }, _args, { tenants }) => listImpersonations(await tenants.ofTenant(id), id),
    exports: async ({ id }, _args, { tenants }) => listExports(await tenants.ofTenant(id), id),
    erasure: async ({ id }, _args, { tenants }) =>
      (await findErasure(await tenants.ofTenant(id), id)) ?? null,
    auditVerification: async ({ id }, _args, { tenants, sealKeys }) => {
      if (!sealKeys) return null;
      const found = await (
        await tenants.ofTenant(id)
      ).inTenant(id, (query) =>
        verifyTrail(
          <Row extends object>(sql: Prisma.Sql) => query<Row & Record<string, unknown>>(sql.text, sql.values),
          id,
          {
            keys: sealKeys.trusted,
          },
        ),
      );
      const { intact, entries, pending, broken } = found;
      return { intact, entries, pending, problem: broken?.explanation ?? null };
    },
  },
  Job: {
    maxAttempts: ({ max_attempts: most }) => most,
    runAt: ({ run_at: at }) => at,
    createdAt: ({ created_at: at }) => at,
    startedAt: ({ started_at: at }) => at,
    finishedAt: ({ finished_at: at }) => at,
    lastError: ({ last_error: why }) => why,
  },
  Mutation: {
    createTenant: async (_parent, { input }, { tenants, plans }) => {
      const {
        reason,
        ownerUserId,
        ownerEmail,
        plan = plans.smallest.name,
        cell,
        ...given
      } = parseInput(createInput, input);
      refuseUnknownPlan(plans, plan);
      const owner = { userId: ownerUserId, email: ownerEmail };
      return { tenant: await createTenantIn(tenants, cell, { ...given, plan, owner }, { reason }) };
    },
    suspendTenant: async (_parent, { input }, { tenants }) => {
      const { tellMembers, ...change } = parseInput(suspendInput, input);
      return {
        tenant: await suspendTenant(await tenants.of(change.slug), {
          ...change,
          told: tellMembers ? change.reason : undefined,
        }),
      };
    },
    resumeTenant: async (_parent, { input }, { tenants }) => ({
      tenant: await resumeTenant(await tenants.of(input.slug), parseInput(resumeInput, input)),
    }),
    renameTenant: async (_parent, { input }, { tenants }) => ({
      tenant: await renameTenantIn(tenants, parseInput(renameInput, input)),
    }),
    changeTenantPlan: async (_parent, { input }, { tenants, plans }) => ({
      tenant: await setTenantPlan(await tenants.of(input.slug), plans, parseInput(planInput, input)),
    }),
    impersonate: async (_parent, { input }, { tenants }) => {
      const { userId, role, ...change } = parseInput(impersonateInput, input);
      const actAs = userId === undefined ? { role: role! } : { userId };
      return beginImpersonation(await tenants.of(change.slug), { ...change, actAs });
    },
    endImpersonation: async (_parent, { input }, { tenants }) => ({
      impersonation: await endImpersonation(await tenants.of(input.slug), parseInput(endInput, input)),
    }),
    eraseTenant: async (_parent, { input }, { tenants, erasureDays }) => {
      const { now, ...change } = parseInput(eraseInput, input);
      const waitSeconds = now ? 0 : erasureDays * DAY_SECONDS;
      return { tenant: await requestErasure(await tenants.of(change.slug), { ...change, waitSeconds }) };
    },
    cancelTenantErasure: async (_parent, { input }, { tenants }) => ({
      tenant: await cancelErasure(await tenants.of(input.slug), parseInput(resumeInput, input)),
    }),
  },
};

/** Like `parseInput`, for the arguments of a query: their paths do not begin with `input`. */
function parseArguments<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = (issue?.path ?? []).join('.');
  throw new PublicError('BAD_USER_INPUT', `${field} ${issue?.message ?? ''}.`, { field });
}

function nullIfMissing(error: unknown): null {
  if (error instanceof PublicError && error.code === 'NOT_FOUND') return null;
  throw error;
}
