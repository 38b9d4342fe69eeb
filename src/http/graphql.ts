import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import { unwrapResolverError } from '@apollo/server/errors';
import { ApolloServerPluginCacheControlDisabled } from '@apollo/server/plugin/disabled';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { GraphQLFormattedError } from 'graphql';
import type { Services } from '../app.js';
import { publicError } from '../errors.js';
import { Loaders } from '../graphql/loaders.js';
import type { RequestContext } from '../graphql/request-context.js';
import { maskedError } from './error-answers.js';
import { viewerOf } from './authentication.js';

/** Tokens of a document: far more than a page of a dashboard needs, far less than it takes to keep a parser busy. */
const MAX_TOKENS = 2_000;

/** What an operation is given: the request's context, and the log of its request. */
interface OperationContext extends RequestContext {
  readonly log: FastifyBaseLogger;
}

/** `POST /graphql` (and `GET` for queries): Apollo Server with a context that is bound to the caller's tenant. */
export async function installGraphql(
  app: FastifyInstance,
  { api, database, config }: Services,
): Promise<void> {
  const apollo = new ApolloServer<OperationContext>({
    schema: api.schema,
    introspection: true,
    csrfPrevention: true,
    // An unbounded cache filled by callers; a bounded one comes with trusted documents.
    persistedQueries: false,
    parseOptions: { maxLexicalTokens: MAX_TOKENS },
    includeStacktraceInErrorResponses: false,
    hideSchemaDetailsFromClientErrors: config.production,
    // Apollo would indent the answers of development, at some cost, and compute cache hints that nobody asked for.
    stringifyResult: (result) => JSON.stringify(result),
    plugins: [reportDefects, ApolloServerPluginCacheControlDisabled()],
    formatError: maskDefect,
  });
  await apollo.start();
  app.addHook('onClose', () => apollo.stop());

  app.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    config: { authenticated: true },
    handler: fastifyApolloHandler(apollo, {
      context: async (request) => {
        const viewer = viewerOf(request);
        return {
          viewer,
          db: database.forTenant({ tenantId: viewer.tenantId, actor: viewer.actor, requestId: request.id }),
          loaders: new Loaders(),
          roles: api.roles,
          requestId: request.id,
          log: request.log,
        };
      },
    }),
  });
}

/**
 * Turns an error into what the client may know of it. Errors of parsing and validation speak of the client's own
 * document and pass; a failure that stands for a public error becomes it; a defect is masked.
 */
function maskDefect(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const known = publicError(unwrapResolverError(error));
  if (!known && !isDefect(formatted)) return formatted;
  const { message, extensions } = known ?? maskedError();
  return { ...formatted, message, extensions };
}

const isDefect = ({ extensions }: GraphQLFormattedError) => extensions?.['code'] === 'INTERNAL_SERVER_ERROR';

/** Logs each defect in full, and tells the client under which id it is logged. */
const reportDefects: ApolloServerPlugin<OperationContext> = {
  async requestDidStart() {
    return {
      async didEncounterErrors({ errors, contextValue }) {
        for (const error of errors) {
          const original = unwrapResolverError(error);
          const code = publicError(original)?.code ?? error.extensions['code'];
          if (code === undefined || code === 'INTERNAL_SERVER_ERROR') {
            contextValue.log.error({ err: original, path: error.path?.join('.') }, 'a resolver failed');
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
