/** Runs an operation in a batch and through Prisma on the same rows, and compares the outcomes. */
import { afterAll, beforeAll, expect } from 'vitest';
import { publicError } from '../../src/kernel/vocabulary/errors.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import type { TenantClient, TenantTx } from '../../src/kernel/tenancy/tenant-client.js';
import { openTestDatabase, useDatabase } from './database.js';
import { useDemoTenants } from './demo-tenants.js';
import { PATIENT } from './patience.js';

export type Outcome = { readonly value: unknown } | { readonly code: string | undefined };
export type Call = (on: TenantClient | TenantTx) => Promise<unknown>;

export const outcomeOf = (work: Promise<unknown>): Promise<Outcome> =>
  work.then(
    (value) => ({ value }),
    (error: unknown) => ({ code: publicError(error)?.code }),
  );

/** Thrown to roll back, so that the other run can create the same row. */
const UNDONE = new Error('undone');

type Operations = Record<string, (args: unknown) => Promise<unknown>>;
export const operationOf = (on: TenantClient | TenantTx, model: string, operation: string) =>
  (on as unknown as Record<string, Operations>)[model]![operation]!.bind(
    (on as unknown as Record<string, Operations>)[model],
  );

/** Without a total order, the returned rows may differ, but not their number and form. This keeps only those. */
export const inAnyOrder = (outcome: Outcome): unknown => {
  if (!('value' in outcome) || typeof outcome.value !== 'object' || outcome.value === null) return outcome;
  if (!Array.isArray(outcome.value)) return Object.keys(outcome.value).sort();
  return (outcome.value as object[]).map((row) => Object.keys(row).sort());
};

// ——— Arguments of any shape, as untyped JavaScript can pass them ———

export class Odd {
  userId = 'user-1';
}
/** A copy with holes, which `map` and `every` skip. */
export const sparse = (values: readonly unknown[], holes: readonly number[]) => {
  const list = [...values];
  for (const hole of holes) if (hole < list.length) Reflect.deleteProperty(list, hole);
  return list;
};

/** Call it at the top level. */
export function useOutcomes() {
  const database = useDatabase();
  const tenants = useDemoTenants(database);
  let opened: Database | undefined;
  beforeAll(async () => {
    opened = openTestDatabase({
      url: database().app,
      poolSize: 2,
      limits: PATIENT,
    });
    // Rows with repeated times and a nullable column, so that the operations have something to find.
    await database().asSuperuser(
      `INSERT INTO memberships (tenant_id, user_id, email, role, invited_by, joined_at)
     SELECT $1, 'user-' || n, 'user' || (n % 4) || '@acme.test', (ARRAY['admin', 'member', 'viewer'])[1 + n % 3],
            CASE WHEN n % 2 = 0 THEN 'user-1' END, timestamptz '2024-01-01 00:00:00Z' + (n / 3) * interval '1 millisecond'
     FROM generate_series(1, 12) n`,
      [tenants().acme.tenantId],
    );
  });
  afterAll(() => opened?.close());

  const db = (): TenantClient => opened!.forTenant(tenants().acme);
  async function byPrisma(call: Call): Promise<Outcome> {
    let outcome: Outcome | undefined;
    await db()
      .transaction(async (tx) => {
        outcome = await outcomeOf(call(tx));
        throw UNDONE;
      })
      .catch(() => undefined);
    return outcome!;
  }

  async function expectTheSame(
    model: string,
    operation: string,
    args: unknown,
    compared: (outcome: Outcome) => unknown = (outcome) => outcome,
  ): Promise<Outcome> {
    const call: Call = async (on) => operationOf(on, model, operation)(args);
    const expected = await byPrisma(call);
    expect(compared(await outcomeOf(call(db())))).toEqual(compared(expected));
    return expected;
  }

  return { database, tenants, db, byPrisma, expectTheSame };
}
