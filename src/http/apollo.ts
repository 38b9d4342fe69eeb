import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import type { FastifyBaseLogger } from 'fastify';
import { createExecute } from '../kernel/graphql/execution.js';
import type { RequestContext } from '../kernel/graphql/request-context.js';
import { createExecuteOnce } from '../services/idempotency/execute-once.js';
import { textOfAnswer } from './answer-size.js';
import { readDocuments } from './documents-of-requests.js';
import { maskDefect, publicForm, reportErrors } from './error-masking.js';
import { executeWith } from './executor.js';
import { tellRetryAfter } from './retry-after.js';
import { roleIntrospection } from './role-introspection.js';
import type { Services } from './services.js';
import { reportUnexpected } from './unexpected-errors.js';

/** Apollo Server as it is used here: not started yet. What it would do by itself and is done elsewhere is switched off. */
export function createApollo(
  {
    api,
    database,
    config,
    documentReader,
    leaving,
  }: Pick<Services, 'api' | 'database' | 'config' | 'documentReader' | 'leaving'>,
  log: FastifyBaseLogger,
): ApolloServer<RequestContext> {
  const executeOnce = createExecuteOnce({ api, database, publicForm });
  return new ApolloServer<RequestContext>({
    gateway: executeWith(api.schema, createExecute(api.schema, config.production), executeOnce),
    introspection: true,
    // Its own writes to the console, and what clients sent as it is.
    logger: log,
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
}
