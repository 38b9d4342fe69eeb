/** Writes operations: a path of fields from a root, the arguments of each as variables, and a selection at its end. */
import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import type { GraphqlRequest } from './wire.js';

export type OperationKind = 'query' | 'mutation' | 'subscription';

export const OPERATION_KINDS: readonly OperationKind[] = ['query', 'mutation', 'subscription'];

export interface Step {
  readonly parent: GraphQLObjectType;
  readonly field: Field;
}

/** Fields from the root of an operation to the one whose arguments are attacked. */
export interface Path {
  readonly operation: OperationKind;
  readonly steps: readonly Step[];
}

/** The arguments of each step of a path. */
export type Arguments = readonly Readonly<Record<string, unknown>>[];

/** `Query.conversations.nodes.messages` */
export const nameOf = ({ steps }: Path): string =>
  [steps[0]!.parent.name, ...steps.map(({ field }) => field.name)].join('.');

/** The fields of the root type; none when the schema has no such operations. */
export const rootPaths = (schema: GraphQLSchema, operation: OperationKind): Path[] => {
  const root = rootOf(schema, operation);
  return Object.values(root?.getFields() ?? {}).map((field) => ({
    operation,
    steps: [{ parent: root!, field }],
  }));
};

/** Each field of the schema is attacked through at most this many paths, the shortest ones. */
const PATHS_PER_FIELD = 3;
const MOST_STEPS = 8;

/**
 * The paths of queries to every field of every type that can be reached, no type twice on one path. Payloads of
 * mutations and events are not visited, because queries reach the same types.
 */
export function queryPaths(schema: GraphQLSchema): Path[] {
  const taken = new Map<string, number>();
  const paths: Path[] = [];
  let next = rootPaths(schema, 'query');
  while (next.length > 0) {
    const further: Path[] = [];
    for (const path of next) {
      const { parent, field } = path.steps.at(-1)!;
      const coordinate = `${parent.name}.${field.name}`;
      const count = taken.get(coordinate) ?? 0;
      if (count >= PATHS_PER_FIELD) continue;
      taken.set(coordinate, count + 1);
      paths.push(path);
      if (path.steps.length < MOST_STEPS) further.push(...stepsFrom(schema, path));
    }
    next = further;
  }
  return paths;
}

/**
 * No steps lead through `Node`, or Federation's `_Entity`: its one path to each type, which needs an id of just that type, would displace the paths
 * that reach rows. Fields that answer a Node are attacked themselves, with everything that can be selected on it.
 */
function stepsFrom(schema: GraphQLSchema, path: Path): Path[] {
  if (/^(Node|_Entity)$/.test(getNamedType(path.steps.at(-1)!.field.type).name)) return [];
  const visited = path.steps.map(({ parent }) => parent);
  return objectTypes(schema, getNamedType(path.steps.at(-1)!.field.type))
    .filter((type) => !visited.includes(type))
    .flatMap((parent) =>
      Object.values(parent.getFields()).map((field) => ({
        ...path,
        steps: [...path.steps, { parent, field }],
      })),
    );
}

/**
 * Servers refuse documents with more tokens, many of them with more than 2,000. A refusal says nothing about the values that
 * were sent, so an attack must not be refused for its length.
 */
const MOST_TOKENS = 1_900;
const TOKEN = /\.{3}|\w+|[^\s\w,]/g;

/** @param depth levels of objects below the last step; fewer where the document would be too long */
export function buildRequest(
  schema: GraphQLSchema,
  path: Path,
  given: Arguments,
  depth: number,
): GraphqlRequest {
  const request = requestOf(schema, path, given, depth);
  const isTooLong = (request.query.match(TOKEN) ?? []).length > MOST_TOKENS;
  return isTooLong && depth > 0 ? buildRequest(schema, path, given, depth - 1) : request;
}

function requestOf(schema: GraphQLSchema, path: Path, given: Arguments, depth: number) {
  const variables: Record<string, unknown> = {};
  const declared: string[] = [];
  const last = path.steps.at(-1)!;
  const seen = path.steps.map(({ parent }) => parent.name);
  let text = selectionOf(schema, getNamedType(last.field.type), depth, seen);
  for (const [n, { field }] of [...path.steps.entries()].reverse()) {
    const passed = field.args.flatMap((argument) => {
      const value = given[n]?.[argument.name];
      if (value === undefined) return [];
      const variable = `${argument.name}${n === path.steps.length - 1 ? '' : `_${String(n)}`}`;
      variables[variable] = value;
      declared.push(`$${variable}: ${String(argument.type)}`);
      return [`${argument.name}: $${variable}`];
    });
    text = `${field.name}${passed.length > 0 ? `(${passed.join(', ')})` : ''}${text && ` ${text}`}`;
    const parent = path.steps[n - 1];
    const reached = parent && getNamedType(parent.field.type);
    const above = path.steps[n]!.parent;
    text = reached && isAbstractType(reached) ? `{ ... on ${above.name} { ${text} } }` : `{ ${text} }`;
  }
  const head = declared.length > 0 ? ` (${declared.reverse().join(', ')})` : '';
  return { query: `${path.operation}${head} ${text}`, variables };
}

/**
 * All fields of a type without required arguments, and of its objects, `depth` levels down, without recursion into the
 * same type. Empty for a scalar.
 */
function selectionOf(
  schema: GraphQLSchema,
  type: GraphQLNamedType,
  depth: number,
  seen: readonly string[],
): string {
  if (!isCompositeType(type)) return '';
  if (isObjectType(type)) return `{ ${fieldsOf(schema, type, depth, seen)} }`;
  // Fields of the same name can be selected together only if they have the same type.
  const types = new Map<string, string>();
  const isUnlike = ({ name, type: own }: Field) => {
    const known = types.get(name) ?? String(own);
    types.set(name, known);
    return known !== String(own);
  };
  const members = objectTypes(schema, type)
    .filter(({ name }) => !seen.includes(name))
    .map((member) => {
      const left = Object.values(member.getFields()).filter(isUnlike);
      return `... on ${member.name} { ${fieldsOf(schema, member, depth, seen, left)} }`;
    });
  return `{ __typename ${members.join(' ')} }`;
}

type Field = GraphQLField<unknown, unknown>;

function fieldsOf(
  schema: GraphQLSchema,
  type: GraphQLObjectType,
  depth: number,
  seen: readonly string[],
  left: readonly Field[] = [],
): string {
  const within = [...seen, type.name];
  const fields = Object.values(type.getFields()).flatMap((field) => {
    if (left.includes(field) || field.args.some(isRequiredArgument)) return [];
    const named = getNamedType(field.type);
    if (isLeafType(named)) return [field.name];
    if (depth === 0 || (isObjectType(named) && within.includes(named.name))) return [];
    return [`${field.name} ${selectionOf(schema, named, depth - 1, within)}`];
  });
  return fields.length > 0 ? fields.join(' ') : '__typename';
}

/** The possible object types of a value of this type. */
export function objectTypes(schema: GraphQLSchema, type: GraphQLNamedType): readonly GraphQLObjectType[] {
  if (isObjectType(type)) return [type];
  return isAbstractType(type) ? schema.getPossibleTypes(type) : [];
}

const rootOf = (schema: GraphQLSchema, operation: OperationKind) =>
  ({
    query: schema.getQueryType(),
    mutation: schema.getMutationType(),
    subscription: schema.getSubscriptionType(),
  })[operation];
