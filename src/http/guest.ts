/**
 * What a guest may do: a user whose token was verified, but who is not a member of the tenant that the request names, if
 * it names one. One of the mutations that the schema opens to guests, alone in its document; everything else they are
 * refused as they would be without this file.
 */
import type { FastifyRequest } from 'fastify';
import { Kind, OperationTypeNode, parse, type DocumentNode, type OperationDefinitionNode } from 'graphql';

/** Such a mutation fits in here many times. Whatever is larger, or of unknown length, is refused unread. */
const LARGEST_GUEST_BODY_BYTES = 4 * 1024;

/** Whether the body is worth reading. */
export function mayBringGuestMutation({ method, headers }: FastifyRequest): boolean {
  const length = Number(headers['content-length']);
  return method === 'POST' && length <= LARGEST_GUEST_BODY_BYTES;
}

/** Whether the body is one of the mutations, and nothing else. */
export function isGuestMutation(body: unknown, mutations: ReadonlySet<string>): boolean {
  if (typeof body !== 'object' || body === null || !('query' in body) || typeof body.query !== 'string')
    return false;
  const operations = parseDocument(body.query)?.definitions.filter(
    (definition): definition is OperationDefinitionNode => definition.kind === Kind.OPERATION_DEFINITION,
  );
  const [operation, ...others] = operations ?? [];
  if (operation?.operation !== OperationTypeNode.MUTATION || others.length > 0) return false;
  const [field, ...more] = operation.selectionSet.selections;
  return field?.kind === Kind.FIELD && more.length === 0 && mutations.has(field.name.value);
}

function parseDocument(source: string): DocumentNode | undefined {
  try {
    return parse(source, { noLocation: true });
  } catch {
    return undefined;
  }
}
