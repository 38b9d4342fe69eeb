import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import type { FastifyBaseLogger } from 'fastify';
import { textOfAnswer } from './answer-size.js';
import { readDocuments } from './documents-of-requests.js';
import type { Door, DoorContext } from './door.js';
import { maskDefect, reportErrors } from './error-masking.js';
import { executeWith } from './executor.js';
import { tellRetryAfter } from './retry-after.js';
import type { Services } from './services.js';
import { reportUnexpected } from './unexpected-errors.js';

/** Creates Apollo Server for a door without starting it. Its features that other files implement are switched off. */
export function createApollo<Context extends DoorContext>(
  { schema, reader, run, budgetOf, plugins = [] }: Door<Context>,
  { config, leaving }: Pick<Services, 'config' | 'leaving'>,
  log: FastifyBaseLogger,
): ApolloServer<Context> {
  const executor = executeWith(schema, run);
  return new ApolloServer<Context>({
    gateway: executor.gateway,
    introspection: true,
    // Its own logger writes to the console, and writes what clients sent without escaping.
    logger: log,
    // No cookie is read. A page of another origin can send none of these headers without a preflight request; browsers
    // add an `Authorization` by themselves for Basic and Negotiate only, which authentication refuses.
    csrfPrevention: {
      requestHeaders: ['authorization', 'apollo-require-preflight', 'x-apollo-operation-name'],
    },
    // find-document.ts has already replaced an id by the document's text.
    persistedQueries: false,
    // `readDocuments` parses, validates and caches documents.
    documentStore: null,
    dangerouslyDisableValidation: true,
    // main.ts drains the server; Apollo's own signal handlers would stop it first.
    stopOnTerminationSignals: false,
    includeStacktraceInErrorResponses: false,
    // Apollo would indent answers in development, at some cost, and compute cache hints that nobody uses.
    stringifyResult: textOfAnswer(config.maxAnswerBytes),
    plugins: [
      // The first of them that has an answer gives it: those of the door are asked before the executor.
      ...plugins,
      executor.plugin,
      reportErrors(leaving),
      reportUnexpected(leaving),
      readDocuments(reader, schema, budgetOf),
      tellRetryAfter,
      ApolloServerPluginCacheControlDisabled(),
      // Its landing pages load scripts from other hosts; this server has GraphiQL.
      ApolloServerPluginLandingPageDisabled(),
    ],
    formatError: maskDefect,
  });
}
