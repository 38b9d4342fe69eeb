/**
 * Values for the scalar types of columns: which of the victim's values are tried, which values they are compared with,
 * and which values fill a mutation.
 */
import { buildSchema, type GraphQLScalarType } from 'graphql';
import { expect, test } from 'vitest';
import { Loot, lootValue } from '../src/loot.js';
import { rootPaths } from '../src/operations.js';
import { pointsOf } from '../src/points.js';
import { distinctive } from '../src/search.js';
import { unlike } from '../src/unlike.js';
import { asInput, fillPath, isKnown, valuesFor } from '../src/values.js';

const schema = buildSchema(`
  scalar BigInt scalar Decimal scalar Date scalar DateTime scalar UUID scalar JSON scalar Money
  enum Status { OPEN DONE }
  input New { name: String! cents: BigInt! rate: Decimal! due: Date! at: DateTime! ref: UUID! status: Status! data: JSON! }
  type Query {
    invoices(cents: BigInt, rate: Decimal, due: Date, at: DateTime, ref: UUID, money: Money, count: Int): Int
  }
  type Mutation { create(input: New!): Int }
`);

const typeOf = (name: string) => schema.getType(name) as GraphQLScalarType;

test('a mutation is filled with values that its scalars accept', () => {
  const own = new Loot();
  const [path] = rootPaths(schema, 'mutation');
  const [{ input }] = fillPath(path!, { own, text: () => 'text', optionalTexts: true }) as [
    { input: Record<string, unknown> },
  ];
  expect(input).toEqual({
    name: 'text',
    cents: expect.stringMatching(/^\d{9}$/) as string,
    rate: expect.stringMatching(/^\d{9}$/) as string,
    due: expect.stringMatching(/^2[2-8]\d\d-\d\d-\d\d$/) as string,
    at: '2100-01-01T00:00:00.000Z',
    ref: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    status: 'DONE',
    data: { text: 'text' },
  });
});

test.each([
  ['289.00', '289'],
  ['12.50', '12.5'],
  ['100.05', '100.05'],
  ['1200', '1200'],
])('of the decimal %s, %s is looked for', (value, expected) => {
  expect(lootValue('Trip.toll', value, 'Decimal').value).toBe(expected);
});

test('a mutation is filled with values as short as the server has said', () => {
  const shop = buildSchema(`
    scalar Decimal
    input New { plate: String! email: String! price: Decimal! codes: [String!]! }
    type Query { x: Int }
    type Mutation { create(input: New!): Int other(input: New!): Int }
  `);
  const own = new Loot();
  const said = [
    'input.plate must have at most 5 characters. input.email must have at most 20 characters.',
    'input.price must have at most 3 digits before the point. input.codes.0 must have at most 2 characters.',
  ];
  expect(own.limits.learn('create', said)).toBe(true);
  expect(own.limits.learn('create', said)).toBe(false);
  const [create, other] = rootPaths(shop, 'mutation').map((path) =>
    fillPath(path, { own, text: () => 'canaryabcdef', optionalTexts: true }),
  );
  expect(create).toEqual([
    {
      input: {
        plate: 'bcdef',
        email: 'ryabcdef@example.com',
        price: expect.stringMatching(/^\d{3}$/) as string,
        codes: ['ef'],
      },
    },
  ]);
  expect(other).toMatchObject([{ input: { plate: 'canaryabcdef' } }]);
});

test('a mutation is filled with URLs, and with words that the server knows', () => {
  const hooks = buildSchema(`
    type Query { x: Int }
    type Mutation { hook(url: String!, appUri: String!, events: [String!]!, others: [String!]!): Int }
  `);
  const own = new Loot([lootValue('webhooks.events', 'thing.happened')]);
  const [path] = rootPaths(hooks, 'mutation');
  expect(fillPath(path!, { own, text: () => 'text', optionalTexts: true })).toEqual([
    {
      url: 'https://text.example.com/',
      appUri: 'https://text.example.com/',
      events: ['thing.happened'],
      others: ['text'],
    },
  ]);
});

test('each argument is tried with the values that its type accepts', () => {
  const victim = new Loot([
    lootValue('Invoice.cents', '123456789', 'BigInt'),
    lootValue('Invoice.rate', '1234567.89', 'Decimal'),
    lootValue('Invoice.due', '2300-01-02', 'Date'),
    lootValue('Invoice.at', '2026-01-01T00:00:00.123Z', 'DateTime'),
    lootValue('Invoice.ref', 'a1b2c3d4-0000-4000-8000-00000000000f', 'UUID'),
  ]);
  const tried = Object.fromEntries(
    pointsOf(schema, 'query').map((point) => [
      point.argument.name,
      valuesFor(point, victim).map(({ value }) => value),
    ]),
  );
  expect(tried).toMatchObject({
    cents: ['123456789'],
    rate: ['123456789', '1234567.89'],
    due: ['2300-01-02'],
    at: ['2026-01-01T00:00:00.123Z'],
    ref: ['a1b2c3d4-0000-4000-8000-00000000000f'],
    count: ['123456789'],
  });
});

test.each([
  ['number', '9007199254740993', '9007199254740994'],
  ['number', '1234567.89', '1234568.89'],
  ['number', '-5', '-4'],
  ['date', '2300-01-31', '2300-02-01'],
] as const)('the %s %s is compared with %s', (kind, value, other) => {
  expect(unlike({ kind, value }, () => false)).toBe(other);
});

test('a date identifies its owner only when the attack planted it', () => {
  const saysWhose = distinctive(new Loot(), new Set());
  const day = lootValue('Invoice.due', '2300-01-02', 'Date');
  expect(saysWhose(day)).toBe(false);
  expect(saysWhose({ ...day, planted: true })).toBe(true);
});

test('the form of a product’s own scalar is unknown', () => {
  for (const name of ['String', 'BigInt', 'Decimal', 'Date', 'DateTime', 'UUID', 'JSON'])
    expect(isKnown(typeOf(name))).toBe(true);
  expect(isKnown(typeOf('Money'))).toBe(false);
});

test('a router’s representation of an object has the type that its id carries', () => {
  const federated = buildSchema('scalar _Any type Query { _entities(representations: [_Any!]!): [Int]! }');
  const [point] = pointsOf(federated, 'query');
  const uuid = 'a1b2c3d4-0000-4000-8000-00000000000f';
  const loot = (id: string) => new Loot([lootValue('ApiKey.id', id, 'ID')]);
  expect(valuesFor(point!, loot(`api_key_${uuid}`)).map((value) => asInput(value, point!.type))).toEqual([
    { __typename: 'ApiKey', id: `api_key_${uuid}` },
  ]);
  const filling = { text: () => 'text', optionalTexts: false };
  expect(fillPath(point!.path, { ...filling, own: loot(`api_key_${uuid}`) })).toEqual([
    { representations: [{ __typename: 'ApiKey', id: `api_key_${uuid}` }] },
  ]);
  // Of an id alone, nobody can tell of which type it is.
  expect(fillPath(point!.path, { ...filling, own: loot(uuid) })).toBeUndefined();
});
