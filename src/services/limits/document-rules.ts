/** Limits of documents in addition to GraphQL's own rules, for requests and for trusted documents. */
import {
  GraphQLError,
  Kind,
  OperationTypeNode,
  OverlappingFieldsCanBeMergedRule,
  specifiedRules,
  validate,
  type DocumentNode,
  type GraphQLSchema,
  type SelectionSetNode,
} from 'graphql';
import { introspectionStandsAlone } from '../../kernel/access/introspection.js';
import { conflictingFields, MOST_COMPARED, tooManyFields } from './conflicting-fields.js';
import { rootSelections } from '../../kernel/request/selections.js';
import { floatsAreKept } from '../../kernel/graphql/exact-numbers.js';
import { locate } from '../../kernel/graphql/locations.js';

/** Several of GraphQL's rules visit the fragments again for each operation. */
export const MOST_OPERATIONS = 20;
export const MOST_FRAGMENTS = 100;
/** The most errors reported for one document. */
export const MOST_ERRORS = 20;

const RULES = [
  // See conflicting-fields.ts.
  ...specifiedRules.filter((rule) => rule !== OverlappingFieldsCanBeMergedRule),
  introspectionStandsAlone,
  floatsAreKept,
];

/**
 * The errors of a parsed document; none when it is valid. Does not check the cost, which matters only for the executed
 * operation.
 *
 * @param hideSuggestions removes suggestions of similar names of the schema
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

/** Checked before GraphQL's rules, some of which take time in proportion to the square of these numbers. */
function outOfProportion(document: DocumentNode): GraphQLError | undefined {
  const { definitions } = document;
  const operations = definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);
  if (operations.length > MOST_OPERATIONS) return tooMany('operations', MOST_OPERATIONS);
  if (definitions.length - operations.length > MOST_FRAGMENTS) return tooMany('fragments', MOST_FRAGMENTS);
  return fieldsOfOperations(document) > MOST_COMPARED ? tooManyFields() : undefined;
}

/** The number of fields of all operations, at least: a fragment counts once for each operation that has it. */
function fieldsOfOperations({ definitions }: DocumentNode): number {
  const fragments = new Map<string, Selected>();
  const operations: Selected[] = [];
  for (const node of definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, selectedBy(node.selectionSet));
    else if (node.kind === Kind.OPERATION_DEFINITION) operations.push(selectedBy(node.selectionSet));
  }
  let all = 0;
  for (const { fields, spreads } of operations) {
    all += fields;
    // A set may grow while it is walked.
    const reached = new Set(spreads);
    for (const name of reached) {
      const fragment = fragments.get(name);
      all += fragment?.fields ?? 0;
      for (const further of fragment?.spreads ?? []) reached.add(further);
    }
  }
  return all;
}

/** How many fields a selection has, and which fragments it spreads, at any depth. */
interface Selected {
  fields: number;
  readonly spreads: Set<string>;
}

function selectedBy(
  { selections }: SelectionSetNode,
  selected: Selected = { fields: 0, spreads: new Set() },
): Selected {
  for (const node of selections) {
    if (node.kind === Kind.FRAGMENT_SPREAD) {
      selected.spreads.add(node.name.value);
      continue;
    }
    if (node.kind === Kind.FIELD) selected.fields++;
    if (node.selectionSet) selectedBy(node.selectionSet, selected);
  }
  return selected;
}

const tooMany = (what: string, limit: number) =>
  new GraphQLError(`The document has more than ${limit} ${what}.`);

/**
 * A subscription's root field must not depend on variables: if `@skip` or `@include` may remove it, graphql-js throws
 * instead of reporting an error.
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
