/**
 * Proves that injected SQL in one tenant's statement cannot act for another tenant when contexts are signed, and that
 * the same attacks succeed when they are not.
 */
import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import { PATIENT } from '../support/patience.js';
import { createSign, type Sign } from '../../src/kernel/database/context-signature.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import { until } from '../support/until.js';
import { openTestDatabase, useDatabase } from '../support/database.js';
import { BIND, bindingValues, connected, refusalOf, rejectionOf } from '../support/demo-tenants.js';
import { KEY, sign, ALTERED, inAcme, useSignedContexts } from '../support/signed-contexts.js';

const { signed, tenants, attacked } = useSignedContexts();

/** The tenants whose memberships the transaction sees. */
const seen = async (client: pg.Client): Promise<unknown[]> =>
  (await client.query<{ tenant_id: string }>('SELECT DISTINCT tenant_id FROM memberships')).rows.map(
    (row) => row.tenant_id,
  );

/** SQL that tries to switch a transaction of acme to globex. `$globex` stands for its id. */
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
      // A setting that was never made is null, not empty.
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
        // acme may keep what it could read. Everything else must be verified again.
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
  /** Signs as a server whose clock is off by so many seconds. */
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

  test.each([-45, 0, 45])('is taken from a server whose clock is %s seconds ahead', async (offset) => {
    await binding(bindingValues(tenants().acme, signedAt(offset)));
  });

  // The time passes while the signature is on its way, and a slow machine takes long.
  test.each([-65, 90, -86_400, 86_400])(
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
      // Appends the request's id to the actor's and leaves the request empty.
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

test('what a server binds is not shown to other sessions of its role, in no kind of operation', async () => {
  const { acme } = tenants();
  const actor = { type: 'user', id: 'actor-mark' } as const;
  const opened = openTestDatabase({ url: signed().app, poolSize: 2, limits: PATIENT, contextKey: KEY });
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
        // A binding reads the keys, so it waits for this lock and can be observed meanwhile.
        await holder.query('BEGIN; LOCK TABLE tenantry.context_keys');
        const running = operation();
        let shown = '';
        await until('a binding', async () => {
          const { rows } = await spy.query(
            "SELECT * FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = 'tenantry_app'",
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
