/** Parses and checks the operations of clients, with the same rules and limits as a request over HTTP. */
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
import { sha256 } from '../documents/trusted-documents.js';
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
  /** The requested cost of an event. */
  readonly cost: number;
}

/** A document, and which of its operations the client asks for. */
export interface AskedOperation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
}

/**
 * Parses and validates the document of a message.
 *
 * @throws RefusedOperation; GraphQLError with the code OPERATION_RESOLUTION_FAILURE
 */
export function readOperation(
  reader: DocumentReader,
  { query, operationName }: SubscribePayload,
): AskedOperation {
  const document = reader.read(query);
  const operation = getOperationAST(document, operationName);
  if (!operation) {
    throw refused('OPERATION_RESOLUTION_FAILURE', 'There is no such operation in the document, or several.');
  }
  return { document, operation };
}

/**
 * Checks the variables and the cost of a subscription.
 *
 * @param mostCost the most that an event may cost; default: the limit of the server
 * @throws RefusedOperation; GraphQLError with the code BAD_REQUEST, GRAPHQL_VALIDATION_FAILED or COST_LIMIT_EXCEEDED
 */
export function readSubscription(
  schema: GraphQLSchema,
  reader: DocumentReader,
  payload: SubscribePayload,
  mostCost?: number,
  { document, operation } = readOperation(reader, payload),
): Subscription {
  const { query, operationName, variables } = payload;
  if (operation.operation !== OperationTypeNode.SUBSCRIPTION) {
    throw refused('BAD_REQUEST', 'Only subscriptions are answered here.');
  }
  const { errors } = coerceVariables(schema, operation, variables ?? {}, reader);
  if (errors) throw new RefusedOperation(errors);
  const cost = limitOperation(schema, document, operation, variables ?? {}, mostCost);
  return {
    schema,
    document,
    field: rootField(document, operation),
    source: query,
    cost,
    operationName,
    variableValues: variables,
  };
}

/** What all subscriptions of a tenant with the same document and variables share. */
export const keyOf = (
  { tenantId }: { readonly tenantId: string },
  { source, operationName = null, variableValues = {} }: Subscription,
): string => sha256(JSON.stringify([tenantId, source, operationName, variableValues]));

function rootField(document: DocumentNode, operation: OperationDefinitionNode): string {
  for (const selection of rootSelections(document, operation.selectionSet)) {
    if (selection.kind === Kind.FIELD) return selection.name.value;
  }
  throw new Error('the operation selects nothing');
}

const refused = (code: string, message: string) => new GraphQLError(message, { extensions: { code } });
