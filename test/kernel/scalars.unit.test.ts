/** Proves which values the scalars of columns accept and refuse, and that the values they return are exact. */
import { GraphQLError, parseValue } from 'graphql';
import { describe, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import { SCALARS } from '../../src/kernel/graphql/scalars.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';

type Name = keyof typeof SCALARS;

const written = (value: unknown): unknown =>
  Prisma.Decimal.isDecimal(value) ? value.toFixed() : value instanceof Date ? value.toISOString() : value;

describe('a value that a variable brings', () => {
  test.each<[Name, unknown, unknown]>([
    ['BigInt', '9223372036854775807', 9223372036854775807n],
    ['BigInt', '-9223372036854775808', -9223372036854775808n],
    ['BigInt', 4200, 4200n],
    ['Decimal', '19.90', '19.9'],
    ['Decimal', '-0.00000000000000000001', '-0.00000000000000000001'],
    ['Decimal', 7, '7'],
    ['Date', '2026-11-29', '2026-11-29T00:00:00.000Z'],
    ['UUID', 'A1B2C3D4-0000-4000-8000-00000000000F', 'a1b2c3d4-0000-4000-8000-00000000000f'],
    ['JSON', [1, { a: null }], [1, { a: null }]],
    ['JSON', 'text', 'text'],
  ])('%s takes %j', (name, value, expected) => {
    expect(written(SCALARS[name].parseValue(value))).toEqual(expected);
  });

  test.each<[Name, unknown]>([
    ['BigInt', '9223372036854775808'],
    ['BigInt', 2 ** 53],
    ['BigInt', 1.5],
    ['BigInt', '1e3'],
    ['BigInt', ''],
    ['BigInt', true],
    ['Decimal', 0.1],
    ['Decimal', 'NaN'],
    ['Decimal', '1e400'],
    ['Decimal', '1'.repeat(101)],
    ['Decimal', '.5'],
    ['Date', '2026-02-30'],
    ['Date', '2026-11-29T00:00:00Z'],
    ['Date', '0000-01-01'],
    ['Date', 20_261_129],
    ['UUID', 'x'],
    ['UUID', 1],
    ['JSON', { a: [Number.POSITIVE_INFINITY] }],
  ])('%s refuses %j', (name, value) => {
    expect(() => SCALARS[name].parseValue(value)).toThrow(GraphQLError);
  });
});

describe('a value that stands in the document', () => {
  test.each<[Name, string, unknown]>([
    ['BigInt', '9007199254740993', 9007199254740993n],
    ['BigInt', '"12"', 12n],
    ['Decimal', '0.1234567890123456789', '0.1234567890123456789'],
    ['Date', '"2026-11-29"', '2026-11-29T00:00:00.000Z'],
    ['UUID', '"A1B2C3D4-0000-4000-8000-00000000000F"', 'a1b2c3d4-0000-4000-8000-00000000000f'],
    ['JSON', '[1, "a", null]', [1, 'a', null]],
  ])('%s takes %s', (name, literal, expected) => {
    expect(written(SCALARS[name].parseLiteral(parseValue(literal)))).toEqual(expected);
  });

  test.each<[Name, string]>([
    ['BigInt', '1.5'],
    ['BigInt', '9223372036854775808'],
    ['Decimal', '1e5'],
    ['Decimal', 'true'],
    ['Date', '1'],
    ['UUID', '"x"'],
    ['JSON', 'ENUM'],
  ])('%s refuses %s', (name, literal) => {
    expect(() => SCALARS[name].parseLiteral(parseValue(literal))).toThrow(GraphQLError);
  });
});

test.each<[Name, unknown, unknown]>([
  ['BigInt', 9007199254740993n, '9007199254740993'],
  ['Decimal', new Prisma.Decimal('0.0000001'), '0.0000001'],
  ['Date', new Date('2026-11-29T00:00:00Z'), '2026-11-29'],
])('%s is answered exactly', (name, value, expected) => {
  expect(SCALARS[name].serialize(value)).toBe(expected);
});

test('a schema has the types for columns that its modules use, and no others', () => {
  const typesOf = (typeDefs: string) => {
    const { schema } = buildApi([defineModule({ name: 'things', typeDefs, resolvers: {} })]);
    return Object.keys(schema.getTypeMap());
  };
  expect(typesOf('extend type Query { a: Int @authenticated }')).not.toEqual(
    expect.arrayContaining(['BigInt']),
  );
  const types = typesOf('extend type Query { sums(of: BigIntRange): [Decimal!] @authenticated }');
  expect(types).toEqual(expect.arrayContaining(['BigIntRange', 'BigInt', 'Decimal']));
  expect(types).not.toContain('UUID');
  expect(types).not.toContain('IntRange');
});
