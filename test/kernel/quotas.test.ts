/**
 * Proves that PostgreSQL keeps the counters of tenants' rows exact, whatever adds and removes rows, and that it refuses
 * what a plan does not allow. Raw SQL throughout, for the database has to hold alone.
 */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { beforeEach, describe, expect, test } from 'vitest';
import { bind, boundAndUndone, connected, contextOf, refusalOf } from '../support/demo-tenants.js';
import { counterOf, rowsOf, setPlans } from '../support/quotas.js';
import { INSUFFICIENT_PRIVILEGE, stateOf, useRefusals } from '../support/refusals.js';
import { insertTenant } from '../support/rows.js';

const { database, tenants, inAcme } = useRefusals();

/** The SQLSTATE of a refused growth. */
const EXCEEDED = 'TQ001';

const ADD_MEMBERS = `INSERT INTO memberships (user_id, email, role)
  SELECT 'test|' || gen_random_uuid(), 'new@somewhere.test', 'viewer' FROM generate_series(1, $1)`;
const ADD_KEYS = `INSERT INTO api_keys (name, prefix, key_hash, permissions, created_by)
  SELECT 'a key', 'tk_12345', encode(sha256(gen_random_uuid()::text::bytea), 'hex'), '{}', 'demo|acme|owner'
  FROM generate_series(1, $1)`;

/** What the bound tenant's transaction sees of its own counter. */
async function used(client: pg.Client, resource: string): Promise<number | undefined> {
  const { rows } = await client.query<{ used: number }>(
    'SELECT used::int AS used FROM tenantry.resource_usage WHERE tenant_id = tenantry.current_tenant() AND resource = $1',
    [resource],
  );
  return rows[0]?.used;
}

// Each of the demo tenants has four members and no key.
beforeEach(() => setPlans(database(), { free: {} }));

describe('a counter', () => {
  test('has counted what was there, and is the same as the rows', async () => {
    for (const tenant of ['acme', 'globex']) {
      for (const resource of ['members', 'apiKeys']) {
        expect((await counterOf(database(), tenant, resource)) ?? 0).toBe(
          await rowsOf(database(), tenant, resource),
        );
      }
    }
  });

  test('follows statements on many rows, savepoints and rollbacks', async () => {
    await inAcme(async (client) => {
      expect(await used(client, 'members')).toBe(4);
      await client.query(ADD_MEMBERS, [30]);
      expect(await used(client, 'members')).toBe(34);
      await client.query('SAVEPOINT here');
      await client.query(ADD_MEMBERS, [5]);
      expect(await used(client, 'members')).toBe(39);
      await client.query('ROLLBACK TO SAVEPOINT here');
      expect(await used(client, 'members')).toBe(34);
      await client.query("DELETE FROM memberships WHERE email = 'new@somewhere.test'");
      expect(await used(client, 'members')).toBe(4);
    });
    expect(await counterOf(database(), 'acme', 'members')).toBe(4);
  });

  test('counts the rows that an upsert adds, and not those that it changes', async () => {
    await inAcme(async (client) => {
      const upsert = `INSERT INTO memberships (user_id, email, role) VALUES ($1, $1, 'viewer'), ('demo|acme|viewer', 'x', 'viewer')
        ON CONFLICT (tenant_id, user_id) DO UPDATE SET email = excluded.email`;
      await client.query(upsert, [randomUUID()]);
      expect(await used(client, 'members')).toBe(5);
      await client.query(
        `MERGE INTO memberships m USING (VALUES ('demo|acme|viewer')) v (id) ON m.user_id = v.id
         WHEN MATCHED THEN DELETE`,
      );
      expect(await used(client, 'members')).toBe(4);
    });
  });

  test('does not count a revoked API key, and counts one that is valid again', async () => {
    await inAcme(async (client) => {
      await client.query(ADD_KEYS, [3]);
      expect(await used(client, 'apiKeys')).toBe(3);
      await client.query('UPDATE api_keys SET last_used_at = now()');
      expect(await used(client, 'apiKeys')).toBe(3);
      await client.query('UPDATE api_keys SET revoked_at = now()');
      expect(await used(client, 'apiKeys')).toBe(0);
      await client.query('UPDATE api_keys SET revoked_at = NULL');
      expect(await used(client, 'apiKeys')).toBe(3);
    });
  });

  test('gives back the keys that the removal of a member revokes', async () => {
    await inAcme(async (client) => {
      await client.query(ADD_KEYS, [2]);
      await client.query("DELETE FROM memberships WHERE user_id = 'demo|acme|owner'");
      expect(await used(client, 'apiKeys')).toBe(0);
      expect(await used(client, 'members')).toBe(3);
    });
  });

  test('follows rows to another tenant, and is gone with its tenant', async () => {
    const moving = await insertTenant(database(), 'moving');
    await database().asSuperuser(
      "INSERT INTO memberships (tenant_id, user_id, email, role) VALUES ($1, 'mover', 'm@m.test', 'owner')",
      [moving],
    );
    await database().asSuperuser('UPDATE memberships SET tenant_id = $1 WHERE tenant_id = $2', [
      tenants().globex.tenantId,
      moving,
    ]);
    expect(await counterOf(database(), 'moving', 'members')).toBe(0);
    expect(await counterOf(database(), 'globex', 'members')).toBe(5);
    await database().asSuperuser("DELETE FROM memberships WHERE user_id = 'mover'");
    expect(await counterOf(database(), 'globex', 'members')).toBe(4);
  });

  test('stays exact under concurrent transactions that end in every way', async () => {
    const before = await counterOf(database(), 'acme', 'members');
    await Promise.all(
      Array.from({ length: 8 }, async (_, worker) =>
        connected(database().app, async (client) => {
          for (let round = 0; round < 20; round++) {
            await client.query('BEGIN');
            await bind(client, tenants().acme);
            // The wait for the others is as long as this machine needs.
            await client.query('SET LOCAL statement_timeout = 0');
            if (round % 4 === 2)
              await client.query('DELETE FROM memberships WHERE email = $1', [`w${String(worker)}`]);
            await client.query("INSERT INTO memberships (user_id, email, role) VALUES ($1, $2, 'viewer')", [
              `busy|${randomUUID()}`,
              `w${String(worker)}`,
            ]);
            await client.query(round % 3 === 0 ? 'ROLLBACK' : 'COMMIT');
          }
        }),
      ),
    );
    const after = await rowsOf(database(), 'acme', 'members');
    expect(after).toBeGreaterThan(before!);
    expect(await counterOf(database(), 'acme', 'members')).toBe(after);
    await database().asSuperuser("DELETE FROM memberships WHERE user_id LIKE 'busy|%'");
    expect(await counterOf(database(), 'acme', 'members')).toBe(before);
  });
});

describe('a quota', () => {
  test('allows the last row and refuses the next, with the figures', async () => {
    await setPlans(database(), { free: { members: 6 } });
    await inAcme(async (client) => {
      await client.query(ADD_MEMBERS, [2]);
      await client.query('SAVEPOINT here');
      expect(await refusalOf(client.query(ADD_MEMBERS, [1]))).toEqual({
        state: EXCEEDED,
        message: 'the quota of members is exceeded: 6 of 6 used',
      });
      await client.query('ROLLBACK TO SAVEPOINT here');
      // A row that is removed makes room.
      await client.query("DELETE FROM memberships WHERE user_id = 'demo|acme|viewer'");
      await client.query(ADD_MEMBERS, [1]);
    });
  });

  test('refuses a statement as a whole', async () => {
    await setPlans(database(), { free: { members: 6 } });
    await inAcme(async (client) => {
      expect(await stateOf(client, ADD_MEMBERS, [3])).toBe(EXCEEDED);
      expect(await used(client, 'members')).toBe(4);
    });
  });

  test('of nothing allows nothing, and one that is absent is no limit', async () => {
    await setPlans(database(), { free: { apiKeys: 0 } });
    await inAcme(async (client) => {
      expect(await stateOf(client, ADD_KEYS, [1])).toBe(EXCEEDED);
      await client.query(ADD_MEMBERS, [100]);
    });
  });

  test('refuses to make a revoked key valid again', async () => {
    await setPlans(database(), { free: { apiKeys: 1 } });
    await inAcme(async (client) => {
      await client.query(ADD_KEYS, [1]);
      await client.query('UPDATE api_keys SET revoked_at = now()');
      await client.query(ADD_KEYS, [1]);
      expect(await stateOf(client, 'UPDATE api_keys SET revoked_at = NULL')).toBe(EXCEEDED);
    });
  });

  test('below the use blocks growth only', async () => {
    await setPlans(database(), { free: { members: 2 } });
    await inAcme(async (client) => {
      expect(await stateOf(client, ADD_MEMBERS, [1])).toBe(EXCEEDED);
      await client.query("UPDATE memberships SET role = 'admin' WHERE user_id = 'demo|acme|viewer'");
      await client.query("DELETE FROM memberships WHERE user_id = 'demo|acme|viewer'");
      expect(await used(client, 'members')).toBe(3);
      expect(await stateOf(client, ADD_MEMBERS, [1])).toBe(EXCEEDED);
      await client.query("DELETE FROM memberships WHERE user_id <> 'demo|acme|owner'");
      await client.query(ADD_MEMBERS, [1]);
    });
  });

  test('is that of the plan which the tenant has now; the smallest for a plan that is unknown', async () => {
    await setPlans(database(), { small: { members: 4 }, large: { members: 5 } });
    await inAcme(async (client) => {
      expect(await stateOf(client, ADD_MEMBERS, [1])).toBe(EXCEEDED);
      await client.query("UPDATE tenants SET plan = 'large'");
      await client.query(ADD_MEMBERS, [1]);
      expect(await stateOf(client, ADD_MEMBERS, [1])).toBe(EXCEEDED);
      await client.query("UPDATE tenants SET plan = 'small'");
      await client.query("DELETE FROM memberships WHERE email = 'new@somewhere.test'");
      expect(await stateOf(client, ADD_MEMBERS, [1])).toBe(EXCEEDED);
    });
  });

  test('does not limit operators and the owner, whose rows count', async () => {
    await setPlans(database(), { free: { members: 4 } });
    const operator = contextOf(tenants().acme.tenantId, { type: 'operator', id: 'somebody' });
    for (const url of [database().operator, database().superuser]) {
      await boundAndUndone(url, operator, async (client) => {
        await client.query(ADD_MEMBERS, [3]);
        expect(await used(client, 'members')).toBe(7);
      });
    }
    // The type of the actor opens nothing: the server's role can be told to act for anybody.
    await boundAndUndone(database().app, operator, async (client) => {
      expect(await stateOf(client, ADD_MEMBERS, [1])).toBe(EXCEEDED);
      expect(await stateOf(client, 'SET LOCAL ROLE tenantry_operator')).toBe(INSUFFICIENT_PRIVILEGE);
    });
  });

  test('holds by one under many clients at once', async () => {
    await setPlans(database(), { free: { members: 14 } });
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () =>
        connected(database().app, async (client) => {
          const states: string[] = [];
          for (let round = 0; round < 50; round++) {
            await client.query('BEGIN');
            await bind(client, tenants().acme);
            // The wait for the others is as long as this machine needs.
            await client.query('SET LOCAL statement_timeout = 0');
            const state = await client.query(ADD_MEMBERS, [1]).then(
              () => 'added',
              (error: unknown) => (error as { code: string }).code,
            );
            states.push(state);
            await client.query('COMMIT');
          }
          return states;
        }),
      ),
    );
    const states = outcomes.flat();
    expect(states.filter((state) => state === 'added')).toHaveLength(10);
    expect(states.filter((state) => state === EXCEEDED)).toHaveLength(990);
    expect(await rowsOf(database(), 'acme', 'members')).toBe(14);
    expect(await counterOf(database(), 'acme', 'members')).toBe(14);
    await database().asSuperuser("DELETE FROM memberships WHERE email = 'new@somewhere.test'");
  });
});
