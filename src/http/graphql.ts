import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import { unwrapResolverError } from '@apollo/server/errors';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance } from 'fastify';
import { GraphQLError, Kind, type GraphQLFormattedError } from 'graphql';
import type { Services } from './services.js';
import { badInput, publicError, PublicError } from '../kernel/vocabulary/errors.js';
import { createContext } from '../kernel/graphql/create-context.js';
import { createExecute } from '../kernel/graphql/execution.js';
import { Loaders } from '../kernel/graphql/loaders.js';
import { createExecuteOnce } from '../services/idempotency/execute-once.js';
import { KeptError } from '../services/idempotency/kept-result.js';
import type { RequestContext } from '../kernel/graphql/request-context.js';
import { AnswerBytes } from '../kernel/request/answer-bytes.js';
import { textOfAnswer } from './answer-size.js';
import { maskedError } from './error-answers.js';
import { viewerOf } from './authentication.js';
import { readDocuments } from './documents-of-requests.js';
import { reportUnexpected } from './unexpected-errors.js';
import { executeWith } from './executor.js';
import { findDocument } from './find-document.js';
import type { LeavingErrors } from '../services/telemetry/leaving-errors.js';
import { logOf } from './logging.js';
import { tellRetryAfter } from './retry-after.js';
import { roleIntrospection } from './role-introspection.js';

/** `POST /graphql` (and `GET` for queries): Apollo Server with a context that is bound to the caller's tenant. */
export async function installGraphql(
  app: FastifyInstance,
  { api, database, changes, config, documents, documentReader, moduleContext, leaving }: Services,
): Promise<void> {
  const executeOnce = createExecuteOnce({ api, database, publicForm });
  const apollo = new ApolloServer<RequestContext>({
    gateway: executeWith(api.schema, createExecute(api.schema, config.production), executeOnce),
    introspection: true,
    // Its own writes to the console, and what clients sent as it is.
    logger: app.log,
    csrfPrevention: true,
    // An id has become the document's text before Apollo sees the request: find-document.ts.
    persistedQueries: false,
    // Documents are read, validated and kept by `readDocuments`.
    documentStore: null,
    dangerouslyDisableValidation: true,
    // main.ts drains the server; Apollo's own handlers would end it first.
    stopOnTerminationSignals: false,
    includeStacktraceInErrorResponses: false,
    // Apollo would indent the answers of development, at some cost, and compute cache hints that nobody asked for.
    stringifyResult: textOfAnswer(config.maxAnswerBytes),
    plugins: [
      reportErrors(leaving),
      reportUnexpected,
      readDocuments(documentReader, api.schema),
      roleIntrospection(api),
      tellRetryAfter,
      ApolloServerPluginCacheControlDisabled(),
      // Its pages load from elsewhere; ours is GraphiQL.
      ApolloServerPluginLandingPageDisabled(),
    ],
    formatError: maskDefect,
  });
  await apollo.start();
  app.addHook('onClose', () => apollo.stop());

  app.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    config: { authenticated: true },
    preHandler: findDocument(documents),
    handler: fastifyApolloHandler(apollo, {
      context: async (request) => {
        const { id: requestId, guest, headers, deadline } = request;
        if (guest) {
          const loaders = new Loaders();
          const { roles, guards, inputGuards, recorded } = api;
          const { models } = database;
          const log = logOf(request);
          const { user } = guest;
          const bytes = new AnswerBytes(config.maxAnswerBytes);
          const rest = {
            ...moduleContext,
            user,
            loaders,
            roles,
            guards,
            inputGuards,
            recorded,
            models,
            requestId,
            deadline,
            bytes,
            log,
          };
          return Object.assign(new NoTenant(), rest);
        }
        return createContext(
          { api, database, changes, moduleContext, config },
          {
            viewer: viewerOf(request),
            requestId,
            deadline,
            idempotencyKey: headers['idempotency-key']?.toString(),
            log: () => logOf(request),
          },
        );
      },
    }),
  });
}

/**
 * What a guest's request has for a tenant. A field that asks for one in vain is refused, and logged. A class, because
 * Apollo copies contexts, and would read properties of the object itself.
 */
class NoTenant implements Pick<RequestContext, 'viewer' | 'db' | 'changes'> {
  get viewer(): never {
    throw new Error('a guest has no tenant');
  }

  get db(): never {
    throw new Error('a guest has no tenant');
  }

  get changes(): never {
    throw new Error('a guest has no tenant');
  }
}

/**
 * Turns an error into what the client may know of it. What has no path speaks of the client's own document and passes;
 * a failure that stands for a public error becomes it; anything else a resolver throws is a defect and masked.
 */
export function maskDefect(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const known = knownError(error);
  if (!known && formatted.path === undefined && !isDefect(formatted)) {
    return formatted;
  }
  const { message, extensions } = known ?? maskedError();
  return { ...formatted, message, extensions };
}

/** An error as the client gets to see it. */
const publicForm = (error: GraphQLError, { requestId }: RequestContext): GraphQLFormattedError =>
  withRequestId(maskDefect(error.toJSON(), error), requestId);

/** Names the request under which a defect is logged; one that was sent before names its own. */
const withRequestId = (error: GraphQLFormattedError, requestId: string): GraphQLFormattedError =>
  isDefect(error) ? { ...error, extensions: { requestId, ...error.extensions } } : error;

export const isDefect = ({ extensions }: GraphQLFormattedError) =>
  extensions?.['code'] === 'INTERNAL_SERVER_ERROR';

function knownError(error: unknown): PublicError | undefined {
  return publicError(unwrapResolverError(error)) ?? refusedByRule(error) ?? refusedArgument(error);
}

/** Of a document, for a reason that has a code of its own. */
function refusedByRule(error: unknown): PublicError | undefined {
  const { originalError } = error instanceof GraphQLError ? error : {};
  return originalError instanceof PublicError ? originalError : undefined;
}

/** graphql-js checks some arguments only when it calls the resolver; such an error points at a value, not at a field. */
function refusedArgument(error: unknown): PublicError | undefined {
  if (!(error instanceof GraphQLError) || error.path === undefined) return undefined;
  const [node] = error.nodes ?? [];
  return node && node.kind !== Kind.FIELD ? badInput(error.message) : undefined;
}

/** Counts every error, logs each defect in full, and tells the client under which id it is logged. */
const reportErrors = (leaving: LeavingErrors): ApolloServerPlugin<RequestContext> => ({
  async requestDidStart() {
    return {
      async didEncounterErrors({ errors, contextValue }) {
        for (const error of errors) {
          const known = knownError(error);
          leaving.see(known?.code ?? codeOf(error), known ?? error);
          if (error instanceof KeptError) continue;
          if (known?.code === 'INTERNAL_SERVER_ERROR' || (!known && error.path)) {
            const err = unwrapResolverError(error);
            contextValue.log.error({ err, path: error.path?.join('.') }, 'a resolver failed');
          }
        }
      },
      async willSendResponse({ response: { body }, contextValue }) {
        if (body.kind !== 'single' || !body.singleResult.errors) return;
        body.singleResult.errors = body.singleResult.errors.map((error) =>
          withRequestId(error, contextValue.requestId),
        );
      },
    };
  },
});

/** Of an error that stands for none of ours: with a path it is masked, without one it speaks of the request itself. */
const codeOf = ({ path, extensions }: GraphQLError): string =>
  path
    ? 'INTERNAL_SERVER_ERROR'
    : typeof extensions['code'] === 'string'
      ? extensions['code']
      : 'BAD_USER_INPUT';
