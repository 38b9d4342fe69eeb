/**
 * Decides which documents may be compiled. graphql-jit writes a document into the source of a function, and answers a
 * few documents differently from graphql-js. So only documents that are known to be safe and to have the same answer
 * are compiled; graphql-js runs all others.
 */
import {
  BREAK,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isNonNullType,
  isObjectType,
  isSpecifiedScalarType,
  isWrappingType,
  Kind,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql';
import { objectTypes } from '../access/guards.js';

/**
 * Names become identifiers, property names and, joined by underscores, keys of fields. The pattern excludes
 * `__proto__`, identifiers of graphql-jit, and two paths with the same key.
 */
const RESPONSE_NAME = /^(?!idx\d)[a-z][A-Za-z0-9]*$/;
const VARIABLE_NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

/** The generated code has each of them. */
const MOST_INPUT_FIELDS = 100;

export interface Compilable {
  /**
   * The variables inside a list or an object, and whether they must not be null there. graphql-jit uses null for a
   * missing one, and does not check its value.
   */
  readonly nestedVariables: ReadonlyMap<string, boolean>;
}

/** Checks whether graphql-jit may compile a validated document; undefined when not. */
export function compilable(schema: GraphQLSchema, document: DocumentNode): Compilable | undefined {
  const types = new TypeInfo(schema);
  const namedInput = (): unknown => unwrapped(types.getInputType());
  const nestedVariables = new Map<string, boolean>();
  let refused = false as boolean;
  const refuse = () => {
    refused = true;
    return BREAK;
  };
  visit(
    document,
    visitWithTypeInfo(types, {
      // graphql-jit evaluates a fragment or a field once for all its positions.
      Directive: refuse,
      Field({ name, alias }) {
        const response = alias?.value ?? name.value;
        if (name.value === '__typename' ? response !== name.value : !RESPONSE_NAME.test(response))
          return refuse();
        const parent: unknown = types.getParentType();
        if (!isObjectType(parent)) return refuse();
        const type = unwrapped(types.getType());
        // graphql-jit supports only synchronous resolution of types.
        if (!isLeafType(type) && (!isObjectType(type) || type.isTypeOf)) return refuse();
        return undefined;
      },
      VariableDefinition({ variable }) {
        const isSmall = fieldsWithin(types.getInputType()) <= MOST_INPUT_FIELDS;
        return VARIABLE_NAME.test(variable.name.value) && isSmall ? undefined : refuse();
      },
      Variable({ name }, _key, parent) {
        if (!Array.isArray(parent) && (parent as { kind?: string }).kind !== Kind.OBJECT_FIELD) return;
        const isNonNull = isNonNullType(types.getInputType());
        nestedVariables.set(name.value, isNonNull || nestedVariables.get(name.value) === true);
      },
      // The text would be part of the function's source, and could be run as code where graphql-jit marks values that
      // are not JSON. Documents with literal texts are rarely repeated.
      StringValue: refuse,
      FloatValue: refuse,
      IntValue: () => (isSpecifiedScalarType(namedInput() as GraphQLNamedType) ? undefined : refuse()),
      BooleanValue: () => (isSpecifiedScalarType(namedInput() as GraphQLNamedType) ? undefined : refuse()),
      EnumValue: () => (isEnumType(namedInput()) ? undefined : refuse()),
      ObjectValue() {
        const type = namedInput();
        return isInputObjectType(type) && !type.isOneOf ? undefined : refuse();
      },
    }),
  );
  return refused ? undefined : { nestedVariables };
}

/** A type without its lists and non-nulls. */
function unwrapped(type: unknown): unknown {
  let inner = type;
  while (isWrappingType(inner)) inner = inner.ofType;
  return inner;
}

/**
 * The number of fields that a variable of this type may have, including nested ones; above the limit for a recursive
 * type.
 */
function fieldsWithin(input: unknown, left = MOST_INPUT_FIELDS): number {
  const type = unwrapped(input);
  if (!isInputObjectType(type)) return 0;
  let count = 0;
  for (const field of Object.values(type.getFields())) {
    count += 1 + (count > left ? 0 : fieldsWithin(field.type, left - count - 1));
    if (count > left) break;
  }
  return count;
}

/**
 * Whether documents of a schema may be compiled: graphql-jit writes defaults and enum values as JSON, and stores
 * resolvers under the joined names of type and field.
 */
export function isCompilableSchema(schema: GraphQLSchema): boolean {
  const resolvers = objectTypes(schema).flatMap((type) =>
    Object.keys(type.getFields()).map((field) => type.name + field),
  );
  const written = Object.values(schema.getTypeMap()).flatMap((type) => {
    if (isEnumType(type)) return type.getValues().map(({ value }: { value: unknown }) => value);
    if (isInputObjectType(type))
      return Object.values(type.getFields()).map(({ defaultValue }) => defaultValue);
    if (!isObjectType(type)) return [];
    return Object.values(type.getFields()).flatMap(({ args }) =>
      args.map(({ defaultValue }) => defaultValue),
    );
  });
  return new Set(resolvers).size === resolvers.length && written.every(isJson);
}

function isJson(value: unknown): boolean {
  if (value === undefined || value === null || typeof value === 'boolean') return true;
  if (typeof value === 'string') return !value.includes('__');
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  const prototype: unknown = typeof value === 'object' ? Object.getPrototypeOf(value) : undefined;
  return (prototype === null || prototype === Object.prototype) && Object.values(value).every(isJson);
}
