/** Proves that injected SQL cannot act for another actor when contexts are signed, and cannot read the keys. */
import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import {
  addContextKey,
  checkContextSigning,
  fingerprintOf,
  listContextKeys,
  revokeContextKey,
} from '../../src/kernel/database/preparation/context-keys.js';
import { createSign } from '../../src/kernel/database/context-signature.js';
import { BIND, bindingValues, connected, refusalOf, rejectionOf } from '../support/demo-tenants.js';
import { KEY, sign, ALTERED, useSignedContexts } from '../support/signed-contexts.js';

const { signed, tenants, attacked } = useSignedContexts();

const UNBOUND = 'no tenant is bound to this transaction';

describe('an actor', () => {
  const AS_VICTIM = "set_config('app.current_actor', 'demo|acme|viewer', true)";

  test('is not forged in the audit log, neither before the change nor between it and the entry', async () => {
    for (const attack of [
      `SELECT ${AS_VICTIM}; UPDATE memberships SET email = 'x' WHERE user_id = 'demo|acme|member'`,
      `WITH changed AS (UPDATE memberships SET email = 'x' WHERE user_id = 'demo|acme|member' RETURNING 1)
       SELECT ${AS_VICTIM} FROM changed`,
      `WITH changed AS (UPDATE memberships SET email = 'x' WHERE user_id = 'demo|acme|member' RETURNING 1)
       SELECT set_config('app.current_tenant', '', true) FROM changed`,
      `SELECT ${AS_VICTIM}; SELECT tenantry.record_audit('export.made', 'Export', NULL)`,
      `SELECT set_config('app.current_request', 'another', true); SELECT tenantry.record_audit('export.made', 'Export', NULL)`,
    ]) {
      await attacked(async (client) => {
        const { state, message } = await refusalOf(client.query(attack));
        expect({ state, known: [ALTERED, UNBOUND].includes(message) }, attack).toEqual({
          state: '42501',
          known: true,
        });
      });
    }
  });

  test('is not forged to read somebody’s kept results or memberships', async () => {
    await attacked(async (client) => {
      for (const sql of ['SELECT * FROM idempotency_keys', 'SELECT * FROM tenantry.memberships_of_actor()']) {
        await client.query('SAVEPOINT attempt');
        expect((await refusalOf(client.query(`SELECT ${AS_VICTIM}; ${sql}`))).message).toBe(ALTERED);
        await client.query('ROLLBACK TO attempt');
      }
    });
  });

  test('is what was bound, for everything that trusts it', async () => {
    await attacked(async (client) => {
      expect((await client.query('SELECT * FROM tenantry.current_actor()')).rows).toEqual([
        { actor_type: 'user', actor: 'demo|acme|owner' },
      ]);
      expect((await client.query('SELECT slug FROM tenantry.memberships_of_actor()')).rows).toEqual([
        { slug: 'acme' },
      ]);
      await client.query("UPDATE memberships SET email = 'x' WHERE user_id = 'demo|acme|member'");
      await client.query("SELECT tenantry.record_audit('export.made', 'Export', NULL)");
      const { rows } = await client.query(
        'SELECT actor, actor_type, request_id FROM audit_log ORDER BY id DESC LIMIT 2',
      );
      const entry = { actor: 'demo|acme|owner', actor_type: 'user', request_id: 'test' };
      expect(rows).toEqual([entry, entry]);
    });
  });
});

describe('the keys', () => {
  /** The keys in every encoding in which they could be written. */
  async function keysAsText(): Promise<string[]> {
    const rows = await signed().asSuperuser<{ pad: string }>(
      `SELECT encode(pad, form) AS pad FROM tenantry.context_keys,
         unnest(ARRAY[inner_pad, outer_pad, seal_front, seal_back]) AS pad, unnest(ARRAY['hex', 'base64', 'escape']) AS form`,
    );
    return [KEY, ...rows.map(({ pad }) => pad.slice(0, 30))];
  }

  test('cannot be read by the server’s role', async () => {
    const secrets = await keysAsText();
    expect(secrets.length).toBe(13);
    await signed().asSuperuser('ANALYZE tenantry.context_keys');
    await attacked(async (client) => {
      const notices: string[] = [];
      client.on('notice', ({ message, detail, where }) => notices.push([message, detail, where].join()));
      await client.query(
        "SET client_min_messages = 'debug5'; SET debug_print_plan = on; SET debug_print_parse = on",
      );
      const heard = [];
      for (const sql of [
        'SELECT * FROM tenantry.context_keys',
        'COPY tenantry.context_keys TO STDOUT',
        'LOCK TABLE tenantry.context_keys',
        'SELECT * FROM pg_statistic',
        'SELECT tenantry.seal(NULL, NULL)',
        "SELECT tenantry.require_signature('x', 1, 'x')",
        "SELECT tenantry.add_context_key('x', '', '')",
        "SELECT tenantry.revoke_context_key('x')",
        "SELECT pg_read_file('pg_hba.conf')",
      ]) {
        await client.query('SAVEPOINT attempt');
        const error = await rejectionOf(client.query(sql));
        expect((error as pg.DatabaseError).code, sql).toBe('42501');
        heard.push(JSON.stringify(error), (error as Error).message);
        await client.query('ROLLBACK TO attempt');
      }
      for (const sql of [
        "SELECT prosrc, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'tenantry'::regnamespace",
        "SELECT * FROM pg_stats WHERE schemaname = 'tenantry'",
        'SELECT * FROM pg_stat_activity',
        'SELECT * FROM pg_settings',
        'SELECT * FROM pg_prepared_statements',
        'SELECT * FROM pg_cursors',
        'SELECT * FROM pg_sequences',
        'SELECT description FROM pg_description d JOIN pg_class c ON c.oid = d.objoid',
        'EXPLAIN (ANALYZE, VERBOSE, BUFFERS) SELECT * FROM memberships',
        'EXPLAIN (ANALYZE, VERBOSE) SELECT tenantry.current_tenant(), tenantry.current_actor()',
      ]) {
        heard.push(JSON.stringify((await client.query(sql)).rows));
      }
      const everything = [...heard, ...notices].join();
      expect(everything).toContain('current_tenant');
      for (const secret of secrets) expect(everything).not.toContain(secret);
    });
  });

  test('can be two at once, by which they are changed without a pause, and none, which is unsigned', async () => {
    const { superuser, app } = signed();
    const next = randomBytes(48).toString('base64url');
    const check = (key: string | undefined) => connected(app, (client) => checkContextSigning(client, key));
    const binds = (key: string | undefined) =>
      connected(app, (client) => client.query(BIND, bindingValues(tenants().acme, createSign(key))));

    await addContextKey(superuser, KEY);
    await addContextKey(superuser, next);
    await expect(addContextKey(superuser, 'a third')).rejects.toThrow('two context keys already');
    for (const key of [KEY, next]) {
      await check(key);
      await binds(key);
    }
    expect((await listContextKeys(superuser)).map(({ fingerprint }) => fingerprint)).toEqual(
      [KEY, next].map(fingerprintOf),
    );

    await revokeContextKey(superuser, fingerprintOf(KEY));
    await expect(check(KEY)).rejects.toThrow('does not accept CONTEXT_SIGNING_KEY');
    await expect(check(undefined)).rejects.toThrow('takes signed contexts only');
    expect((await refusalOf(binds(KEY))).state).toBe('42501');
    await binds(next);

    await revokeContextKey(superuser, fingerprintOf(next));
    await expect(revokeContextKey(superuser, fingerprintOf(next))).rejects.toThrow('has no context key');
    await check(undefined);
    await expect(check(next)).rejects.toThrow('has no key to check signatures with');
    await binds(undefined);
    await addContextKey(superuser, KEY);
    expect((await refusalOf(binds(undefined))).message).toBe('this database takes signed contexts only');
  });

  test('without a row though contexts are to be signed, nothing is bound', async () => {
    await connected(signed().superuser, async (client) => {
      await client.query('BEGIN');
      await client.query('DELETE FROM tenantry.context_keys');
      expect((await refusalOf(client.query(BIND, bindingValues(tenants().acme, sign)))).state).toBe('42501');
      await client.query('ROLLBACK');
    });
  });
});
