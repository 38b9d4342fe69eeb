/**
 * `/app`: the dashboard, and `/operator`: the operators' console, as static files. They are clients of the API like any other:
 * they have no door of their own, and show what the token of their user may read.
 *
 * Guarantees: only files of the build are sent; the page runs no script and asks no host but this server's own and the
 * identity provider's; nothing is kept of the page, and files with a hash in their names are kept for ever.
 */
import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PublicError } from '../kernel/vocabulary/errors.js';
import { acceptsGzip } from './compression.js';
import { dashboardFiles, type DashboardFile, type DashboardFiles, type Pages } from './dashboard-files.js';
import type { Login } from './login.js';
import { OPERATOR_PATH } from './operator-door.js';
import { isOfThisMachine } from './this-machine.js';

export interface DashboardOptions {
  readonly pages: Pages;
  /** Asks the provider; undefined where users do not log in with OpenID Connect. */
  readonly login: (() => Promise<Login>) | undefined;
  /** Makes tokens of the demo, for a browser of this machine. */
  readonly demoUsers: (() => Promise<readonly object[]>) | undefined;
  /** The hosts of tenants are `<slug>.<baseDomain>`. */
  readonly baseDomain: string;
}

/** Where the pages are. */
const PATHS: Readonly<Record<Pages, string>> = { tenants: '/app', operators: '/operator' };

const KEPT_FOR_EVER = 'public, max-age=31536000, immutable';

/** Installs the routes. */
export function installDashboard(
  app: FastifyInstance,
  { pages, login, demoUsers, baseDomain }: DashboardOptions,
): void {
  const base = PATHS[pages];
  let loading: Promise<DashboardFiles> | undefined;
  /** A failed build is tried again with the next request. */
  const files = (): Promise<DashboardFiles> => {
    loading ??= dashboardFiles(pages).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };

  app.get(`${base}/config.json`, async () => ({ baseDomain, login: (await login?.()) ?? null }));
  app.get(`${base}/demo-users.json`, async (request) =>
    demoUsers && isOfThisMachine(request) ? demoUsers() : [],
  );
  const page = async (reply: FastifyReply): Promise<FastifyReply> =>
    sendPage(reply, (await files()).get('index.html'), await login?.().catch(() => undefined));
  app.get(base, async (_request, reply) => page(reply));
  app.get<{ Params: { '*': string } }>(`${base}/*`, async (request, reply) => {
    const path = request.params['*'];
    // The operators' door is below their pages, and has other methods.
    if (`${base}/${path}` === OPERATOR_PATH) {
      reply.callNotFound();
      return reply;
    }
    const file = path === 'index.html' ? undefined : (await files()).get(path);
    if (path.startsWith('assets/')) {
      if (!file) throw new PublicError('NOT_FOUND', `There is nothing at GET ${base}/${path}.`);
      void reply.header('cache-control', KEPT_FOR_EVER);
    }
    // Whatever else the path is: the page finds by it what to show.
    return file ? send(request, reply, file) : page(reply);
  });
}

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  { type, body, gzipped }: DashboardFile,
): FastifyReply {
  void reply.header('content-type', type).header('vary', 'accept-encoding');
  if (!gzipped || !acceptsGzip(request.headers['accept-encoding'])) return reply.send(body);
  return reply.header('content-encoding', 'gzip').send(gzipped);
}

function sendPage(
  reply: FastifyReply,
  page: DashboardFile | undefined,
  login: Login | undefined,
): FastifyReply {
  if (!page) throw new Error('the build of the dashboard has no index.html');
  const nonce = randomBytes(16).toString('base64url');
  return reply
    .header('content-type', page.type)
    .header('content-security-policy', policy(nonce, login))
    .send(Buffer.from(page.body.toString().replaceAll('CSP_NONCE', nonce)));
}

/** The nonce is for styles that react-aria adds, and for nothing else. */
const policy = (nonce: string, login: Login | undefined): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self'",
    `connect-src 'self'${login ? ` ${new URL(login.tokenEndpoint).origin}` : ''}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
