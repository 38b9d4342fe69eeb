import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import { unwrapResolverError } from '@apollo/server/errors';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance } from 'fastify';
import { GraphQLError, Kind, type GraphQLFormattedError } from 'graphql';
import type { Services } from '../app.js';
import { badInput, publicError, type PublicError } from '../errors.js';
import { createContext } from '../graphql/create-context.js';
import type { RequestContext } from '../graphql/request-context.js';
import { MOST_TOKENS, OPERATION_RULES } from '../limits/operation-limits.js';
import { maskedError } from './error-answers.js';
import { viewerOf } from './authentication.js';
import { refuseSubscription } from './no-subscriptions.js';

/** `POST /graphql` (and `GET` for queries): Apollo Server with a context that is bound to the caller's tenant. */
export async function installGraphql(
  app: FastifyInstance,
  { api, database, changes, config }: Services,
): Promise<void> {
  const apollo = new ApolloServer<RequestContext>({
    schema: api.schema,
    introspection: true,
    csrfPrevention: true,
    // An unbounded cache filled by callers; a bounded one comes with trusted documents.
    persistedQueries: false,
    validationRules: [...OPERATION_RULES],
    parseOptions: { maxLexicalTokens: MOST_TOKENS },
    // main.ts drains the server; Apollo's own handlers would end it first.
    stopOnTerminationSignals: false,
    includeStacktraceInErrorResponses: false,
    hideSchemaDetailsFromClientErrors: config.production,
    // Apollo would indent the answers of development, at some cost, and compute cache hints that nobody asked for.
    stringifyResult: (result) => JSON.stringify(result),
    plugins: [
      reportDefects,
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
    preHandler: refuseSubscription,
    handler: fastifyApolloHandler(apollo, {
      context: async (request) =>
        createContext(
          { api, database, changes },
          { viewer: viewerOf(request), requestId: request.id, log: request.log },
        ),
    }),
  });
}

/**
 * Turns an error into what the client may know of it. What has no path speaks of the client's own document and passes;
 * a failure that stands for a public error becomes it; anything else a resolver throws is a defect and masked.
 */
export function maskDefect(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const known = knownError(error);
  if (!known && formatted.path === undefined && !isDefect(formatted)) return formatted;
  const { message, extensions } = known ?? maskedError();
  return { ...formatted, message, extensions };
}

export const isDefect = ({ extensions }: GraphQLFormattedError) =>
  extensions?.['code'] === 'INTERNAL_SERVER_ERROR';

function knownError(error: unknown): PublicError | undefined {
  return publicError(unwrapResolverError(error)) ?? refusedArgument(error);
}

/** graphql-js checks some arguments only when it calls the resolver; such an error points at a value, not at a field. */
function refusedArgument(error: unknown): PublicError | undefined {
  if (!(error instanceof GraphQLError) || error.path === undefined) return undefined;
  const [node] = error.nodes ?? [];
  return node && node.kind !== Kind.FIELD ? badInput(error.message) : undefined;
}

/** Logs each defect in full, and tells the client under which id it is logged. */
const reportDefects: ApolloServerPlugin<RequestContext> = {
  async requestDidStart() {
    return {
      async didEncounterErrors({ errors, contextValue }) {
        for (const error of errors) {
          const known = knownError(error);
          if (known?.code === 'INTERNAL_SERVER_ERROR' || (!known && error.path)) {
            const err = unwrapResolverError(error);
            contextValue.log.error({ err, path: error.path?.join('.') }, 'a resolver failed');
          }
        }
      },
      async willSendResponse({ response: { body }, contextValue }) {
        if (body.kind !== 'single' || !body.singleResult.errors) return;
        body.singleResult.errors = body.singleResult.errors.map((error) =>
          isDefect(error)
            ? { ...error, extensions: { ...error.extensions, requestId: contextValue.requestId } }
            : error,
        );
      },
    };
  },
};
