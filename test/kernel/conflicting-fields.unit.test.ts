/**
 * Proves that fields that cannot be merged in the answer are found exactly where graphql-js finds them, in linear time.
 */
import fc from 'fast-check';
import { buildSchema, OverlappingFieldsCanBeMergedRule, parse, specifiedRules, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { conflictingFields, MOST_COMPARED } from '../../src/services/limits/conflicting-fields.js';
import { problemsOf } from '../../src/services/limits/document-rules.js';

const schema = buildSchema(`
  interface Named { name: String!, label(long: Boolean, in: In): String, friend: Named, all: [Named!] }
  input In { a: Int, b: [Int] }
  type Person implements Named {
    name: String!, label(long: Boolean, in: In): String, friend: Named, all: [Named!], age: Int!, pet: Pet, tags: [String!]
  }
  type Pet implements Named {
    name: String!, label(long: Boolean, in: In): String, friend: Named, all: [Named!], age: Int, owner: Person, tags: [String]
  }
  union Either = Person | Pet
  type Query { named: Named, person: Person, pet: Pet, either: Either, people: [Person!]! }
`);

const others = specifiedRules.filter((rule) => rule !== OverlappingFieldsCanBeMergedRule);
const conflict = (source: string) => conflictingFields(schema, parse(source))?.message;
const conflictsOfGraphqlJs = (source: string) =>
  validate(schema, parse(source), [OverlappingFieldsCanBeMergedRule]).length > 0;

// ——— Random documents ———

const FIELDS: Readonly<Record<string, readonly (readonly [field: string, below?: string])[]>> = {
  Query: [
    ['named', 'Named'],
    ['person', 'Person'],
    ['pet', 'Pet'],
    ['either', 'Either'],
    ['people', 'Person'],
  ],
  Named: [
    ['name'],
    ['label'],
    ['label(long: true)'],
    ['label(in: { a: 1, b: [1, 2] })'],
    ['label(in: { b: [1, 2], a: 1 })'],
    ['friend', 'Named'],
    ['all', 'Named'],
  ],
  Person: [
    ['name'],
    ['age'],
    ['tags'],
    ['label'],
    ['label(long: false)'],
    ['friend', 'Named'],
    ['pet', 'Pet'],
    ['all', 'Named'],
  ],
  Pet: [['name'], ['age'], ['tags'], ['label'], ['friend', 'Named'], ['owner', 'Person'], ['all', 'Named']],
  Either: [['__typename']],
};
const CONDITIONS: Readonly<Record<string, readonly string[]>> = {
  Query: ['Query'],
  Named: ['Person', 'Pet', 'Named'],
  Person: ['Person', 'Named'],
  Pet: ['Pet', 'Named'],
  Either: ['Person', 'Pet', 'Named'],
};
const FRAGMENTS = { P: 'Person', Q: 'Pet', N: 'Named' } as const;

const selection = (type: string, depth: number): fc.Arbitrary<string> => {
  const field = fc
    .tuple(fc.constantFrom(...FIELDS[type]!), fc.constantFrom('', 'x: ', 'y: '))
    .chain(([[name, below], alias]) =>
      below === undefined
        ? fc.constant(`${alias}${name}`)
        : depth === 0
          ? fc.constant('__typename')
          : set(below, depth - 1).map((inner) => `${alias}${name} ${inner}`),
    );
  const inline = fc
    .constantFrom(...CONDITIONS[type]!)
    .chain((condition) => set(condition, depth - 1).map((inner) => `... on ${condition} ${inner}`));
  const spread = fc.constantFrom(
    ...(type === 'Query'
      ? ['__typename']
      : ['...P', '...Q', '...N'].filter(
          (_, n) => type === 'Named' || type === 'Either' || n !== (type === 'Person' ? 1 : 0),
        )),
  );
  return depth <= 0 ? field : fc.oneof({ weight: 4, arbitrary: field }, inline, spread);
};
const set = (type: string, depth: number): fc.Arbitrary<string> =>
  fc
    .array(selection(type, depth), { minLength: 1, maxLength: 4 })
    .map((selections) => `{ ${selections.join(' ')} }`);

const documents = fc
  .tuple(set('Query', 4), ...Object.values(FRAGMENTS).map((type) => set(type, 0)))
  .map(([operation, ...fragments]) =>
    `query ${operation} query Used { named { ...P ...Q ...N } } ${Object.entries(FRAGMENTS)
      .map(([name, type], n) => `fragment ${name} on ${type} ${fragments[n]!}`)
      .join(' ')}`.replace('query {', 'query First {'),
  );

describe('a document', () => {
  test('conflicts where graphql-js says so, and nowhere else', () => {
    let valid = 0;
    let conflicting = 0;
    fc.assert(
      fc.property(documents, (source) => {
        if (validate(schema, parse(source), others).length > 0) return;
        valid++;
        const expected = conflictsOfGraphqlJs(source);
        if (expected) conflicting++;
        expect(conflict(source) !== undefined).toBe(expected);
      }),
      { numRuns: Number(process.env['CONFLICT_RUNS'] ?? 400) },
    );
    // The random documents contain both. About one in twelve is without conflict; chance rarely leaves only a third of
    // that.
    expect(conflicting).toBeGreaterThan(valid / 100);
    expect(valid - conflicting).toBeGreaterThan(valid / 100);
  });

  test.each([
    ['the same field twice', '{ person { name name } }', undefined],
    ['two fields of one name', '{ person { x: name x: age } }', 'x'],
    ['other arguments', '{ person { label(long: true) label } }', 'label'],
    [
      'the same arguments in another order',
      '{ person { label(long: true, in: { a: 1, b: [] }) label(in: { b: [], a: 1 }, long: true) } }',
      undefined,
    ],
    [
      'other fields of other objects',
      '{ either { ... on Person { x: name } ... on Pet { x: label } } }',
      'x',
    ],
    [
      'other fields of other objects, of one type',
      '{ either { ... on Person { x: name } ... on Pet { x: name } } }',
      undefined,
    ],
    [
      'a list where there is none',
      '{ either { ... on Person { x: friend { name } } ... on Pet { x: all { name } } } }',
      'x',
    ],
    [
      'another field behind fields that are one',
      '{ person { friend { x: name } friend { x: label } } }',
      'x',
    ],
    ['another field in a fragment', '{ person { x: age ...F } } fragment F on Person { x: name }', 'x'],
    ['another field behind an interface', '{ named { x: name ... on Person { x: age } } }', 'x'],
  ])('with %s', (_what, source, name) => {
    expect(conflictsOfGraphqlJs(source)).toBe(name !== undefined);
    const message = conflict(source);
    if (name === undefined) expect(message).toBeUndefined();
    else expect(message).toMatch(new RegExp(`^Fields "${name}" conflict because`));
  });

  test('whose fragments multiply fields is refused when enough is known', () => {
    const levels = Array.from(
      { length: 30 },
      (_, n) =>
        `fragment F${String(n)} on Named { a: friend { ...F${String(n + 1)} } b: friend { ...F${String(n + 1)} } }`,
    );
    const source = `{ named { ...F0 } } ${levels.join(' ')} fragment F30 on Named { name }`;
    expect(conflict(source)).toContain(String(MOST_COMPARED));
  });
});

describe('operations with too many fields', () => {
  const shared = (fields: number) =>
    `query A { ...F } query B { ...F } fragment F on Query { ...G } fragment G on Query { ${'nothing '.repeat(fields)} }`;
  const problems = (source: string) => problemsOf(schema, parse(source), true).map(({ message }) => message);

  test('are refused before anything else about their fields, which would take long', () => {
    expect(problems(shared(MOST_COMPARED / 2 + 1))).toEqual([
      `The operations of the document have more than ${MOST_COMPARED} fields.`,
    ]);
  });

  test('are those with more than the limit, where a fragment counts once for each operation', () => {
    expect(problems(shared(MOST_COMPARED / 2))[0]).toContain('Cannot query field "nothing"');
  });
});
