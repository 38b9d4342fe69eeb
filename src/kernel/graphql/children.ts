/** Lists below objects that are in a list themselves, such as the messages of each of many conversations. */
import { Prisma } from '../../generated/prisma/client.js';
import type { ScopedModel } from '../tenancy/data-model.js';
import type { TenantClient } from '../tenancy/tenant-client.js';
import type { Connection, Page, Position } from './connection.js';
import type { RequestContext } from './request-context.js';
import type { ModelName } from './sort-key.js';

/**
 * A page of the rows that refer to a parent. The pages of all parents that are read together are one statement, and
 * their totals another. (Prisma would fetch all rows of each parent and take the page in memory.)
 *
 * @param model the model of the rows; `Row` is its row
 * @param reference the field with the id of the parent, a UUID, and this id: `{ conversationId: id }`
 * @param page in an order by a field of the model
 */
export async function childrenOf<Row extends { readonly id: string }>(
  { db, loaders, models }: Pick<RequestContext, 'db' | 'loaders' | 'models'>,
  model: ModelName,
  reference: Readonly<Record<string, string>>,
  page: Page,
): Promise<Connection<Row>> {
  const [[field, parent] = ['', '']] = Object.entries(reference);
  const children: Children = { model: models.get(model)!, field };
  const { key, direction } = page.order;
  const list = `${model} by ${field}`;
  const rows = await loaders.load(`${list}, ${key.field} ${direction}, ${page.name}`, parent, (parents) =>
    pagesOf<Row>(db, children, parents, page),
  );
  const count = () => loaders.load(`${list}, counted`, parent, (parents) => countsOf(db, children, parents));
  return page.connection(rows ?? [], async () => (await count()) ?? 0);
}

/** The rows of a model by a field with the ids of other rows. */
interface Children {
  readonly model: ScopedModel;
  readonly field: string;
}

/** By parent, the rows of `page.query`. A lateral join reads each page from an index, if there is one. */
async function pagesOf<Row>(
  db: TenantClient,
  { model, field }: Children,
  parents: readonly string[],
  page: Page,
): Promise<Map<string, Row[]>> {
  if (hasMappedEnum(model)) return pagesByPrisma(db, { model, field }, parents, page);
  const { key, direction } = page.order;
  const id = columnOf(model, 'id');
  const at = columnOf(model, key.field);
  const beyond = (compare: Prisma.Sql, position: Position | undefined) => {
    if (!position) return Prisma.empty;
    const its = Prisma.sql`${position.id}::uuid`;
    if (key.field === 'id') return Prisma.sql`AND ${id} ${compare} ${its}`;
    return Prisma.sql`AND (${at}, ${id}) ${compare} (${key.asSql(position.value)}, ${its})`;
  };
  const [behind, ahead] = direction === 'asc' ? [GREATER, LESS] : [LESS, GREATER];
  const ascending = (direction === 'asc') !== page.backward;
  const order = ascending ? Prisma.sql`${at}, ${id}` : Prisma.sql`${at} DESC, ${id} DESC`;
  const rows = await db.$queryRaw<Row>(Prisma.sql`
    SELECT child.*
    FROM unnest(${[...parents]}::uuid[]) AS listed (parent_id)
    CROSS JOIN LATERAL (
      SELECT ${trusted(model.allColumns)} FROM ${trusted(model.table)}
      WHERE ${ofTenant(db, model)} AND ${columnOf(model, field)} = listed.parent_id
        ${beyond(behind, page.after)} ${beyond(ahead, page.before)}
      ORDER BY ${order}
      LIMIT ${page.query.take}
    ) AS child`);
  const pages = new Map<string, Row[]>(parents.map((parent) => [parent, []]));
  for (const row of rows) pages.get((row as Readonly<Record<string, string>>)[field]!)?.push(row);
  return pages;
}

/** The same as a statement for each parent, all of them in one transaction. */
async function pagesByPrisma<Row>(
  db: TenantClient,
  { model, field }: Children,
  parents: readonly string[],
  { query }: Page,
): Promise<Map<string, Row[]>> {
  const { [model.property]: rows } = db as unknown as Readonly<Record<string, Rows<Row>>>;
  const pages = parents.map(async (parent): Promise<[string, Row[]]> => {
    const found = await rows!.findMany({ ...query, where: { ...query.where, [field]: parent } });
    return [parent, found];
  });
  return new Map(await Promise.all(pages));
}

interface Rows<Row> {
  findMany(args: object): Promise<Row[]>;
}

/** By parent, the number of its rows, if it has any. */
async function countsOf(
  db: TenantClient,
  { model, field }: Children,
  parents: readonly string[],
): Promise<Map<string, number>> {
  const key = columnOf(model, field);
  const rows = await db.$queryRaw<{ readonly parent: string; readonly count: bigint }>(Prisma.sql`
    SELECT ${key} AS "parent", count(*) AS "count" FROM ${trusted(model.table)}
    WHERE ${ofTenant(db, model)} AND ${key} = ANY (${[...parents]}::uuid[])
    GROUP BY ${key}`);
  return new Map(rows.map(({ parent, count }) => [parent, Number(count)]));
}

const GREATER = Prisma.sql`>`;
const LESS = Prisma.sql`<`;

// eslint-disable-next-line no-restricted-syntax -- the text has quoted names of the data model only
const trusted = (sql: string): Prisma.Sql => Prisma.raw(sql);

/** With the table, because an unqualified name could mean a selected field. */
const columnOf = ({ table, columns }: ScopedModel, field: string): Prisma.Sql =>
  trusted(`${table}.${columns.get(field)!.name}`);

const ofTenant = (db: TenantClient, model: ScopedModel): Prisma.Sql =>
  model.tenantField === undefined
    ? Prisma.sql`true`
    : Prisma.sql`${columnOf(model, model.tenantField)} = ${db.context.tenantId}::uuid`;

/** Only Prisma converts the values of an enum that the database calls otherwise. */
const hasMappedEnum = ({ columns }: ScopedModel): boolean =>
  [...columns.values()].some(({ isMapped }) => isMapped);
