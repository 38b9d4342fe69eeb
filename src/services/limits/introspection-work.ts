/**
 * How much work introspection is. Tools use aliases and deep selections, so neither is refused as such: what counts is how
 * often the schema is listed. graphql-js itself allows at most two lists of fields, interfaces, possible types or
 * fields of inputs inside each other.
 */
import {
  getIntrospectionQuery,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isWrappingType,
  parse,
  type DocumentNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  type GraphQLType,
} from 'graphql';

/** The introspection of the most thorough tool. */
export const THOROUGH: DocumentNode = parse(
  getIntrospectionQuery({
    typeDepth: 15,
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    schemaDescription: true,
    inputValueDeprecation: true,
    oneOf: true,
  }),
);

/** Whether a selection is made for each type of the schema once, or for any type any number of times. */
export type Reach = 'each' | 'any';

/** The lengths of the lists of introspection. */
export interface IntrospectionSizes {
  /** The elements for one parent: the mean when each parent is reached once, else the most. 1 for what is no list. */
  readonly of: (type: string, field: string, reach: Reach) => number;
  /** The most lists and non-null types around a type: `[String!]!` has three. `ofType` leads no further. */
  readonly wrapped: number;
}

const known = new WeakMap<GraphQLSchema, IntrospectionSizes>();

/** The sizes of a schema, computed once. */
export function introspectionSizes(schema: GraphQLSchema): IntrospectionSizes {
  const sizes = known.get(schema) ?? measure(schema);
  known.set(schema, sizes);
  return sizes;
}

/** How selections below a field of introspection reach their objects. */
export const reachBelow = (type: string, field: string, reach: Reach): Reach =>
  (type === '__Schema' && field === 'types') || (reach === 'each' && OWN_LISTS.has(`${type}.${field}`))
    ? 'each'
    : 'any';

/** Lists whose elements belong to one parent only. */
const OWN_LISTS: ReadonlySet<string> = new Set([
  '__Type.fields',
  '__Type.inputFields',
  '__Type.enumValues',
  '__Field.args',
]);

function measure(schema: GraphQLSchema): IntrospectionSizes {
  const types = Object.values(schema.getTypeMap());
  const directives = schema.getDirectives();
  const fields = types.flatMap((type) => Object.values(fieldsOf(type)));
  const lists: Readonly<Record<string, readonly number[]>> = {
    '__Schema.types': [types.length],
    '__Schema.directives': [directives.length],
    '__Type.fields': types.map((type) => Object.keys(fieldsOf(type)).length),
    '__Type.inputFields': types.map((type) =>
      isInputObjectType(type) ? Object.keys(type.getFields()).length : 0,
    ),
    '__Type.enumValues': types.map((type) => (isEnumType(type) ? type.getValues().length : 0)),
    '__Type.interfaces': types.map((type) =>
      isObjectType(type) || isInterfaceType(type) ? type.getInterfaces().length : 0,
    ),
    '__Type.possibleTypes': types.map((type) =>
      isAbstractType(type) ? schema.getPossibleTypes(type).length : 0,
    ),
    '__Field.args': fields.map(({ args }) => args.length),
    '__Directive.args': directives.map(({ args }) => args.length),
  };
  const lengths = new Map(
    Object.entries(lists).map(([list, all]) => {
      const sum = all.reduce((total, length) => total + length, 0);
      return [list, { each: sum / Math.max(all.length, 1), any: Math.max(0, ...all) }];
    }),
  );
  const inputs = types.flatMap((type) => (isInputObjectType(type) ? Object.values(type.getFields()) : []));
  const members = [...fields, ...fields.flatMap(({ args }) => args), ...inputs];
  return {
    of: (type, field, reach) => lengths.get(`${type}.${field}`)?.[reach] ?? 1,
    wrapped: Math.max(0, ...members.map(({ type }) => wrappersOf(type))),
  };
}

function wrappersOf(type: GraphQLType): number {
  return isWrappingType(type) ? 1 + wrappersOf(type.ofType as GraphQLType) : 0;
}

const fieldsOf = (type: GraphQLNamedType) =>
  isObjectType(type) || isInterfaceType(type) ? type.getFields() : {};
