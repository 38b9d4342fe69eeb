import helmet from 'helmet';
import type { FastifyInstance } from 'fastify';

/** An API serves no pages, so a browser may not run, load or frame anything of an answer. */
const secure = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  crossOriginResourcePolicy: { policy: 'cross-origin' },
});

/** The headers, which are the same on every answer, so that helmet computes them once. */
export function securityHeaders(): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  const recorder = {
    setHeader: (name: string, value: string) => void (headers[name.toLowerCase()] = value),
    removeHeader: () => undefined,
  };
  secure({} as never, recorder as never, (error) => {
    if (error !== undefined) throw error as Error;
  });
  return headers;
}

/** Adds them to every answer. */
export function installSecurityHeaders(app: FastifyInstance): void {
  const headers = securityHeaders();
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers);
    done();
  });
}
