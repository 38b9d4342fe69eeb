/**
 * Operators' work on tenants. Each change, and each read of one tenant, is in the tenant's audit log, with its reason.
 */
import { z } from 'zod';
import { Prisma } from '../../generated/prisma/client.js';
import type { Role } from '../../kernel/vocabulary/permissions.js';
import { badInput, conflict, notFound } from '../../kernel/vocabulary/errors.js';
import { sqlState } from '../../kernel/vocabulary/sql-state.js';
import type { Plans } from '../../kernel/vocabulary/plan.js';
import type { TenantStatus } from '../../kernel/vocabulary/tenant-status.js';
import type { OperatorConnection, OperatorQuery } from './operator-connection.js';
import { isReserved } from './slugs.js';

export interface NewTenant {
  /** Default: a new one. */
  readonly id?: string | undefined;
  readonly slug: string;
  readonly name: string;
  /** Default: `free`, whether there is such a plan or not. */
  readonly plan?: string | undefined;
  /** The first owner. */
  readonly owner: NewMember;
  readonly members?: readonly (NewMember & { readonly role: Role })[];
}

export interface NewMember {
  readonly userId: string;
  readonly email: string;
}

export interface TenantRow {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly plan: string;
  readonly status: TenantStatus;
  /** What its members are told while it is suspended. */
  readonly suspension_reason: string | null;
  readonly created_at: Date;
}

const UNIQUE_VIOLATION = '23505';
const CHECK_VIOLATION = '23514';
/** The columns of {@link TenantRow}. */
export const TENANT_COLUMNS = 'id, slug, name, plan, status, suspension_reason, created_at';

/** The check of browsers for `<input type="email">`. */
const ADDRESS = z.email({ pattern: z.regexes.html5Email });

/** Rows that are a copy of a tenant of another cell are not the tenant. */
export const IS_SERVED = Prisma.sql`NOT EXISTS (
  SELECT FROM tenantry.moves m WHERE m.subject = tenants.id AND m.state <> 'leaving')`;

/** All tenants of a cell, by slug. */
export const listTenants = (connection: Pick<OperatorConnection, 'query'>): Promise<TenantRow[]> =>
  connection.query<TenantRow>(
    `SELECT ${TENANT_COLUMNS} FROM public.tenants WHERE ${IS_SERVED.text} ORDER BY slug`,
  );

/** @throws NOT_FOUND */
export async function findTenant(connection: OperatorConnection, slug: string): Promise<TenantRow> {
  const [tenant] = await connection.query<TenantRow>(
    `SELECT ${TENANT_COLUMNS} FROM public.tenants WHERE slug = $1`,
    [slug],
  );
  if (!tenant) throw notFound(`tenant ${slug}`);
  return tenant;
}

/**
 * A tenant, whose audit log then says that it was read.
 *
 * @throws NOT_FOUND
 */
export async function readTenant(
  connection: OperatorConnection,
  slug: string,
  reason: string,
): Promise<TenantRow> {
  const tenant = await findTenant(connection, slug);
  return connection.acting(tenant.id, { action: 'tenant_read', reason }, async () => tenant);
}

/**
 * Creates a tenant with its members, all or nothing.
 *
 * @param reason for the tenant's audit log; undefined: it has the entries of the rows alone
 * @throws CONFLICT when the slug is taken; BAD_USER_INPUT when it is malformed or reserved, or when an address is
 * malformed
 */
export async function createTenant(
  connection: OperatorConnection,
  tenant: NewTenant,
  reason?: string,
): Promise<TenantRow> {
  const { slug, name, plan = 'free', owner, members = [] } = tenant;
  if (isReserved(slug)) throw badInput(`The slug ${slug} is reserved.`);
  for (const { email } of [owner, ...members]) {
    if (!ADDRESS.safeParse(email).success) throw badInput('A member needs an e-mail address.');
  }
  const id = tenant.id ?? (await connection.query<{ id: string }>('SELECT tenantry.uuid_v7() AS id'))[0]!.id;
  try {
    const found = async (query: OperatorQuery) => {
      const [created] = await query<TenantRow>(
        `INSERT INTO public.tenants (id, slug, name, plan) VALUES ($1, $2, $3, $4) RETURNING ${TENANT_COLUMNS}`,
        [id, slug, name, plan],
      );
      const addMember = (member: NewMember, role: Role, invitedBy: string | null) =>
        query('INSERT INTO public.memberships (user_id, email, role, invited_by) VALUES ($1, $2, $3, $4)', [
          member.userId,
          member.email,
          role,
          invitedBy,
        ]);
      await addMember(owner, 'owner', null);
      for (const member of members) await addMember(member, member.role, owner.userId);
      return created!;
    };
    return await (reason === undefined
      ? connection.inTenant(id, found)
      : connection.acting(id, { action: 'tenant_founded', reason }, found));
  } catch (error) {
    throw refusedSlug(error, slug);
  }
}

/** A change of one tenant by an operator. */
export interface TenantChange {
  readonly slug: string;
  /** Why, for the tenant's audit log. */
  readonly reason: string;
}

/**
 * Moves a tenant to another plan, which limits it on every server within a second of the commit.
 *
 * @throws NOT_FOUND; BAD_USER_INPUT when there is no such plan
 */
export async function setTenantPlan(
  connection: OperatorConnection,
  plans: Plans,
  { slug, reason, plan }: TenantChange & { readonly plan: string },
): Promise<TenantRow> {
  refuseUnknownPlan(plans, plan);
  return changed(connection, { slug, reason }, 'plan_changed', (query, id) =>
    query<TenantRow>(
      `UPDATE public.tenants SET plan = $2, updated_at = now() WHERE id = $1 RETURNING ${TENANT_COLUMNS}`,
      [id, plan],
    ),
  );
}

/** @throws BAD_USER_INPUT when there is no such plan */
export function refuseUnknownPlan(plans: Plans, plan: string): void {
  if (!plans.has(plan)) throw badInput(`There is no plan ${plan}: PLANS_FILE has ${plans.names}.`);
}

/**
 * Suspends a tenant. Its members are refused on every server within a second of the commit, what is under way for it ends,
 * and its jobs wait.
 *
 * @param change `told` is what its members read; undefined: they are told no reason
 * @throws NOT_FOUND
 */
export const suspendTenant = (
  connection: OperatorConnection,
  { told, ...change }: TenantChange & { readonly told?: string | undefined },
): Promise<TenantRow> =>
  changed(connection, change, 'tenant_suspended', (query, id) =>
    query<TenantRow>(
      `UPDATE public.tenants SET status = 'suspended', suspension_reason = $2, updated_at = now()
       WHERE id = $1 RETURNING ${TENANT_COLUMNS}`,
      [id, told ?? null],
    ),
  );

/**
 * Serves a suspended tenant again.
 *
 * @throws NOT_FOUND
 */
export const resumeTenant = (connection: OperatorConnection, change: TenantChange): Promise<TenantRow> =>
  changed(connection, change, 'tenant_resumed', (query, id) =>
    query<TenantRow>(
      `UPDATE public.tenants SET status = 'active', suspension_reason = NULL, updated_at = now()
       WHERE id = $1 RETURNING ${TENANT_COLUMNS}`,
      [id],
    ),
  );

/**
 * Changes the name, the slug, or both. Under its former slug nobody finds the tenant any more.
 *
 * @throws NOT_FOUND; CONFLICT when the slug is taken; BAD_USER_INPUT when it is malformed or reserved, or nothing changes
 */
export async function renameTenant(
  connection: OperatorConnection,
  {
    name,
    newSlug,
    ...change
  }: TenantChange & { readonly name?: string | undefined; readonly newSlug?: string | undefined },
): Promise<TenantRow> {
  if (name === undefined && newSlug === undefined) throw badInput('Say the new name, or the new slug.');
  if (newSlug !== undefined && isReserved(newSlug)) throw badInput(`The slug ${newSlug} is reserved.`);
  try {
    return await changed(connection, change, 'tenant_renamed', (query, id) =>
      query<TenantRow>(
        `UPDATE public.tenants SET name = coalesce($2, name), slug = coalesce($3, slug), updated_at = now()
         WHERE id = $1 RETURNING ${TENANT_COLUMNS}`,
        [id, name ?? null, newSlug ?? null],
      ),
    );
  } catch (error) {
    throw refusedSlug(error, newSlug ?? change.slug);
  }
}

/** Runs a change of one tenant, with its entry in the audit log. */
async function changed(
  connection: OperatorConnection,
  { slug, reason }: TenantChange,
  action: string,
  change: (query: OperatorQuery, id: string) => Promise<TenantRow[]>,
): Promise<TenantRow> {
  const { id } = await findTenant(connection, slug);
  const [tenant] = await connection.acting(id, { action, reason }, (query) => change(query, id));
  if (!tenant) throw notFound(`tenant ${slug}`);
  return tenant;
}

/** The error for a slug that the database has refused. */
function refusedSlug(error: unknown, slug: string): unknown {
  if (sqlState(error) === UNIQUE_VIOLATION) return conflict(`The slug ${slug} is taken.`);
  if (sqlState(error) !== CHECK_VIOLATION) return error;
  return badInput('A slug has 1 to 63 lower-case letters, digits and inner hyphens, and is no UUID.');
}
