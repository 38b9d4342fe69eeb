/** How many objects a field's arguments ask for. They may be variables, whose values are known for each request only. */
import {
  getNullableType,
  isListType,
  Kind,
  type FieldNode,
  type GraphQLField,
  type GraphQLInputType,
  type ValueNode,
} from 'graphql';
import { DEFAULT_PAGE, LARGEST_PAGE } from '../../kernel/graphql/connection.js';
import { MOST_ENTITIES } from '../../kernel/graphql/federation.js';
import type { PageSize } from './cost.js';

/** The default values of an operation's variables, by name. */
export type Defaults = ReadonlyMap<string, ValueNode | undefined>;

type Field = GraphQLField<unknown, unknown>;

/**
 * The number of rows that a field may answer: the size of a connection's page, or the number of ids of a list with one
 * object for each, `nodes(ids:)` and `_entities(representations:)`. Never more than the field takes. Undefined when no
 * argument says it.
 */
export const sizeByArguments = (
  field: Field,
  node: FieldNode,
  defaults: Defaults,
): number | PageSize | undefined => sizeByIds(field, node, defaults) ?? sizeByPage(field, node, defaults);

/** The most ids that an argument takes, by its name. */
const MOST_IDS = new Map([
  ['ids', LARGEST_PAGE],
  ['representations', MOST_ENTITIES],
]);

/** The most ids of an operation, in all its lists together: each is looked up, or refused with an error of its own. */
export const MOST_IDS_OF_OPERATION = 1_000;

const takesIds = ({ name, type }: { readonly name: string; readonly type: GraphQLInputType }) =>
  MOST_IDS.has(name) && isListType(getNullableType(type));

/** The number of ids in the field's list of ids, never more than the field takes; undefined when it has no such list. */
export function sizeByIds(field: Field, node: FieldNode, defaults: Defaults): number | PageSize | undefined {
  const argument = isListType(getNullableType(field.type)) ? field.args.find(takesIds)?.name : undefined;
  if (argument === undefined) return undefined;
  const most = MOST_IDS.get(argument)!;
  const given = node.arguments?.find(({ name }) => name.value === argument)?.value;
  if (given?.kind !== Kind.VARIABLE) return numberOfIds(given, most);
  const { value: name } = given.name;
  const byDefault = numberOfIds(defaults.get(name), most);
  return (values) => {
    const ids = Object.hasOwn(values, name) ? values[name] : undefined;
    // A single value is a list of one.
    return Array.isArray(ids) ? Math.min(ids.length, most) : ids === undefined ? byDefault : 1;
  };
}

const numberOfIds = (value: ValueNode | undefined, most: number): number =>
  value?.kind === Kind.LIST ? Math.min(value.values.length, most) : 1;

const isSize = (name: string) => name === 'first' || name === 'last';

function sizeByPage(field: Field, node: FieldNode, defaults: Defaults): number | PageSize | undefined {
  if (!field.args.some(({ name }) => isSize(name))) return undefined;
  const given = (node.arguments ?? []).filter(({ name }) => isSize(name.value));
  const literal = largest(given.map(({ value }) => sizeOf(literalValue(value))));
  const variables = given.flatMap(({ value }) =>
    value.kind === Kind.VARIABLE
      ? [{ name: value.name.value, byDefault: literalValue(defaults.get(value.name.value)) }]
      : [],
  );
  if (variables.length === 0) return literal ?? DEFAULT_PAGE;
  return (values) => {
    let size = literal;
    for (const { name, byDefault } of variables) {
      const asked = sizeOf(Object.hasOwn(values, name) ? values[name] : byDefault);
      if (asked !== undefined && (size === undefined || asked > size)) size = asked;
    }
    return size ?? DEFAULT_PAGE;
  };
}

function largest(sizes: readonly (number | undefined)[]): number | undefined {
  const known = sizes.filter((size) => size !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

/** Variables and null have no size. A value that is not a number is refused when the field is resolved. */
function literalValue(node: ValueNode | undefined): unknown {
  if (node === undefined || node.kind === Kind.VARIABLE || node.kind === Kind.NULL) return undefined;
  return node.kind === Kind.INT ? Number(node.value) : LARGEST_PAGE;
}

function sizeOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'number' ? Math.min(Math.abs(value), LARGEST_PAGE) : LARGEST_PAGE;
}
