/**
 * The requests that nearly all clients send: a POST of JSON with one operation. Apollo Server executes them without its HTTP
 * layer, which would read every header for cases that these requests are not; that takes a tenth of a server's time. All
 * others go through that layer, and both give the same answer: test/kernel/graphql-handler.test.ts compares them.
 */
import { type ApolloServer, type GraphQLRequest } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FormattedExecutionResult } from 'graphql';
import { LRUCache } from 'lru-cache';
import { textOfAnswer } from './answer-size.js';
import type { DoorContext } from './door.js';
import { LONGEST_REMEMBERED } from './remembering.js';

/** Clients of one kind send the same header, and there are few kinds. */
const MOST_REMEMBERED = 100;

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/**
 * Creates the handler of a route for a started Apollo Server.
 *
 * @param mostBytes the limit of an answer
 */
export function graphqlHandler<Context extends DoorContext>(
  apollo: ApolloServer<Context>,
  contextOf: (request: FastifyRequest, reply: FastifyReply) => Promise<Context>,
  mostBytes: number,
): Handler {
  // Its type is for routes that declare the type of their answers.
  const inFull = fastifyApolloHandler(apollo, { context: contextOf }) as unknown as Handler;
  const toText = textOfAnswer(mostBytes);
  /** The media types that Apollo Server has chosen, by the `Accept` of the request. */
  const types = new LRUCache<string, string>({ max: MOST_REMEMBERED });

  return async (request, reply) => {
    const { accept = '' } = request.headers;
    const plain = plainRequest(request);
    const type = plain && types.get(accept);
    if (!plain || type === undefined) {
      const text = await inFull(request, reply);
      const chosen = reply.getHeader('content-type');
      const isKnown = plain && reply.statusCode === 200 && typeof chosen === 'string';
      if (isKnown && accept.length <= LONGEST_REMEMBERED) types.set(accept, chosen);
      return text;
    }
    const contextValue = await contextOf(request, reply);
    const { http, body } = await apollo.executeOperation(plain, { contextValue });
    if (body.kind !== 'single') throw new Error('this server answers no operation in parts');
    void reply.code(http.status ?? 200).header('content-type', type);
    for (const [name, value] of http.headers) void reply.header(name, value);
    const { errors, data, extensions } = body.singleResult as FormattedExecutionResult;
    return toText({ errors, data, extensions } as FormattedExecutionResult);
  };
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
