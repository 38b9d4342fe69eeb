/**
 * Proves that a list pages as a Relay connection must: every row once and in order, forward and backward, also while
 * rows are added and removed. Also proves that cursors give no access to other rows.
 */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { useClients } from './clients.js';
import { bareId } from './ids.js';
import type { TestDatabase } from './database.js';
import type { Answer, TestServer } from './server.js';

export interface PageArguments {
  readonly first?: number | null;
  readonly after?: string | null;
  readonly last?: number | null;
  readonly before?: string | null;
}

/** A page as the API gives it. Its ids carry their type; those of the rows do not. */
export interface Page {
  readonly nodes: readonly { readonly id: string }[];
  readonly edges: readonly { readonly cursor: string; readonly node: { readonly id: string } }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
  readonly totalCount: number;
}

/** A row of the list, read from the database. */
export interface SortedRow {
  readonly id: string;
  /** A text that sorts like the list's column. */
  readonly key: string;
}

export interface ListUnderTest {
  /** The root field. */
  readonly field: string;
  /** Further arguments in GraphQL: `orderBy: { direction: ASC }`. */
  readonly args?: string;
  readonly direction: 'asc' | 'desc';
  /** The first part of this list's cursors: the name of the sorted column. */
  readonly column: string;
  /** All rows of the list, in any order. */
  rows(database: TestDatabase, tenant: string): Promise<SortedRow[]>;
  /** Adds a row whose sort time is this many seconds after the first. */
  add(database: TestDatabase, tenant: string, seconds: number): Promise<string>;
  /** Undefined for rows that cannot be deleted. */
  remove?(database: TestDatabase, tenant: string, id: string): Promise<unknown>;
}

/** An expression for a text that sorts like the timestamp. */
export const sortKey = (column: string): string =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS') AS key`;

/** The time that is this many seconds after the first test row. */
export const secondsLater = (seconds: number): string =>
  new Date(Date.UTC(2024, 0, 1) + seconds * 1000).toISOString();

/** The number of rows that are added to the demo tenant's own. Several of them have the same time. */
const ROWS = 45;
const ROWS_PER_SECOND = 4;

const PAGE_FIELDS = `
  nodes { id }
  edges { cursor node { id } }
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  totalCount`;

const PARAMETERS = '$first: Int, $after: String, $last: Int, $before: String';

export function provePaging(server: () => TestServer, list: ListUnderTest): void {
  const clientOf = useClients(server);
  const extra = list.args === undefined ? '' : `, ${list.args}`;
  const document = `query (${PARAMETERS}) {
    ${list.field}(first: $first, after: $after, last: $last, before: $before${extra}) { ${PAGE_FIELDS} }
  }`;

  const ask = async (args: PageArguments, tenant = 'acme'): Promise<Answer<Record<string, Page | null>>> =>
    (await clientOf('owner', tenant)).query(document, { ...args });

  const page = async (args: PageArguments, tenant?: string): Promise<Page> => {
    const { data, errors } = await ask(args, tenant);
    expect(errors).toEqual([]);
    const answered = data[list.field]!;
    const { nodes, edges, pageInfo } = answered;
    expect(edges.map(({ node }) => node)).toEqual(nodes);
    expect(pageInfo.startCursor).toBe(edges[0]?.cursor ?? null);
    expect(pageInfo.endCursor).toBe(edges.at(-1)?.cursor ?? null);
    return answered;
  };

  /** The rows that the list must contain now, in order. */
  const expectedRows = async (tenant = 'acme'): Promise<SortedRow[]> => {
    const ascending = (await list.rows(server().database, tenant)).sort(compareRows);
    return list.direction === 'asc' ? ascending : ascending.reverse();
  };
  const expected = async (tenant?: string) => (await expectedRows(tenant)).map(({ id }) => id);
  const idsOf = ({ nodes }: Page) => nodes.map(({ id }) => bareId(id));

  beforeAll(async () => {
    const { database } = server();
    for (let row = 0; row < ROWS; row++) {
      // An order of insertion that is neither the sort order nor its reverse.
      await list.add(database, 'acme', Math.floor(((row * 7) % ROWS) / ROWS_PER_SECOND));
    }
    for (let row = 0; row < 5; row++) await list.add(database, 'globex', row * 2);
  });

  const forward = async (size: number, from: string | null = null): Promise<Page[]> => {
    const pages = [await page({ first: size, after: from })];
    while (pages.at(-1)!.pageInfo.hasNextPage) {
      pages.push(await page({ first: size, after: pages.at(-1)!.pageInfo.endCursor }));
      expect(pages.length).toBeLessThan(200);
    }
    return pages;
  };

  const backward = async (size: number): Promise<Page[]> => {
    const pages = [await page({ last: size })];
    while (pages[0]!.pageInfo.hasPreviousPage) {
      pages.unshift(await page({ last: size, before: pages[0]!.pageInfo.startCursor }));
      expect(pages.length).toBeLessThan(200);
    }
    return pages;
  };

  test.each([1, 7, 20, 100])(
    'pages of %i lead forward through every row, once and in order',
    async (size) => {
      const ids = await expected();
      const pages = await forward(size);
      expect(pages.flatMap(idsOf)).toEqual(ids);
      expect(pages).toHaveLength(Math.ceil(ids.length / size));
      expect(pages.map(({ pageInfo }) => pageInfo.hasPreviousPage)).toEqual(pages.map((_page, at) => at > 0));
      expect(new Set(pages.map(({ totalCount }) => totalCount))).toEqual(new Set([ids.length]));
    },
  );

  test.each([1, 7, 20, 100])(
    'pages of %i lead backward through every row, once and in order',
    async (size) => {
      const ids = await expected();
      const pages = await backward(size);
      expect(pages.flatMap(idsOf)).toEqual(ids);
      expect(pages).toHaveLength(Math.ceil(ids.length / size));
      expect(pages.map(({ pageInfo }) => pageInfo.hasNextPage)).toEqual(
        pages.map((_page, at) => at < pages.length - 1),
      );
    },
  );

  test('a page that ends with the last row has no next one, and one that begins with the first no previous', async () => {
    const { length } = await expected();
    const all = await page({ first: length });
    expect(all.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false });
    expect((await page({ first: length - 1 })).pageInfo.hasNextPage).toBe(true);
    expect((await page({ last: length })).pageInfo).toMatchObject({
      hasNextPage: false,
      hasPreviousPage: false,
    });
    expect((await page({ last: length - 1 })).pageInfo.hasPreviousPage).toBe(true);
  });

  test('there is nothing behind the last row, nor before the first', async () => {
    const { startCursor, endCursor } = (await page({ first: 100 })).pageInfo;
    const behind = await page({ first: 10, after: endCursor });
    expect(behind).toMatchObject({
      nodes: [],
      pageInfo: { hasNextPage: false, startCursor: null, endCursor: null },
    });
    const before = await page({ last: 10, before: startCursor });
    expect(before).toMatchObject({ nodes: [], pageInfo: { hasPreviousPage: false } });
    expect(before.totalCount).toBe((await expected()).length);
  });

  test('a page without a size has 20 rows, and an explicit null is no size', async () => {
    const ids = await expected();
    expect(idsOf(await page({}))).toEqual(ids.slice(0, 20));
    expect(idsOf(await page({ first: null, after: null, last: null, before: null }))).toEqual(
      ids.slice(0, 20),
    );
    expect(idsOf(await page({ first: null, last: 3 }))).toEqual(ids.slice(-3));
  });

  test('a page of no rows tells whether there are any', async () => {
    expect(await page({ first: 0 })).toMatchObject({ nodes: [], pageInfo: { hasNextPage: true } });
    expect(await page({ last: 0 })).toMatchObject({ nodes: [], pageInfo: { hasPreviousPage: true } });
  });

  test('after and before together give what lies between, from either end', async () => {
    const ids = await expected();
    const { edges } = await page({ first: 100 });
    const [after, before] = [edges[4]!.cursor, edges[21]!.cursor];
    expect(idsOf(await page({ first: 100, after, before }))).toEqual(ids.slice(5, 21));
    const start = await page({ first: 6, after, before });
    expect(idsOf(start)).toEqual(ids.slice(5, 11));
    expect(start.pageInfo.hasNextPage).toBe(true);
    const end = await page({ last: 6, after, before });
    expect(idsOf(end)).toEqual(ids.slice(15, 21));
    expect(end.pageInfo.hasPreviousPage).toBe(true);
    expect(idsOf(await page({ first: 100, after: before, before: after }))).toEqual([]);
    expect(idsOf(await page({ first: 100, after, before: after }))).toEqual([]);
  });

  test('the rows of a page that was given do not come again, and none is missed, while rows come and go', async () => {
    const { database } = server();
    const first = await page({ first: 15 });
    const cursorRow = (await expectedRows()).find(({ id }) => id === idsOf(first).at(-1))!;

    const [gone] = idsOf(first);
    await list.remove?.(database, 'acme', gone!);
    await list.remove?.(database, 'acme', cursorRow.id);
    const added = await Promise.all([-60, 0, 5, 100].map((seconds) => list.add(database, 'acme', seconds)));

    const rowsNow = await expectedRows();
    const isBehind = (row: SortedRow) =>
      list.direction === 'asc' ? compareRows(row, cursorRow) > 0 : compareRows(row, cursorRow) < 0;
    const behind = rowsNow.filter(isBehind).map(({ id }) => id);
    const pages = await forward(10, first.pageInfo.endCursor);
    expect(pages.flatMap(idsOf)).toEqual(behind);
    expect(behind.filter((id) => added.includes(id)).length).toBeGreaterThan(0);

    const isBefore = (row: SortedRow) => row.id !== cursorRow.id && !isBehind(row);
    const backwards = await page({ last: 100, before: first.pageInfo.endCursor });
    expect(idsOf(backwards)).toEqual(rowsNow.filter(isBefore).map(({ id }) => id));
  });

  test.each([
    [{ first: 101 }, 'first'],
    [{ first: -1 }, 'first'],
    [{ first: 2_147_483_647 }, 'first'],
    [{ last: 101 }, 'last'],
    [{ last: -1 }, 'last'],
    [{ first: 5, last: 5 }, 'last'],
    [{ first: 0, last: 0 }, 'last'],
  ])('%o is refused', async (args, argument) => {
    const { data, errors } = await ask(args);
    expect(data[list.field]).toBeNull();
    expect(errors).toMatchObject([
      { path: [list.field], extensions: { code: 'BAD_USER_INPUT', field: argument } },
    ]);
  });

  const encode = (position: unknown) => Buffer.from(JSON.stringify(position)).toString('base64url');
  const [id, time] = [randomUUID(), '2024-01-01T00:00:00.000Z'];
  const value = list.column === 'id' ? id : time;

  describe.each(['after', 'before'] as const)('as %s', (argument) => {
    test.each([
      ['nothing', ''],
      ['no base64', '%%%'],
      ['text', 'a cursor'],
      ['base64 of no JSON', Buffer.from('a cursor').toString('base64')],
      ['null', encode(null)],
      ['an object', encode({ id, value })],
      ['an empty position', encode([])],
      ['half a position', encode([list.column, value])],
      ['more than a position', encode([list.column, value, id, id])],
      ['a position of another column', encode(['body', time, id])],
      ['a position of the tenant column', encode(['tenantId', id, id])],
      ['a position of a property of objects', encode(['__proto__', time, id])],
      ['a position with a nested condition', encode([list.column, { not: value }, id])],
      ['a position with no id', encode([list.column, value, "' OR true --"])],
      ['a position with a number for a value', encode([list.column, 0, id])],
      ['a position with an impossible value', encode([list.column, '2024-13-45T99:00:00.000Z', id])],
    ])('a cursor that is %s is refused', async (_name, cursor) => {
      const { data, errors } = await ask({ first: 5, [argument]: cursor });
      expect(data[list.field]).toBeNull();
      expect(errors).toMatchObject([
        { path: [list.field], extensions: { code: 'BAD_USER_INPUT', field: argument } },
      ]);
    });

    // The time may be a valid position or not. Either way the server must answer with rows or with BAD_USER_INPUT.
    test.each([
      '0000-01-01T00:00:00.000Z',
      '0001-01-01T00:00:00.000Z',
      '9999-12-31T23:59:59.999Z',
      '2024-01-01T00:00Z',
      '2024-01-01T00:00:00Z',
      '2024-01-01T00:00:00.123456789Z',
      '2024-02-29T00:00:00.000Z',
      '2023-02-29T00:00:00.000Z',
    ])('a forged cursor with the time %s is a place in the order, or is refused', async (forged) => {
      const { errors } = await ask({ first: 5, [argument]: encode([list.column, forged, id]) });
      for (const { extensions } of errors) expect(extensions.code).toBe('BAD_USER_INPUT');
    });
  });

  test('a cursor of another tenant is a place in the order, and opens nothing', async () => {
    const foreign = await page({ first: 3 }, 'globex');
    const foreignIds = await expected('globex');
    const foreignRow = (await expectedRows('globex'))[2]!;
    const own = await expectedRows();
    const isBehind = (row: SortedRow) =>
      list.direction === 'asc' ? compareRows(row, foreignRow) > 0 : compareRows(row, foreignRow) < 0;

    const behind = await page({ first: 100, after: foreign.pageInfo.endCursor });
    expect(idsOf(behind)).toEqual(own.filter(isBehind).map((row) => row.id));
    const before = await page({ first: 100, before: foreign.pageInfo.endCursor });
    expect(idsOf(before)).toEqual(own.filter((row) => !isBehind(row)).map((row) => row.id));
    for (const foreignId of foreignIds) {
      expect(idsOf(behind)).not.toContain(foreignId);
      expect(idsOf(before)).not.toContain(foreignId);
    }
    expect(behind.totalCount).toBe(own.length);
  });
}

function compareRows(a: SortedRow, b: SortedRow): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}
