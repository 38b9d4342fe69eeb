/**
 * Inserts rows directly into the database as the superuser, so that the starting point of a test does not depend on the
 * API under test.
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

export interface NewJob {
  readonly state?: 'queued' | 'dead';
  readonly task?: string;
  readonly lastError?: string;
  readonly requestId?: string;
  readonly maxAttempts?: number;
  readonly actorType?: 'user' | 'operator';
  readonly actor?: string;
}

/** @returns the job's id. A worker finds it: the tenant is woken as by `tenantry.enqueue`. */
export async function insertJob(
  database: TestDatabase,
  tenant: string,
  { state = 'dead', task = 'test.inserted', maxAttempts = 1, actorType = 'user', ...rest }: NewJob = {},
): Promise<string> {
  const [row] = await database.asSuperuser<{ id: string }>(
    `INSERT INTO tenantry.jobs
       (tenant_id, task, payload, state, run_at, attempt, max_attempts, actor_type, actor, request_id, last_error, finished_at)
     VALUES ($1, $2, '{}', $3, now(), 1, $7, $8, $4, $5, $6, CASE WHEN $3 = 'dead' THEN now() END) RETURNING id`,
    [
      await database.tenantId(tenant),
      task,
      state,
      rest.actor ?? `demo|${tenant}|owner`,
      rest.requestId ?? null,
      rest.lastError ?? null,
      maxAttempts,
      actorType,
    ],
  );
  await database.asSuperuser('SELECT tenantry.wake_jobs($1, now())', [await database.tenantId(tenant)]);
  return row!.id;
}

export interface NewWebhookRow {
  readonly url?: string;
  readonly events?: readonly string[];
  readonly payload?: 'thin' | 'full';
  readonly actsFor?: string;
  readonly createdAt?: string;
}

/** A webhook whose secret nobody can open. @returns its id */
export async function insertWebhook(
  database: TestDatabase,
  tenant: string,
  {
    url = 'https://hooks.test/',
    events = ['membership.updated'],
    payload = 'thin',
    ...rest
  }: NewWebhookRow = {},
): Promise<string> {
  const [row] = await database.asSuperuser<{ id: string }>(
    `INSERT INTO webhooks (tenant_id, url, events, payload, created_by, acts_for, created_at, sealed_secret)
     VALUES ($1, $2, $3, $4, $5, $5, coalesce($6, now()), '1.00000000.AAAA') RETURNING id`,
    [
      await database.tenantId(tenant),
      url,
      events,
      payload,
      rest.actsFor ?? `demo|${tenant}|owner`,
      rest.createdAt ?? null,
    ],
  );
  return row!.id;
}

/** @returns the id of the delivery */
export async function insertDelivery(
  database: TestDatabase,
  tenant: string,
  webhookId?: string,
  { status = 'pending', createdAt }: { readonly status?: string; readonly createdAt?: string } = {},
): Promise<string> {
  const [row] = await database.asSuperuser<{ id: string }>(
    `INSERT INTO webhook_deliveries (tenant_id, webhook_id, event, occurred_at, status, delivered_at, created_at)
     VALUES ($1, $2, 'membership.updated', now(), $3, CASE WHEN $3 = 'delivered' THEN now() END, coalesce($4, now()))
     RETURNING id`,
    [
      await database.tenantId(tenant),
      webhookId ?? (await insertWebhook(database, tenant)),
      status,
      createdAt ?? null,
    ],
  );
  return row!.id;
}

/** An export that is ready, with bytes that are no archive. @returns its id */
export async function insertTenantExport(
  database: TestDatabase,
  tenant: string,
  { bytes = 'no archive', status = 'ready' }: { readonly bytes?: string; readonly status?: string } = {},
): Promise<string> {
  const tenantId = await database.tenantId(tenant);
  const [row] = await database.asSuperuser<{ id: string }>(
    `INSERT INTO tenant_exports (tenant_id, status, requested_by, anonymised, finished_at, expires_at, size, sha256, rows)
     SELECT $1, $3, 'demo|' || $2 || '|owner', false, now(), end_of.ready, end_of.size, end_of.hash, end_of.rows
     FROM (SELECT CASE WHEN $3 = 'ready' THEN now() + interval '1 day' END, CASE WHEN $3 = 'ready' THEN octet_length($4::text) END,
       CASE WHEN $3 = 'ready' THEN 'hash' END, CASE WHEN $3 = 'ready' THEN 1 END) AS end_of (ready, size, hash, rows)
     RETURNING id`,
    [tenantId, tenant, status, bytes],
  );
  await database.asSuperuser(
    "INSERT INTO tenant_export_chunks (tenant_id, export_id, number, bytes) VALUES ($1, $2, 0, convert_to($3, 'UTF8'))",
    [tenantId, row!.id, bytes],
  );
  return row!.id;
}

/** An erasure that waits, without the suspension that comes with one. */
export async function insertErasure(database: TestDatabase, tenant: string): Promise<void> {
  await database.asSuperuser(
    `INSERT INTO tenantry.erasures (subject, actor_type, actor, execute_at, former_status)
     VALUES ($1, 'user', 'demo|' || $2 || '|owner', now() + interval '30 days', 'active') ON CONFLICT DO NOTHING`,
    [await database.tenantId(tenant), tenant],
  );
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

/** The audit log of a tenant, read from the database, oldest entry first. */
export async function auditRows(database: TestDatabase, tenant: string): Promise<AuditRow[]> {
  return database.asSuperuser<AuditRow>(
    `SELECT id, actor, actor_type, action, entity, entity_id, old_value, new_value, request_id, created_at
     FROM audit_log WHERE tenant_id = $1 ORDER BY id`,
    [await database.tenantId(tenant)],
  );
}

/** The number of entries in the audit logs of all tenants. */
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
