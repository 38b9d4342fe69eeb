/**
 * Attacks on moves between the tables of all and a schema: transactions with old knowledge or an old snapshot, servers that reach for the
 * copy, and operators' functions that are called out of turn. Each is refused by PostgreSQL.
 */
import type pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { newestMigration, schemaOf } from '../../src/kernel/database/schemas/own-schema.js';
import { fence, WITHIN } from '../../src/services/lifecycle/move-state.js';
import type { MoveStep } from '../../src/services/lifecycle/copy-and-leave.js';
import type { Side } from '../../src/services/lifecycle/place-in-database.js';
import type { OperatorConnection } from '../../src/services/operator/operator-connection.js';
import { useDatabase } from '../support/database.js';
import { BIND, bindingValues, connected, contextOf, refusalOf } from '../support/demo-tenants.js';
import { allowSchemas, bodiesOn, confirmOf, moveTo } from '../support/moved-sides.js';
import { asOperatorOf, newTenant } from '../support/tenant-life.js';

const database = useDatabase();
const SIDES: readonly Side[] = ['schema', 'shared'];
const BIND_PLACED = 'SELECT tenantry.bind_placed($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)';
let number = 0;

beforeAll(() => allowSchemas(database()));

/** A tenant with a row that is on the side from which it is to be moved to `to`. */
async function tenant(to: Side): Promise<{ readonly slug: string; readonly id: string }> {
  const slug = `attacked-${String(++number)}`;
  const id = await newTenant(database(), slug);
  await database().asSuperuser(
    "INSERT INTO public.conversations (tenant_id, user_id, body) VALUES ($1, 'u', 'before')",
    [id],
  );
  if (to === 'shared') {
    await moveTo(database(), slug, 'schema');
    await confirmOf(database(), slug);
  }
  return { slug, id };
}

/** The index of `read_only` in a binding. */
const READ_ONLY = 5;

/** Binds as a server that believes that the tenant is on this side. */
async function bindAt(client: pg.Client, id: string, side: Side, readOnly = false): Promise<void> {
  const values = bindingValues(contextOf(id));
  values[READ_ONLY] = readOnly;
  if (side === 'shared') {
    await client.query(BIND, values);
    return;
  }
  await client.query(BIND_PLACED, [...values, schemaOf(id), newestMigration()]);
  await client.query(`SET LOCAL search_path = ${schemaOf(id)}, public, pg_temp`);
}
const OTHER = { shared: 'schema', schema: 'shared' } as const;
const REFUSED = { shared: 'TE004', schema: 'TE005' } as const;

/** Moves the tenant, and does something after a step. */
const moving = (slug: string, to: Side, step: MoveStep, work: () => Promise<void>) => {
  let isDone = false;
  return moveTo(database(), slug, to, async (each) => {
    if (each !== step || isDone) return;
    isDone = true;
    await work();
  });
};

describe.each(SIDES)('A move to the side %s', (to) => {
  const from = OTHER[to];

  test('refuses a transaction that is written for the former side, from the switch on', async () => {
    const { slug, id } = await tenant(to);
    const states: unknown[] = [];
    const knock = () =>
      connected(database().app, async (client) => {
        for (const readOnly of [false, true]) {
          await client.query('BEGIN');
          states.push((await refusalOf(bindAt(client, id, from, readOnly))).state);
          await client.query('ROLLBACK');
        }
      });
    await moving(slug, to, 'placed', knock);
    await knock();
    await confirmOf(database(), slug);
    await knock();
    expect(states).toEqual(Array(6).fill(REFUSED[from]));
  });

  test('refuses to write with a snapshot that is older than the switch', async () => {
    const { slug, id } = await tenant(to);
    const states: unknown[] = [];
    await connected(database().app, async (client) => {
      await moveTo(database(), slug, to, async (step) => {
        if (step === 'copied') {
          await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
          await client.query('SELECT FROM pg_catalog.pg_class LIMIT 1');
        }
        if (step !== 'placed') return;
        states.push((await refusalOf(bindAt(client, id, from))).state);
        await client.query('ROLLBACK');
      });
    });
    expect(states).toEqual(['40001']);
    expect(await bodiesOn(database(), id, to)).toEqual(['before']);
  });

  test('keeps the fence until transactions have ended whose snapshot is older than the switch', async () => {
    const { slug, id } = await tenant(to);
    const fenced = async () =>
      (await database().asSuperuser<{ f: boolean }>('SELECT tenantry.is_fenced($1) AS f', [id]))[0]!.f;
    const seen: boolean[] = [];
    let ended: Promise<unknown> | undefined;
    await connected(database().app, async (client) => {
      await moveTo(database(), slug, to, async (step) => {
        if (step === 'copied') {
          await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
          await client.query('SELECT FROM pg_catalog.pg_class LIMIT 1');
        }
        if (step === 'placed') {
          // While the move waits for it.
          ended = client
            .query('SELECT pg_sleep(1)')
            .then(fenced)
            .then((is) => seen.push(is))
            .then(() => client.query('ROLLBACK'));
        }
        if (step === 'served') seen.push(await fenced());
      });
      await ended;
    });
    expect(seen).toEqual([true, false]);
  });

  test('waits for a transaction that reads several snapshots', async () => {
    const { slug, id } = await tenant(to);
    const read: unknown[] = [];
    await connected(database().app, async (client) => {
      let ended: Promise<unknown> | undefined;
      await moveTo(database(), slug, to, async (step) => {
        if (step === 'equal' && ended === undefined) {
          await client.query('BEGIN');
          await bindAt(client, id, from, true);
          // Longer than the switch waits for it at once, so that the tenant works on.
          ended = client.query('SELECT pg_sleep(2)').then(async () => {
            read.push((await client.query<{ body: string }>('SELECT body FROM conversations')).rows);
            read.push(await placed(id));
            await client.query('COMMIT');
          });
        }
      });
      await ended;
    });
    // Its last statement was still before the switch.
    expect(read).toEqual([[{ body: 'before' }], from]);
    expect(await placed(id)).toBe(to);
  });
});

// In a database of its own, in which no other tenant has a schema.
const alone = useDatabase();

test('A snapshot that is older than the copy does not read it, also when no tenant has a schema any more', async () => {
  await allowSchemas(alone());
  const id = await newTenant(alone(), 'alone');
  await moveTo(alone(), 'alone', 'schema');
  await confirmOf(alone(), 'alone');
  const states: unknown[] = [];
  await connected(alone().app, async (client) => {
    await moveTo(alone(), 'alone', 'shared', async (step) => {
      if (step === 'copied') {
        await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
        await client.query('SELECT FROM pg_catalog.pg_class LIMIT 1');
      }
      if (step !== 'placed') return;
      states.push((await refusalOf(bindAt(client, id, 'shared', true))).state);
      await client.query('ROLLBACK');
    });
  });
  expect(states).toEqual(['TE004']);
});

const placed = async (id: string): Promise<Side> =>
  (await database().asSuperuser('SELECT FROM tenantry.schemas WHERE subject = $1', [id])).length > 0
    ? 'schema'
    : 'shared';

test('A server cannot use the schema of a copy, whatever it is bound to', async () => {
  const { slug, id } = await tenant('schema');
  const states: unknown[] = [];
  const reach = () =>
    connected(database().app, async (client) => {
      await client.query('BEGIN');
      await bindAt(client, id, 'shared');
      states.push((await refusalOf(client.query(`SELECT FROM ${schemaOf(id)}.conversations`))).state);
    });
  await moving(slug, 'schema', 'copied', reach);
  await confirmOf(database(), slug);
  await moveTo(database(), slug, 'shared');
  await reach();
  expect(states).toEqual(['42501', '42501']);
});

/** Calls a function that the operator signs with these values. */
const signed = ({ query, sign }: OperatorConnection, name: string, id: string) => {
  const { expires, signature } = sign(name, id);
  return query(`SELECT tenantry.${name}($1, $2, $3)`, [id, expires, signature]);
};

describe("Operators' functions out of turn", () => {
  test('do not begin a copy of a tenant that is not moved, and do not switch without one', async () => {
    const { id } = await tenant('schema');
    await asOperatorOf(database(), async (operator) => {
      for (const name of ['begin_copy', 'switch_placement', 'settle_move']) {
        expect((await refusalOf(signed(operator, name, id))).state).toBe('42501');
      }
      await operator.query('SELECT pg_advisory_lock(tenantry.writes_of($1))', [id]);
      await fence(operator, id, 'leaving', WITHIN);
      expect((await refusalOf(signed(operator, 'switch_placement', id))).state).toBe('42501');
      await fence(operator, id, null, undefined);
    });
    expect(await placed(id)).toBe('shared');
  });

  test('do not switch unless writes are refused', async () => {
    const { slug, id } = await tenant('schema');
    const states: unknown[] = [];
    await moving(slug, 'schema', 'equal', () =>
      asOperatorOf(database(), async (other) => {
        states.push((await refusalOf(signed(other, 'switch_placement', id))).state);
      }),
    );
    expect(states).toEqual(['42501']);
  });

  test.each(SIDES)('write only the copy while a tenant is moved to the side %s', async (to) => {
    const { slug, id } = await tenant(to);
    const states: unknown[] = [];
    const live = `${to === 'schema' ? 'public' : schemaOf(id)}.conversations`;
    const forged = [JSON.stringify({ tenant_id: id, id, user_id: 'u', body: 'forged' })];
    await moving(slug, to, 'copied', () =>
      asOperatorOf(database(), async (operator) => {
        const attempts: (readonly [string, readonly unknown[]])[] = [
          [`merge_rows('${live}'::regclass, ARRAY['tenant_id', 'id', 'user_id', 'body'], $1)`, [forged]],
          [`merge_rows('public.audit_log'::regclass, ARRAY['tenant_id', 'id'], $1)`, [forged]],
          [`import_rows('public.audit_log'::regclass, ARRAY['tenant_id', 'id'], $1, NULL, NULL)`, [forged]],
          [`remove_arrived(ARRAY['${live}'::regclass::oid], '[null]')`, []],
          [`remove_arrived(ARRAY['public.memberships'::regclass::oid], '[null]')`, []],
          [`stage_rows('${live}'::regclass, $1)`, [forged]],
        ];
        for (const [call, values] of attempts) {
          await operator
            .inTransaction(async (query) => {
              const { expires, signature } = operator.sign('open_arrival', id, operator.operator);
              await query('SELECT tenantry.open_arrival($1, $2, $3, $4)', [
                id,
                operator.operator,
                expires,
                signature,
              ]);
              states.push((await refusalOf(query(`SELECT tenantry.${call}`, values))).state);
              throw new Error('undone');
            })
            .catch(() => undefined);
        }
      }),
    );
    expect(states).toEqual(Array(6).fill('42501'));
  });

  test('change nothing else of the tenant unnoticed by its log', async () => {
    const { slug, id } = await tenant('schema');
    const entries: unknown[] = [];
    await moving(slug, 'schema', 'copied', () =>
      asOperatorOf(database(), async (operator) => {
        await operator.inTransaction(async (query) => {
          const { expires, signature } = operator.sign('open_arrival', id, operator.operator);
          await query('SELECT tenantry.open_arrival($1, $2, $3, $4)', [
            id,
            operator.operator,
            expires,
            signature,
          ]);
          await query("UPDATE public.conversations SET body = 'secretly' WHERE tenant_id = $1", [id]);
          entries.push(
            ...(await query(
              "SELECT action FROM public.audit_log WHERE tenant_id = $1 AND new_value ->> 'body' = 'secretly'",
              [id],
            )),
          );
        });
      }),
    );
    expect(entries).toEqual([{ action: 'conversation.updated' }]);
  });

  test('are signed, and are not for servers', async () => {
    const { id } = await tenant('schema');
    const { app, operator, contextKey } = database();
    for (const url of contextKey === undefined ? [app] : [app, operator]) {
      for (const name of ['begin_copy', 'end_copy', 'switch_placement', 'settle_move']) {
        await connected(url, async (client) => {
          const { state } = await refusalOf(
            client.query(`SELECT tenantry.${name}($1, 9999999999, 'x')`, [id]),
          );
          expect(state).toBe('42501');
        });
      }
    }
  });
});
