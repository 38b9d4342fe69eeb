/**
 * Proves which error a client gets when a constraint of the database refuses a row. The constraints are read from the
 * catalog, so none is forgotten. Only violations of checks must be given.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { publicError } from '../../src/kernel/vocabulary/errors.js';
import { sqlState } from '../../src/kernel/vocabulary/sql-state.js';
import type { TestDatabase } from './database.js';

type Patch = Readonly<Record<string, unknown>>;

export interface TableUnderTest {
  /** Inserts a row and returns its id. */
  readonly row: (database: TestDatabase) => Promise<string>;
  /** For each check, the values that make a valid row violate it. */
  readonly checks?: Readonly<Record<string, Patch>>;
  /** Clients never write these rows directly, so violations of checks and NOT NULL are internal errors. */
  readonly masked?: boolean;
}

interface Constraint {
  readonly name: string;
  readonly kind: 'unique' | 'foreign' | 'check' | 'missing';
  readonly columns: string[];
}

const EXPECTED = {
  unique: ['23505', 'CONFLICT'],
  foreign: ['23503', 'NOT_FOUND'],
  check: ['23514', 'BAD_USER_INPUT'],
  missing: ['23502', 'BAD_USER_INPUT'],
} as const;

/** Declares a test for each table; call it at the top level of a test file. */
export function proveConstraints(
  database: () => TestDatabase,
  tables: Readonly<Record<string, TableUnderTest>>,
): void {
  test.each(Object.entries(tables))('every constraint of %s', async (table, { row, checks = {}, masked }) => {
    const id = await row(database());
    const constraints = await constraintsOf(database(), table);
    const told: Record<string, unknown> = {};
    const expected: Record<string, unknown> = {};
    for (const { name, kind, columns } of constraints) {
      const patch = patchFor({ name, kind, columns }, constraints, checks);
      const error = await rejection(insertLike(database(), table, id, patch));
      const known = publicError(error);
      told[name] = [sqlState(error), known?.code];
      // Unique and foreign keys give public errors even for masked tables, because they depend on the tenant's own
      // rows.
      const [state, code] = EXPECTED[kind];
      expected[name] = [state, masked && (kind === 'check' || kind === 'missing') ? undefined : code];
      expect(known?.message ?? '').not.toMatch(new RegExp(`${table}|constraint|column|relation`, 'i'));
    }
    expect(told).toEqual(expected);
    expect(constraints.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['unique', 'missing']));
  });
}

async function constraintsOf(database: TestDatabase, table: string): Promise<Constraint[]> {
  return database.asSuperuser<Constraint>(
    `SELECT c.relname AS name, 'unique' AS kind, array_agg(a.attname::text) AS columns
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
     WHERE i.indrelid = $1::regclass AND i.indisunique GROUP BY c.relname
     UNION ALL
     SELECT k.conname, CASE k.contype WHEN 'f' THEN 'foreign' ELSE 'check' END, array_agg(a.attname::text ORDER BY array_position(k.conkey, a.attnum))
     FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
     WHERE k.conrelid = $1::regclass AND k.contype IN ('f', 'c') GROUP BY k.conname, k.contype
     UNION ALL
     SELECT 'NOT NULL ' || attname, 'missing', ARRAY[attname::text]
     FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND attnotnull AND NOT attisdropped AND attgenerated = ''`,
    [table],
  );
}

function patchFor(
  { name, kind, columns }: Constraint,
  all: readonly Constraint[],
  checks: NonNullable<TableUnderTest['checks']>,
): Patch {
  if (kind === 'missing') return { ...fresh(all), [columns[0]!]: null };
  if (kind === 'foreign') return { ...fresh(all), [columns.at(-1)!]: randomUUID() };
  if (kind === 'unique') return fresh(all, columns);
  const patch = checks[name];
  if (!patch) throw new Error(`say what contradicts the check ${name}`);
  return { ...fresh(all), ...patch };
}

/** New values for the columns of all unique keys except the kept ones. */
function fresh(all: readonly Constraint[], kept: readonly string[] = []): Patch {
  const columns = all.filter(({ kind }) => kind === 'unique').flatMap((each) => each.columns);
  const free = columns.filter((column) => !kept.includes(column) && !/^(tenant_id|actor_type)$/.test(column));
  return Object.fromEntries(
    free.map((column) => [
      column,
      column === 'id' ? randomUUID() : randomBytes(column.endsWith('_hash') ? 32 : 8).toString('hex'),
    ]),
  );
}

/** Inserts a copy of the row with some values changed. */
const insertLike = (database: TestDatabase, table: string, id: string, patch: Patch) =>
  database.asSuperuser(
    `INSERT INTO ${table} SELECT (jsonb_populate_record(t, $2::jsonb)).* FROM ${table} AS t WHERE id = $1`,
    [id, JSON.stringify(patch)],
  );

const rejection = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('the row was accepted');
};
