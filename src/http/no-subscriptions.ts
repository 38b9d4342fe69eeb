import type { FastifyRequest } from 'fastify';
import { getOperationAST, Kind, OperationTypeNode, parse, type DocumentNode } from 'graphql';
import { PublicError } from '../errors.js';
import { PARSE_OPTIONS } from '../limits/document-rules.js';
import { hasConditionalRoot } from '../subscriptions/operation.js';

/**
 * Refuses a subscription that comes as a request: graphql-js would execute its field as if an event had happened. And a
 * document with one on whose validation graphql-js throws, whichever operation of it is meant.
 *
 * @throws BAD_REQUEST
 */
export async function refuseSubscription({ body, query }: FastifyRequest): Promise<void> {
  for (const { query: source, operationName } of [body, query].map(asParams)) {
    const document = documentWithSubscription(source);
    if (!document) continue;
    const name = typeof operationName === 'string' ? operationName : null;
    if (getOperationAST(document, name)?.operation === OperationTypeNode.SUBSCRIPTION) {
      throw new PublicError('BAD_REQUEST', 'Subscriptions are answered over WebSocket, at the same path.');
    }
    if (hasConditionalRoot(document)) {
      throw new PublicError(
        'BAD_REQUEST',
        'The root field of a subscription takes neither @skip nor @include.',
      );
    }
  }
}

const asParams = (value: unknown): { readonly query?: unknown; readonly operationName?: unknown } =>
  typeof value === 'object' && value !== null ? value : {};

function documentWithSubscription(source: unknown): DocumentNode | undefined {
  // Almost no request has the word.
  if (typeof source !== 'string' || !source.includes('subscription')) return undefined;
  let document: DocumentNode;
  try {
    document = parse(source, { ...PARSE_OPTIONS, noLocation: true });
  } catch {
    // Apollo says what is wrong with it.
    return undefined;
  }
  const holdsOne = document.definitions.some(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      definition.operation === OperationTypeNode.SUBSCRIPTION,
  );
  return holdsOne ? document : undefined;
}
