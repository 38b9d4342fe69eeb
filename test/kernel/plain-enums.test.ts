/** Proves that statements on a model with an enum need no Prisma, and sort and compare as PostgreSQL's enum does. */
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parserOf } from '../../src/kernel/driver/column-parsers.js';
import { scopedModels } from '../../src/kernel/tenancy/data-model.js';
import { plainStatement } from '../../src/kernel/tenancy/plain-statement.js';
import type { Operation } from '../../src/kernel/tenancy/tenant-filter.js';
import { useDatabase } from '../support/database.js';

const database = useDatabase();
let client: pg.Client;

const SIZE = { type: 'Size', isEnum: true, values: ['SMALL', 'LARGE', 'A "B", C'] } as const;
const shirts = scopedModels({
  Shirt: {
    schema: 'public',
    table: 'shirts',
    fields: {
      tenantId: { type: 'String', column: 'tenant_id' },
      id: { type: 'Int', column: 'id' },
      size: { ...SIZE, column: 'size', byDefault: 'value' },
      old: { ...SIZE, column: 'old_size', isNullable: true },
      shade: { type: 'Shade', isEnum: true, column: 'shade', isNullable: true },
    },
    keys: [{ fields: ['tenantId', 'id'] }],
    indexes: [],
  },
}).get('Shirt')!;

beforeAll(async () => {
  client = new pg.Client({ connectionString: database().superuser });
  await client.connect();
  await client.query(`
    CREATE TYPE public."Size" AS ENUM ('SMALL', 'LARGE', 'A "B", C');
    CREATE TYPE public."Shade" AS ENUM ('LIGHT', 'dark');
    CREATE TABLE public.shirts (
      tenant_id text, id int, size public."Size" DEFAULT 'SMALL', old_size public."Size", shade public."Shade"
    );`);
});
afterAll(() => client.end());

const READ = { tenantId: true, id: true, size: true, old: true };

/** Runs the operation without Prisma; undefined when only Prisma can run it. */
async function run(operation: Operation, args: object): Promise<Record<string, unknown>[] | undefined> {
  const plain = plainStatement(shirts, operation, { select: READ, ...args });
  if (!plain) return undefined;
  const { rows, fields } = await client.query<Record<string, unknown>>(plain.text, [...plain.values]);
  expect(fields.filter(({ dataTypeID }) => !parserOf(dataTypeID))).toEqual([]);
  return rows;
}

test('rows are created, found and sorted', async () => {
  const tenantId = 't';
  for (const [id, size] of (['LARGE', undefined, 'A "B", C'] as const).entries()) {
    const data = { tenantId, id, ...(size && { size }), old: size ?? null };
    const created = { tenantId, id, size: size ?? 'SMALL', old: size ?? null };
    expect(await run('create', { data })).toEqual([created]);
  }
  const ids = async (args: object) => (await run('findMany', args))?.map(({ id }) => id);
  // In the order of the declaration, not of the alphabet.
  expect(await ids({ orderBy: [{ size: 'asc' }] })).toEqual([1, 0, 2]);
  expect(await ids({ orderBy: [{ size: 'desc' }, { id: 'asc' }] })).toEqual([2, 0, 1]);
  expect(await ids({ where: { size: 'LARGE' } })).toEqual([0]);
  expect(await ids({ where: { size: { equals: 'A "B", C' } } })).toEqual([2]);
  expect(await ids({ where: { old: { in: ['LARGE', 'A "B", C'] } }, orderBy: { id: 'asc' } })).toEqual([
    0, 2,
  ]);
});

test.each([
  ['a value that the enum has not', { where: { size: 'HUGE' } }],
  ['a value that every object has', { where: { size: 'constructor' } }],
  ['a list with such a value', { where: { size: { in: ['SMALL', 'HUGE'] } } }],
  ['a comparison, which Prisma refuses', { where: { size: { gt: 'SMALL' } } }],
  ['no value', { where: { old: null } }],
  ['an enum with other names in the database', { where: { shade: 'LIGHT' } }],
])('Prisma has to handle %s', async (_what, args) => {
  expect(await run('findMany', args)).toBeUndefined();
});
