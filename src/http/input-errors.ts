/** What graphql-js says of a variable it refuses, as a client can use it: which input, by its path, and why. */
import { GraphQLError, Kind, type GraphQLFormattedError } from 'graphql';

const VARIABLE = /^Variable "\$(\w+)"/;
/** At the end of what comes before the reason. */
const AT_PATH = / at "([^"]+)"$/;
const OF_FIELD = /^Field "(\w+)" (?:of required type|is not defined)/;

/**
 * The refusal of a variable, with the path of the input in `extensions.field`; undefined for any other error. The value
 * is left out of the message: the client has it, and it may be large.
 */
export function refusedVariable(
  formatted: GraphQLFormattedError,
  error: unknown,
): GraphQLFormattedError | undefined {
  if (!(error instanceof GraphQLError) || error.nodes?.[0]?.kind !== Kind.VARIABLE_DEFINITION)
    return undefined;
  const { message, originalError } = error;
  const [, variable] = VARIABLE.exec(message) ?? [];
  if (variable === undefined) return undefined;
  const reason = originalError?.message ?? message;
  if (!message.endsWith(`; ${reason}`)) return withField(formatted, variable, message);
  const [, path = variable] = AT_PATH.exec(message.slice(0, -`; ${reason}`.length)) ?? [];
  const [, below] = OF_FIELD.exec(reason) ?? [];
  const field = below === undefined ? path : `${path}.${below}`;
  return withField(formatted, field, `${field}: ${reason}`);
}

const withField = (formatted: GraphQLFormattedError, field: string, message: string) => ({
  ...formatted,
  message,
  extensions: { ...formatted.extensions, field },
});

/** Without the names of the schema that graphql-js proposes for one that does not exist. */
export const withoutSuggestion = (error: GraphQLFormattedError): GraphQLFormattedError => ({
  ...error,
  message: error.message.replace(/ ?Did you mean(.+?)\?$/s, ''),
});
