/** The path of a request, in order. Each step is one file. */
import { installAnswerSize } from './http/answer-size.js';
import { installAuditExports } from './http/audit-exports.js';
import { installAuthentication } from './http/authentication.js';
import { installCaching } from './http/caching.js';
import { installCompression } from './http/compression.js';
import { installCors } from './http/cors.js';
import { installDashboards } from './http/dashboards.js';
import { installDeadline } from './http/deadline.js';
import type { Demo } from './http/demo-user.js';
import { Drain, installDrain } from './http/drain.js';
import { installErrorAnswers } from './http/error-answers.js';
import { installEventStreams } from './http/event-streams.js';
import { installGraphiql } from './http/graphiql.js';
import { installGraphql } from './http/graphql.js';
import { installHealth } from './http/health.js';
import { installJsonBodies } from './http/json-bodies.js';
import { installRequestLog } from './http/logging.js';
import { installMetrics } from './http/metrics/metrics.js';
import { installOperatorDoor } from './http/operator-door.js';
import { installRateLimits } from './http/rate-limits.js';
import { installRequestId } from './http/request-id.js';
import { installRequestLimits } from './http/request-limits.js';
import { installSecurityHeaders } from './http/security-headers.js';
import { createServer } from './http/server-options.js';
import type { Services } from './http/services.js';
import { installTenantExports } from './http/tenant-exports.js';
import { installTenantUsage } from './http/tenant-usage.js';
import { installShedding } from './http/shedding.js';
import { limitUnreadAnswers } from './http/unread-answers.js';
import { installTracing } from './http/tracing.js';
import { installWebsocket } from './http/websocket.js';

/**
 * @param drain begins when the server is told to stop; closing the app without it stops the server at once
 * @param demo who can be chosen in GraphiQL, the dashboard and the operators' console
 */
export async function buildApp(services: Services, drain = new Drain(), demo: Demo = {}) {
  const app = createServer(services.config);
  installRequestId(app);
  installRequestLog(app);
  installTracing(app);
  installAnswerSize(app, services.config.maxAnswerBytes, services.leaving);
  installTenantUsage(app, services.tenantUsage);
  installCaching(app);
  installCompression(app);
  const unread = limitUnreadAnswers(app);
  installDrain(app, drain, services.database.gate);
  installErrorAnswers(app, services.leaving);
  installSecurityHeaders(app);
  installRequestLimits(app);
  await installCors(app, services.config.corsOrigins);
  installJsonBodies(app);
  installMetrics(app, services);
  installHealth(app, services, drain);
  if (!services.config.production) installGraphiql(app, demo.users);
  installDashboards(app, services, demo);
  installDeadline(app, services.config.requestTimeoutMs);
  installAuthentication(app, services);
  installRateLimits(app, services.rates);
  installShedding(app, services.shedding, { leaving: services.leaving, drain });
  const apollo = await installGraphql(app, services);
  await installOperatorDoor(app, services, services.operators);
  installAuditExports(app, services, drain);
  installTenantExports(app, services, drain);
  installEventStreams(app, services, drain);
  installWebsocket(app, services, { drain, apollo, unread });
  return app;
}
