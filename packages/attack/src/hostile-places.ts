/** Positions in a schema where hostile requests pass a server's first checks. */
import {
  getNamedType,
  getNullableType,
  isCompositeType,
  isInputObjectType,
  isLeafType,
  isListType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  type GraphQLField,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql';

export interface Places {
  /** A root field that needs no argument, its type, and a scalar field of that type. */
  readonly field: string;
  readonly object: string;
  readonly leaf: string;
  /** A field for a deep selection; if types do not nest, one that does not exist further down. */
  readonly self: string;
  /** A field with a page of a list, if there is one. */
  readonly page: string;
  /** An operation with this literal as an argument, of a scalar that accepts any literal if there is one. */
  readonly argument: (literal: string) => string;
  /** The fields with an input object, and the name of its type. */
  readonly input: { readonly operation: string; readonly type: GraphQLInputObjectType } | undefined;
  /** The fields that answer a list of objects for a list of ids, as `nodes(ids:)` and `_entities(representations:)` do. */
  readonly byIds: readonly ByIds[];
}

export interface ByIds {
  readonly field: string;
  readonly argument: string;
  /** The type of the argument. */
  readonly type: string;
  /** An id that has no object, as JSON. */
  readonly id: string;
}

/**
 * @param write whether mutations may be used
 * @throws Error for a schema without a usable field
 */
export function placesOf(schema: GraphQLSchema, write: boolean): Places {
  const mutations = Object.values((write ? schema.getMutationType()?.getFields() : undefined) ?? {});
  const query = schema.getQueryType();
  const roots = Object.values(query?.getFields() ?? {}).filter(
    (field) => isObjectType(getNamedType(field.type)) && !field.args.some(isRequiredArgument),
  );
  const found = roots.flatMap((field) => {
    const object = getNamedType(field.type) as GraphQLObjectType;
    const leaf = Object.values(object.getFields()).find(isPlain);
    return leaf ? [{ field: field.name, object: object.name, leaf: leaf.name }] : [];
  });
  const [place] = found;
  if (!place) throw new Error('no field of the schema can be asked for without arguments');
  const paged = roots.find(({ args }) => args.some(({ name }) => name === 'first'));
  return {
    ...place,
    self: place.field,
    page: paged ? `${paged.name}(first: 100) { __typename }` : `${place.field} { __typename }`,
    argument: argumentOf(mutations),
    input: inputOf(mutations, 'mutation') ?? inputOf(Object.values(query?.getFields() ?? {}), 'query'),
    byIds: Object.values(query?.getFields() ?? {}).flatMap((each) => byIdsOf(each, place.object)),
  };
}

const isList = (type: GraphQLInputType | GraphQLOutputType) => isListType(getNullableType(type));

function byIdsOf(field: Field, object: string): ByIds[] {
  if (!isList(field.type) || !isCompositeType(getNamedType(field.type))) return [];
  return field.args.flatMap(({ name, type }) => {
    const of = getNamedType(type).name;
    if (!isList(type) || (of !== 'ID' && of !== '_Any')) return [];
    if (field.args.some((each) => each.name !== name && isRequiredArgument(each))) return [];
    const id = of === 'ID' ? '"x"' : `{"__typename":"${object}","id":"x"}`;
    return [{ field: field.name, argument: name, type: String(type), id }];
  });
}

type Field = GraphQLField<unknown, unknown>;

const isPlain = ({ type, args }: Field) => isLeafType(getNamedType(type)) && !args.some(isRequiredArgument);

const SPECIFIED = ['Int', 'Float', 'String', 'Boolean', 'ID'];

/** A custom scalar in the input of a mutation accepts literals of any form, and takes the longest to check. */
function argumentOf(mutations: readonly Field[]): (literal: string) => string {
  for (const field of mutations) {
    for (const { name, type } of field.args) {
      const input = getNamedType(type);
      if (!isInputObjectType(input)) continue;
      const scalar = Object.values(input.getFields()).find(
        (each) =>
          /JSON/i.test(getNamedType(each.type).name) && !SPECIFIED.includes(getNamedType(each.type).name),
      );
      const hasRequired = Object.values(input.getFields()).some(isRequiredInputField);
      if (!scalar || hasRequired) continue;
      const selection = isObjectType(getNamedType(field.type)) ? ' { __typename }' : '';
      return (literal) =>
        `mutation { ${field.name}(${name}: { ${scalar.name}: { a: ${literal} } })${selection} }`;
    }
  }
  return (literal) => `{ __type(name: ${literal}) { name } }`;
}

function inputOf(fields: readonly Field[], kind: 'mutation' | 'query'): Places['input'] {
  for (const field of fields) {
    for (const { name, type } of field.args) {
      const input = getNamedType(type);
      if (!isInputObjectType(input)) continue;
      if (field.args.some((each) => each.name !== name && isRequiredArgument(each))) continue;
      const selection = isObjectType(getNamedType(field.type)) ? ' { __typename }' : '';
      const operation = `${kind} ($v: ${String(type)}) { ${field.name}(${name}: $v)${selection} }`;
      return { operation, type: input };
    }
  }
  return undefined;
}
