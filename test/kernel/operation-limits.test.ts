/** Operations whose answer would be out of proportion are refused before anything is executed. */
import { buildSchema, getIntrospectionQuery, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { limitRows, noAliasInIntrospection } from '../../src/limits/operation-limits.js';

const schema = buildSchema(`
  type Query { notes(first: Int, last: Int): Notes, me: Me }
  type Me { name: String, self: Me, notes(first: Int): Notes }
  type Notes { nodes: [Note!]!, edges: [Edge!]! }
  type Edge { node: Note! }
  type Note { id: ID!, notes(first: Int): Notes }
`);

const refusals = (document: string): string[] =>
  validate(schema, parse(document), [limitRows, noAliasInIntrospection]).map(({ message }) => message);

describe('the rows that nested pages multiply to', () => {
  test.each([
    [
      'two nested lists of the largest page',
      '{ notes(first: 100) { nodes { notes(first: 100) { nodes { id } } } } }',
    ],
    ['lists without a size', '{ notes { nodes { notes { nodes { notes { nodes { id } } } } } } }'],
  ])('may be those of %s', (_what, document) => {
    expect(refusals(document)).toEqual([]);
  });

  const inner = 'notes(first: 100) { nodes { notes(first: 100) { nodes { id } } } }';
  test.each([
    ['three nested lists', `{ notes(first: 100) { nodes { ${inner} } } }`],
    ['aliases of a nested list', `{ a: ${inner} b: ${inner} c: ${inner} }`],
    ['edges', `{ notes(first: 100) { edges { node { ${inner} } } } }`],
    ['the last rows', `{ notes(last: 100) { nodes { ${inner} } } }`],
    [
      'sizes in variables',
      `query ($n: Int = 1) { notes(first: $n) { nodes { notes(first: $n) { nodes { notes(first: $n) { nodes { id } } } } } } }`,
    ],
    [
      'sizes beyond the largest',
      '{ notes(first: 2000000000) { nodes { notes(first: -100) { nodes { notes(first: 100) { nodes { id } } } } } } }',
    ],
    ['fragments', `{ notes(first: 100) { nodes { ...More } } } fragment More on Note { ${inner} }`],
    ['inline fragments', `{ notes(first: 100) { nodes { ... on Note { ${inner} } } } }`],
    ['a second operation', `query A { me { name } } query B { notes(first: 100) { nodes { ${inner} } } }`],
  ])('are refused when %s make them too many', (_what, document) => {
    expect(refusals(document)).toEqual([expect.stringContaining('ask for smaller pages')]);
  });

  test('a fragment that is spread twice in one place counts once', () => {
    const spread = '...More '.repeat(50);
    expect(
      refusals(`{ me { ${spread} } } fragment More on Me { notes(first: 100) { nodes { id } } }`),
    ).toEqual([]);
  });
});

test('fragments that multiply fields without end are refused, and quickly told to be', () => {
  const levels = Array.from(
    { length: 60 },
    (_, n) =>
      `fragment F${String(n)} on Me { a: self { ...F${String(n + 1)} } b: self { ...F${String(n + 1)} } }`,
  );
  const document = `{ me { ...F0 } } ${levels.join('\n')} fragment F60 on Me { name }`;
  expect(refusals(document)).toEqual([expect.stringContaining('fields')]);
});

describe('introspection', () => {
  test('by tools is answered', () => {
    const options = { directiveIsRepeatable: true, inputValueDeprecation: true, specifiedByUrl: true };
    expect(refusals(getIntrospectionQuery(options))).toEqual([]);
    expect(refusals('{ __type(name: "Me") { fields { name } } me { kind: __typename } }')).toEqual([]);
  });

  test.each([
    '{ a: __schema { types { name } } }',
    '{ __schema { a: types { name } b: types { name } } }',
    '{ __type(name: "Me") { ...F } } fragment F on __Type { a: fields { name } }',
  ])('takes no aliases: %s', (document) => {
    expect(refusals(document)).toContain('Introspection takes no aliases.');
  });
});
