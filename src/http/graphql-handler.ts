/**
 * The requests that nearly all clients send: a POST of JSON with one operation. Apollo Server executes them without its HTTP
 * layer, which would read every header for cases that these requests are not; that takes a tenth of a server's time. All
 * others go through that layer, and both give the same answer: test/kernel/graphql-handler.test.ts compares them.
 */
import { HeaderMap, type ApolloServer, type GraphQLRequest, type HTTPGraphQLRequest } from '@apollo/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FormattedExecutionResult } from 'graphql';
import { LRUCache } from 'lru-cache';
import { textOfAnswer } from './answer-size.js';
import type { DoorContext } from './door.js';
import { errorAnswer, maskedError } from './error-answers.js';
import { LONGEST_REMEMBERED } from './remembering.js';
import { isReported } from './unexpected-errors.js';

/** Clients of one kind send the same header, and there are few kinds. */
const MOST_REMEMBERED = 100;

/** The answer to an operation, before its text is sent. */
interface Answer {
  readonly status: number | undefined;
  readonly headers: Iterable<readonly [name: string, value: string]>;
  readonly text: string;
}

/**
 * Creates the handler of a route for a started Apollo Server.
 *
 * @param mostBytes the limit of an answer
 */
export function graphqlHandler<Context extends DoorContext>(
  apollo: ApolloServer<Context>,
  contextOf: (request: FastifyRequest, reply: FastifyReply) => Promise<Context>,
  mostBytes: number,
): (request: FastifyRequest, reply: FastifyReply) => Promise<string> {
  const toText = textOfAnswer(mostBytes);
  /** The media types that Apollo Server has chosen, by the `Accept` of the request. */
  const types = new LRUCache<string, string>({ max: MOST_REMEMBERED });

  const executePlain = async (operation: GraphQLRequest, contextValue: Context): Promise<Answer> => {
    const response = await apollo.executeOperation(operation, { contextValue }).catch((error: unknown) => {
      if (!isReported(contextValue)) throw error;
    });
    if (!response) return { status: 500, headers: [], text: toText(errorAnswer(maskedError())) };
    const { http, body } = response;
    if (body.kind !== 'single') throw new Error(IN_PARTS);
    const { errors, data, extensions } = body.singleResult as FormattedExecutionResult;
    const text = toText({ errors, data, extensions } as FormattedExecutionResult);
    return { status: http.status, headers: http.headers, text };
  };

  return async (request, reply) => {
    // For both ways: the layer would answer 500 to whatever is thrown here, and report it to nobody.
    const contextValue = await contextOf(request, reply);
    const { accept = '' } = request.headers;
    const plain = plainRequest(request);
    const type = plain && types.get(accept);
    if (plain && type !== undefined) {
      void reply.header('content-type', type);
      return textFor(reply, await executePlain(plain, contextValue));
    }
    const text = textFor(reply, await executeInFull(apollo, request, contextValue));
    const chosen = reply.getHeader('content-type');
    const isKnown = plain && reply.statusCode === 200 && typeof chosen === 'string';
    if (isKnown && accept.length <= LONGEST_REMEMBERED) types.set(accept, chosen);
    return text;
  };
}

/** Sets the head of a reply, and returns its text. */
function textFor(reply: FastifyReply, { status = 200, headers, text }: Answer): string {
  void reply.code(status);
  for (const [name, value] of headers) void reply.header(name, value);
  return text;
}

const IN_PARTS = 'this server answers no operation in parts';

/** Executes an operation through Apollo Server's HTTP layer. */
async function executeInFull<Context extends DoorContext>(
  apollo: ApolloServer<Context>,
  request: FastifyRequest,
  contextValue: Context,
): Promise<Answer> {
  const { status, headers, body } = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: requestFor(request),
    context: async () => contextValue,
  });
  if (body.kind !== 'complete') throw new Error(IN_PARTS);
  return { status, headers, text: body.string };
}

function requestFor({ method, url, headers, body }: FastifyRequest): HTTPGraphQLRequest {
  const map = new HeaderMap();
  for (const [name, value] of Object.entries(headers)) if (value) map.set(name, String(value));
  // Not with the `Host` of the request, which may be none.
  return { method, headers: map, body, search: new URL(url, 'http://localhost').search };
}

/** The operation of a request that is like nearly all; undefined for every other. */
function plainRequest({ method, body }: FastifyRequest): GraphQLRequest | undefined {
  if (method !== 'POST' || !isRecord(body)) return undefined;
  const { query, operationName, variables, extensions } = body;
  if (typeof query !== 'string' || query === '') return undefined;
  if (operationName != null && typeof operationName !== 'string') return undefined;
  if (variables != null && !isRecord(variables)) return undefined;
  if (extensions != null && !isRecord(extensions)) return undefined;
  return {
    query,
    operationName: operationName ?? undefined,
    variables: variables ?? undefined,
    extensions: extensions ?? undefined,
  } as GraphQLRequest;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
