/**
 * Rows that tests put straight into the database, as the superuser: what a test starts from is then independent of
 * the API it tests.
 */
import { randomUUID } from 'node:crypto';
import type { Permission, Role } from '../../src/kernel/vocabulary/permissions.js';
import { newApiKey } from '../../src/kernel/auth/api-key.js';
import { hashSecret, newSecret } from '../../src/kernel/auth/secrets.js';
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

export interface NewInvitation {
  readonly email?: string;
  readonly role?: Role;
  readonly invitedBy?: string;
  readonly invitedAt?: string;
  readonly expiresAt?: string;
  readonly revokedAt?: string | null;
}

export async function insertInvitation(
  database: TestDatabase,
  tenant: string,
  { email = `${randomUUID()}@new.test`, role = 'viewer', ...rest }: NewInvitation = {},
): Promise<{ readonly id: string; readonly token: string; readonly email: string }> {
  const token = newSecret();
  const [row] = await database.asSuperuser<{ id: string }>(
    `INSERT INTO invitations (tenant_id, email, role, invited_by, invited_at, expires_at, revoked_at, token_hash)
     VALUES ($1, $2, $3, $4, coalesce($5, now()), coalesce($6, now() + interval '7 days'), $7, $8) RETURNING id`,
    [
      await database.tenantId(tenant),
      email,
      role,
      rest.invitedBy ?? `demo|${tenant}|owner`,
      rest.invitedAt ?? null,
      rest.expiresAt ?? null,
      rest.revokedAt ?? null,
      hashSecret(token),
    ],
  );
  return { id: row!.id, token, email };
}

export interface NewApiKeyRow {
  readonly permissions?: readonly Permission[];
  readonly createdBy?: string;
  readonly createdAt?: string;
  readonly expiresAt?: string | null;
  readonly revokedAt?: string | null;
}

export async function insertApiKey(
  database: TestDatabase,
  tenant: string,
  { permissions = ['members:read'], ...rest }: NewApiKeyRow = {},
): Promise<{ readonly id: string; readonly key: string }> {
  const { key, prefix, keyHash } = newApiKey();
  const [row] = await database.asSuperuser<{ id: string }>(
    `INSERT INTO api_keys (tenant_id, name, prefix, key_hash, permissions, created_by, created_at, expires_at, revoked_at)
     VALUES ($1, 'a key', $2, $3, $4, $5, coalesce($6, now()), $7, $8) RETURNING id`,
    [
      await database.tenantId(tenant),
      prefix,
      keyHash,
      permissions,
      rest.createdBy ?? `demo|${tenant}|owner`,
      rest.createdAt ?? null,
      rest.expiresAt ?? null,
      rest.revokedAt ?? null,
    ],
  );
  return { id: row!.id, key };
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
