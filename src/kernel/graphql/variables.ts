/** Coerces the variables of an operation, and reports errors with the path of the input and the reason. */
import {
  coerceInputValue,
  getNamedType,
  GraphQLError,
  isEnumType,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  isSpecifiedScalarType,
  typeFromAST,
  valueFromAST,
  type GraphQLInputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type VariableDefinitionNode,
} from 'graphql';
import { locate } from './locations.js';

/** The most errors reported for one request's variables. The check stops at the next one. */
export const MOST_VARIABLE_ERRORS = 20;
/** The most characters of a reason: some repeat the value, which may be large. */
const LONGEST_REASON = 300;

type Values = Readonly<Record<string, unknown>>;

export type CoercedVariables =
  | { readonly coerced: Values; readonly errors?: never }
  | { readonly coerced?: never; readonly errors: readonly GraphQLError[] };

export interface CoerceOptions {
  /** Removes suggestions of similar names of the schema from messages. */
  readonly hideSuggestions: boolean;
}

/**
 * The coerced variables of an operation of a valid document, or up to {@link MOST_VARIABLE_ERRORS} errors with the code
 * BAD_USER_INPUT and the path of the input in `extensions.field`. graphql-js repeats the whole value in the message of
 * each error: for a large value with many errors this would be megabytes.
 */
export function coerceVariables(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
  values: Values,
  { hideSuggestions }: CoerceOptions,
): CoercedVariables {
  const coerced: Record<string, unknown> = {};
  const errors: GraphQLError[] = [];
  const report = (definition: VariableDefinitionNode, field: string, message: string) => {
    if (errors.length >= MOST_VARIABLE_ERRORS) throw new Enough();
    errors.push(
      new GraphQLError(message, { nodes: definition, extensions: { code: 'BAD_USER_INPUT', field } }),
    );
  };
  for (const definition of variableDefinitions) {
    const name = definition.variable.name.value;
    const type = typeFromAST(schema, definition.type);
    // A valid document has only input types here.
    if (!isInputType(type)) continue;
    try {
      if (!Object.hasOwn(values, name)) {
        if (definition.defaultValue) coerced[name] = valueFromAST(definition.defaultValue, type);
        else if (isNonNullType(type)) {
          report(
            definition,
            name,
            `Variable "$${name}" of required type "${String(type)}" was not provided.`,
          );
        }
      } else if (values[name] === null && isNonNullType(type)) {
        report(definition, name, `Variable "$${name}" of non-null type "${String(type)}" must not be null.`);
      } else {
        coerced[name] = coerceValue(values[name], type, hideSuggestions, (field, reason) =>
          report(definition, name + field, `${name}${field}: ${reason}`),
        );
      }
    } catch (error) {
      if (error instanceof Enough) break;
      // With a recursive type, the value decides the depth.
      if (!(error instanceof RangeError)) throw error;
      errors.push(tooDeep(definition, name));
    }
  }
  if (errors.length === 0) return { coerced };
  locate(errors);
  return { errors };
}

class Enough extends Error {}

const tooDeep = (nodes: VariableDefinitionNode, field: string) =>
  new GraphQLError(`${field} is nested too deep.`, { nodes, extensions: { code: 'BAD_USER_INPUT', field } });

const OF_FIELD = /^Field "(\w+)" (?:of required type|is not defined)/;

/** @param field where in the variable the error is, such as `.tags[2]` */
type Report = (field: string, reason: string) => void;

function coerceValue(
  value: unknown,
  type: GraphQLInputType,
  hideSuggestions: boolean,
  report: Report,
): unknown {
  if (reportsObjects(value, type, '', report)) return undefined;
  return coerceInputValue(
    value,
    type,
    (path, _invalidValue, { message }) => {
      const [, below] = OF_FIELD.exec(message) ?? [];
      const field = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
      report(below === undefined ? field : `${field}.${below}`, shortened(message));
    },
    hideSuggestions,
  );
}

/**
 * Reports each list or object that stands where a text, a number, a Boolean or an enum value must stand; true when there
 * is one. graphql-js would print the whole value into its message, which takes milliseconds for a large one.
 */
function reportsObjects(value: unknown, type: GraphQLInputType, field: string, report: Report): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (isNonNullType(type)) return reportsObjects(value, type.ofType, field, report);
  if (isListType(type)) {
    if (!Array.isArray(value)) return reportsObjects(value, type.ofType, field, report);
    let any = false;
    for (const [index, item] of value.entries())
      any = reportsObjects(item, type.ofType, `${field}[${String(index)}]`, report) || any;
    return any;
  }
  if (isInputObjectType(type)) {
    let any = false;
    for (const { name, type: ofField } of Object.values(type.getFields()))
      any = reportsObjects((value as Values)[name], ofField, `${field}.${name}`, report) || any;
    return any;
  }
  const leaf = getNamedType(type);
  if (!isSpecifiedScalarType(leaf) && !isEnumType(leaf)) return false;
  report(field, `${leaf.name} cannot represent ${Array.isArray(value) ? 'a list' : 'an object'}.`);
  return true;
}

const shortened = (reason: string) =>
  reason.length > LONGEST_REASON ? `${reason.slice(0, LONGEST_REASON)}…` : reason;
