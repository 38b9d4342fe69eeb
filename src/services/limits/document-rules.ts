/** What a document must satisfy beside GraphQL's own rules, whether a request brings it or a file. */
import {
  GraphQLError,
  Kind,
  OperationTypeNode,
  OverlappingFieldsCanBeMergedRule,
  specifiedRules,
  validate,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql';
import { introspectionStandsAlone } from '../../kernel/access/introspection.js';
import { conflictingFields } from './conflicting-fields.js';
import { rootSelections } from '../../kernel/request/selections.js';
import { locate } from '../../kernel/graphql/locations.js';
import { noAliasInIntrospection } from './operation-limits.js';

/** Of each operation the fragments are looked at anew, by several of GraphQL's rules. */
export const MOST_OPERATIONS = 20;
export const MOST_FRAGMENTS = 100;
/** Errors that are reported of one document. */
export const MOST_ERRORS = 20;

const RULES = [
  // See conflicting-fields.ts.
  ...specifiedRules.filter((rule) => rule !== OverlappingFieldsCanBeMergedRule),
  noAliasInIntrospection,
  introspectionStandsAlone,
];

/**
 * What is wrong with a parsed document; nothing, when it is valid. What an operation of it would cost is not looked at:
 * only the operation that is to be executed matters.
 *
 * @param hideSuggestions leaves out which names of the schema are like one that does not exist
 */
export function problemsOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  hideSuggestions: boolean,
): readonly GraphQLError[] {
  const problems = problemsInOrder(schema, document, hideSuggestions);
  locate(problems);
  return problems;
}

function problemsInOrder(
  schema: GraphQLSchema,
  document: DocumentNode,
  hideSuggestions: boolean,
): readonly GraphQLError[] {
  const problem = outOfProportion(document) ?? conditionalRoot(document);
  if (problem) return [problem];
  const problems = validate(schema, document, RULES, { maxErrors: MOST_ERRORS, hideSuggestions });
  if (problems.length > 0) return problems;
  const conflict = conflictingFields(schema, document);
  return conflict ? [conflict] : [];
}

/** Comes before GraphQL's rules, some of which take time in proportion to the square of these numbers. */
function outOfProportion({ definitions }: DocumentNode): GraphQLError | undefined {
  const operations = definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);
  if (operations.length > MOST_OPERATIONS) return tooMany('operations', MOST_OPERATIONS);
  if (definitions.length - operations.length > MOST_FRAGMENTS) return tooMany('fragments', MOST_FRAGMENTS);
  return undefined;
}

const tooMany = (what: string, limit: number) =>
  new GraphQLError(`The document has more than ${limit} ${what}.`);

/**
 * A subscription's root field must be there whatever the variables are: where `@skip` or `@include` may take it away,
 * graphql-js throws instead of reporting.
 */
function conditionalRoot(document: DocumentNode): GraphQLError | undefined {
  for (const node of document.definitions) {
    if (node.kind !== Kind.OPERATION_DEFINITION || node.operation !== OperationTypeNode.SUBSCRIPTION)
      continue;
    for (const selection of rootSelections(document, node.selectionSet)) {
      if (selection.directives?.some(({ name }) => name.value === 'skip' || name.value === 'include')) {
        const message = 'The root field of a subscription takes neither @skip nor @include.';
        return new GraphQLError(message, { nodes: selection });
      }
    }
  }
  return undefined;
}
