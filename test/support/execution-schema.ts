/** A schema whose resolvers return values of every kind, and a comparison of compiled execution with graphql-js. */
import fc from 'fast-check';
import {
  execute,
  GraphQLScalarType,
  type GraphQLSchema,
  parse,
  validate,
  type DocumentNode,
  type ExecutionResult,
} from 'graphql';
import { makeExecutableSchema } from '@graphql-tools/schema';
import { expect } from 'vitest';
import { DateTime } from '../../src/kernel/graphql/date-time.js';
import { createExecute, type Execute } from '../../src/kernel/graphql/execution.js';
import { parseDocument } from '../../src/kernel/graphql/parse-document.js';

export const typeDefs = /* GraphQL */ `
  scalar DateTime
  scalar Anything
  enum Color {
    RED
    GREEN
  }
  input Range {
    from: Int = 1
    to: Int
    color: Color! = GREEN
    inner: Inner
    list: [Int!]
  }
  input Inner {
    inner: Inner2
    list: [Int!]
  }
  input Inner2 {
    list: [Int!]! = [3, 4]
  }
  input Endless {
    again: [Endless!]
    more: Endless
  }
  interface Named {
    name: String
  }
  union Found = Leaf | Node
  type Leaf implements Named {
    name: String
    size: Int!
  }
  type Node implements Named {
    id: ID!
    name: String
    count: Int
    ratio: Float
    flag: Boolean
    color: Color
    at: DateTime
    json: Anything
    big: String
    strict: String!
    echo(
      a: Int = 3
      b: String
      c: Color = RED
      d: Range
      e: [Int]
      f: [Range!]
      g: Float
      h: ID
      i: Int! = 4
    ): String
    child: Node
    sure: Node!
    nodes: [Node]
    sureNodes: [Node!]!
    grid: [[Int]]
    names: [String!]
    found: Found
    named: Named
    secret: String
    open: String
    thing: Anything
    secretThing: Anything
  }
  type Query {
    node: Node
    sure: Node!
    nodes: [Node!]
    hello: String
    many: [Int!]!
    endless(input: Endless): String
  }
  type Mutation {
    change: String
  }
`;

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value as Record<string, unknown>).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
};

/** Converts a value to one of the forms that a resolver may return. */
export type Held = (value: unknown) => unknown;
export const PLAIN: Held = (value) => value;

export const FIELDS: Readonly<Record<string, (depth: number) => unknown>> = {
  id: () => 7,
  name: () => 'name',
  count: () => 42,
  ratio: () => 0.5,
  flag: () => true,
  color: () => 'RED',
  at: () => new Date(1_700_000_000_123),
  json: () => ({ any: [1, { thing: null }] }),
  big: () => '\u2028 "quoted" `${x}` \\ \u0000 \ud83d\ude00',
  strict: () => 'strict',
  child: (depth) => object(depth),
  sure: (depth) => object(depth),
  nodes: (depth) => [object(depth), null, object(depth)],
  sureNodes: (depth) => new Set([object(depth), object(depth)]),
  grid: () => [[1, null], null, [2]],
  names: () => ['a', 'b'],
  found: (depth) =>
    Object.create(object(depth) as object | null, { __typename: { value: 'Node' } }) as unknown,
  named: () => ({ __typename: 'Leaf', name: 'leaf', size: 1 }),
};

/** The form of each field's value. It is an object because other files replace its property. */
export const held: { fields: Readonly<Record<string, Held>> } = { fields: {} };
export function object(depth: number): unknown {
  if (depth > 4) return null;
  const made: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(FIELDS)) {
    Object.defineProperty(made, name, {
      enumerable: true,
      // A getter creates the value only when it is read. A rejected promise that no one reads would be an unhandled
      // rejection.
      get: () => (held.fields[name] ?? PLAIN)(value(depth + 1)),
    });
  }
  return made;
}

export const echo = (_parent: unknown, args: object) => JSON.stringify(sorted(args));
export const schema = makeExecutableSchema({
  typeDefs,
  resolvers: {
    DateTime,
    Anything: new GraphQLScalarType({ name: 'Anything' }),
    Node: { echo },
    Query: {
      node: () => object(0),
      sure: async () => object(0),
      // When a later element of a list throws, graphql-js ignores the promises before it.
      nodes: async () => [Promise.resolve(object(0)), Promise.resolve(object(0))],
      hello: () => 'world',
      many: () => [1, 2, 3],
    },
    Mutation: { change: () => 'changed' },
  },
});

export const USES = 4;

async function outcome(run: () => unknown): Promise<string> {
  try {
    return JSON.stringify(await run());
  } catch (error) {
    return `rejected: ${String(error)}`;
  }
}

/** Sorts the errors, because their order depends on which field fails first. */
const settled = (answer: string): unknown => {
  if (!answer.startsWith('{')) return answer;
  const { data, errors } = JSON.parse(answer) as ExecutionResult;
  return { data: JSON.stringify(data), errors: errors?.map((error) => JSON.stringify(error)).sort() };
};

export async function expectTheSame(
  document: DocumentNode,
  variables: Record<string, unknown> = {},
  on: GraphQLSchema = schema,
  run: Execute = createExecute(on),
): Promise<string> {
  const expected = await outcome(() =>
    execute({ schema: on, document, variableValues: variables, contextValue: {} }),
  );
  // The document as a request has it: without the source text, but with the same locations.
  const { document: own } = parseDocument(document.loc!.source.body, 2_000);
  for (let use = 0; use < USES; use++) {
    const answer = await outcome(() => run({ document: own, operationName: null, variables, context: {} }));
    expect(settled(answer)).toEqual(settled(expected));
  }
  return expected;
}

export function valid(source: string, on: GraphQLSchema = schema): DocumentNode {
  const document = parse(source);
  expect(validate(on, document)).toEqual([]);
  return document;
}
export const variables = fc.record(
  {
    int: fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constant(null)),
    text: fc.oneof(fc.string(), fc.constant(null)),
    color: fc.constantFrom('RED', 'GREEN', null),
    yes: fc.boolean(),
    range: fc.oneof(fc.constant(null), fc.constant({}), fc.constant({ to: 3, inner: { list: [1] } })),
    must: fc.constantFrom(1, 2, -1),
    early: fc.constantFrom(6, null),
    ints: fc.oneof(fc.constant(null), fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 })),
    unknown: fc.constant(1),
  },
  { requiredKeys: ['yes', 'must'] },
);
