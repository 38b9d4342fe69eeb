/**
 * The guards of inputs: arguments, fields of inputs and values of enums may have `@requires` too. A caller who may not
 * read a value must not filter or sort by it either: the order and the number of rows would reveal it.
 */
import {
  isEnumType,
  isInputObjectType,
  isIntrospectionType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql';
import type { Annotated } from './schema-types.js';
import { interfaceFields, readGuard, UnguardedSchemaError } from './guards.js';
import type { Permission } from '../vocabulary/permissions.js';

/**
 * The permission of every guarded input, by coordinate: of an argument `Query.members(email:)`, of an input's field
 * `MembershipFilter.email`, of an enum's value `MembershipOrderField.EMAIL`.
 */
export type InputGuards = ReadonlyMap<string, Permission>;

/**
 * The guards of the schema's inputs. An operation must be valid without the guarded inputs: they are optional, and
 * defaults use no guarded input. Each type that implements an interface has the guards of the arguments of the
 * interface's fields.
 *
 * @throws UnguardedSchemaError with every place where this does not hold.
 */
export function readInputGuards(schema: GraphQLSchema, permissions: readonly Permission[]): InputGuards {
  const guards = new Map<string, Permission>();
  const problems: string[] = [];
  const types = Object.values(schema.getTypeMap()).filter((type) => !isIntrospectionType(type));
  for (const { coordinate, annotated } of types.flatMap(inputsOf)) {
    const permission = readGuard(annotated, permissions, (problem) =>
      problems.push(`${coordinate} ${problem}`),
    );
    if (permission) guards.set(coordinate, permission);
  }
  for (const type of types) {
    const inputs = inputsOf(type);
    if (
      !isObjectType(type) &&
      inputs.length > 0 &&
      inputs.every(({ coordinate }) => guards.has(coordinate))
    ) {
      problems.push(`${type.name} has nothing but what requires a permission: guard what takes it instead`);
    }
    for (const { coordinate, isRequired, value } of inputs) {
      if (guards.has(coordinate) && (isRequired || value?.defaultValue !== undefined)) {
        problems.push(`${coordinate} requires a permission: it must be optional and have no default`);
      }
      if (value && !demandsOf(value.defaultValue, value.type, guards).next().done) {
        problems.push(`${coordinate} has a default that requires a permission`);
      }
    }
  }
  for (const { parent, field, implementations } of interfaceFields(schema)) {
    for (const argument of field.args) {
      const { name } = argument;
      const coordinate = argumentCoordinate(`${parent.name}.${field.name}`, name);
      const demanded = readGuard(argument, permissions, (problem) =>
        problems.push(`${coordinate} ${problem}`),
      );
      for (const type of implementations) {
        const own = argumentCoordinate(`${type.name}.${field.name}`, name);
        if (demanded && guards.get(own) !== demanded) {
          problems.push(`${own} does not demand ${demanded}, as ${coordinate} of its interface does`);
        }
      }
    }
  }
  if (problems.length > 0) {
    throw new UnguardedSchemaError(
      `The schema guards inputs in a way that cannot hold:\n- ${problems.join('\n- ')}`,
    );
  }
  return guards;
}

/** The permissions that the arguments of a call require. */
export function* demandsOfArguments(
  field: string,
  declared: readonly GraphQLArgument[],
  given: Readonly<Record<string, unknown>>,
  guards: InputGuards,
): Generator<Permission, undefined> {
  for (const { name, type } of declared) {
    if (!Object.hasOwn(given, name)) continue;
    const own = guards.get(argumentCoordinate(field, name));
    if (own) yield own;
    yield* demandsOf(given[name], type, guards);
  }
}

/** `Query.members(email:)` */
export const argumentCoordinate = (field: string, argument: string): string => `${field}(${argument}:)`;

/** Whether a field may get an argument that requires a permission. */
export function takesGuardedInput(
  field: string,
  declared: readonly GraphQLArgument[],
  guards: InputGuards,
): boolean {
  const seen = new Set<GraphQLInputType>();
  const guarded = (type: GraphQLInputType): boolean => {
    if (isNonNullType(type) || isListType(type)) return guarded(type.ofType);
    if (seen.has(type)) return false;
    seen.add(type);
    if (inputsOf(type).some(({ coordinate }) => guards.has(coordinate))) return true;
    return isInputObjectType(type) && Object.values(type.getFields()).some((each) => guarded(each.type));
  };
  return declared.some(({ name, type }) => guards.has(argumentCoordinate(field, name)) || guarded(type));
}

/** The permissions that a value requires, in the form that resolvers get: enums as internal values. */
function* demandsOf(
  value: unknown,
  type: GraphQLInputType,
  guards: InputGuards,
): Generator<Permission, undefined> {
  if (value === null || value === undefined) return;
  if (isNonNullType(type)) {
    yield* demandsOf(value, type.ofType, guards);
  } else if (isListType(type)) {
    for (const item of Array.isArray(value) ? (value as unknown[]) : [value]) {
      yield* demandsOf(item, type.ofType, guards);
    }
  } else if (isEnumType(type)) {
    const chosen = type.getValues().find((each) => each.value === value);
    const own = chosen && guards.get(`${type.name}.${chosen.name}`);
    if (own) yield own;
  } else if (isInputObjectType(type)) {
    for (const field of Object.values(type.getFields())) {
      // Null is a value too: it could clear a value that the caller may not set.
      if (!Object.hasOwn(value, field.name)) continue;
      const own = guards.get(`${type.name}.${field.name}`);
      if (own) yield own;
      yield* demandsOf((value as Record<string, unknown>)[field.name], field.type, guards);
    }
  }
}

interface Input {
  readonly coordinate: string;
  readonly annotated: Annotated;
  readonly isRequired: boolean;
  /** Undefined for the value of an enum. */
  readonly value: GraphQLArgument | GraphQLInputField | undefined;
}

function inputsOf(type: GraphQLNamedType): Input[] {
  if (isObjectType(type)) {
    return Object.values(type.getFields()).flatMap((field) =>
      field.args.map((argument) => ({
        coordinate: argumentCoordinate(`${type.name}.${field.name}`, argument.name),
        annotated: argument,
        isRequired: isRequiredArgument(argument),
        value: argument,
      })),
    );
  }
  if (isInputObjectType(type)) {
    return Object.values(type.getFields()).map((field) => ({
      coordinate: `${type.name}.${field.name}`,
      annotated: field,
      isRequired: isRequiredInputField(field),
      value: field,
    }));
  }
  if (!isEnumType(type)) return [];
  return type.getValues().map((value) => ({
    coordinate: `${type.name}.${value.name}`,
    annotated: value,
    isRequired: false,
    value: undefined,
  }));
}
