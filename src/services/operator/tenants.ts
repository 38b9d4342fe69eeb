/** Operators' work on tenants. Each change is in the tenant's audit log. */
import { z } from 'zod';
import type { Role } from '../../kernel/vocabulary/permissions.js';
import { badInput, conflict, notFound } from '../../kernel/vocabulary/errors.js';
import { sqlState } from '../../kernel/vocabulary/sql-state.js';
import type { Plans } from '../../kernel/vocabulary/plan.js';
import type { TenantStatus } from '../../kernel/vocabulary/tenant-status.js';
import type { OperatorConnection } from './operator-connection.js';

export interface NewTenant {
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
  readonly created_at: Date;
}

const UNIQUE_VIOLATION = '23505';
const CHECK_VIOLATION = '23514';
const COLUMNS = 'id, slug, name, plan, status, created_at';

/** Subdomains that a product needs for itself, or that users would trust as the product's (RFC 2142 names some). */
const RESERVED_SLUGS: ReadonlySet<string> = new Set([
  ...[
    'admin',
    'api',
    'app',
    'assets',
    'auth',
    'autoconfig',
    'autodiscover',
    'billing',
    'blog',
    'cdn',
    'dashboard',
  ],
  ...[
    'dev',
    'docs',
    'ftp',
    'graphql',
    'help',
    'imap',
    'login',
    'mail',
    'metrics',
    'mta-sts',
    'ns1',
    'ns2',
    'oauth',
  ],
  ...[
    'operator',
    'pop',
    'postmaster',
    'smtp',
    'sso',
    'staging',
    'static',
    'status',
    'support',
    'test',
    'webmail',
  ],
  ...['webmaster', 'wpad', 'www'],
]);

/** The check of browsers for `<input type="email">`. */
const ADDRESS = z.email({ pattern: z.regexes.html5Email });

/** All tenants, by slug. */
export const listTenants = (connection: OperatorConnection): Promise<TenantRow[]> =>
  connection.query<TenantRow>(`SELECT ${COLUMNS} FROM public.tenants ORDER BY slug`);

/** @throws NOT_FOUND */
export async function findTenant(connection: OperatorConnection, slug: string): Promise<TenantRow> {
  const [tenant] = await connection.query<TenantRow>(
    `SELECT ${COLUMNS} FROM public.tenants WHERE slug = $1`,
    [slug],
  );
  if (!tenant) throw notFound();
  return tenant;
}

/**
 * Creates a tenant with its members, all or nothing.
 *
 * @throws CONFLICT when the slug is taken; BAD_USER_INPUT when it is malformed or reserved, or when an address is
 * malformed
 */
export async function createTenant(connection: OperatorConnection, tenant: NewTenant): Promise<TenantRow> {
  const { slug, name, plan = 'free', owner, members = [] } = tenant;
  if (RESERVED_SLUGS.has(slug)) throw badInput(`The slug ${slug} is reserved.`);
  for (const { email } of [owner, ...members]) {
    if (!ADDRESS.safeParse(email).success) throw badInput('A member needs an e-mail address.');
  }
  const id = (await connection.query<{ id: string }>('SELECT tenantry.uuid_v7() AS id'))[0]!.id;
  try {
    return await connection.inTenant(id, async (query) => {
      const [created] = await query<TenantRow>(
        `INSERT INTO public.tenants (id, slug, name, plan) VALUES ($1, $2, $3, $4) RETURNING ${COLUMNS}`,
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
    });
  } catch (error) {
    if (sqlState(error) === UNIQUE_VIOLATION) throw conflict(`The slug ${slug} is taken.`);
    if (sqlState(error) === CHECK_VIOLATION) {
      throw badInput('A slug has 1 to 63 lower-case letters, digits and inner hyphens, and is no UUID.');
    }
    throw error;
  }
}

/**
 * Moves a tenant to another plan, which limits it on every server within a second of the commit.
 *
 * @throws NOT_FOUND; BAD_USER_INPUT when there is no such plan
 */
export async function setTenantPlan(
  connection: OperatorConnection,
  plans: Plans,
  slug: string,
  plan: string,
): Promise<TenantRow> {
  refuseUnknownPlan(plans, plan);
  const { id } = await findTenant(connection, slug);
  const [tenant] = await connection.inTenant(id, (query) =>
    query<TenantRow>(
      `UPDATE public.tenants SET plan = $2, updated_at = now() WHERE id = $1 RETURNING ${COLUMNS}`,
      [id, plan],
    ),
  );
  return tenant!;
}

/** @throws BAD_USER_INPUT when there is no such plan */
export function refuseUnknownPlan(plans: Plans, plan: string): void {
  if (!plans.has(plan)) throw badInput(`There is no plan ${plan}: PLANS_FILE has ${plans.names}.`);
}

/**
 * Suspends or resumes a tenant. Its members are refused on every server within a second of the commit.
 *
 * @throws NOT_FOUND
 */
export async function setTenantStatus(
  connection: OperatorConnection,
  slug: string,
  status: TenantStatus,
): Promise<TenantRow> {
  const { id } = await findTenant(connection, slug);
  const [tenant] = await connection.inTenant(id, (query) =>
    query<TenantRow>(
      `UPDATE public.tenants SET status = $2, updated_at = now() WHERE id = $1 RETURNING ${COLUMNS}`,
      [id, status],
    ),
  );
  return tenant!;
}
