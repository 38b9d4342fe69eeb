/** Values of the types that columns have: what counts as a value to try, what it is compared with, and what is filled in. */
import { buildSchema, type GraphQLScalarType } from 'graphql';
import { expect, test } from 'vitest';
import { Loot, lootValue } from '../src/loot.js';
import { rootPaths } from '../src/operations.js';
import { pointsOf } from '../src/points.js';
import { distinctive } from '../src/search.js';
import { unlike } from '../src/unlike.js';
import { fillPath, isKnown, valuesFor } from '../src/values.js';

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

test('a mutation is filled with values that the scalars of columns take', () => {
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

test('at each place the values are tried that its type takes', () => {
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
] as const)('beside the %s %s stands %s', (kind, value, other) => {
  expect(unlike({ kind, value }, () => false)).toBe(other);
});

test('a day says whose it is when it was planted', () => {
  const saysWhose = distinctive(new Loot(), new Set());
  const day = lootValue('Invoice.due', '2300-01-02', 'Date');
  expect(saysWhose(day)).toBe(false);
  expect(saysWhose({ ...day, planted: true })).toBe(true);
});

test('a scalar of a product’s own has a form that is not known', () => {
  for (const name of ['String', 'BigInt', 'Decimal', 'Date', 'DateTime', 'UUID', 'JSON'])
    expect(isKnown(typeOf(name))).toBe(true);
  expect(isKnown(typeOf('Money'))).toBe(false);
});
