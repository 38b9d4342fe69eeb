/** Proves that an operation selects either the schema or data: it cannot hide which, and selecting both is refused. */
import { buildSchema, Kind, parse, validate } from 'graphql';
import { getIntrospectionQuery } from 'graphql';
import { describe, expect, test } from 'vitest';
import { introspectionStandsAlone, introspects } from '../../src/kernel/access/introspection.js';

/** A payload with a field for the root query, as in early versions of Relay. `__schema` is a field there too. */
const schema = buildSchema(`
  type Query { me: Me }
  type Mutation { change: Payload }
  type Me { name: String }
  type Payload { query: Query! }
`);

const refusals = (document: string): string[] =>
  validate(schema, parse(document), [introspectionStandsAlone]).map(({ message }) => message);

const asks = (source: string): boolean[] => {
  const document = parse(source);
  return document.definitions.flatMap((node) =>
    node.kind === Kind.OPERATION_DEFINITION ? [introspects(document, node)] : [],
  );
};

const SCHEMA = '__schema { types { name } }';

describe('an operation that asks for the schema and for data is refused', () => {
  test.each([
    ['side by side', `{ me { name } ${SCHEMA} }`],
    ['the other way round', `{ ${SCHEMA} me { name } }`],
    ['with __type', '{ __type(name: "Me") { name } me { name } }'],
    ['with aliases', `{ a: me { name } b: ${SCHEMA} }`],
    ['in a fragment', `{ me { name } ...F } fragment F on Query { ${SCHEMA} }`],
    [
      'in a fragment of a fragment',
      `{ ...F me { name } } fragment F on Query { ...G } fragment G on Query { ${SCHEMA} }`,
    ],
    ['when the data is in a fragment', `{ ${SCHEMA} ...F } fragment F on Query { me { name } }`],
    ['in an inline fragment', `{ me { name } ... on Query { ... { ${SCHEMA} } } }`],
    ['when it is left out', `{ me { name } ... @include(if: false) { ${SCHEMA} } }`],
    ['when the data is left out', `query ($no: Boolean = true) { me @skip(if: $no) { name } ${SCHEMA} }`],
    ['in one of several operations', `query A { me { name } } query B { me { name } ${SCHEMA} }`],
    ['below the root', `mutation { change { query { ${SCHEMA} } } }`],
    [
      'below the root in a fragment',
      `mutation { change { query { ...F } } } fragment F on Query { ${SCHEMA} }`,
    ],
    [
      'in a fragment that is used at the root of one operation and below that of another',
      `query A { ...F } mutation B { change { query { ...F } } } fragment F on Query { ${SCHEMA} }`,
    ],
  ])('%s', (_how, document) => {
    expect(refusals(document)).toEqual([
      expect.stringMatching(/^Ask for __(schema|type) in an operation of its own/),
    ]);
  });

  test('fragments in a circle do not keep the server busy', () => {
    const circle = `{ me { name } ...F } fragment F on Query { ...G ${SCHEMA} } fragment G on Query { ...F }`;
    expect(refusals(circle)).toHaveLength(1);
  });
});

describe('an operation is accepted', () => {
  test.each([
    ['as tools send it', getIntrospectionQuery(), [true]],
    ['with both ways to ask', `{ __typename ${SCHEMA} __type(name: "Me") { name } }`, [true]],
    [
      'in fragments',
      `query ($n: String!) { ...F } fragment F on Query { ... { __type(name: $n) { name } } }`,
      [true],
    ],
    ['when it is left out', `{ __typename ... @include(if: false) { ${SCHEMA} } }`, [true]],
    ['beside an operation for data', `query A { ${SCHEMA} } query B { me { name } }`, [true, false]],
    ['when it asks for data', '{ __typename me { __typename name } }', [false]],
    [
      'when a fragment it does not use asks for the schema',
      `query A { ...F } query B { me { name } } fragment F on Query { ${SCHEMA} }`,
      [true, false],
    ],
    ['when it merely looks like introspection', '{ __schema: me { name } }', [false]],
  ])('%s', (_how, document, introspecting) => {
    expect(refusals(document)).toEqual([]);
    expect(asks(document)).toEqual(introspecting);
  });

  test('none at all asks for nothing', () => {
    expect(introspects(parse(`{ ${SCHEMA} }`), undefined)).toBe(false);
  });
});
