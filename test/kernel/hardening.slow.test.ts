/**
 * Tests what docs/attack-table.md does not show: limits of time, the cost in an answer, answers that reveal no part of
 * the schema, and the errors of refused input.
 */
import { connect } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ERROR_STATUS } from '../../src/kernel/vocabulary/errors.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import { parseInput, text } from '../../src/kernel/graphql/input.js';
import { MOST_COST } from '../../src/services/limits/cost.js';
import { REQUEST_LIMITS } from '../../src/http/request-limits.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { sendRaw } from '../support/attack.js';
import { useServer, type TestClient } from '../support/server.js';

const shapes = z.object({ name: text(1, 5), words: z.array(text(0, 3)).nullish() });
/** An object, because the types of the generated resolvers do not have these fields. */
const resolvers: object = {
  Mutation: { nothing: () => 1 },
  Query: {
    things: () => ({ nodes: [{ name: 'a' }, { name: 'b' }] }),
    paint: (_parent: unknown, { shape, colour }: { shape?: unknown; colour?: string }) =>
      shape === undefined ? colour : parseInput(shapes, shape).name,
  },
};
const module = defineModule({
  name: 'things',
  typeDefs: `
    enum Colour { CRIMSON CYAN }
    input Shape { name: String!, words: [String!], colour: Colour, size: Int }
    type Thing @authenticated { name: String! }
    type ThingConnection @authenticated { nodes: [Thing!]! }
    extend type Query {
      things(first: Int): ThingConnection @authenticated
      paint(shape: Shape, colour: Colour): String @authenticated
    }
    extend type Mutation { nothing: Int @authenticated }`,
  resolvers,
});

const modules = [tenantModule, module];
const server = useServer({ modules });
const production = useServer({
  modules,
  env: { NODE_ENV: 'production', DATABASE_URL: 'postgresql://tenantry_app@localhost/tenantry' },
});

let client: TestClient;
let strict: TestClient;
beforeAll(async () => {
  client = await server().as('owner', 'acme');
  strict = await production().as('owner', 'acme');
});

const costIn = ({ text }: { readonly text: string }) =>
  (JSON.parse(text) as { extensions?: { cost?: unknown } }).extensions?.cost;

describe('an answer says what it cost, and at the most', () => {
  const document = 'query ($n: Int) { things(first: $n) { nodes { name } } }';
  test.each([
    ['by the size in its variables', document, { n: 3 }, 1 + 3 * 2],
    ['another time with another size', document, { n: 50 }, 1 + 50 * 2],
    ['of a mutation', 'mutation { nothing }', {}, 11],
    ['of introspection', '{ __type(name: "Thing") { name } }', {}, 2],
    ['with errors', '{ __typename paint(shape: { name: "" }) }', {}, 2],
    ['when it is refused for a variable', document, { n: 'x' }, 1 + 100 * 2],
  ])('%s', async (_when, query, variables, requested) => {
    expect(costIn(await client.query(query, variables))).toMatchObject({ requested, limit: MOST_COST });
  });

  const aliases = (size: string) =>
    Array.from(
      { length: 40 },
      (_, n) => `a${String(n)}: things(first: ${size}) { nodes { ${'name '.repeat(30)} } }`,
    ).join(' ');
  const requested = 40 * (1 + 100 * 31);
  test.each([
    ['in the document', `{ ${aliases('100')} }`, {}],
    ['in the variables', `query ($n: Int) { ${aliases('$n')} }`, { n: 100 }],
  ])('and is refused when that is too much %s', async (_where, query, variables) => {
    const { status, errors, text } = await client.query(query, variables);
    expect(status).toBe(ERROR_STATUS.COST_LIMIT_EXCEEDED);
    expect(errors.map(({ extensions }) => extensions)).toEqual([
      { code: 'COST_LIMIT_EXCEEDED', cost: { requested, limit: MOST_COST } },
    ]);
    expect(JSON.parse(text)).not.toHaveProperty('data');
  });

  test('and is answered when the variables ask for less', async () => {
    const { status, errors } = await client.query(`query ($n: Int) { ${aliases('$n')} }`, { n: 10 });
    expect([status, errors]).toEqual([200, []]);
  });
});

describe('nothing is proposed in production for what does not exist', () => {
  test.each([
    ['a field', '{ thing { nodes { name } } }', {}],
    ['a field of a type', '{ things { node { name } } }', {}],
    ['an argument', '{ things(frist: 1) { nodes { name } } }', {}],
    ['a type', 'query ($s: Shap) { paint(shape: $s) }', {}],
    ['a fragment’s type', '{ things { ...F } } fragment F on ThingConnectio { nodes { name } }', {}],
    ['a directive', '{ __typename @inclde(if: true) }', {}],
    ['a directive’s argument', '{ __typename @include(fi: true) }', {}],
    ['a variable', 'query ($colour: Colour) { paint(colour: $color) }', {}],
    ['an enum’s value', '{ paint(colour: CRIMSN) }', {}],
    ['an enum’s value as text', '{ paint(colour: "CRIMSON") }', {}],
    ['an input’s field', '{ paint(shape: { nam: "x" }) }', {}],
    ['an enum’s value in a variable', 'query ($c: Colour) { paint(colour: $c) }', { c: 'CRIMSN' }],
    [
      'an input’s field in a variable',
      'query ($s: Shape) { paint(shape: $s) }',
      { s: { name: 'x', colou: 'CYAN' } },
    ],
    [
      'an enum’s value in an input in a variable',
      'query ($s: Shape) { paint(shape: $s) }',
      { s: { name: 'x', colour: 'CYANN' } },
    ],
  ])('%s', async (_what, query, variables) => {
    const { status, errors, text } = await strict.query(query, variables);
    expect(status).toBe(400);
    expect(errors.length).toBeGreaterThan(0);
    expect(text).not.toMatch(/did you mean/i);
    expect(text).not.toContain('CRIMSON"?');
  });
});

describe('input that is refused', () => {
  const paint = 'query ($s: Shape, $c: Colour!) { paint(shape: $s, colour: $c) }';
  test.each([
    [{ s: { name: 1 }, c: 'CYAN' }, ['s.name']],
    [{ s: {}, c: 'CYAN' }, ['s.name']],
    [{ s: { name: 'x', words: ['a', 2, null] }, c: 'CYAN' }, ['s.words[1]', 's.words[2]']],
    [{ s: { name: 'x', colur: 'CYAN', size: 1e20 }, c: 'CYAN' }, ['s.size', 's.colur']],
    [{ s: { name: 'x' } }, ['c']],
    [{ s: { name: 'x' }, c: null }, ['c']],
    [{ s: 'no object at "s.name"; x', c: 5 }, ['s', 'c']],
  ])('in variables is named by its path, all of it at once: %j', async (variables, fields) => {
    const { status, errors } = await client.query(paint, variables);
    expect(status).toBe(400);
    expect(errors.map(({ extensions }) => extensions)).toEqual(
      fields.map((field) => ({ code: 'BAD_USER_INPUT', field })),
    );
  });

  test('is not repeated in the message', async () => {
    const { errors } = await client.query(paint, { s: { words: ['SECRET'] }, c: 'CYAN' });
    expect(errors.map(({ message }) => message)).toEqual([
      's.name: Field "name" of required type "String!" was not provided.',
    ]);
  });

  test('for several reasons is told all of them', async () => {
    const { errors } = await client.query('{ paint(shape: { name: "", words: ["long", "a", "longer"] }) }');
    expect(errors).toMatchObject([
      {
        message:
          'input.name must not be empty. input.words.0 must have at most 3 characters. input.words.2 must have at most 3 characters.',
        extensions: {
          code: 'BAD_USER_INPUT',
          field: 'input.name',
          problems: [
            { field: 'input.name', message: 'input.name must not be empty.' },
            { field: 'input.words.0', message: 'input.words.0 must have at most 3 characters.' },
            { field: 'input.words.2', message: 'input.words.2 must have at most 3 characters.' },
          ],
        },
      },
    ]);
  });
});

describe('a client that takes its time', () => {
  test('has as long as documented', () => {
    const { headersTimeout, requestTimeout, keepAliveTimeout } = server().app.server;
    expect({ headersTimeout, requestTimeout }).toEqual({
      headersTimeout: REQUEST_LIMITS.headersMs,
      requestTimeout: REQUEST_LIMITS.requestMs,
    });
    expect(keepAliveTimeout).toBeGreaterThan(0);
  });

  test.each([
    ['headers', 'POST /graphql HTTP/1.1\r\nHost: localhost\r\n'],
    [
      'body',
      () =>
        `POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${strict.token}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
    ],
  ])('over its %s is told, and cut off', async (_what, sent) => {
    const http = production().app.server;
    http.headersTimeout = 100;
    http.requestTimeout = 100;
    const { status, text } = await sendRaw(production(), typeof sent === 'string' ? sent : sent());
    expect(status).toBe(408);
    expect(JSON.parse(text)).toEqual({
      errors: [{ message: 'The request took too long to arrive.', extensions: { code: 'BAD_REQUEST' } }],
    });
  });
});

test('what is no request leaves the server as it was, and no connection behind', async () => {
  for (let n = 0; n < 20; n++) await sendRaw(server(), '\u0000\r\n\r\n');
  await new Promise<void>((resolve, reject) => {
    const { hostname, port } = new URL(server().url);
    const socket = connect(Number(port), hostname, () => {
      socket.write('POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Le');
      socket.resetAndDestroy();
      resolve();
    });
    socket.on('error', reject);
  });
  expect((await client.query('{ __typename }')).status).toBe(200);
});
