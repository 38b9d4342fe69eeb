/**
 * Rows that tests put straight into the database, as the superuser: what a test starts from is then independent of
 * the API it tests.
 */
import { randomUUID } from 'node:crypto';
import type { Role } from '../../src/access/permissions.js';
import type { TestDatabase } from './database.js';

export interface NewMembership {
  readonly role?: Role;
  readonly userId?: string;
  readonly email?: string;
  readonly joinedAt?: string;
  readonly invitedBy?: string | null;
}

/** @returns the membership's id. */
export async function insertMembership(
  database: TestDatabase,
  tenant: string,
  {
    role = 'viewer',
    userId = `test|${randomUUID()}`,
    joinedAt,
    invitedBy = null,
    ...rest
  }: NewMembership = {},
): Promise<string> {
  const [row] = await database.asSuperuser<{ id: string }>(
    `INSERT INTO memberships (tenant_id, user_id, email, role, invited_by, joined_at)
     VALUES ($1, $2, $3, $4, $5, coalesce($6, now())) RETURNING id`,
    [
      await database.tenantId(tenant),
      userId,
      rest.email ?? `${userId}@somewhere.test`,
      role,
      invitedBy,
      joinedAt ?? null,
    ],
  );
  return row!.id;
}

export interface AuditRow {
  readonly id: string;
  readonly actor: string;
  readonly actor_type: string;
  readonly action: string;
  readonly entity: string;
  readonly entity_id: string | null;
  readonly old_value: Readonly<Record<string, unknown>> | null;
  readonly new_value: Readonly<Record<string, unknown>> | null;
  readonly request_id: string | null;
  readonly created_at: Date;
}

/** The audit log of a tenant as it stands in the database, the oldest entry first. */
export async function auditRows(database: TestDatabase, tenant: string): Promise<AuditRow[]> {
  return database.asSuperuser<AuditRow>(
    `SELECT id, actor, actor_type, action, entity, entity_id, old_value, new_value, request_id, created_at
     FROM audit_log WHERE tenant_id = $1 ORDER BY id`,
    [await database.tenantId(tenant)],
  );
}

/** How many entries the audit logs of all tenants have. */
export async function countAuditRows(database: TestDatabase): Promise<number> {
  const [row] = await database.asSuperuser<{ count: number }>('SELECT count(*)::int AS count FROM audit_log');
  return row!.count;
}

/** @returns the tenant's id. */
export async function insertTenant(database: TestDatabase, slug: string): Promise<string> {
  const [row] = await database.asSuperuser<{ id: string }>(
    'INSERT INTO tenants (slug, name) VALUES ($1, $1) RETURNING id',
    [slug],
  );
  return row!.id;
}
