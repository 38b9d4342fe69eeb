import { GraphQLError, GraphQLScalarType, Kind, type ObjectValueNode, type ValueNode } from 'graphql';
import { JSONObjectResolver } from 'graphql-scalars';
import { isKept } from './exact-numbers.js';

/**
 * A JSON object. Unlike that of graphql-scalars it refuses values that JSON cannot represent: infinite numbers, and
 * variables without a value in a literal. It refuses literals of numbers that would be rounded, too.
 */
export const JSONObject = new GraphQLScalarType<Record<string, unknown>, object>({
  ...JSONObjectResolver.toConfig(),
  parseValue: (value) => {
    if (!isObject(value)) throw new GraphQLError('JSONObject cannot represent what is no object.');
    checkNumbers(value);
    return value;
  },
  parseLiteral: (node, variables) => {
    if (node.kind !== Kind.OBJECT) {
      throw new GraphQLError('JSONObject cannot represent what is no object.', { nodes: node });
    }
    return objectOf(node, variables ?? undefined);
  },
});

/** Any JSON value, with the same checks. */
export const JSONValue = new GraphQLScalarType<unknown, unknown>({
  name: 'JSON',
  parseValue: (value) => {
    checkNumbers(value);
    return value;
  },
  parseLiteral: (node, variables) => valueOf(node, variables ?? undefined),
});

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * JSON has no infinite numbers, but `JSON.parse` returns one for `1e400`; requests with such numbers are refused before
 * (exact-numbers.ts). Not recursive, because the client decides the depth.
 */
function checkNumbers(value: unknown): void {
  const left: unknown[] = [value];
  while (left.length > 0) {
    const item = left.pop();
    if (typeof item === 'number' && !Number.isFinite(item)) throw outOfRange();
    if (typeof item !== 'object' || item === null) continue;
    for (const child of Object.values(item)) left.push(child);
  }
}

const outOfRange = (node?: ValueNode) =>
  new GraphQLError('JSONObject cannot represent a number that is out of range or not exact.', {
    nodes: node ?? null,
  });

/** Undefined while the document is validated, when there are no variables yet. */
type Variables = Readonly<Record<string, unknown>> | undefined;

/** Recursion is safe because the number of tokens is limited. */
function objectOf({ fields }: ObjectValueNode, variables: Variables): Record<string, unknown> {
  const object = Object.create(null) as Record<string, unknown>;
  for (const { name, value } of fields) object[name.value] = valueOf(value, variables);
  return object;
}

function valueOf(node: ValueNode, variables: Variables): unknown {
  switch (node.kind) {
    case Kind.OBJECT:
      return objectOf(node, variables);
    case Kind.LIST:
      return node.values.map((value) => valueOf(value, variables));
    case Kind.INT:
    case Kind.FLOAT:
      if (!isKept(node.value)) throw outOfRange(node);
      return Number(node.value);
    case Kind.NULL:
      return null;
    case Kind.VARIABLE:
      return variables && variableOf(node.name.value, variables);
    case Kind.ENUM:
      throw new GraphQLError('JSONObject cannot represent an enum value.', { nodes: node });
    default:
      return node.value;
  }
}

function variableOf(name: string, variables: Readonly<Record<string, unknown>>): unknown {
  const value = variables[name];
  if (value === undefined) throw new GraphQLError(`The variable $${name} has no value.`);
  checkNumbers(value);
  return value;
}
