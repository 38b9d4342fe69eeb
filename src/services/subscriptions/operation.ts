/** Parses and checks a client's subscription, with the same rules and limits as a request over HTTP. */
import {
  getOperationAST,
  GraphQLError,
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { RefusedOperation, type DocumentReader } from '../documents/document-reader.js';
import { coerceVariables } from '../../kernel/graphql/variables.js';
import { rootSelections } from '../../kernel/request/selections.js';
import { limitOperation } from '../limits/operation-limits.js';
import type { Operation } from './live-subscription.js';

/** A client's subscribe message, after its document was found. */
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

/**
 * @throws RefusedOperation; GraphQLError with the code GRAPHQL_VALIDATION_FAILED or COST_LIMIT_EXCEEDED
 */
export function readSubscription(
  schema: GraphQLSchema,
  reader: DocumentReader,
  { query, operationName, variables }: SubscribePayload,
): Subscription {
  const document = reader.read(query);
  const operation = getOperationAST(document, operationName);
  if (!operation) {
    throw refused('OPERATION_RESOLUTION_FAILURE', 'There is no such operation in the document, or several.');
  }
  if (operation.operation !== OperationTypeNode.SUBSCRIPTION) {
    throw refused('BAD_REQUEST', 'Only subscriptions are answered here: send this over HTTP.');
  }
  const { errors } = coerceVariables(schema, operation, variables ?? {}, reader);
  if (errors) throw new RefusedOperation(errors);
  // The cost of each event.
  limitOperation(schema, document, operation, variables ?? {});
  return {
    schema,
    document,
    field: rootField(document, operation),
    source: query,
    operationName,
    variableValues: variables,
  };
}

function rootField(document: DocumentNode, operation: OperationDefinitionNode): string {
  for (const selection of rootSelections(document, operation.selectionSet)) {
    if (selection.kind === Kind.FIELD) return selection.name.value;
  }
  throw new Error('the operation selects nothing');
}

const refused = (code: string, message: string) => new GraphQLError(message, { extensions: { code } });
