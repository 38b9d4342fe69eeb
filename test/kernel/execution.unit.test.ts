/**
 * Proves that the compiled function answers a query byte for byte as graphql-js does, whatever it selects and whatever
 * its resolvers return, and which documents are compiled.
 */
import fc from 'fast-check';
import { execute, GraphQLScalarType, isObjectType, parse, validate } from 'graphql';
import { makeExecutableSchema } from '@graphql-tools/schema';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { forbidden, notFound } from '../../src/kernel/vocabulary/errors.js';
import { createExecute } from '../../src/kernel/graphql/execution.js';
import { parseDocument } from '../../src/kernel/graphql/parse-document.js';
import {
  typeDefs,
  type Held,
  PLAIN,
  FIELDS,
  held,
  object,
  schema,
  USES,
  expectTheSame,
  valid,
  variables,
} from '../support/execution-schema.js';

const compile = vi.hoisted(() => ({ calls: 0, compiled: 0 }));
// The real compiler with a counter, because its use is not visible in the answer.
vi.mock('graphql-jit', async (original) => {
  const jit = await original<typeof import('graphql-jit')>();
  return {
    ...jit,
    compileQuery: (...args: Parameters<typeof jit.compileQuery>) => {
      compile.calls++;
      const result = jit.compileQuery(...args);
      if (!('query' in result)) return result;
      return {
        ...result,
        query: (...given: Parameters<typeof result.query>) => {
          compile.compiled++;
          return result.query(...given);
        },
      };
    },
  };
});
beforeEach(() => {
  compile.calls = 0;
  compile.compiled = 0;
});
/**
 * A promise that rejects and is handled, because graphql-js does not handle the promises of fields beside one that
 * threw.
 */
function rejected(error: Error): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => undefined);
  return promise;
}
const HELD: readonly Held[] = [
  PLAIN,
  PLAIN,
  PLAIN,
  (value) => Promise.resolve(value),
  (value) => () => value,
  (value) => async () => value,
  () => null,
  () => undefined,
  () => new Error('a value that is an error'),
  () => notFound(),
  () => rejected(new Error('rejected')),
  () => rejected(forbidden('notes:read')),
  () => () => {
    throw forbidden('notes:write');
  },
  () => () => {
    throw new Error('thrown');
  },
  () => () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- resolvers of others do
    throw 'no error';
  },
  () => Object.create(null) as unknown,
  () => 'a text',
  () => Number.NaN,
  () => [],
];

// ——— Random documents ———

const VARIABLES =
  '$int: Int, $text: String, $color: Color, $yes: Boolean!, $range: Range, $must: Int!, $early: Int = 5, $ints: [Int] = [1, 2]';

const argument = fc.constantFrom(
  '',
  '(a: 1)',
  '(a: null)',
  '(a: $int)',
  '(a: $early, e: $ints)',
  '(b: "a text with \\u2028 and \\"quotes\\" and ${code}")',
  '(b: """a block "string" `${code}`""")',
  '(b: $text, c: $color)',
  '(c: GREEN)',
  '(d: {})',
  '(d: { from: null, to: 4, color: RED, inner: { inner: { list: 7 } } })',
  '(d: { to: $int })',
  '(d: { to: $must, list: [$must, 2] })',
  '(d: $range)',
  '(e: 5)',
  '(e: [1, $int, null])',
  '(f: [{ to: 1 }, $range2])',
  '(g: 1.5)',
  '(g: 3)',
  '(h: 12345678901234567890)',
  '(h: 7, i: $early)',
  '(i: $must)',
);

const anyDirective = fc.constantFrom(
  '',
  '',
  '',
  '',
  ' @include(if: $yes)',
  ' @skip(if: $yes)',
  ' @include(if: true)',
  ' @skip(if: true)',
);
const LEAVES = [
  'id',
  'name',
  'count',
  'ratio',
  'flag',
  'color',
  'at',
  'json',
  'big',
  'strict',
  'grid',
  'names',
  '__typename',
];

/** @param plain only selections that are compiled, instead of all */
const selections = (depth: number, plain: boolean): fc.Arbitrary<string> => {
  const leaf = fc
    .tuple(
      plain ? fc.constantFrom('', 'x: ') : fc.constantFrom('', 'x: ', '_under: ', 'a_b: '),
      fc.constantFrom(...LEAVES),
      plain ? fc.constant('') : anyDirective,
    )
    .map(
      ([alias, name, directives]) =>
        `${alias === '' ? '' : alias.replace(':', `${name.replaceAll('_', '')}:`)}${name}${directives}`,
    );
  const echoed = fc
    .tuple(fc.nat(9), plain ? argument.filter((each) => !/[".]|h: 1/.test(each)) : argument)
    .map(
      ([number, args]) =>
        `e${String(number)}${String(Math.abs(hash(args)))}: echo${args.replace('$range2', '{ to: $must }')}`,
    );
  const parts: fc.Arbitrary<string>[] = [leaf, leaf, echoed];
  if (depth > 0) {
    const below = selections(depth - 1, plain);
    const directive = plain ? fc.constant('') : anyDirective;
    parts.push(
      fc
        .tuple(fc.constantFrom('child', 'sure', 'nodes', 'sureNodes'), directive, below)
        .map(([name, d, s]) => `${name}${d} { ${s} }`),
      fc
        .tuple(fc.constantFrom('... on Node', '...'), directive, below)
        .map(([on, d, s]) => `${on}${d} { ${s} }`),
      fc.constantFrom('...F', '...G', '...H'),
    );
    if (!plain) {
      parts.push(
        fc.constantFrom('...F @include(if: $yes)', '... on Named { name ... on Node { id } }'),
        below.map(
          (s) => `found { __typename ... on Node { ${s} } ... on Named { name } ... on Leaf { size } }`,
        ),
        fc.constant('named { name __typename ... on Leaf { size } }'),
      );
    }
  }
  return fc.array(fc.oneof(...parts), { minLength: 1, maxLength: 5 }).map((all) => all.join(' '));
};
const hash = (text: string) =>
  Array.from(text).reduce((sum, each) => (sum * 31 + each.charCodeAt(0)) % 100_003, 7);

const documentsOf = (plain: boolean) =>
  fc.tuple(selections(2, plain), selections(0, plain), fc.constantFrom('node', 'sure', 'nodes')).map(
    ([all, some, root]) => `query (${VARIABLES}) { hello ${root} { ${all} } many r: node { ...F ...H } }
     fragment F on Node { name ...G ${some} }
     fragment G on Node { strict count child { id ...H } }
     fragment H on ${plain ? 'Node' : 'Named'} { name __typename }`,
  );
const documents = fc.oneof(documentsOf(true), documentsOf(true), documentsOf(false));

describe('a query is answered as by graphql-js', () => {
  test('whatever it asks for, and whatever resolvers leave in its fields', async () => {
    let [run, skipped] = [0, 0];
    await fc.assert(
      fc.asyncProperty(
        documents,
        variables,
        fc.dictionary(fc.constantFrom(...Object.keys(FIELDS)), fc.constantFrom(...HELD), { maxKeys: 3 }),
        async (source, values, holding) => {
          const document = parse(source);
          // Skips invalid documents, which validation refuses before execution. Unused variables do not matter here.
          if (validate(schema, document).some(({ message }) => !message.includes('is never used'))) {
            skipped++;
            return;
          }
          run++;
          held.fields = holding;
          await expectTheSame(document, values);
        },
      ),
      { numRuns: 150, endOnFailure: true },
    );
    held.fields = {};
    expect(run).toBeGreaterThan(skipped);
    expect(compile.compiled).toBeGreaterThan(20);
  });
});

describe('the compiled function', () => {
  test('runs from the third use on', async () => {
    await expectTheSame(valid('{ node { id name nodes { at color sureNodes { strict } } } }'));
    expect(compile).toMatchObject({ calls: 1, compiled: USES - 2 });
  });

  test.each(Object.keys(FIELDS))('answers as graphql-js whatever the property %s holds', async (name) => {
    const below = ['child', 'sure', 'nodes', 'sureNodes', 'found', 'named'].includes(name)
      ? ' { __typename }'
      : '';
    const documents = [
      `{ node { id ${name}${below} } }`,
      `{ sure { id ${name}${below} } }`,
      `{ node { nodes { ${name}${below} } sureNodes { ${name}${below} } } hello }`,
      `{ nodes { sureNodes { ${name}${below} } name } }`,
    ].map((source) => valid(source));
    for (const hold of HELD) {
      held.fields = { [name]: hold };
      for (const document of documents) await expectTheSame(document);
    }
    held.fields = {};
  });

  test('answers as graphql-js when elements of a list fail', async () => {
    const refused = () => rejected(forbidden('notes:read'));
    const lists: (() => unknown)[] = [
      () => [refused(), Promise.resolve(object(4)), refused(), object(4)],
      () => [object(4), refused()],
      () => [Promise.resolve(object(4)), refused(), refused()],
      () => [notFound(), object(4), null],
      () => 'a text',
      () => 5,
      () => {
        throw notFound();
      },
    ];
    for (const list of lists) {
      held.fields = { nodes: list, sureNodes: list };
      await expectTheSame(valid('{ node { nodes { id } } }'));
      await expectTheSame(valid('{ node { sureNodes { id } } }'));
      await expectTheSame(valid('{ node { child { nodes { id } sureNodes { id } } } }'));
    }
    held.fields = {};
  });

  test('is not left hanging by a getter or an iterator that throws behind a promise', async () => {
    const broken = () =>
      Promise.resolve({
        get id(): never {
          throw notFound();
        },
      });
    function* endless() {
      yield object(4);
      throw new Error('the iterator failed');
    }
    for (const hold of [broken, () => Promise.resolve(endless()), () => [broken()]]) {
      held.fields = { child: hold, nodes: hold };
      await expectTheSame(valid('{ node { child { id } hello: name } }'));
      await expectTheSame(valid('{ node { nodes { id } } }'));
    }
    held.fields = {};
  });

  test.each(Object.keys(FIELDS))(
    'leaves no rejection to nobody when the property %s is one',
    async (name) => {
      const below = ['child', 'sure', 'nodes', 'sureNodes', 'found', 'named'].includes(name)
        ? ' { __typename }'
        : '';
      held.fields = { [name]: () => Promise.reject(forbidden('notes:read')) };
      // An unhandled rejection makes the test run fail.
      await expectTheSame(valid(`{ node { ${name}${below} } }`));
      held.fields = {};
    },
  );

  test('refuses the variables that graphql-js refuses', async () => {
    const document = valid(
      `query (${VARIABLES}) { node { a: echo(a: $int, b: $text, c: $color, d: $range, e: $ints)
      b: echo(i: $must) c: echo(a: $early) d: child { id } } ${'' /* $yes is checked all the same */} }`.replace(
        '$yes: Boolean!,',
        '',
      ),
    );
    const run = createExecute(schema);
    const { document: own } = parseDocument(document.loc!.source.body, 2_000);
    for (const values of [
      { must: 1 },
      {},
      { must: 'x' },
      { must: 1, color: 'BLUE' },
      { must: 1, range: { no: 1 } },
      { must: 1, ints: ['x'] },
      { must: 1, int: 2 ** 40 },
      { must: 1, range: { color: null } },
      { must: 1, range: [] },
    ]) {
      const expected = await execute({ schema, document, variableValues: values, contextValue: {} });
      for (let use = 0; use < USES; use++) {
        const answer = await run({ document: own, operationName: null, variables: values, context: {} });
        expect(answer.data).toEqual(expected.data);
        expect(answer.errors?.map(({ locations }) => locations)).toEqual(
          expected.errors?.map(({ locations }) => locations),
        );
        if (!expected.data) {
          for (const { extensions } of answer.errors ?? []) expect(extensions['code']).toBe('BAD_USER_INPUT');
        }
      }
    }
    expect(compile.compiled).toBeGreaterThan(0);
  });

  test('forgets no promise of a row when a later row fails at once', async () => {
    const dropped = vi.fn();
    process.on('unhandledRejection', dropped);
    const own = makeExecutableSchema({
      typeDefs: 'type Query { rows: [Row!] } type Row { child: String refused: String! }',
      resolvers: {
        Query: { rows: () => [{ child: Promise.resolve('x') }, {}] },
        Row: {
          refused: () => {
            throw forbidden('more');
          },
        },
      },
    });
    const run = createExecute(own);
    const { document } = parseDocument('{ rows { child refused } }', 2_000);
    for (let use = 0; use < USES; use++) {
      const answer = await run({ document, operationName: null, variables: {}, context: {} });
      expect(answer).toMatchObject({ data: { rows: null }, errors: [{ extensions: { code: 'FORBIDDEN' } }] });
    }
    await new Promise(setImmediate);
    process.off('unhandledRejection', dropped);
    expect(dropped).not.toHaveBeenCalled();
  });

  test('gives each field its own name, where its path reads like that of another', async () => {
    const resolvers = {
      Query: { node: () => ({ open: 'open', secret: 'SECRET', thing: 'open', secretThing: 'SECRET' }) },
    };
    const tricked = makeExecutableSchema({
      typeDefs,
      resolvers: [{ Anything: new GraphQLScalarType({ name: 'Anything' }) }, resolvers],
    });
    for (const source of [
      '{ a: node { b_c: thing } c_a: node { b: secretThing } }',
      '{ c_a: node { b: secretThing } a: node { b_c: thing } }',
      '{ node { Info: thing child { thing } } child_node: node { thing: secretThing } }',
    ]) {
      await expectTheSame(valid(source, tricked), {}, tricked);
    }
  });

  test('is not made of a schema in which two fields would be the same', async () => {
    const two = makeExecutableSchema({
      typeDefs: 'type Query { a: A ab: Ab } type A { bc: String } type Ab { c: String }',
      resolvers: {
        Query: { a: () => ({}), ab: () => ({}) },
        A: { bc: () => 'of A' },
        Ab: { c: () => 'of Ab' },
      },
    });
    const renamed = two.getTypeMap();
    expect(isObjectType(renamed['Ab'])).toBe(true);
    await expectTheSame(valid('{ a { bc } ab { c } }', two), {}, two);
    expect(compile.calls).toBe(0);
  });

  test('is not made for variables of a type that holds itself', async () => {
    const document = valid('query ($input: Endless) { endless(input: $input) }');
    await expectTheSame(document, { input: { again: [{ more: {} }] } });
    expect(compile.calls).toBe(0);
  });

  test('is not made of mutations, of large documents or of deep ones', async () => {
    await expectTheSame(valid('mutation { change }'));
    await expectTheSame(
      valid(`{ ${Array.from({ length: 501 }, (_, n) => `a${String(n)}: hello`).join(' ')} }`),
    );
    await expectTheSame(valid(`{ node ${'{ child '.repeat(80)} { id } ${'}'.repeat(81)}`));
    const fragments = Array.from(
      { length: 12 },
      (_, n) =>
        `fragment F${String(n)} on Node { child { ...F${String(n + 1)} } sure { ...F${String(n + 1)} } }`,
    );
    // The document is valid, but its validation would take too long.
    await expectTheSame(parse(`{ node { ...F0 } } ${fragments.join(' ')} fragment F12 on Node { id }`));
    expect(compile.calls).toBe(0);
  });
});
