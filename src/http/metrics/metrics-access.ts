/**
 * Where `/metrics` is and who may read it. In production it is never open at the port of the API: it is at a port of its own
 * (METRICS_PORT), or needs a token (METRICS_TOKEN), or is nowhere.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { Config } from '../../kernel/config/config.js';
import { RefusedCredential } from '../../kernel/auth/refused-credential.js';

export const PATH = '/metrics';

export type MetricsConfig = Pick<Config, 'production' | 'metricsToken' | 'metricsPort' | 'host'>;

/** Serves the metrics. A port of its own is open as long as that of the API. */
export function serveMetrics(app: FastifyInstance, registry: Registry, config: MetricsConfig): void {
  const { production, metricsToken, metricsPort, host } = config;
  const mayRead = readersOf(metricsToken);
  if (metricsPort !== undefined) {
    serveAtOwnPort(app, registry, { host, port: metricsPort, mayRead });
    return;
  }
  if (production && metricsToken === undefined) return;
  app.get(PATH, { logLevel: 'warn' }, async (request, reply) => {
    if (!mayRead(request.headers.authorization))
      throw new RefusedCredential('missing', 'Send METRICS_TOKEN as a bearer token.');
    reply.header('content-type', registry.contentType);
    return registry.metrics();
  });
}

type MayRead = (authorization: string | undefined) => boolean;

/** Compares digests, so that the time does not depend on where two tokens differ. */
function readersOf(token: string | undefined): MayRead {
  if (token === undefined) return () => true;
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(`Bearer ${token}`);
  return (authorization = '') => timingSafeEqual(digest(authorization), expected);
}

interface OwnPort {
  readonly host: string;
  readonly port: number;
  readonly mayRead: MayRead;
}

function serveAtOwnPort(app: FastifyInstance, registry: Registry, { host, port, mayRead }: OwnPort): void {
  const server = createServer((request, response) => {
    const end = (status: number, body = '', type = 'text/plain; charset=utf-8') =>
      response.writeHead(status, { 'content-type': type }).end(body);
    if (request.url !== PATH || request.method !== 'GET') end(404);
    else if (!mayRead(request.headers.authorization)) end(401);
    else {
      registry.metrics().then(
        (text) => end(200, text, registry.contentType),
        (error: unknown) => {
          app.log.error({ err: error }, 'metrics could not be read');
          end(500);
        },
      );
    }
  });
  app.addHook('onReady', async () => {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, host, resolve);
    });
  });
  app.addHook('onClose', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
}
