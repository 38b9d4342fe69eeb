/** Values of answers are recorded with the field of the type that the object has. */
import { buildSchema, parse } from 'graphql';
import { expect, test } from 'vitest';
import { noteAnswer, readDeep } from '../src/harvest.js';
import { Loot } from '../src/loot.js';
import { buildRequest, rootPaths } from '../src/operations.js';
import type { Answer, Credential, SentRequest } from '../src/wire.js';

const schema = buildSchema(`
  interface Node { id: ID! }
  type Member implements Node { id: ID! userId: ID! }
  type Viewer implements Node { id: ID! userId: ID! }
  type Query { node(id: ID!): Node }`);

const recorded = (node: object) => {
  const loot = new Loot();
  const [path] = rootPaths(schema, 'query');
  const body = JSON.stringify({ data: { node } });
  noteAnswer(schema, { path: path!, answer: { body } as Answer }, loot);
  return [...loot].map(({ at, value }) => [at, value]);
};

test('an object of an interface is noted as its own type', () => {
  expect(recorded({ __typename: 'Member', id: 'member_1', userId: 'somebody' })).toEqual([
    ['Member.id', 'member_1'],
    ['Member.userId', 'somebody'],
  ]);
});

test('an object whose type was not asked for is noted as each type that it may have', () => {
  expect(recorded({ userId: 'somebody' })).toEqual([
    ['Member.userId', 'somebody'],
    ['Viewer.userId', 'somebody'],
  ]);
});

test('a string that is kept as JSON is noted without its quotes', () => {
  const proofs = buildSchema('scalar JSONObject type Query { proof: JSONObject }');
  const loot = new Loot();
  const [path] = rootPaths(proofs, 'query');
  const body = JSON.stringify({ data: { proof: { value: '"a \\"quoted\\" text"', open: '"no JSON' } } });
  noteAnswer(proofs, { path: path!, answer: { body } as Answer }, loot);
  expect([...loot].map(({ value }) => value)).toEqual(['a "quoted" text', '"no JSON']);
});

test.each(['GRAPHQL_PARSE_FAILED', 'COST_LIMIT_EXCEEDED'])(
  'a query that is refused with %s is sent again with less',
  async (code) => {
    const deep = buildSchema(
      'type A { id: ID! b: B } type B { id: ID! c: C } type C { id: ID! } type Query { a: A }',
    );
    const sent: string[] = [];
    const wire = {
      send: ({ body }: SentRequest) => {
        sent.push(body.query ?? '');
        const isRefused = body.query!.includes('c {');
        const answered = isRefused ? { errors: [{ extensions: { code } }] } : { data: {} };
        return Promise.resolve({ body: JSON.stringify(answered) } as Answer);
      },
    };
    const [path] = rootPaths(deep, 'query');
    const { request } = await readDeep({ schema: deep, wire, as: {} as Credential }, path!, []);
    expect(sent.at(-1)).toBe('query { a { id b { id } } }');
    expect(request.query).toBe(sent.at(-1));
  },
);

test('a document has fewer levels where it would have more tokens than servers take', () => {
  const names = Array.from({ length: 60 }, (_, n) => `T${String(n)}`);
  const fields = Array.from({ length: 30 }, (_, n) => `f${String(n)}: Int`).join(' ');
  const wide = buildSchema(
    `interface Node { id: ID! } type Other { ${fields} } type Query { node(id: ID!): Node }
     ${names.map((name) => `type ${name} implements Node { id: ID! other: Other }`).join(' ')}`,
  );
  const [path] = rootPaths(wide, 'query');
  const { query } = buildRequest(wide, path!, [{ id: '1' }], 3);
  expect(query).not.toContain('other');
  expect(query).toContain('... on T59 { id }');
  expect(() => parse(query!, { maxTokens: 2_000 })).not.toThrow();
});
