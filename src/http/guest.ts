/**
 * The rights of a guest: a user with a verified token who is not a member of the tenant of the request, or whose
 * request names no tenant. A guest may only send one of the mutations that the schema opens to guests, as the only
 * field of its document; everything else is refused.
 */
import type { FastifyRequest } from 'fastify';
import { Kind, OperationTypeNode, parse, type DocumentNode, type OperationDefinitionNode } from 'graphql';

/** Much larger than such a mutation. Larger bodies, those of unknown length and compressed ones are refused without being read. */
const LARGEST_GUEST_BODY_BYTES = 4 * 1024;

/** Whether the body may be read. */
export function mayBringGuestMutation({ method, headers }: FastifyRequest): boolean {
  const length = Number(headers['content-length']);
  return method === 'POST' && length <= LARGEST_GUEST_BODY_BYTES && headers['content-encoding'] === undefined;
}

/** Whether the body is exactly one of the mutations. */
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

/**
 * Whether the body is one operation whose root fields are all among these: `Query.exports`. No fragment stands at its root,
 * so what is asked for is seen here.
 */
export function hasOnlyFields(body: unknown, fields: ReadonlySet<string>): boolean {
  if (typeof body !== 'object' || body === null || !('query' in body) || typeof body.query !== 'string')
    return false;
  const operations = parseDocument(body.query)?.definitions.filter(
    (definition): definition is OperationDefinitionNode => definition.kind === Kind.OPERATION_DEFINITION,
  );
  const [operation, ...others] = operations ?? [];
  if (!operation || others.length > 0 || operation.operation === OperationTypeNode.SUBSCRIPTION) return false;
  const root = operation.operation === OperationTypeNode.QUERY ? 'Query' : 'Mutation';
  return operation.selectionSet.selections.every(
    (selection) => selection.kind === Kind.FIELD && fields.has(`${root}.${selection.name.value}`),
  );
}

function parseDocument(source: string): DocumentNode | undefined {
  try {
    return parse(source, { noLocation: true });
  } catch {
    return undefined;
  }
}
