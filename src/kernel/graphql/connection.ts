/**
 * Relay connections with keyset pagination: a page begins after a row, so rows that are added or deleted before it do
 * not shift the page. The sort key always ends with the id, so the order is total.
 *
 * A cursor is the sort key of a row that the caller received. It is not looked up and reveals nothing about other rows:
 * a foreign cursor is only a position in the order.
 */
import { z } from 'zod';
import { badInput } from '../vocabulary/errors.js';
import type { SortKey } from './sort-key.js';

/** The arguments of a connection field. */
export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

export type OrderDirection = 'asc' | 'desc';

/** The order of a list: a column, then the id in the same direction. */
export interface Order {
  /** Made by `sortBy`. The id alone is also a key: UUIDv7s sort by their creation time. */
  readonly key: SortKey;
  readonly direction: OrderDirection;
}

/** The database query of a page, for a Prisma `findMany` or hand-written SQL. */
export interface PageQuery {
  readonly where: { readonly AND: Record<string, unknown>[] };
  readonly orderBy: Record<string, OrderDirection>[];
  readonly take: number;
}

export interface Connection<Node> {
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge<Node>[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
  /** Counts all rows of the list; called only when the field is selected. */
  readonly totalCount: () => Promise<number>;
}

export interface Edge<Node> {
  readonly node: Node;
  readonly cursor: string;
}

/** A position in an order. */
export interface Position {
  /** The value of the column, as text. */
  readonly value: string;
  readonly id: string;
}

export const DEFAULT_PAGE = 20;
export const LARGEST_PAGE = 100;
/** The most characters of a cursor. Cursors of times have about 120; a text of 255 characters needs up to 2,200. */
const LONGEST_CURSOR = 2_500;

/** One page of a list: which rows, in which order, and how many. */
export class Page {
  readonly size: number;
  /** The last rows are requested, and fetched in reverse order. */
  readonly backward: boolean;
  /** The page is after this position and before the other. In hand-written SQL, compare `(column, id)` with it. */
  readonly after: Position | undefined;
  readonly before: Position | undefined;

  /** @throws BAD_USER_INPUT for a size out of range, `first` with `last`, or an invalid cursor */
  constructor(
    args: PageArguments,
    readonly order: Order,
  ) {
    if (args.first != null && args.last != null) {
      throw badInput('Ask for the first or for the last rows, not for both.', 'last');
    }
    this.backward = args.last != null;
    this.size = pageSize(args.first ?? args.last, this.backward ? 'last' : 'first');
    this.after = this.position(args.after, 'after');
    this.before = this.position(args.before, 'before');
  }

  /** Identifies the page within its list, for a loader. */
  get name(): string {
    const at = (position: Position | undefined) => (position ? `${position.value} ${position.id}` : '');
    return `${this.backward ? 'last' : 'first'} ${String(this.size)} ${at(this.after)} ${at(this.before)}`;
  }

  /** Requests one more row than the page, to detect a next page. */
  get query(): PageQuery {
    const { key } = this.order;
    const direction: OrderDirection = this.backward === (this.order.direction === 'asc') ? 'desc' : 'asc';
    const forwards = this.order.direction === 'asc' ? 'gt' : 'lt';
    const backwards = this.order.direction === 'asc' ? 'lt' : 'gt';
    const conditions = [
      ...(this.after ? [this.beyond(this.after, forwards)] : []),
      ...(this.before ? [this.beyond(this.before, backwards)] : []),
    ];
    return {
      where: { AND: conditions },
      orderBy: [...(key.field === 'id' ? [] : [{ [key.field]: direction }]), { id: direction }],
      take: this.size + 1,
    };
  }

  /** The connection for the rows of `query`, in their order. */
  connection<Node extends { readonly id: string }>(
    rows: readonly Node[],
    totalCount: () => Promise<number>,
  ): Connection<Node> {
    const more = rows.length > this.size;
    const nodes = more ? rows.slice(0, this.size) : [...rows];
    if (this.backward) nodes.reverse();
    const [hasNextPage, hasPreviousPage] = this.backward
      ? [this.before !== undefined, more]
      : [more, this.after !== undefined];
    return new RowConnection(nodes, (node) => this.cursor(node), hasNextPage, hasPreviousPage, totalCount);
  }

  /** The condition for rows beyond a position. The first part lets an index find them; the second is exact. */
  private beyond({ value: text, id }: Position, compare: 'gt' | 'lt'): Record<string, unknown> {
    const { field, fromText } = this.order.key;
    if (field === 'id') return { id: { [compare]: id } };
    const value = fromText(text);
    return {
      [field]: { [`${compare}e`]: value },
      OR: [{ [field]: { [compare]: value } }, { id: { [compare]: id } }],
    };
  }

  private cursor(node: { readonly id: string }): string {
    const { field, toText } = this.order.key;
    const position = [field, toText((node as Readonly<Record<string, unknown>>)[field]), node.id];
    return Buffer.from(JSON.stringify(position)).toString('base64url');
  }

  private position(cursor: string | null | undefined, argument: string): Position | undefined {
    if (cursor == null) return undefined;
    const parsed = CURSOR.safeParse(cursor.length > LONGEST_CURSOR ? undefined : decode(cursor));
    const [field, value, id] = parsed.data ?? [];
    const { key } = this.order;
    if (field !== key.field || value === undefined || id === undefined || key.fromText(value) === undefined) {
      throw badInput('This is not a cursor of this list in this order.', argument);
    }
    return { value, id };
  }
}

/** Cursors are made only when they are read, because many queries do not select them. */
class RowConnection<Node> implements Connection<Node> {
  constructor(
    readonly nodes: readonly Node[],
    private readonly cursor: (node: Node) => string,
    private readonly hasNextPage: boolean,
    private readonly hasPreviousPage: boolean,
    readonly totalCount: () => Promise<number>,
  ) {}

  get edges() {
    return this.nodes.map((node) => ({ node, cursor: this.cursor(node) }));
  }

  get pageInfo() {
    const first = this.nodes[0];
    const last = this.nodes.at(-1);
    return {
      hasNextPage: this.hasNextPage,
      hasPreviousPage: this.hasPreviousPage,
      startCursor: first ? this.cursor(first) : null,
      endCursor: last ? this.cursor(last) : null,
    };
  }
}

/**
 * @param most the most rows of a page in the tenant's plan
 * @throws BAD_USER_INPUT for a larger page
 */
export function refuseLargePage({ first, last }: PageArguments, most: number): void {
  for (const [argument, asked] of [
    ['first', first],
    ['last', last],
  ] as const) {
    if (asked != null && asked > most) throw badInput(`A page has between 0 and ${most} rows.`, argument);
  }
}

/** The field, its value as text, and the id. */
const CURSOR = z.tuple([z.string(), z.string(), z.guid()]);

function decode(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
}

function pageSize(asked: number | null | undefined, argument: string): number {
  if (asked == null) return DEFAULT_PAGE;
  if (asked < 0 || asked > LARGEST_PAGE) {
    throw badInput(`A page has between 0 and ${LARGEST_PAGE} rows.`, argument);
  }
  return asked;
}
