/** What operators do to whole tenants. Each change is in the tenant's own audit log. */
import { randomUUID } from 'node:crypto';
import { conflict, notFound } from '../errors.js';
import { sqlState } from '../database/sql-state.js';
import type { TenantStatus } from '../tenancy/tenant-status.js';
import type { OperatorDoor } from './operator-connection.js';

export interface NewTenant {
  readonly slug: string;
  readonly name: string;
  /** The founding owner. */
  readonly owner: { readonly userId: string; readonly email: string };
}

export interface TenantRow {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly plan: string;
  readonly status: TenantStatus;
  readonly created_at: Date;
}

const COLUMNS = 'id, slug, name, plan, status, created_at';

/** All tenants, by slug. */
export const listTenants = (door: OperatorDoor): Promise<TenantRow[]> =>
  door.query<TenantRow>(`SELECT ${COLUMNS} FROM tenants ORDER BY slug`);

/** @throws NOT_FOUND */
export async function findTenant(door: OperatorDoor, slug: string): Promise<TenantRow> {
  const [tenant] = await door.query<TenantRow>(`SELECT ${COLUMNS} FROM tenants WHERE slug = $1`, [slug]);
  if (!tenant) throw notFound();
  return tenant;
}

/**
 * Creates a tenant with its founding owner.
 *
 * @throws CONFLICT when the slug is taken
 */
export async function createTenant(door: OperatorDoor, { slug, name, owner }: NewTenant): Promise<TenantRow> {
  const [{ id } = { id: randomUUID() }] = await door.query<{ id: string }>('SELECT tenantry.uuid_v7() AS id');
  try {
    return await door.inTenant(id, async (query) => {
      const [tenant] = await query<TenantRow>(
        `INSERT INTO tenants (id, slug, name) VALUES ($1, $2, $3) RETURNING ${COLUMNS}`,
        [id, slug, name],
      );
      await query('INSERT INTO memberships (user_id, email, role) VALUES ($1, $2, $3)', [
        owner.userId,
        owner.email,
        'owner',
      ]);
      return tenant!;
    });
  } catch (error) {
    if (sqlState(error) === '23505') throw conflict(`The slug ${slug} is taken.`);
    throw error;
  }
}

/**
 * Suspends or resumes a tenant. Its members are refused on every server within a second of the commit.
 *
 * @throws NOT_FOUND
 */
export async function setTenantStatus(
  door: OperatorDoor,
  slug: string,
  status: TenantStatus,
): Promise<TenantRow> {
  const { id } = await findTenant(door, slug);
  const [tenant] = await door.inTenant(id, (query) =>
    query<TenantRow>(
      `UPDATE tenants SET status = $2, updated_at = now() WHERE id = $1 RETURNING ${COLUMNS}`,
      [id, status],
    ),
  );
  return tenant!;
}
