/** The path of a request, in order. Each step is one file. */
import fastify, { type FastifyInstance } from 'fastify';
import { installAnswerSize } from './http/answer-size.js';
import { installAuthentication } from './http/authentication.js';
import { installCaching } from './http/caching.js';
import { installCompression } from './http/compression.js';
import { installCors } from './http/cors.js';
import { installDeadline } from './http/deadline.js';
import { Drain, installDrain } from './http/drain.js';
import { installErrorAnswers } from './http/error-answers.js';
import { installGraphiql } from './http/graphiql.js';
import { installGraphql } from './http/graphql.js';
import { installHealth } from './http/health.js';
import { installJsonBodies } from './http/json-bodies.js';
import { installRequestLog } from './http/logging.js';
import { installMetrics } from './http/metrics.js';
import { installRequestId } from './http/request-id.js';
import { installRequestLimits } from './http/request-limits.js';
import { installSecurityHeaders } from './http/security-headers.js';
import { serverOptions } from './http/server-options.js';
import type { Services } from './http/services.js';
import { limitUnreadAnswers } from './http/unread-answers.js';
import { installWebsocket } from './http/websocket.js';
import { Connections } from './services/subscriptions/connections.js';

/** @param drain begins when the server is told to stop; closing the app without it stops the server at once */
export async function buildApp(services: Services, drain = new Drain()): Promise<FastifyInstance> {
  const app: FastifyInstance = fastify(serverOptions(services.config));
  installRequestId(app);
  installRequestLog(app);
  installAnswerSize(app, services.config.maxAnswerBytes, services.leaving);
  installCaching(app);
  installCompression(app);
  limitUnreadAnswers(app);
  installDrain(app, drain);
  installErrorAnswers(app, services.leaving);
  installSecurityHeaders(app);
  installRequestLimits(app);
  await installCors(app, services.config.corsOrigins);
  installJsonBodies(app);
  const connections = new Connections(services.invalidations, services.config.poolSize);
  installMetrics(app, services, connections);
  installHealth(app, services, drain);
  if (!services.config.production) installGraphiql(app);
  installDeadline(app, services.config.requestTimeoutMs);
  installAuthentication(app, services.authentication, services.api.guestMutations);
  await installGraphql(app, services);
  installWebsocket(app, services, connections, drain);
  return app;
}
