/** The path of a request, in order. Each step is one file. */
import fastify, { LogController, type FastifyInstance } from 'fastify';
import type { AuthenticationParts } from './kernel/auth/authenticate.js';
import type { DocumentReader } from './services/documents/document-reader.js';
import type { ProviderKeys } from './kernel/auth/provider-keys.js';
import type { Documents } from './services/documents/documents.js';
import type { InvitationParts } from './kernel/graphql/request-context.js';
import type { Api } from './kernel/graphql/schema.js';
import { installAnswerSize } from './http/answer-size.js';
import { installAuthentication } from './http/authentication.js';
import { installCors } from './http/cors.js';
import { installDeadline } from './http/deadline.js';
import { Drain, installDrain } from './http/drain.js';
import { installErrorAnswers, rewriteUndecodableUrl } from './http/error-answers.js';
import { installGraphiql } from './http/graphiql.js';
import { installGraphql } from './http/graphql.js';
import { installHealth } from './http/health.js';
import { installMetrics } from './http/metrics.js';
import { installRequestLog, loggerOptions } from './http/logging.js';
import { installRequestId, requestId } from './http/request-id.js';
import { installRequestLimits, REQUEST_LIMITS, requestLimits } from './http/request-limits.js';
import { installSecurityHeaders } from './http/security-headers.js';
import { limitUnreadAnswers } from './http/unread-answers.js';
import { installWebsocket, upgradeOptions } from './http/websocket.js';
import type { Config } from './kernel/config/config.js';
import type { LeavingErrors } from './services/telemetry/leaving-errors.js';
import type { Problems } from './services/telemetry/problems.js';
import { Connections } from './services/subscriptions/connections.js';
import type { AccessNews } from './kernel/notifications/access-news.js';
import type { ChangeNews } from './kernel/notifications/change-news.js';
import type { Database } from './kernel/tenancy/database.js';
import type { Readiness } from './kernel/database/readiness.js';

/** What a request needs of the rest of the server. */
export interface Services {
  readonly config: Pick<
    Config,
    'production' | 'corsOrigins' | 'logLevel' | 'poolSize' | 'requestTimeoutMs' | 'maxAnswerBytes'
  >;
  readonly api: Api;
  readonly database: Database;
  readonly readiness: Readiness;
  readonly news: AccessNews;
  readonly changes: ChangeNews;
  readonly authentication: AuthenticationParts;
  readonly documents: Documents;
  readonly documentReader: DocumentReader;
  readonly invitations: InvitationParts;
  /** The identity provider's; undefined where tokens are verified with a secret only. */
  readonly providerKeys: ProviderKeys | undefined;
  readonly problems: Problems;
  readonly leaving: LeavingErrors;
}

/** @param drain is told when the server is about to stop; closing the app by itself stops it at once. */
export async function buildApp(services: Services, drain = new Drain()): Promise<FastifyInstance> {
  const app: FastifyInstance = fastify({
    logger: loggerOptions(services.config),
    // One line per answer, of our own: http/logging.ts.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestId,
    rewriteUrl: rewriteUndecodableUrl,
    ...requestLimits,
    // For clients that neither send nor read; a request that is worked on for as long as it may be is none of them.
    connectionTimeout: services.config.requestTimeoutMs + REQUEST_LIMITS.silentMs,
    // Fastify would refuse in a form of its own: drain.ts does it.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    http: { ...requestLimits.http, ...upgradeOptions },
  });
  installRequestId(app);
  installRequestLog(app);
  installAnswerSize(app, services.config.maxAnswerBytes, services.leaving);
  limitUnreadAnswers(app);
  installDrain(app, drain);
  installErrorAnswers(app, services.leaving);
  installSecurityHeaders(app);
  installRequestLimits(app);
  await installCors(app, services.config.corsOrigins);
  const connections = new Connections(services.news, services.config.poolSize);
  installMetrics(app, services, connections);
  installHealth(app, services, drain);
  if (!services.config.production) installGraphiql(app);
  installDeadline(app, services.config.requestTimeoutMs);
  installAuthentication(app, services.authentication, services.api.guestMutations);
  await installGraphql(app, services);
  installWebsocket(app, services, connections, drain);
  return app;
}
