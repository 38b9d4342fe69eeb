/** The error that a client receives for every constraint of every table of the platform. */
import { expect, test } from 'vitest';
import { publicError } from '../../src/kernel/vocabulary/errors.js';
import { proveConstraints } from '../support/constraints.js';
import { useDatabase } from '../support/database.js';
import {
  insertApiKey,
  insertDelivery,
  insertImpersonation,
  insertInvitation,
  insertMembership,
  insertWebhook,
} from '../support/rows.js';

const database = useDatabase();

const NOW = '2026-01-01T00:00:00Z';

proveConstraints(database, {
  tenants: {
    row: (on) => on.tenantId('acme'),
    checks: {
      tenants_slug_check: { slug: 'Not A Slug' },
      tenants_status_check: { status: 'gone' },
      tenants_suspension_reason_check: { suspension_reason: '' },
    },
  },
  memberships: {
    row: (on) => insertMembership(on, 'acme'),
    checks: { memberships_role_check: { role: 'god' } },
  },
  invitations: {
    row: async (on) => (await insertInvitation(on, 'acme')).id,
    checks: {
      invitations_email_check: { email: 'Upper@new.test' },
      invitations_role_check: { role: 'god' },
      invitations_token_hash_check: { token_hash: 'secret' },
      invitations_accepted_check: { accepted_at: NOW },
      times_check: { expires_at: 'infinity' },
      invitations_end_check: { accepted_at: NOW, accepted_by: 'somebody', revoked_at: NOW },
    },
  },
  api_keys: {
    row: async (on) => (await insertApiKey(on, 'acme')).id,
    checks: {
      api_keys_key_hash_check: { key_hash: 'secret' },
      api_keys_prefix_check: { prefix: 'tk' },
      times_check: { expires_at: 'infinity' },
    },
  },
  impersonations: {
    row: async (on) => (await insertImpersonation(on, 'acme')).id,
    checks: {
      impersonations_token_hash_check: { token_hash: 'secret' },
      impersonations_role_check: { role: 'god' },
      impersonations_reason_check: { reason: '' },
      impersonations_end_check: { expires_at: '2200-01-01' },
      times_check: { expires_at: 'infinity' },
    },
  },
  webhooks: {
    row: (on) => insertWebhook(on, 'acme'),
    checks: {
      webhooks_url_check: { url: `https://hooks.test/${'a'.repeat(2_048)}` },
      webhooks_events_check: { events: [] },
      webhooks_payload_check: { payload: 'all' },
      webhooks_disabled_because_check: { disabled_at: NOW, disabled_because: 'mood' },
      webhooks_disabled_check: { disabled_at: NOW },
      times_check: { held_until: 'infinity' },
    },
  },
  webhook_deliveries: {
    row: (on) => insertDelivery(on, 'acme'),
    checks: {
      webhook_deliveries_status_check: { status: 'lost' },
      webhook_deliveries_failure_check: { failure: 'mood' },
      webhook_deliveries_delivered_check: { delivered_at: NOW },
    },
  },
  idempotency_keys: {
    row: async (on) => {
      const [row] = await on.asSuperuser<{ id: string }>(
        `INSERT INTO idempotency_keys (tenant_id, actor_type, actor, key, fingerprint, expires_at)
         VALUES ($1, 'user', 'somebody', 'a key', 'a hash', now()) RETURNING id`,
        [await on.tenantId('acme')],
      );
      return row!.id;
    },
  },
  audit_log: {
    row: async (on) => {
      const [row] = await on.asSuperuser<{ id: string }>('SELECT id FROM audit_log LIMIT 1');
      return row!.id;
    },
    checks: { audit_log_actor_type_check: { actor_type: 'ghost' } },
    masked: true,
  },
});

test.each([
  ['22001', `SELECT 1 FROM set_it(repeat('x', 300))`, 'BAD_USER_INPUT'],
  ['22003', 'SELECT 2147483647 + 1', 'BAD_USER_INPUT'],
  ['22P02', `SELECT 'x'::uuid`, 'BAD_USER_INPUT'],
  ['22007', `SELECT 'x'::date`, 'BAD_USER_INPUT'],
  ['22008', `SELECT '2024-13-45'::date`, 'BAD_USER_INPUT'],
  ['23P01', 'INSERT INTO booked VALUES (1, 1), (1, 1)', 'CONFLICT'],
  ['428C9', 'INSERT INTO booked (room, day, doubled) VALUES (1, 2, 3)', 'BAD_USER_INPUT'],
  ['22012', 'SELECT 1 / 0', undefined],
  ['42P01', 'SELECT FROM nowhere', undefined],
  ['42501', 'SELECT tenantry.current_tenant()', undefined],
  ['P0001', `DO $$ BEGIN RAISE 'anything'; END $$`, undefined],
])('SQLSTATE %s', async (state, sql, code) => {
  await database().asSuperuser(
    `CREATE TABLE IF NOT EXISTS booked (
       room integer, day integer, doubled integer GENERATED ALWAYS AS (day * 2) STORED,
       EXCLUDE USING btree (room WITH =, day WITH =));
     CREATE TABLE IF NOT EXISTS short (text varchar(255));
     CREATE OR REPLACE FUNCTION set_it(value text) RETURNS void LANGUAGE sql AS 'INSERT INTO short VALUES (value)'`,
  );
  const error = await database()
    .asSuperuser(sql)
    .then(
      () => undefined,
      (failure: unknown) => failure,
    );
  expect(error).toMatchObject({ code: state });
  expect(publicError(error)?.code).toBe(code);
});
