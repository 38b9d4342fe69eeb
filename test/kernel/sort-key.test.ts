/**
 * Proves for each supported column type that a list ordered by it shows each row once, page by page, forward and
 * backward, and that a cursor holds the exact value. A column that a cursor cannot hold is refused when its module is
 * loaded.
 */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { Page, type OrderDirection, type PageArguments } from '../../src/kernel/graphql/connection.js';
import { kindOf, sortBy, type SortKey } from '../../src/kernel/graphql/sort-key.js';
import type { FieldInfo } from '../../src/kernel/vocabulary/data-model.js';
import { useDatabase } from '../support/database.js';

const database = useDatabase();

interface Supported {
  readonly info: FieldInfo;
  readonly sqlType: string;
  /** In PostgreSQL's order. */
  readonly values: readonly unknown[];
}

const time = (text: string) => new Date(text);
const decimal = (text: string) => new Prisma.Decimal(text);

const SUPPORTED: Readonly<Record<string, Supported>> = {
  BigInt: {
    info: { type: 'BigInt' },
    sqlType: 'bigint',
    values: [-9223372036854775808n, -1n, 0n, 9007199254740992n, 9007199254740993n, 9223372036854775807n],
  },
  Int: { info: { type: 'Int' }, sqlType: 'integer', values: [-2147483648, 0, 9, 10, 2147483647] },
  Decimal: {
    info: { type: 'Decimal', native: ['Decimal', '40', '20'] },
    sqlType: 'numeric(40, 20)',
    values: [
      '-12345678901234567890.5',
      '-0.00000000000000000001',
      '0.00000000000000000001',
      '0.1',
      '9007199254740993',
    ].map(decimal),
  },
  Date: {
    info: { type: 'DateTime', native: ['Date'] },
    sqlType: 'date',
    values: ['0001-01-01', '1969-12-31', '2026-02-28', '2026-03-01'].map((day) => time(`${day}T00:00:00Z`)),
  },
  DateTime: {
    info: { type: 'DateTime', native: ['Timestamptz', '3'] },
    sqlType: 'timestamptz(3)',
    values: ['2026-01-01T00:00:00.001Z', '2026-01-01T00:00:00.002Z', '2026-01-01T00:00:01Z'].map(time),
  },
  text: {
    info: { type: 'String', native: ['VarChar', '255'] },
    sqlType: 'varchar(255)',
    values: ['', ' ', '"', "'; DROP TABLE x; --", '\\', 'A', 'a', 'aa', 'ä', 'Ω', '\u{1f600}'.repeat(255)],
  },
  UUID: {
    info: { type: 'String', native: ['Uuid'] },
    sqlType: 'uuid',
    values: [1, 2, 3].map((n) => `0000000${String(n)}-0000-0000-0000-000000000000`),
  },
};

const keyOf = (info: FieldInfo): SortKey => {
  const kind = kindOf(info);
  if (typeof kind === 'string') throw new Error(kind);
  return { field: 'value', ...kind };
};

interface Row {
  readonly id: string;
  readonly value: unknown;
}

test.each(Object.entries(SUPPORTED))('a list ordered by a column of type %s', async (name, column) => {
  const table = `sorted_${name.toLowerCase()}`;
  await database().asSuperuser(
    `CREATE TABLE ${table} (id uuid PRIMARY KEY, value ${column.sqlType} NOT NULL)`,
  );
  // Each value twice, so that the id decides between equal values.
  const rows = column.values.flatMap((value): Row[] => [
    { id: randomUUID(), value },
    { id: randomUUID(), value },
  ]);
  for (const { id, value } of rows) {
    await database().asSuperuser(`INSERT INTO ${table} VALUES ($1, $2)`, [
      id,
      keyOf(column.info).toText(value),
    ]);
  }
  const ordered = await database().asSuperuser<{ id: string }>(`SELECT id FROM ${table} ORDER BY value, id`);
  const ids = ordered.map(({ id }) => id);
  const read = readPage(table, keyOf(column.info), rows);

  expect(await allPages(read, 'asc', 'first')).toEqual(ids);
  expect(await allPages(read, 'desc', 'first')).toEqual([...ids].reverse());
  expect(await allPages(read, 'asc', 'last')).toEqual(ids);
  expect(await allPages(read, 'desc', 'last')).toEqual([...ids].reverse());
});

type ReadPage = (args: PageArguments, direction: OrderDirection) => Promise<ReturnType<Page['connection']>>;

/** Reads a page with hand-written SQL that has the cursor's values as parameters. */
function readPage(table: string, key: SortKey, known: readonly Row[]): ReadPage {
  return async (args, direction) => {
    const page = new Page(args, { key, direction });
    const ascending = (direction === 'asc') !== page.backward;
    const [behind, ahead] = direction === 'asc' ? ['>', '<'] : ['<', '>'];
    const values: unknown[] = [];
    const conditions = [
      ...(page.after ? [beyond(key, behind, page.after, values)] : []),
      ...(page.before ? [beyond(key, ahead, page.before, values)] : []),
    ];
    const order = ascending ? 'ASC' : 'DESC';
    const found = await database().asSuperuser<{ id: string }>(
      `SELECT id FROM ${table} ${conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''}
       ORDER BY value ${order}, id ${order} LIMIT ${String(page.query.take)}`,
      values,
    );
    const rows = found.map(({ id }) => known.find((row) => row.id === id)!);
    return page.connection(rows, async () => known.length);
  };
}

function beyond(
  key: SortKey,
  compare: string | undefined,
  { value, id }: { readonly value: string; readonly id: string },
  values: unknown[],
): string {
  const { strings, values: given } = key.asSql(value);
  values.push(...given, id);
  const cast = strings.reduce((text, part, n) => `${text}$${String(values.length - 2 + n)}${part}`);
  return `(value, id) ${compare ?? ''} (${cast}, $${String(values.length)}::uuid)`;
}

/** The ids of all pages of three rows, in the order of the list. */
async function allPages(
  read: ReadPage,
  direction: OrderDirection,
  side: 'first' | 'last',
): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  for (;;) {
    const place = side === 'first' ? { first: 3, after: cursor } : { last: 3, before: cursor };
    const { nodes, pageInfo } = await read(place, direction);
    const page = nodes.map(({ id }) => id);
    if (side === 'first') ids.push(...page);
    else ids.unshift(...page);
    const more = side === 'first' ? pageInfo.hasNextPage : pageInfo.hasPreviousPage;
    if (!more) return ids;
    cursor = side === 'first' ? pageInfo.endCursor : pageInfo.startCursor;
  }
}

const cursor = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url');

test.each([
  ['BigInt', '9223372036854775808'],
  ['BigInt', '1.5'],
  ['BigInt', '1n'],
  ['BigInt', ''],
  ['Int', '2147483648'],
  ['Int', '0x1'],
  ['Decimal', '1e400'],
  ['Decimal', 'NaN'],
  ['Date', '2026-02-30T00:00:00.000Z'],
  ['Date', 'infinity'],
  ['DateTime', '2026-01-01'],
  ['DateTime', '+010000-01-01T00:00:00.000Z'],
  ['text', 'a\u0000'],
  ['text', '\ud800'],
  ['UUID', 'x'],
  ['BigInt', 1],
  ['BigInt', null],
])('no cursor of a list ordered by %s has %j', (name, value) => {
  const key = keyOf(SUPPORTED[name]!.info);
  const page = () => new Page({ after: cursor('value', value, randomUUID()) }, { key, direction: 'asc' });
  expect(page).toThrow('This is not a cursor of this list in this order.');
});

test.each<[FieldInfo, string]>([
  [{ type: 'BigInt', isNullable: true }, 'it may be null, and null has no place in an order'],
  [{ type: 'String', isList: true }, 'it is a list'],
  [{ type: 'Status', isEnum: true }, 'Prisma does not compare enums; filter by it instead'],
  [{ type: 'String' }, 'its length has no limit, and a cursor has one; make it @db.VarChar(255) or shorter'],
  [
    { type: 'String', native: ['VarChar', '256'] },
    'a cursor holds 255 characters; make it @db.VarChar(255) or shorter',
  ],
  [{ type: 'String', native: ['Citext'] }, 'columns of type @db.Citext are not supported'],
  [
    { type: 'DateTime', native: ['Timestamptz'] },
    'it has fractions of milliseconds; make it @db.Timestamptz(3)',
  ],
  [
    { type: 'DateTime', native: ['Timestamptz', '6'] },
    'it has fractions of milliseconds; make it @db.Timestamptz(3)',
  ],
  [{ type: 'DateTime', native: ['Time'] }, 'columns of type @db.Time are not supported'],
  [{ type: 'Float' }, 'columns of type Float are not supported'],
  [{ type: 'Boolean' }, 'columns of type Boolean are not supported'],
  [{ type: 'Json' }, 'columns of type Json are not supported'],
])('a column %j is refused', (info, reason) => {
  expect(kindOf(info)).toBe(reason);
});

test('the error says which column it is, and why', () => {
  expect(() => sortBy('Tenant', 'billingEmail')).toThrow(
    'A list cannot be ordered by Tenant.billingEmail: it may be null, and null has no place in an order.',
  );
  expect(() => sortBy('Tenant', 'memberships')).toThrow('it is a relation, not a column');
});
