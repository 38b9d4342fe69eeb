/**
 * The limit on an answer's bytes, whatever makes it large: a text under many aliases, rows, errors, a list, an event. A
 * larger answer is refused as a whole, in the documented form, before it is kept in memory.
 */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { conflict } from '../../src/kernel/vocabulary/errors.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import type { RequestContext } from '../../src/kernel/graphql/request-context.js';
import { AnswerBytes, leastBytes, ROWS_PER_ANSWER } from '../../src/kernel/request/answer-bytes.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { createNotes, notesModule } from '../support/notes.js';
import { useServer, type Answer, type TestClient } from '../support/server.js';
import { endSubscribersAfterEach, inForce, subscriberOf } from '../support/subscriber.js';
import { until } from '../support/until.js';
import { contextOf } from '../support/demo-tenants.js';

const MOST = 100_000;

interface Sizes {
  readonly rows: number;
  readonly bytes: number;
}

/** The number of rows that reached the server in one test. */
let rowsRead = 0;

const read = async ({ rows, bytes }: Sizes, { db }: RequestContext) => {
  const found = await db.$queryRaw<{ body: string }>(
    Prisma.sql`SELECT n AS id, repeat('x', ${bytes}::int) AS body FROM generate_series(1, ${rows}::int) AS n`,
  );
  rowsRead += found.length;
  return found;
};

/** An object, because the types of the generated resolvers do not have these fields. */
const resolvers: object = {
  Query: {
    texts: (_parent: unknown, sizes: Sizes, context: RequestContext) => read(sizes, context),
    inTransaction: (_parent: unknown, sizes: Sizes, { db }: RequestContext) =>
      db.transaction((tx) =>
        tx.$queryRaw(
          Prisma.sql`SELECT repeat('x', ${sizes.bytes}::int) AS body FROM generate_series(1, ${sizes.rows}::int) AS n`,
        ),
      ),
    numbers: (_parent: unknown, { rows }: Sizes) => Array.from({ length: rows }, (_value, n) => n),
    object: (_parent: unknown, { bytes }: Sizes) => ({ text: 'ü'.repeat(bytes / 2), list: [1, 2] }),
    failing: (_parent: unknown, { rows }: Sizes) => Array.from({ length: rows }, () => ({})),
    text: (_parent: unknown, { bytes }: Sizes) => 'x'.repeat(bytes),
    lines: (_parent: unknown, { rows, bytes }: Sizes) => Array<string>(rows).fill('x'.repeat(bytes)),
    accents: (_parent: unknown, { bytes }: Sizes) => 'ü'.repeat(bytes / 2),
    escapes: (_parent: unknown, { bytes }: Sizes) => '\u0001'.repeat(bytes / 6),
  },
  Failing: {
    field: () => {
      throw conflict('x'.repeat(1_000));
    },
  },
  Mutation: { readTexts: (_parent: unknown, sizes: Sizes, context: RequestContext) => read(sizes, context) },
};
const module = defineModule({
  name: 'texts',
  typeDefs: `
    type Text @authenticated { id: Int body: String }
    type Failing @authenticated { field: String }
    extend type Query {
      texts(rows: Int!, bytes: Int!): [Text!] @authenticated
      inTransaction(rows: Int!, bytes: Int!): [Text!] @authenticated
      numbers(rows: Int!): [Int!] @authenticated
      object(bytes: Int!): JSONObject @authenticated
      failing(rows: Int!): [Failing!] @authenticated
      text(bytes: Int!): String @authenticated
      lines(rows: Int!, bytes: Int!): [String!] @authenticated
      accents(bytes: Int!): String @authenticated
      escapes(bytes: Int!): String @authenticated
    }
    extend type Mutation { readTexts(rows: Int!, bytes: Int!): [Text!] @authenticated }`,
  resolvers,
});

const server = useServer({
  modules: [tenantModule, notesModule, module],
  env: { MAX_ANSWER_BYTES: String(MOST) },
});

let client: TestClient;
beforeAll(async () => {
  client = await server().as('owner', 'acme');
});

function expectTooLarge({ status, text, headers }: Answer): void {
  expect(status).toBe(400);
  expect(JSON.parse(text)).toMatchObject({
    errors: [
      {
        message: `The answer has more than ${String(MOST)} bytes: ask for smaller pages or fewer fields.`,
        extensions: { code: 'ANSWER_TOO_LARGE', limit: MOST },
      },
    ],
  });
  expect(JSON.parse(text)).not.toHaveProperty('data');
  expect(text).not.toContain('http');
  expect(headers.get('x-request-id')).toBeTruthy();
}

/** Sends a query often enough that it is compiled. Each answer must be the same. */
async function severalTimes(document: string, variables: Record<string, unknown> = {}): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let n = 0; n < 4; n++) answers.push(await client.query(document, variables));
  return answers;
}

const repeated = (field: string, times: number) =>
  Array.from({ length: times }, (_, n) => `a${String(n)}: ${field}`).join(' ');
/** The longest name that is allowed. */
const longName = 'n'.repeat(255);

describe('an answer is refused as a whole, compiled or not,', () => {
  test.each([
    ['that repeats a text under many names', `{ texts(rows: 10, bytes: 2000) { ${repeated('body', 6)} } }`],
    ['that has one long text', `{ text(bytes: ${String(MOST)}) }`],
    ['whose characters have several bytes', `{ accents(bytes: ${String(MOST)}) }`],
    ['whose characters are escaped', `{ escapes(bytes: ${String(MOST + 6)}) }`],
    ['that has many values', `{ numbers(rows: 50000) }`],
    ['that has a large object', `{ object(bytes: ${String(MOST)}) }`],
    ['that repeats a long name', `{ texts(rows: 600, bytes: 1) { ${longName}: body } }`],
    ['that has many errors', '{ failing(rows: 120) { field } }'],
    ['whose rows are too large together', `{ ${repeated('texts(rows: 10, bytes: 10000) { id }', 5)} }`],
    // Longer than the longest string in JavaScript, so the answer cannot be serialised to measure it.
    ['that has no JSON', '{ lines(rows: 600, bytes: 1000000) }'],
    ['whose rows Prisma has read', `{ inTransaction(rows: 50, bytes: 10000) { id } }`],
  ])('%s', async (_which, document) => {
    for (const answer of await severalTimes(document)) expectTooLarge(answer);
  });

  test('and the same with a little less is answered', async () => {
    for (const document of [
      `{ texts(rows: 10, bytes: 1500) { ${repeated('body', 6)} } }`,
      `{ text(bytes: ${String(MOST - 1_000)}) }`,
      `{ escapes(bytes: ${String(MOST - 1_000)}) }`,
      '{ failing(rows: 60) { field } }',
      `{ ${repeated('texts(rows: 10, bytes: 6000) { id }', 5)} }`,
    ]) {
      for (const { status, text } of await severalTimes(document)) {
        expect(status).toBe(200);
        expect(JSON.parse(text)).toHaveProperty('data');
      }
    }
  });

  test('to the byte', async () => {
    const { text } = await client.query('query ($n: Int!) { text(bytes: $n) }', { n: 0 });
    const room = MOST - Buffer.byteLength(text);
    const [fits, exceeds] = await Promise.all([
      client.query('query ($n: Int!) { text(bytes: $n) }', { n: room }),
      client.query('query ($n: Int!) { text(bytes: $n) }', { n: room + 1 }),
    ]);
    expect([fits.status, Buffer.byteLength(fits.text)]).toEqual([200, MOST]);
    expectTooLarge(exceeds);
  });
});

describe('rows', () => {
  test('beyond the limit are not kept, and what the request reads or writes then is refused', async () => {
    const bytes = new AnswerBytes(MOST);
    const tenantId = await server().database.tenantId('acme');
    const db = server().services.database.forTenant({ ...contextOf(tenantId), bytes });
    rowsRead = 0;
    const reads = Array.from({ length: 20 }, () =>
      read({ rows: 10, bytes: 10_000 }, { db } as unknown as RequestContext),
    );
    const outcomes = await Promise.allSettled(reads);
    expect(rowsRead).toBe(30);
    for (const outcome of outcomes.slice(3)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ANSWER_TOO_LARGE' } });
    }
    for (const late of [
      db.membership.count(),
      db.membership.updateMany({ data: { email: 'x@acme.test' } }),
      db.$queryRaw(Prisma.sql`SELECT 1`),
      db.$executeRaw(Prisma.sql`SELECT 1`),
    ]) {
      await expect(late).rejects.toMatchObject({ code: 'ANSWER_TOO_LARGE' });
    }
    // The connection returns to the pool when PostgreSQL has ended the statement.
    await until('all connections are idle again', () => {
      const { total, idle } = server().services.database.pool;
      return total === idle;
    });
  });

  test('are not counted for what is no request', async () => {
    const tenantId = await server().database.tenantId('acme');
    const db = server().services.database.forTenant(contextOf(tenantId));
    const rows = await read({ rows: 100, bytes: MOST / 10 }, { db } as unknown as RequestContext);
    expect(rows).toHaveLength(100);
  });
});

describe('of a mutation that has too large an answer', () => {
  const plan = async () =>
    (await client.query<{ tenant: { plan: string } }>('{ tenant { plan } }')).data.tenant.plan;
  const change = (to: string, rows: number) =>
    `mutation { changePlan(input: { plan: "${to}" }) { tenant { id } } readTexts(rows: ${String(rows)}, bytes: 10000) { body } }`;

  test('the effect stays, without a key', async () => {
    expectTooLarge(await client.query(change('team', 11)));
    expect(await plan()).toBe('team');
  });

  test.each([
    ['the answer', 11],
    ['the rows', 10 * ROWS_PER_ANSWER + 1],
  ])('nothing has taken effect, with a key, for %s', async (_what, rows) => {
    const before = await plan();
    const keyed = server().withHeaders({
      authorization: `Bearer ${client.token}`,
      'idempotency-key': randomUUID(),
    });
    expectTooLarge(await keyed.query(change('business', rows)));
    expectTooLarge(await keyed.query(change('business', rows)));
    expect(await plan()).toBe(before);
  });

  test('what follows after too many rows does not happen', async () => {
    const before = await plan();
    const document =
      'mutation { readTexts(rows: 50, bytes: 10000) { id } changePlan(input: { plan: "business" }) { tenant { id } } }';
    expectTooLarge(await client.query(document));
    expect(await plan()).toBe(before);
  });
});

describe('an event of a subscription', () => {
  endSubscribersAfterEach(() => [server()]);
  beforeAll(() => createNotes(server().database));

  test.each([
    ['the answer', 'a: text b: text c: text d: text', 30_000],
    ['the rows', 'id', 500_000],
  ])('that is too large, for %s, says so; the next is told again', async (_what, fields, size) => {
    const tenantId = await server().database.tenantId('acme');
    const db = server().services.database.forTenant(contextOf(tenantId));
    const folder = randomUUID();
    const add = (text: string) =>
      db.$executeRaw(
        Prisma.sql`INSERT INTO notes (id, text, folder_id) VALUES (${randomUUID()}::uuid, ${text}, ${folder}::uuid)`,
      );
    const document = `subscription ($folder: ID!) { noteAdded(folderId: $folder) { ${fields} text } }`;
    const watched = await inForce(server(), () =>
      subscriberOf(server(), { token: client.token }).subscribe(document, { folder }),
    );
    await add('x'.repeat(size));
    await until('it is told', () => watched.messages.length === 1);
    expect(watched.messages).toMatchObject([
      { errors: [{ extensions: { code: 'ANSWER_TOO_LARGE', limit: MOST } }] },
    ]);
    expect(JSON.stringify(watched.messages).length).toBeLessThan(1_000);
    await add('small');
    await until('the next is told', () => watched.messages.length === 2);
    expect(watched.messages[1]).toMatchObject({ data: { noteAdded: { text: 'small' } } });
    watched.stop();
  });
});

describe('what is counted', () => {
  test.each([
    ['', 2],
    [null, 4],
    [[], 1],
    [{ a: 'xy', b: [null, ['z']] }, '{"a":"xy","b":[null,["z"]]}'.length],
    [{ a: undefined, b: new Uint8Array(5) }, 11],
    ['ü'.repeat(1_001), 2_004],
    [123.456, 1],
    [true, 1],
  ])('is never more than the JSON: of %j', (value, expected) => {
    expect(leastBytes(value, Infinity)).toBe(expected);
    expect(expected).toBeLessThanOrEqual(Buffer.byteLength(JSON.stringify(value)));
  });

  test('is not looked at once it is enough', () => {
    let looks = 0;
    const list = new Proxy(Array<string>(1_000_000).fill('x'), {
      get: (target, name) => (looks++, Reflect.get(target, name) as unknown),
    });
    expect(leastBytes({ list }, 1_000)).toBeGreaterThan(1_000);
    // Reading the list also reads its length once for each element.
    expect(looks).toBeLessThan(1_000);
  });
});
