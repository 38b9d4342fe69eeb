/** Lists of the rows of a model, read together with what the document asks for below them. */
import type { GraphQLResolveInfo } from 'graphql';
import { readAhead } from './children.js';
import type { Connection, Page } from './connection.js';
import type { RequestContext } from './request-context.js';
import type { ModelName } from './sort-key.js';

/**
 * A page of the rows of a model. Lists below the rows (`childList`) are read in the same round trip when that is possible.
 * The rows have the columns that the document asks for, and all columns when it asks for a field with a resolver.
 *
 * @param info of the field that has the list
 * @param where a condition of the model, in addition to the page's
 */
export async function listOf<Row extends { readonly id: string }>(
  context: Pick<RequestContext, 'db' | 'loaders' | 'lookAhead' | 'models' | 'viewer'>,
  info: GraphQLResolveInfo,
  model: ModelName,
  page: Page,
  where: Readonly<Record<string, unknown>> = {},
): Promise<Connection<Row>> {
  const { db, lookAhead, models } = context;
  const scoped = models.get(model)!;
  const { [scoped.property]: rows } = db as unknown as Readonly<Record<string, Delegate<Row>>>;
  const { fields, lists } = lookAhead.below(info, model, context);
  const { query } = page;
  const args = { ...query, where: { ...query.where, ...where } };
  const selected = fields && { select: selectionOf(fields, page.order.key.field) };
  const finding = rows!.findMany({ ...args, ...selected });
  // Without the row that only tells whether there is a next page.
  const readings = lists.map((list) =>
    readAhead(context, list, scoped, { ...args, take: page.size }).catch(() => undefined),
  );
  const found = await finding;
  for (const reading of readings) (await reading)?.(found);
  return page.connection(found, () => rows!.count({ where }));
}

interface Delegate<Row> {
  findMany(args: object): Promise<Row[]>;
  count(args: object): Promise<number>;
}

const selectionOf = (fields: ReadonlySet<string>, sorted: string): Readonly<Record<string, true>> =>
  Object.fromEntries([...fields, sorted].map((field) => [field, true]));
