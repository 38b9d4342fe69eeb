/** Proves that operations whose answer could be too large are refused before anything is executed. */
import { buildSchema, getIntrospectionQuery, getOperationAST, Kind, type GraphQLError } from 'graphql';
import { describe, expect, test } from 'vitest';
import { DocumentReader, RefusedOperation } from '../../src/services/documents/document-reader.js';
import { MOST_COST } from '../../src/services/limits/cost.js';
import { limitOperation, unseenCost } from '../../src/services/limits/operation-limits.js';

const schema = buildSchema(`
  directive @cost(points: Int!) on FIELD_DEFINITION
  type Query { checked: Me @cost(points: 500), notes(first: Int, last: Int): Notes, me: Me, tags: [Tag!]!, some(first: Int): [Tag!]!, byIds(ids: [ID!]): [Tag]! }
  type Mutation { change: Me }
  type Me { name: String, self: Me, notes(first: Int): Notes }
  type Notes { nodes: [Note!]!, edges: [Edge!]!, totalCount: Int! }
  type Edge { node: Note! }
  type Note { id: ID!, notes(first: Int): Notes, others(ids: [ID!]!): [Note]! }
  type Tag { name: String, checked: Boolean @cost(points: 20), words: [String!]! }
`);

const reader = new DocumentReader({ schema, hideSuggestions: false });

/** The error messages with which the document, or its first refused operation, is refused. */
function refusals(source: string): string[] {
  try {
    const document = reader.read(source);
    for (const node of document.definitions) {
      if (node.kind === Kind.OPERATION_DEFINITION) limitOperation(schema, document, node, 'least');
    }
    return [];
  } catch (error) {
    const errors = error instanceof RefusedOperation ? error.errors : [error as GraphQLError];
    return errors.map(({ message }) => message);
  }
}

const cost = (source: string, variables: Record<string, unknown> = {}): number => {
  const document = reader.read(source);
  return limitOperation(schema, document, getOperationAST(document)!, variables);
};

test('work that the answer does not show is known apart, with the variables of the request', () => {
  const document = reader.read(
    'query ($n: Int) { a: checked { name } b: checked { name } some(first: $n) { checked } }',
  );
  const unseen = (n: number) => unseenCost(schema, document, getOperationAST(document)!, { n });
  expect([unseen(1), unseen(7)]).toEqual([1_000 + 20, 1_000 + 7 * 20]);
});

describe('an operation costs the values its answer may hold', () => {
  test.each([
    ['a field', '{ __typename }', 1],
    ['an object and its fields', '{ me { name } }', 2],
    ['aliases', '{ a: __typename b: me { c: name d: name } }', 4],
    ['a page and what is beside its rows', '{ notes(first: 7) { totalCount nodes { id } } }', 2 + 7 * 2],
    ['edges', '{ notes(last: 7) { edges { node { id } } } }', 1 + 7 * 3],
    ['a page without a size, which has 20 rows', '{ notes { nodes { id } } }', 1 + 20 * 2],
    ['a page whose size is null', '{ notes(first: null) { nodes { id } } }', 1 + 20 * 2],
    ['the larger of two sizes', '{ notes(first: 3, last: 9) { nodes { id } } }', 1 + 9 * 2],
    [
      'pages in pages',
      '{ notes(first: 3) { nodes { notes(first: 4) { nodes { id } } } } }',
      1 + 3 * (2 + 4 * 2),
    ],
    ['a list of unknown length as 10', '{ tags { name words } }', 10 * 3],
    ['a list with a size of its own', '{ some(first: 4) { name } }', 4 * 2],
    ['what the answer does not show', '{ checked { name } tags { checked } }', 500 + 2 + 10 * (2 + 20)],
    ['a fragment where it is spread', '{ a: me { ...F } b: me { ...F } } fragment F on Me { name }', 4],
    [
      'a fragment that is spread twice in one place once',
      '{ me { ...F ...F } } fragment F on Me { name }',
      2,
    ],
    [
      'pages in fragments',
      '{ notes(first: 3) { ...F ... on Notes { nodes { id } } } } fragment F on Notes { edges { node { id } } }',
      1 + 3 * 3 + 3 * 2,
    ],
    [
      'a mutation as ten more for each root field',
      'mutation { a: change { name } ...F } fragment F on Mutation { b: change { name } }',
      2 * (10 + 2),
    ],
  ])('%s', (_what, document, expected) => {
    expect(cost(document)).toBe(expected);
  });

  test.each([
    [{}, 1 + 5 * 2],
    [{ n: 50 }, 1 + 50 * 2],
    [{ n: 0 }, 1],
    [{ n: null }, 1 + 20 * 2],
    [{ n: 2_000_000_000 }, 1 + 100 * 2],
    [{ n: -7 }, 1 + 7 * 2],
    [{ n: 'many' }, 1 + 100 * 2],
    [{ n: Infinity }, 1 + 100 * 2],
    [{ other: 1 }, 1 + 5 * 2],
  ])('pages as large as its variables say: %o', (variables, expected) => {
    expect(cost('query ($n: Int = 5) { notes(first: $n) { nodes { id } } }', variables)).toBe(expected);
  });

  test('a variable named like a property of every object is none of these', () => {
    const document = 'query ($toString: Int) { notes(first: $toString) { nodes { id } } }';
    expect(cost(document)).toBe(1 + 20 * 2);
    expect(cost(document, { toString: 2 })).toBe(1 + 2 * 2);
  });
});

describe('what may cost too much', () => {
  test('two nested lists of the largest page may be asked for', () => {
    const document = '{ notes(first: 100) { nodes { notes(first: 100) { nodes { id } } } } }';
    expect(refusals(document)).toEqual([]);
    expect(cost(document)).toBeLessThan(MOST_COST);
  });

  const inner = 'notes(first: 100) { nodes { notes(first: 100) { nodes { id } } } }';
  test.each([
    ['three nested lists', `{ notes(first: 100) { nodes { ${inner} } } }`],
    ['aliases of a nested list', `{ a: ${inner} b: ${inner} c: ${inner} d: ${inner} e: ${inner} }`],
    ['edges', `{ notes(first: 100) { edges { node { ${inner} } } } }`],
    ['the last rows', `{ notes(last: 100) { nodes { ${inner} } } }`],
    [
      'sizes beyond the largest',
      '{ notes(first: 2000000000) { nodes { notes(first: -100) { nodes { notes(first: 100) { nodes { id } } } } } } }',
    ],
    ['fragments', `{ notes(first: 100) { nodes { ...More } } } fragment More on Note { ${inner} }`],
    ['inline fragments', `{ notes(first: 100) { nodes { ... on Note { ${inner} } } } }`],
  ])('is refused with its document when sizes in it make it so: %s', (_what, document) => {
    expect(refusals(document)).toEqual([expect.stringMatching(/^The answer may hold \d+ values/)]);
  });

  test('is refused when it is the operation that is asked for, whatever else its document has', () => {
    const document = reader.read(
      `query A { me { name } } query B { notes(first: 100) { nodes { ${inner} } } }`,
    );
    const limited = (name: string) => limitOperation(schema, document, getOperationAST(document, name)!, {});
    expect(limited('A')).toBe(2);
    expect(() => limited('B')).toThrow(/^The answer may hold \d+ values/);
  });

  test('is refused with the request when the sizes in its variables make it so', () => {
    const document =
      'query ($n: Int) { notes(first: $n) { nodes { notes(first: $n) { nodes { notes(first: $n) { nodes { id } } } } } } }';
    expect(refusals(document)).toEqual([]);
    expect(cost(document, { n: 10 })).toBe(1 + 10 * (2 + 10 * (2 + 10 * 2)));
    expect(() => cost(document, { n: 100 })).toThrow(
      expect.objectContaining({
        extensions: { code: 'COST_LIMIT_EXCEEDED', cost: { requested: 2_020_201, limit: MOST_COST } },
      }),
    );
  });
});

describe('objects by their ids', () => {
  const list = (count: number) => `[${Array.from({ length: count }, () => '1').join()}]`;
  const message = (ids: number) =>
    `The operation asks for ${String(ids)} objects by their ids, more than 1000 in all its lists together.`;
  const times = (count: number, field: string) =>
    `{ ${Array.from({ length: count }, (_, n) => `a${String(n)}: ${field}`).join(' ')} }`;

  test('may be a thousand in all lists together', () => {
    expect(refusals(times(10, `byIds(ids: ${list(100)}) { name }`))).toEqual([]);
    expect(refusals(times(11, `byIds(ids: ${list(100)}) { name }`))).toEqual([message(1_100)]);
  });

  test('count for each row of a page that they are asked for', () => {
    const page = (rows: number) =>
      `{ notes(first: ${String(rows)}) { nodes { others(ids: ${list(20)}) { id } } } }`;
    expect(refusals(page(50))).toEqual([]);
    expect(refusals(page(51))).toEqual([message(1_020)]);
  });

  test('are counted when they are variables, up to what a field takes', () => {
    const document = `query ($ids: [ID!]) ${times(11, 'byIds(ids: $ids) { name }')}`;
    const ids = (count: number) => ({ ids: Array.from({ length: count }, () => 'x') });
    expect(refusals(document)).toEqual([]);
    expect(cost(document, ids(90))).toBe(11 * 90 * 2);
    for (const count of [91, 100, 5_000]) {
      expect(() => cost(document, ids(count))).toThrow(
        expect.objectContaining({
          message: message(11 * Math.min(count, 100)),
          extensions: { code: 'BAD_USER_INPUT' },
        }),
      );
    }
  });
});

const nested = (levels: number) =>
  `{ ${'me { self { '.slice(0, 5)}${'self { '.repeat(levels - 2)}name${' }'.repeat(levels)}`;

describe('an operation is refused', () => {
  test.each([
    ['that is deep', nested(21), 'levels deep'],
    [
      'that is deep in fragments',
      `{ me { ...A } } fragment A on Me { self { ${'self { '.repeat(17)}...B${' }'.repeat(18)} } fragment B on Me { self { name } }`,
      'levels deep',
    ],
    [
      'with many aliases',
      `{ ${Array.from({ length: 51 }, (_, n) => `a${String(n)}: me { name }`).join(' ')} }`,
      'aliases',
    ],
    [
      'with many aliases of __typename',
      `{ ${Array.from({ length: 51 }, (_, n) => `a${String(n)}: __typename`).join(' ')} }`,
      'aliases',
    ],
    [
      'with many aliases in a fragment that is spread again and again',
      `{ ${Array.from({ length: 10 }, (_, n) => `a${String(n)}: me { ...F }`).join(' ')} } fragment F on Me { ${Array.from({ length: 5 }, (_, n) => `b${String(n)}: name`).join(' ')} }`,
      'aliases',
    ],
    ['with many directives', `{ me { ${'name @include(if: true) '.repeat(51)} } }`, 'directives'],
    [
      'with many directives on fragments',
      `{ me { ${'... @include(if: true) { name } '.repeat(51)} } }`,
      'directives',
    ],
  ])('%s', (_what, document, problem) => {
    expect(refusals(document)).toEqual([expect.stringContaining(problem)]);
  });

  test('and one at the limit is not', () => {
    expect(refusals(nested(20))).toEqual([]);
    expect(
      refusals(`{ ${Array.from({ length: 50 }, (_, n) => `a${String(n)}: __typename`).join(' ')} }`),
    ).toEqual([]);
    expect(refusals(`{ me { ${'name @include(if: true) '.repeat(50)} } }`)).toEqual([]);
  });

  test('whose fragments are in a circle, without delay', () => {
    const circle = '{ me { ...A } } fragment A on Me { ...B name } fragment B on Me { self { ...A } }';
    expect(refusals(circle)).toContainEqual(expect.stringContaining('Cannot spread fragment'));
  });

  test('whose fragments multiply fields without end, without delay', () => {
    const levels = Array.from(
      { length: 60 },
      (_, n) =>
        `fragment F${String(n)} on Me { self { ...F${String(n + 1)} } ... on Me { notes(first: 0) { nodes { id ...G } } ...F${String(n + 1)} } }`,
    );
    const document = `{ me { ...F0 } } ${levels.join('\n')} fragment F60 on Me { name } fragment G on Note { id }`;
    expect(refusals(document).length).toBeGreaterThan(0);
  });
});

describe('introspection', () => {
  test('by tools is answered', () => {
    const options = {
      descriptions: true,
      directiveIsRepeatable: true,
      inputValueDeprecation: true,
      schemaDescription: true,
      specifiedByUrl: true,
      oneOf: true,
    };
    expect(refusals(getIntrospectionQuery(options))).toEqual([]);
    expect(cost(getIntrospectionQuery(options))).toBeLessThan(1_000);
    expect(refusals('{ __type(name: "Me") { fields { name } } kind: __typename }')).toEqual([]);
  });

  test.each([
    '{ a: __schema { types { name } } b: __type(name: "Me") { name } }',
    '{ __schema { a: types { name } b: types { name } } }',
    '{ __type(name: "Me") { ...F } } fragment F on __Type { a: fields { name } }',
    `{ __type(name: "Me") { ${'ofType { '.repeat(30)}name${' }'.repeat(30)} } }`,
  ])('takes aliases and may be deep: %s', (document) => {
    expect(refusals(document)).toEqual([]);
  });

  test('lists the schema as often as a few tools would', () => {
    const whole = 'types { name fields { name args { name } type { name fields { name description } } } }';
    const times = (count: number) =>
      `{ ${Array.from({ length: count }, (_, n) => `a${String(n)}: __schema { ${whole} }`).join(' ')} }`;
    expect(refusals(times(1))).toEqual([]);
    expect(refusals(times(40))).toEqual(['The operation lists the schema more than 2 times.']);
  });

  test('is limited in its levels', () => {
    const levels = (count: number) =>
      `{ __type(name: "Me") { ${'ofType { '.repeat(count - 2)}name${' }'.repeat(count - 2)} } }`;
    expect(refusals(levels(40))).toEqual([]);
    expect(refusals(levels(41))).toEqual(['The introspection is more than 40 levels deep.']);
  });
});
