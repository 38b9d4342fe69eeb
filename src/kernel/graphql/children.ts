/** Lists below objects that are in a list themselves, such as the messages of each of many conversations. */
import { Prisma } from '../../generated/prisma/client.js';
import type { ScopedModel } from '../tenancy/data-model.js';
import { isConstantLimit } from '../tenancy/plain-statement.js';
import type { TenantClient } from '../tenancy/tenant-client.js';
import type { ChildList, ListAhead } from './below.js';
import { Page, type Connection, type Order, type PageArguments, type Position } from './connection.js';
import type { RequestContext } from './request-context.js';
import type { ModelName } from './sort-key.js';

type ChildrenOf<Row> = (
  parent: { readonly id: string },
  args: PageArguments,
  context: RequestContext,
) => Connection<Row> | Promise<Connection<Row>>;

const lists = new WeakMap<object, ChildList>();

/** The list of a resolver that {@link childList} has made; undefined for any other one. */
export const childListOf = (resolve: unknown): ChildList | undefined =>
  typeof resolve === 'function' ? lists.get(resolve) : undefined;

/**
 * The resolver of a list of the rows that refer to the object: `childList<Message>('Message', 'conversationId', order)`.
 * Lists below the rows of `listOf` are usually read together with them; otherwise they are read as by {@link childrenOf}.
 */
export function childList<Row extends { readonly id: string }>(
  model: ModelName,
  field: string,
  order: Order,
): ChildrenOf<Row> {
  const resolve: ChildrenOf<Row> = (parent, args, context) => {
    const page = new Page(args, order);
    const rows = context.loaders.rowsBelow(nameOf(model, field, page), parent);
    return rows
      ? page.connection(rows as readonly Row[], () => countOf(context, { model, field }, parent.id))
      : childrenOf(context, model, { [field]: parent.id }, page);
  };
  lists.set(resolve, { model, field, order });
  return resolve;
}

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
  const rows = await loaders.load(nameOf(model, field, page), parent, (parents) =>
    pagesOf<Row>(db, children, parents, page),
  );
  return page.connection(rows ?? [], () => countOf({ db, loaders, models }, { model, field }, parent));
}

async function countOf(
  { db, loaders, models }: Pick<RequestContext, 'db' | 'loaders' | 'models'>,
  { model, field }: Pick<ChildList, 'model' | 'field'>,
  parent: string,
): Promise<number> {
  const counted: Children = { model: models.get(model)!, field };
  const count = await loaders.load(`${model} by ${field}, counted`, parent, (parents) =>
    countsOf(db, counted, parents),
  );
  return count ?? 0;
}

/** Identifies the page of a list below many parents. */
const nameOf = (model: ModelName, field: string, page: Page): string =>
  `${model} by ${field}, ${page.order.key.field} ${page.order.direction}, ${page.name}`;

/**
 * Reads a list below the rows of a `findMany` that is called in the same tick, and keeps it for its resolver.
 *
 * @param args the arguments of the `findMany`, for no more rows than may get the list
 * @returns a function that takes those rows; undefined when nothing was read. Then the resolver reads the list itself.
 */
export async function readAhead(
  { db, loaders, models }: Pick<RequestContext, 'db' | 'loaders' | 'models'>,
  { list: { model, field }, page, fields }: ListAhead,
  parents: ScopedModel,
  args: Readonly<Record<string, unknown>>,
): Promise<((rows: readonly { readonly id: string }[]) => void) | undefined> {
  const rowsOf: Children = { model: models.get(model)!, field };
  if (hasMappedEnum(rowsOf.model)) return undefined;
  const found = await db.readBelow<RowAhead>(parents.property, { ...args, select: { id: true } }, (each) =>
    pagesBelow(db, rowsOf, each, page, fields),
  );
  if (!found) return undefined;
  const pages = new Map<string, RowAhead[]>();
  for (const row of found) {
    const parent = row[PARENT];
    const before = pages.get(parent);
    // A parent without rows has one that is null.
    if (before) before.push(row);
    else pages.set(parent, row.id === null ? [] : [row]);
  }
  const name = nameOf(model, field, page);
  return (rows) => {
    for (const row of rows) {
      // A parent is missing when the list was read later, after a failure.
      const its = pages.get(row.id);
      if (its) loaders.keepBelow(name, row, its);
    }
  };
}

/** Is no name of a field. */
const PARENT = '(parent)';

interface RowAhead {
  readonly id: string | null;
  readonly [PARENT]: string;
}

/** The rows of `page` below each row that `found` finds, after the id of that row. */
function pagesBelow(
  db: TenantClient,
  rowsOf: Children,
  found: Prisma.Sql,
  page: Page,
  fields: ReadonlySet<string> | undefined,
): Prisma.Sql {
  return Prisma.sql`
    SELECT listed.parent_id AS ${trusted(`"${PARENT}"`)}, child.*
    FROM (${found}) AS listed (parent_id)
    LEFT JOIN LATERAL (${pageOf(db, rowsOf, page, fields)}) AS child ON true`;
}

/** The rows of a model by a field with the ids of other rows. */
interface Children {
  readonly model: ScopedModel;
  readonly field: string;
}

/** By parent, the rows of `page.query`. */
async function pagesOf<Row>(
  db: TenantClient,
  { model, field }: Children,
  parents: readonly string[],
  page: Page,
): Promise<Map<string, Row[]>> {
  if (hasMappedEnum(model)) return pagesByPrisma(db, { model, field }, parents, page);
  const rows = await db.$queryRaw<Row>(Prisma.sql`
    SELECT child.*
    FROM unnest(${[...parents]}::uuid[]) AS listed (parent_id)
    CROSS JOIN LATERAL (${pageOf(db, { model, field }, page)}) AS child`);
  const pages = new Map<string, Row[]>(parents.map((parent) => [parent, []]));
  for (const row of rows) pages.get((row as Readonly<Record<string, string>>)[field]!)?.push(row);
  return pages;
}

/** Reads a page below `listed.parent_id`, in a lateral join, from an index if there is one. */
function pageOf(
  db: TenantClient,
  { model, field }: Children,
  page: Page,
  fields?: ReadonlySet<string>,
): Prisma.Sql {
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
  return Prisma.sql`
      SELECT ${trusted(columnsOf(model, fields))} FROM ${trusted(model.table)}
      WHERE ${ofTenant(db, model)} AND ${columnOf(model, field)} = listed.parent_id
        ${beyond(behind, page.after)} ${beyond(ahead, page.before)}
      ORDER BY ${order}
      LIMIT ${limitOf(page.size + 1)}`;
}

const limitOf = (rows: number): Prisma.Sql | number => (isConstantLimit(rows) ? trusted(String(rows)) : rows);

/** The SELECT list of these fields, or of all. */
const columnsOf = ({ columns, allColumns }: ScopedModel, fields: ReadonlySet<string> | undefined): string =>
  fields
    ? [...columns.values()]
        .filter(({ field }) => fields.has(field))
        .map(({ selected }) => selected)
        .join(', ')
    : allColumns;

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

// eslint-disable-next-line no-restricted-syntax -- the text has quoted names of the data model, and whole numbers, only
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
