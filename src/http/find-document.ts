import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DocumentRequest, Documents } from '../services/documents/documents.js';
import { PublicError } from '../kernel/vocabulary/errors.js';

/**
 * Replaces the document id of a request by the document's text, as if the client had sent the text. Later steps see no
 * id, and only the text that was found.
 */
export const findDocument =
  (documents: Documents) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const find = (asked: DocumentRequest) => {
      try {
        return documents.find(asked, request.viewer?.tenantId);
      } catch (error) {
        // The status is 200, but the next answer to the same URL will differ, so it must not be cached.
        void reply.header('cache-control', 'private, no-cache, must-revalidate');
        throw error;
      }
    };
    if (request.method === 'GET') findInUrl(request, find);
    else findInBody(request, find);
  };

type Find = (asked: DocumentRequest) => string | undefined;

function findInBody(request: FastifyRequest, find: Find): void {
  // A later step refuses a body that is not an object.
  if (typeof request.body !== 'object' || request.body === null || Array.isArray(request.body)) return;
  const { documentId, ...body } = request.body as Record<string, unknown>;
  const query = find({ ...body, documentId });
  if (query === undefined) return;
  const { extensions } = body;
  request.body = { ...body, query, ...(extensions !== undefined && { extensions: withoutId(extensions) }) };
}

function findInUrl(request: FastifyRequest, find: Find): void {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  const only = (name: string) => {
    const [value, ...more] = searchParams.getAll(name);
    if (more.length > 0) throw new PublicError('BAD_REQUEST', `Give the parameter ${name} once.`);
    return value;
  };
  const extensions = parseJson(only('extensions'));
  const query = find({ query: only('query'), documentId: only('documentId'), extensions });
  if (query === undefined) return;
  searchParams.set('query', query);
  searchParams.delete('documentId');
  if (extensions !== undefined) searchParams.set('extensions', JSON.stringify(withoutId(extensions)));
  request.raw.url = `${pathname}?${searchParams.toString()}`;
}

/** Other properties, and values that are not objects, are checked elsewhere. */
function withoutId(extensions: unknown): unknown {
  if (typeof extensions !== 'object' || extensions === null || Array.isArray(extensions)) return extensions;
  return Object.fromEntries(Object.entries(extensions).filter(([name]) => name !== 'persistedQuery'));
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch {
    throw new PublicError('BAD_REQUEST', 'The parameter extensions is no JSON.');
  }
}
