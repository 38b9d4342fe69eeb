/** Reads what a client subscribes to, by the same rules and limits as a request over HTTP. */
import {
  getOperationAST,
  GraphQLError,
  Kind,
  OperationTypeNode,
  parse,
  specifiedRules,
  validate,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { DOCUMENT_RULES, PARSE_OPTIONS } from '../limits/document-rules.js';
import { costOf } from '../limits/operation-limits.js';
import type { Operation } from './live-subscription.js';

/** What a client sends to subscribe, once the document it means has been found. */
export interface SubscribePayload {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
}

export interface Subscription extends Operation {
  /** Its one root field. */
  readonly field: string;
  /** The text of the document. */
  readonly source: string;
}

/** The operation is not accepted, for these reasons. */
export class RefusedOperation extends Error {
  override readonly name = 'RefusedOperation';

  constructor(readonly errors: readonly GraphQLError[]) {
    super('the operation is not accepted');
  }
}

/**
 * @param hideSchema leaves out what a message would tell of the schema beside the mistake
 * @throws RefusedOperation, COST_LIMIT_EXCEEDED
 */
export function readSubscription(
  schema: GraphQLSchema,
  payload: SubscribePayload,
  hideSchema: boolean,
): Subscription {
  const document = parsed(payload.query);
  const operation = getOperationAST(document, payload.operationName);
  if (!operation) {
    throw refused('OPERATION_RESOLUTION_FAILURE', 'There is no such operation in the document, or several.');
  }
  if (operation.operation !== OperationTypeNode.SUBSCRIPTION) {
    throw refused('BAD_REQUEST', 'Only subscriptions are answered here: send this over HTTP.');
  }
  if (hasConditionalRoot(document)) {
    const message = 'The root field of a subscription takes neither @skip nor @include.';
    throw refused('GRAPHQL_VALIDATION_FAILED', message);
  }
  const problems = validate(schema, document, [...specifiedRules, ...DOCUMENT_RULES]);
  if (problems.length > 0) {
    if (hideSchema) for (const problem of problems) problem.message = withoutSuggestions(problem.message);
    throw new RefusedOperation(problems.map((problem) => withCode('GRAPHQL_VALIDATION_FAILED', problem)));
  }
  // Of each event.
  costOf(schema, document, operation, payload.variables ?? {});
  return {
    schema,
    document,
    field: rootField(document, operation),
    source: payload.query,
    operationName: payload.operationName,
    variableValues: payload.variables,
  };
}

const withoutSuggestions = (message: string) => message.replace(/ ?Did you mean(.+?)\?$/, '');

function parsed(source: string): DocumentNode {
  try {
    return parse(source, PARSE_OPTIONS);
  } catch (error) {
    if (error instanceof GraphQLError) throw new RefusedOperation([withCode('GRAPHQL_PARSE_FAILED', error)]);
    throw error;
  }
}

/**
 * Whether a subscription's root field may be taken away by @skip or @include. It must be there whatever the variables are:
 * otherwise graphql-js throws where it should report.
 */
export const hasConditionalRoot = (document: DocumentNode): boolean =>
  document.definitions.some(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      definition.operation === OperationTypeNode.SUBSCRIPTION &&
      [...rootSelections(document, definition.selectionSet, new Set())].some(({ directives }) =>
        directives?.some(({ name }) => name.value === 'skip' || name.value === 'include'),
      ),
  );

function rootField(document: DocumentNode, operation: OperationDefinitionNode): string {
  for (const selection of rootSelections(document, operation.selectionSet, new Set())) {
    if (selection.kind === Kind.FIELD) return selection.name.value;
  }
  throw new Error('the operation selects nothing');
}

/** What is selected at the root, and by the fragments there. */
function* rootSelections(
  document: DocumentNode,
  { selections }: SelectionSetNode,
  spread: Set<string>,
): Iterable<SelectionNode> {
  for (const selection of selections) {
    yield selection;
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      yield* rootSelections(document, selection.selectionSet, spread);
    } else if (selection.kind === Kind.FRAGMENT_SPREAD && !spread.has(selection.name.value)) {
      spread.add(selection.name.value);
      for (const definition of document.definitions) {
        if (definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === selection.name.value) {
          yield* rootSelections(document, definition.selectionSet, spread);
        }
      }
    }
  }
}

const refused = (code: string, message: string) =>
  new RefusedOperation([new GraphQLError(message, { extensions: { code } })]);

const withCode = (code: string, { message, nodes, source, positions }: GraphQLError) =>
  new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    extensions: { code },
  });
