/**
 * Ids in the API. Resolvers only see UUIDs, as in the database: this encodes what they return, and decodes what clients
 * send. `id` of a type that implements Node needs no declaration. Any other field, argument or input field of type ID
 * that has the id of an object says of which type, `@id(of: "Conversation")`; without it, the value is left as it is.
 */
import {
  defaultFieldResolver,
  getNamedType,
  GraphQLID,
  GraphQLNonNull,
  GraphQLScalarType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLArgument,
  type GraphQLFieldResolver,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql';
import { objectTypes, type Guards } from '../access/guards.js';
import { declaredIdType, idTypeOf, nodeTypes } from '../access/schema-types.js';
import { badInput, forbidden } from '../vocabulary/errors.js';
import { idPrefix, NO_ROW, readId } from '../vocabulary/id.js';
import type { RequestContext } from './request-context.js';

/**
 * Makes the fields with ids answer ids of the API. Call it before the schema is guarded.
 *
 * @throws Error when two types have the same prefix, or `@id` names no type that implements Node, or is not on an ID
 */
export function encodeIds(schema: GraphQLSchema): void {
  refuseWrongDeclarations(schema);
  for (const type of objectTypes(schema)) {
    for (const field of Object.values(type.getFields())) {
      const of = idTypeOf(type, field);
      if (of !== undefined) field.resolve = encoding(of, field.name, field.resolve);
    }
  }
}

type Resolve = GraphQLFieldResolver<unknown, RequestContext>;

/** The resolvers that only add the prefix to a property, and the scalars that do the same. */
const scalars = new WeakMap<Resolve, GraphQLScalarType>();

/** Whether a resolver only adds the prefix to a property. */
export const isPlainId = (resolve: object): boolean => scalars.has(resolve as Resolve);

/** The names of {@link scalars} of a schema, and what they serialize. */
export const idSerializers = (schema: GraphQLSchema): Record<string, (value: unknown) => unknown> =>
  Object.fromEntries(
    plainIds(schema).map(({ scalar }) => [scalar.name, (value: unknown) => scalar.serialize(value)]),
  );

/**
 * Runs `work`, which compiles a document, while ids that are properties of their rows have no resolver but a scalar of their
 * own: a compiled operation then adds the prefix where it reads the property, at a fraction of the cost of a resolver.
 */
export function withIdsAsScalars<Result>(schema: GraphQLSchema, work: () => Result): Result {
  const fields = plainIds(schema);
  const before = fields.map(({ field: { type, resolve } }) => ({ type, resolve }));
  for (const { field, scalar } of fields) {
    field.type = new GraphQLNonNull(scalar);
    delete field.resolve;
  }
  try {
    return work();
  } finally {
    for (const [at, { field }] of fields.entries()) {
      const { type, resolve } = before[at]!;
      field.type = type;
      if (resolve) field.resolve = resolve;
    }
  }
}

function plainIds(schema: GraphQLSchema) {
  return nodeTypes(schema).flatMap((type) => {
    const field = type.getFields()['id'];
    const scalar = field?.resolve && scalars.get(field.resolve);
    return field && scalar ? [{ field, scalar }] : [];
  });
}

function encoding(type: string, name: string, resolve: Resolve | undefined): Resolve {
  const prefix = idPrefix(type);
  const encode = (value: unknown): unknown => {
    if (typeof value === 'string') return prefix + value;
    if (Array.isArray(value)) return value.map(encode);
    if (value instanceof Promise) return value.then(encode);
    // Null, and an error, which graphql-js treats as thrown.
    return value;
  };
  if (resolve && resolve !== defaultFieldResolver) return (...of) => encode(resolve(...of));
  // Called for each row of a list, so it avoids the default resolver.
  const ofProperty: Resolve = (source) => encode((source as Readonly<Record<string, unknown>>)[name]);
  const serialize = (value: unknown) => GraphQLID.serialize(encode(value));
  scalars.set(ofProperty, new GraphQLScalarType({ name: `IdOf${type}`, serialize }));
  return ofProperty;
}

/**
 * Makes every field that takes ids resolve with UUIDs. Call it after the schema is guarded, so that rules that look at
 * data see UUIDs too.
 *
 * A bare UUID is an id of the declared type. An id of another type becomes {@link NO_ROW}, so that it is answered like that
 * of a missing row, by the same statements: null in a query, NOT_FOUND in a mutation. A column that stores it needs a
 * foreign key. What is no id is BAD_USER_INPUT, or FORBIDDEN for a caller who may not use the field.
 */
export function decodeIds(schema: GraphQLSchema, guards: Guards): void {
  const decoders = new Decoders();
  for (const type of objectTypes(schema)) {
    for (const field of Object.values(type.getFields())) {
      const decode = decoders.ofArguments(field.args);
      if (!decode) continue;
      const guard = guards.get(`${type.name}.${field.name}`) ?? null;
      const behind =
        (resolve: Resolve): Resolve =>
        (source, args, context, info) => {
          let decoded: Values;
          try {
            decoded = decode(args as Values);
          } catch (error) {
            if (guard !== null && !context.viewer.permissions.has(guard)) throw forbidden(guard);
            throw error;
          }
          return resolve(source, decoded, context, info);
        };
      field.resolve = behind(field.resolve ?? defaultFieldResolver);
      if (field.subscribe) field.subscribe = behind(field.subscribe);
    }
  }
}

type Values = Readonly<Record<string, unknown>>;
/** @param path the place of the value in the arguments, for the error */
type Decode = (value: unknown, path: string) => unknown;
type Input = GraphQLArgument | GraphQLInputField;

class Decoders {
  readonly #byInput = new Map<string, Decode | undefined>();

  ofArguments(inputs: readonly GraphQLArgument[]): ((args: Values) => Values) | undefined {
    const decoders = this.#ofFields(inputs);
    return decoders && ((args) => decodeFields(decoders, args, ''));
  }

  #ofFields(inputs: readonly Input[]): ReadonlyMap<string, Decode> | undefined {
    const decoders = new Map<string, Decode>();
    for (const input of inputs) {
      const decode = this.#ofType(input.type, declaredIdType(input));
      if (decode) decoders.set(input.name, decode);
    }
    return decoders.size > 0 ? decoders : undefined;
  }

  #ofType(type: GraphQLInputType, of: string | undefined): Decode | undefined {
    if (isNonNullType(type)) return this.#ofType(type.ofType, of);
    if (isListType(type)) {
      const decode = this.#ofType(type.ofType, of);
      return (
        decode &&
        ((value, path) =>
          Array.isArray(value) ? value.map((each, at) => decode(each, `${path}[${String(at)}]`)) : value)
      );
    }
    if (!isInputObjectType(type)) return of === undefined ? undefined : decoding(of);
    if (!this.#byInput.has(type.name)) {
      // An input may contain itself.
      this.#byInput.set(type.name, (...of) => known?.(...of) ?? of[0]);
      const decoders = reachesId(type) ? this.#ofFields(Object.values(type.getFields())) : undefined;
      const known: Decode | undefined =
        decoders &&
        ((value, path) =>
          typeof value === 'object' && value !== null
            ? decodeFields(decoders, value as Values, `${path}.`)
            : value);
      this.#byInput.set(type.name, known);
    }
    return this.#byInput.get(type.name);
  }
}

function decodeFields(decoders: ReadonlyMap<string, Decode>, values: Values, path: string): Values {
  const decoded = { ...values };
  for (const [name, decode] of decoders) {
    if (decoded[name] != null) decoded[name] = decode(decoded[name], path + name);
  }
  return decoded;
}

function decoding(type: string): Decode {
  const prefix = idPrefix(type);
  return (value, path) => {
    if (typeof value !== 'string') return value;
    const id = readId(value);
    if (!id) throw badInput(`${path} is not an id.`, path);
    return id.prefix === prefix || id.prefix === '' ? id.uuid : NO_ROW;
  };
}

/** Whether a value of this input may have an id in it, at whatever depth. */
function reachesId(type: GraphQLInputType, seen = new Set<GraphQLInputType>()): boolean {
  const named = getNamedType(type);
  if (!isInputObjectType(named) || seen.has(named)) return false;
  seen.add(named);
  return Object.values(named.getFields()).some(
    (field) => declaredIdType(field) !== undefined || reachesId(field.type, seen),
  );
}

function refuseWrongDeclarations(schema: GraphQLSchema): void {
  const names = new Map<string, string>();
  for (const { name } of nodeTypes(schema)) {
    const other = names.get(idPrefix(name));
    if (other !== undefined) throw new Error(`the ids of ${other} and ${name} would begin alike`);
    names.set(idPrefix(name), name);
  }
  const known = new Set(names.values());
  const check = (place: string, of: string | undefined, type: string) => {
    if (of === undefined) return;
    if (!known.has(of)) throw new Error(`${place}: @id names ${of}, which is no type that implements Node`);
    if (type !== 'ID') throw new Error(`${place}: @id is for values of type ID`);
  };
  for (const type of Object.values(schema.getTypeMap())) {
    if (isObjectType(type) || isInterfaceType(type)) {
      for (const field of Object.values(type.getFields())) {
        check(`${type.name}.${field.name}`, declaredIdType(field), getNamedType(field.type).name);
        for (const argument of field.args)
          check(
            `${type.name}.${field.name}(${argument.name}:)`,
            declaredIdType(argument),
            getNamedType(argument.type).name,
          );
      }
    } else if (isInputObjectType(type)) {
      for (const field of Object.values(type.getFields()))
        check(`${type.name}.${field.name}`, declaredIdType(field), getNamedType(field.type).name);
    }
  }
}
