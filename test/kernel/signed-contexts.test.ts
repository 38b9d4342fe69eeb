/**
 * Proves that SQL which an attacker slips into a statement of one tenant cannot act for another tenant or another actor
 * where contexts are signed, and that the same attacks succeed where they are not: whatever the server's role may run.
 */
import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  addContextKey,
  checkContextSigning,
  fingerprintOf,
  listContextKeys,
  revokeContextKey,
} from '../../src/kernel/database/preparation/context-keys.js';
import { LIMITS } from '../../src/create-services.js';
import { createSign, type Sign } from '../../src/kernel/database/context-signature.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import { until } from '../support/until.js';
import { openTestDatabase, useDatabase, type TestDatabase } from '../support/database.js';
import {
  BIND,
  bindingValues,
  connected,
  contextOf,
  refusalOf,
  rejectionOf,
  useDemoTenants,
} from '../support/demo-tenants.js';

const KEY = randomBytes(48).toString('base64url');
const sign = createSign(KEY);

const signed = useDatabase();
const tenants = useDemoTenants(signed);
beforeAll(() => addContextKey(signed().superuser, KEY));

const ALTERED = 'the context of this transaction is not the one it was bound to';
const UNBOUND = 'no tenant is bound to this transaction';

/** A transaction of acme's into which SQL is injected; undone. */
async function inAcme<Result>(
  database: TestDatabase,
  signing: Sign,
  attack: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const acme = contextOf(await database.tenantId('acme'));
  return connected(database.app, async (client) => {
    await client.query('BEGIN');
    await client.query(BIND, bindingValues(acme, signing));
    try {
      return await attack(client);
    } finally {
      await client.query('ROLLBACK');
    }
  });
}

const attacked = <Result>(attack: (client: pg.Client) => Promise<Result>) => inAcme(signed(), sign, attack);

/** Whose memberships the transaction sees. */
const seen = async (client: pg.Client): Promise<unknown[]> =>
  (await client.query<{ tenant_id: string }>('SELECT DISTINCT tenant_id FROM memberships')).rows.map(
    (row) => row.tenant_id,
  );

/** SQL by which a transaction of acme's turns to globex: `$globex` is its id. */
const SWITCHES: Readonly<Record<string, string>> = {
  'sets the tenant': "SELECT set_config('app.current_tenant', '$globex', true)",
  'sets the tenant for the session': "SELECT set_config('app.current_tenant', '$globex', false)",
  'sets the tenant by SET': "SET app.current_tenant = '$globex'",
  'sets everything': `SELECT set_config('app.current_tenant', '$globex', true),
    set_config('app.current_actor', 'demo|globex|owner', true), set_config('app.current_actor_type', 'user', true),
    set_config('app.current_request', 'x', true)`,
  'resets and binds again': `SELECT set_config('app.current_tenant', '', true);
    SELECT tenantry.bind('$globex', 'demo|globex|owner', 'user', 'x', 5000, false)`,
  'begins another transaction': `COMMIT; BEGIN;
    SELECT tenantry.bind('$globex', 'demo|globex|owner', 'user', 'x', 5000, false)`,
  'hides it in a DO block': `DO $do$ BEGIN
    PERFORM set_config('app.current_tenant', '', true);
    PERFORM tenantry.bind('$globex', 'demo|globex|owner', 'user', 'x', 5000, false); END $do$`,
};

describe('a tenant', () => {
  const unsigned = useDatabase();

  test.each(Object.entries(SWITCHES))(
    'is switched by SQL that %s, unless contexts are signed',
    async (_, sql) => {
      const open = await inAcme(unsigned(), createSign(unsigned().contextKey), async (client) => {
        const globex = await unsigned().tenantId('globex');
        await client.query(sql.replaceAll('$globex', globex));
        return { globex, seen: await seen(client) };
      });
      if (unsigned().contextKey === undefined) expect(open.seen).toEqual([open.globex]);

      await attacked(async (client) => {
        const failure = await client
          .query(sql.replaceAll('$globex', tenants().globex.tenantId))
          .then(() => seen(client))
          .then(
            (rows) => rows,
            (error: unknown) => (error as Error).message,
          );
        expect([ALTERED, 'this database takes signed contexts only']).toContain(failure);
      });
    },
  );

  test('is not switched within the statement, either', async () => {
    const { globex } = tenants();
    await attacked(async (client) => {
      for (const sql of [
        `SELECT tenant_id FROM memberships, (SELECT set_config('app.current_tenant', '${globex.tenantId}', true)) s`,
        `WITH s AS MATERIALIZED (SELECT set_config('app.current_tenant', '${globex.tenantId}', true) AS t)
         SELECT tenant_id FROM s, LATERAL (SELECT * FROM memberships WHERE t <> '') m`,
      ]) {
        await client.query('SAVEPOINT attempt');
        const rows = await client.query<{ tenant_id: string }>(sql).then(
          (answer) => answer.rows,
          () => [],
        );
        expect(rows.map((row) => row.tenant_id)).not.toContain(globex.tenantId);
        await client.query('ROLLBACK TO attempt');
      }
    });
  });

  test('is not switched by a part of the context that is missing, empty or moved', async () => {
    const { acme, globex } = tenants();
    await connected(signed().app, async (client) => {
      // Settings that were never made are null, not empty.
      await client.query("SELECT set_config('app.current_tenant', $1, false)", [globex.tenantId]);
      expect((await refusalOf(seen(client))).message).toBe(ALTERED);
      await client.query("SELECT set_config('app.context_seal', '', false)");
      expect((await refusalOf(seen(client))).message).toBe(ALTERED);
    });
    await attacked(async (client) => {
      await client.query(
        "SELECT set_config('app.current_actor', $1, true), set_config('app.current_actor_type', $2, true)",
        [`${acme.actor.id}\u001fuser`, acme.requestId],
      );
      expect((await refusalOf(seen(client))).message).toBe(ALTERED);
    });
  });

  test('is not switched by code of the attacker’s that the verification would call', async () => {
    await signed().withTemporaryTables(() =>
      attacked(async (client) => {
        await client.query(`
        CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT ''::bytea $$;
        CREATE FUNCTION pg_temp.always(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
        CREATE OPERATOR pg_temp.= (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.always);
        CREATE DOMAIN pg_temp.uuid AS text;
        CREATE TEMP TABLE context_keys AS SELECT 'x' AS fingerprint, ''::bytea AS inner_pad, ''::bytea AS outer_pad,
          ''::bytea AS seal_front, ''::bytea AS seal_back;
        SET search_path = pg_temp, pg_catalog, public;
        SELECT set_config('app.current_tenant', '${tenants().globex.tenantId}', true)`);
        expect((await refusalOf(client.query('SELECT * FROM public.memberships'))).message).toBe(ALTERED);
      }),
    );
    await connected(signed().app, async (client) => {
      for (const schema of ['tenantry', 'public', 'pg_catalog']) {
        const made = client.query(
          `CREATE FUNCTION ${schema}.sha256(text) RETURNS text LANGUAGE sql AS 'SELECT 1::text'`,
        );
        expect((await refusalOf(made)).state).toBe('42501');
      }
    });
  });

  test.each([
    'SET ROLE tenantry_owner',
    'SET ROLE tenantry_operator',
    'SET SESSION AUTHORIZATION tenantry_owner',
    'SET LOCAL row_security = off; SELECT * FROM memberships WHERE tenant_id <> tenantry.current_tenant()',
    'SET session_replication_role = replica',
  ])('is not switched by %s', async (sql) => {
    await attacked(async (client) => {
      await rejectionOf(client.query(sql));
    });
  });

  test('is that of its own transaction, whatever earlier ones have left behind', async () => {
    const { acme, globex } = tenants();
    await signed().withTemporaryTables(() =>
      connected(signed().app, async (client) => {
        await client.query('BEGIN');
        await client.query(BIND, bindingValues(acme, sign));
        await client.query(`PREPARE left_behind AS SELECT DISTINCT tenant_id FROM memberships;
        DECLARE held CURSOR WITH HOLD FOR SELECT tenant_id FROM memberships;
        CREATE TEMP TABLE notes AS SELECT current_setting('app.context_seal') AS seal;`);
        await client.query('COMMIT');
        // What acme could read it may keep; the rest is verified anew.
        const restored = `SELECT set_config('app.current_tenant', $1, true), set_config('app.current_actor', $2, true),
        set_config('app.current_actor_type', 'user', true), set_config('app.current_request', $3, true),
        set_config('app.context_seal', (SELECT seal FROM notes), true)`;
        for (const tenantId of [acme.tenantId, globex.tenantId]) {
          await client.query('BEGIN');
          await client.query(restored, [tenantId, acme.actor.id, acme.requestId]);
          expect((await refusalOf(client.query('EXECUTE left_behind'))).message).toBe(ALTERED);
          await client.query('ROLLBACK');
        }
        await client.query('BEGIN');
        await client.query(BIND, bindingValues(globex, sign));
        expect((await client.query('EXECUTE left_behind')).rows).toEqual([{ tenant_id: globex.tenantId }]);
        await client.query('ROLLBACK');
      }),
    );
  });
});

describe('a signature', () => {
  /** As on a server whose clock is so many seconds off. */
  const signedAt = (offset: number): Sign => {
    const now = Date.now;
    return (...parts) => {
      Date.now = () => now() + offset * 1_000;
      try {
        return sign(...parts);
      } finally {
        Date.now = now;
      }
    };
  };
  const binding = (values: readonly unknown[]) =>
    connected(signed().app, (client) => client.query(BIND, [...values]));

  test.each([-55, 0, 55])('is taken from a server whose clock is %s seconds ahead', async (offset) => {
    await binding(bindingValues(tenants().acme, signedAt(offset)));
  });

  test.each([-65, 65, -86_400, 86_400])(
    'is refused after its time or long before: %s seconds',
    async (offset) => {
      const refused = await refusalOf(binding(bindingValues(tenants().acme, signedAt(offset))));
      expect(refused).toMatchObject({
        state: '42501',
        message: expect.stringContaining('expired') as string,
      });
    },
  );

  test('is for everything it was made for, and for nothing else', async () => {
    const values = bindingValues(tenants().acme, sign);
    const others = [tenants().globex.tenantId, 'demo|acme|viewer', 'job', 'another request'];
    for (const [at, other] of others.entries()) {
      const refused = await refusalOf(binding(values.with(at, other)));
      expect(refused.message).toMatch(/^the signature was not made/);
    }
    const [expires, signature] = values.slice(6) as [string, string];
    for (const altered of [
      values.with(6, String(Number(expires) + 1)),
      values.with(
        7,
        signature.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
      ),
      values.with(7, ''),
      // The request's id behind the actor's, and no request.
      values.with(1, `${String(values[1])}\u001f${String(values[3])}`).with(3, null),
      bindingValues(tenants().acme, createSign(`${KEY}x`)),
    ]) {
      expect((await refusalOf(binding(altered))).message).toMatch(/^the signature was not made/);
    }
    const elsewhere = connected(signed().app, (client) =>
      client.query('SELECT * FROM tenantry.resolve_access($1, $2, $3, $4)', [
        'acme',
        'x',
        expires,
        signature,
      ]),
    );
    expect((await refusalOf(elsewhere)).message).toMatch(/^the signature was not made/);
  });

  test('cannot be made for names that could be read in two ways', () => {
    expect(() => sign('bind', 'a\u001fb')).toThrow('unit separator');
  });

  test('is asked for whatever else an actor could be claimed by', async () => {
    await attacked(async (client) => {
      for (const sql of [
        "SELECT * FROM tenantry.resolve_access('globex', 'demo|globex|owner')",
        "SELECT * FROM tenantry.accept_invitation('x', 'somebody', 'a@b.test', 'x')",
      ]) {
        await client.query('SAVEPOINT attempt');
        expect((await refusalOf(client.query(sql))).message).toBe('this database takes signed contexts only');
        await client.query('ROLLBACK TO attempt');
      }
    });
  });
});

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
  /** Every way in which they could be written. */
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

test('what a server binds is not shown to other sessions of its role, in no kind of operation', async () => {
  const { acme } = tenants();
  const actor = { type: 'user', id: 'actor-mark' } as const;
  const opened = openTestDatabase({ url: signed().app, poolSize: 2, limits: LIMITS, contextKey: KEY });
  const context = { tenantId: acme.tenantId, actor, requestId: 'request-mark' };
  const db = opened.forTenant(context);
  const read = Prisma.sql`SELECT 1 AS one`;
  await connected(signed().superuser, (holder) =>
    connected(signed().app, async (spy) => {
      for (const operation of [
        () => db.$queryRaw(read),
        () => Promise.all([db.$queryRaw(read), db.membership.findMany()]),
        () => db.transaction((tx) => tx.$queryRaw(read)),
        () => opened.unitOfWork(context, (inside) => inside.$queryRaw(read)),
      ]) {
        // A binding has to read the keys: it stands still where it can be looked at.
        await holder.query('BEGIN; LOCK TABLE tenantry.context_keys');
        const running = operation();
        let shown = '';
        await until('a binding', async () => {
          const { rows } = await spy.query(
            "SELECT * FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = 'tenantry_app'",
          );
          shown = JSON.stringify(rows);
          return shown.includes('tenantry.bind($1');
        });
        await holder.query('COMMIT');
        await running;
        for (const secret of ['actor-mark', 'request-mark', acme.tenantId])
          expect(shown).not.toContain(secret);
        expect(shown).not.toMatch(/[0-9a-f]{64}/);
      }
    }),
  );
  await opened.close();
});
