/**
 * Makes rows of any table of a tenant from the catalog, with a distinct value in every column. A table or column that
 * is added later needs no change here.
 */
import { createHash } from 'node:crypto';
import { newMark } from 'tenantry-attack';
import { shortText } from './column-samples.js';
import type pg from 'pg';
import { sqlState } from '../../src/kernel/vocabulary/sql-state.js';

/** Runs a statement as the superuser. */
export type Query = <Row extends pg.QueryResultRow>(
  sql: string,
  values?: readonly unknown[],
) => Promise<Row[]>;

/** Thrown when no row can be made. The test must then make it itself, or declare that this table is not attacked. */
export class NoRowError extends Error {
  override readonly name = 'NoRowError';
}

export interface Column {
  readonly name: string;
  /** The internal name of the type: `int8`, `_text`, `InvoiceStatus`. */
  readonly type: string;
  readonly isNullable: boolean;
  /** The values of an enum type. */
  readonly labels: readonly string[] | null;
  /** `atttypmod`, which contains the limits of varchar(n) and numeric(p, s). */
  readonly modifier: number;
}

interface ForeignKey {
  readonly columns: readonly string[];
  readonly parent: string;
  readonly parent_columns: readonly string[];
}

/** The columns of a table that a statement can set. */
export const columnsOf = (query: Query, table: string): Promise<Column[]> =>
  query<Column>(
    `SELECT a.attname::text AS name, t.typname::text AS type, NOT a.attnotnull AS "isNullable", a.atttypmod AS modifier,
            (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum AS e
             WHERE e.enumtypid IN (t.oid, t.typelem)) AS labels
     FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
     WHERE a.attrelid = format('public.%I', $1::text)::regclass AND a.attnum > 0 AND NOT a.attisdropped
       AND a.attgenerated = '' AND a.attidentity = ''
     ORDER BY a.attnum`,
    [table],
  );

const foreignKeysOf = (query: Query, table: string): Promise<ForeignKey[]> =>
  query<ForeignKey>(
    `SELECT p.relname::text AS parent,
       (SELECT array_agg(a.attname::text ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY AS k (attnum, n)
        JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS columns,
       (SELECT array_agg(a.attname::text ORDER BY k.n) FROM unnest(c.confkey) WITH ORDINALITY AS k (attnum, n)
        JOIN pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = k.attnum) AS parent_columns
     FROM pg_constraint AS c JOIN pg_class AS p ON p.oid = c.confrelid
     WHERE c.contype = 'f' AND c.conrelid = format('public.%I', $1::text)::regclass AND p.relname <> 'tenants'`,
    [table],
  );

export interface NewRow {
  readonly table: string;
  readonly tenantId: string;
  /**
   * Values for columns that need a certain one: text that the server interprets, or the id of the row that a foreign
   * key references.
   */
  readonly values?: Readonly<Record<string, unknown>>;
  /** Whether a row that exists will do, where a unique key has no more values: of an enum, for example. */
  readonly orExisting?: boolean;
}

/** How often other values are tried for a unique key. */
const TRIES = 5;

/**
 * Inserts a row with a canary in each column that is not given. Makes the rows that its foreign keys reference when
 * there are none. When a check constraint refuses a canary, the column gets a value that the constraint names; when a
 * unique key has it already, another one.
 *
 * @returns the row's id
 * @throws NoRowError naming the column or the constraint for which there is no value
 */
export async function insertAnyRow(
  query: Query,
  { table, tenantId, values = {}, orExisting = false }: NewRow,
): Promise<string> {
  const columns = await columnsOf(query, table);
  const row = new Map<string, unknown>();
  for (const column of columns) {
    row.set(
      column.name,
      column.name === 'tenant_id' ? tenantId : (values[column.name] ?? canary(table, column)),
    );
  }
  const foreignKeys = await foreignKeysOf(query, table);
  for (const key of foreignKeys) {
    if (key.columns.some((column) => Object.hasOwn(values, column))) continue;
    await pointAtParent(query, key, { table, tenantId, row });
  }
  const names = columns.map(({ name }) => `"${name}"`).join(', ');
  const parameters = columns.map((_column, n) => `$${String(n + 1)}`).join(', ');
  for (let attempt = 0; ; attempt++) {
    try {
      await query(`INSERT INTO public."${table}" (${names}) VALUES (${parameters})`, [...row.values()]);
      return String(row.get('id'));
    } catch (error) {
      const { constraint, message } = error as pg.DatabaseError;
      if (sqlState(error) === '23505') {
        const key = await columnsOfKey(query, constraint!);
        const free = columns.filter(
          ({ name }) =>
            key.includes(name) &&
            name !== 'tenant_id' &&
            !Object.hasOwn(values, name) &&
            !foreignKeys.some((each) => each.columns.includes(name)),
        );
        if (attempt < TRIES && free.length > 0) {
          for (const column of free) row.set(column.name, another(table, column));
          continue;
        }
        const existing =
          orExisting && (await rowWith(query, table, new Map(key.map((name) => [name, row.get(name)]))));
        if (existing) return existing;
      }
      if (sqlState(error) !== '23514' || attempt > columns.length) {
        throw new NoRowError(`${table}: ${message}`, { cause: error });
      }
      await satisfy(query, constraint!, row);
    }
  }
}

/** The columns of a unique index. */
async function columnsOfKey(query: Query, index: string): Promise<readonly string[]> {
  const found = await query<{ name: string }>(
    `SELECT a.attname::text AS name FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
     JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) WHERE c.relname = $1`,
    [index],
  );
  return found.map(({ name }) => name);
}

/** The id of the row with these values. */
async function rowWith(
  query: Query,
  table: string,
  key: ReadonlyMap<string, unknown>,
): Promise<string | undefined> {
  const conditions = [...key.keys()].map((name, n) => `"${name}" = $${String(n + 1)}`).join(' AND ');
  const [found] = await query<{ id: string }>(`SELECT id FROM public."${table}" WHERE ${conditions}`, [
    ...key.values(),
  ]);
  return found?.id;
}

/** Another value than that of {@link canary}, as far as the type has enough values. */
function another(table: string, column: Column): unknown {
  const of = column.type === 'bool' ? [true, false] : column.type.startsWith('_') ? undefined : column.labels;
  return of ? of[Math.floor(Math.random() * of.length)] : canary(table, column);
}

/**
 * Sets a foreign key to a row of the same tenant. Makes that row when there is none, unless the key references its own
 * table.
 */
async function pointAtParent(
  query: Query,
  { columns, parent, parent_columns: targets }: ForeignKey,
  {
    table,
    tenantId,
    row,
  }: { readonly table: string; readonly tenantId: string; readonly row: Map<string, unknown> },
): Promise<void> {
  const find = () =>
    query<Record<string, unknown>>(
      `SELECT * FROM public."${parent}" WHERE tenant_id = $1 ORDER BY id DESC LIMIT 1`,
      [tenantId],
    );
  let [found] = await find();
  if (!found && parent !== table) {
    await insertAnyRow(query, { table: parent, tenantId });
    [found] = await find();
  }
  for (const [n, column] of columns.entries()) {
    if (column !== 'tenant_id') row.set(column, found?.[targets[n]!] ?? null);
  }
}

let seconds = 0;

/** A value that occurs nowhere else, as far as the type has enough values. */
function canary(table: string, column: Column): unknown {
  const { name, type, labels, modifier } = column;
  if (labels) return type.startsWith('_') ? labels.slice(-1) : labels.at(-1);
  switch (type) {
    case 'uuid':
      return crypto.randomUUID();
    case 'int2':
      return 10_000 + Math.floor(Math.random() * 2e4);
    case 'int4':
      return 1_000_000 + Math.floor(Math.random() * 9e8);
    case 'int8':
      return 1_000_000_000 + Math.floor(Math.random() * 9e12);
    case 'float4':
    case 'float8':
      return 100_000 + Math.floor(Math.random() * 8e5) + 0.5;
    case 'numeric':
      return someDecimal(modifier);
    case 'bool':
      return true;
    case 'date':
      return new Date(Date.UTC(2200 + Math.floor(Math.random() * 700), 1, 1 + (++seconds % 300)))
        .toISOString()
        .slice(0, 10);
    case 'timestamp':
    case 'timestamptz':
      return new Date(Date.UTC(2031, 1, 3, 4, 5, ++seconds, 617)).toISOString();
    case 'time':
    case 'timetz':
      return '04:05:06Z';
    case 'json':
    case 'jsonb':
      return JSON.stringify({ text: newMark() });
    case 'bytea':
      return Buffer.from(newMark());
    case '_text':
    case '_varchar':
    case '_bpchar':
    case '_citext':
      return [modifier >= 0 ? shortText(name, modifier - 4) : newMark()];
    case '_uuid':
      return [crypto.randomUUID()];
    case 'text':
    case 'varchar':
    case 'bpchar':
    case 'citext':
      if (modifier >= 0) return shortText(name, modifier - 4);
      if (name.includes('email')) return `${newMark()}@example.com`;
      if (name === 'url' || name.endsWith('_url')) return `https://${newMark()}.example.com/`;
      return newMark();
    default:
      // The type has no canary. The column stays empty and nothing in it is searched for.
      if (column.isNullable) return null;
      throw new NoRowError(`${table}.${name}: no value is known of the type ${type}`);
  }
}

/** A decimal with as many digits as numeric(p, s) allows, at most twelve. */
function someDecimal(modifier: number): string {
  const [precision, scale] =
    modifier < 0 ? [12, 2] : [((modifier - 4) >> 16) & 0xffff, (modifier - 4) & 0xffff];
  const digits = (count: number) =>
    Array.from({ length: count }, () => String(1 + Math.floor(Math.random() * 9))).join('');
  const behind = Math.min(scale, 4);
  return `${digits(Math.min(precision - scale, 8)) || '0'}${behind > 0 ? `.${digits(behind)}` : ''}`;
}

/** Gives a column a value that the constraint's definition names. @throws NoRowError when the definition names none */
async function satisfy(query: Query, constraint: string, row: Map<string, unknown>): Promise<void> {
  const [found] = await query<{ rule: string; columns: string[] }>(
    `SELECT pg_get_constraintdef(c.oid) AS rule, array_agg(a.attname::text) AS columns FROM pg_constraint AS c
     JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
     WHERE c.conname = $1 GROUP BY c.oid`,
    [constraint],
  );
  const { rule, columns } = found!;
  const column = columns.at(-1)!;
  const listed = [...rule.matchAll(/'([^']+)'::text/g)].at(-1)?.[1];
  if (rule.includes('{64}')) row.set(column, createHash('sha256').update(newMark()).digest('hex'));
  else if (rule.includes('length(')) row.set(column, newMark().slice(-12));
  else row.set(column, rule.includes('ARRAY[') ? listed : null);
}
