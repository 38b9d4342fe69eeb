import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DocumentRequest, Documents } from '../services/documents/documents.js';
import { refuseLostNumbers } from '../kernel/graphql/exact-numbers.js';
import { PublicError } from '../kernel/vocabulary/errors.js';
import { mayRevalidate } from './caching.js';

/**
 * Replaces the document id of a request by the document's text, as if the client had sent the text. Later steps see no
 * id, only the text that was found, and no optional parameter that is empty, which means the same as none.
 */
export const findDocument =
  (documents: Documents) =>
  (request: FastifyRequest, reply: FastifyReply): void => {
    const find = (asked: DocumentRequest) => documents.find(asked, request.viewer?.tenantId);
    if (request.method === 'GET') findInUrl(request, reply, find);
    else findInBody(request, find);
  };

type Find = (asked: DocumentRequest) => string | undefined;

function findInBody(request: FastifyRequest, find: Find): void {
  // A later step refuses a body that is not an object.
  if (typeof request.body !== 'object' || request.body === null || Array.isArray(request.body)) return;
  const { documentId, ...body } = request.body as Record<string, unknown>;
  const query = find({ ...body, documentId });
  if (body['operationName'] === '') delete body['operationName'];
  request.body = body;
  if (query === undefined) return;
  const { extensions } = body;
  request.body = { ...body, query, ...(extensions !== undefined && { extensions: withoutId(extensions) }) };
}

const PARAMETERS = ['query', 'documentId', 'operationName', 'variables', 'extensions'] as const;

function findInUrl(request: FastifyRequest, reply: FastifyReply, find: Find): void {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  for (const name of PARAMETERS) {
    const [value, ...more] = searchParams.getAll(name);
    if (more.length > 0) throw new PublicError('BAD_REQUEST', `Give the parameter ${name} once.`);
    if (value === '') searchParams.delete(name);
  }
  parseJson('variables', searchParams.get('variables'));
  const extensions = parseJson('extensions', searchParams.get('extensions'));
  const text = searchParams.get('query') ?? undefined;
  const query = find({ query: text, documentId: searchParams.get('documentId'), extensions });
  if (query !== undefined) {
    if (text === undefined) mayRevalidate(reply);
    searchParams.set('query', query);
    searchParams.delete('documentId');
    if (extensions !== undefined) searchParams.set('extensions', JSON.stringify(withoutId(extensions)));
  }
  request.raw.url = `${pathname}?${searchParams.toString()}`;
}

/** Other properties, and values that are not objects, are checked elsewhere. */
function withoutId(extensions: unknown): unknown {
  if (typeof extensions !== 'object' || extensions === null || Array.isArray(extensions)) return extensions;
  return Object.fromEntries(Object.entries(extensions).filter(([name]) => name !== 'persistedQuery'));
}

function parseJson(name: string, text: string | null): unknown {
  if (text === null) return undefined;
  refuseLostNumbers(text);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new PublicError('BAD_REQUEST', `The parameter ${name} is no JSON.`);
  }
}
