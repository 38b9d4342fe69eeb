/**
 * Scalars for columns of modules. Each accepts exactly the values that its column can store, and returns stored values
 * without loss of digits.
 */
import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { DateResolver } from 'graphql-scalars';
import { Prisma } from '../../generated/prisma/client.js';
import { isId } from '../vocabulary/id.js';
import { isTimeInRange } from './date-time.js';
import { JSONValue } from './json-object.js';

const refused = (type: string, what: string, node?: ValueNode) =>
  new GraphQLError(`${type} cannot represent ${what}.`, { nodes: node ?? null });

function inRange(day: Date): Date {
  if (!isTimeInRange(day)) throw refused('Date', 'a day outside of the years 1 to 9999');
  return day;
}

/** For columns `DateTime @db.Date`; in code a `Date` at midnight in UTC. */
const DateScalar = new GraphQLScalarType<Date, string>({
  ...DateResolver.toConfig(),
  parseValue: (value) => inRange(DateResolver.parseValue(value)),
  parseLiteral: (node, variables) => inRange(DateResolver.parseLiteral(node, variables)),
});

const INTEGER = /^-?\d{1,19}$/;

function bigIntOf(text: string, node?: ValueNode): bigint {
  if (!INTEGER.test(text)) throw refused('BigInt', 'what is no whole number of 64 bits', node);
  const value = BigInt(text);
  if (BigInt.asIntN(64, value) !== value) throw refused('BigInt', 'a number of more than 64 bits', node);
  return value;
}

/** A larger JSON number may differ from the one that the client wrote. */
const isExact = (value: unknown): value is number => Number.isSafeInteger(value);

/** For columns `BigInt`; in code a `bigint`. */
const BigIntScalar = new GraphQLScalarType<bigint, string>({
  name: 'BigInt',
  serialize: (value) => {
    if (typeof value === 'bigint' || isExact(value)) return String(value);
    throw refused('BigInt', 'what is no whole number of 64 bits');
  },
  parseValue: (value) => {
    if (typeof value === 'bigint' || isExact(value) || typeof value === 'string')
      return bigIntOf(String(value));
    throw refused('BigInt', 'a number that is not exact: send it as text');
  },
  parseLiteral: (node) => {
    if (node.kind === Kind.INT || node.kind === Kind.STRING) return bigIntOf(node.value, node);
    throw refused('BigInt', 'what is no whole number', node);
  },
});

const DECIMAL = /^-?\d{1,100}(\.\d{1,100})?$/;

function decimalOf(text: string, node?: ValueNode): Prisma.Decimal {
  if (!DECIMAL.test(text)) throw refused('Decimal', 'what is no decimal number of at most 100 digits', node);
  return new Prisma.Decimal(text);
}

/** For columns `Decimal`; in code a `Prisma.Decimal`. */
const DecimalScalar = new GraphQLScalarType<Prisma.Decimal, string>({
  name: 'Decimal',
  serialize: (value) => {
    if (Prisma.Decimal.isDecimal(value) && value.isFinite()) return value.toFixed();
    // With the digits of its column (scales.ts).
    if (typeof value === 'string' && DECIMAL.test(value)) return value;
    throw refused('Decimal', 'what is no decimal number');
  },
  parseValue: (value) => {
    if (isExact(value) || typeof value === 'string') return decimalOf(String(value));
    throw refused('Decimal', 'a number that is not exact: send it as text');
  },
  parseLiteral: (node) => {
    if (node.kind === Kind.INT || node.kind === Kind.FLOAT || node.kind === Kind.STRING)
      return decimalOf(node.value, node);
    throw refused('Decimal', 'what is no decimal number', node);
  },
});

function uuidOf(value: unknown, node?: ValueNode): string {
  if (typeof value !== 'string' || !isId(value)) throw refused('UUID', 'what is no UUID', node);
  return value.toLowerCase();
}

/** For columns `String @db.Uuid` that are not keys; ids have the type `ID`. */
const UUIDScalar = new GraphQLScalarType<string, string>({
  name: 'UUID',
  serialize: (value) => uuidOf(value),
  parseValue: (value) => uuidOf(value),
  parseLiteral: (node) => uuidOf(node.kind === Kind.STRING ? node.value : undefined, node),
});

/** The scalars of scalars.graphql. The schema contains those that a module uses. */
export const SCALARS = {
  Date: DateScalar,
  BigInt: BigIntScalar,
  Decimal: DecimalScalar,
  JSON: JSONValue,
  UUID: UUIDScalar,
} as const;
