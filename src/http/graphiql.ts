import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { USERS_PATH, withSignIn, type DemoUser } from './graphiql-sign-in.js';

const compress = promisify(gzip);

/** Makes tokens for users of the demo. */
export type DemoUsers = () => Promise<readonly DemoUser[]>;

/**
 * `/graphiql`: a page to try the API. All of its files come from a package.
 *
 * @param demoUsers only where everything is made for development: the database and the secret that signs tokens
 */
export function installGraphiql(app: FastifyInstance, demoUsers: DemoUsers | undefined): void {
  let page: Promise<Buffer> | undefined;
  app.get('/', async (_request, reply) => reply.redirect('/graphiql'));
  app.get('/graphiql', async (_request, reply) => {
    page ??= render();
    return reply
      .header('content-type', 'text/html; charset=utf-8')
      .header('content-encoding', 'gzip')
      .header(
        'content-security-policy',
        "default-src 'none'; script-src 'unsafe-inline' blob:; worker-src blob:; style-src 'unsafe-inline'; " +
          "font-src data:; img-src data:; connect-src 'self'; frame-ancestors 'none'",
      )
      .send(await page);
  });
  app.get(USERS_PATH, async (request) => (demoUsers && isOfThisMachine(request) ? demoUsers() : []));
}

/**
 * Whether a browser on this machine asks for a name of this machine. The name keeps out pages whose own name leads here
 * (DNS rebinding), and the header what a proxy passes on.
 */
function isOfThisMachine({ ip, hostname, headers }: FastifyRequest): boolean {
  const isLoopback = (address: string) => /^(::ffff:)?127\.|^::1$/.test(address);
  const name = hostname.replace(/^\[(.*)\]$/, '$1');
  const isOurName = isIP(name) > 0 ? isLoopback(name) : /(^|\.)localhost$/i.test(name);
  return (
    isLoopback(ip) && isOurName && headers['x-forwarded-for'] === undefined && headers.forwarded === undefined
  );
}

/** Nine megabytes, loaded at the first request of the page and kept compressed. */
async function render(): Promise<Buffer> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const html = renderGraphiQL({
    title: 'Tenantry',
    endpoint: '/graphql',
    defaultQuery:
      '{\n  me {\n    userId\n    role\n    permissions\n    tenant {\n      slug\n      name\n    }\n  }\n}\n',
  });
  return compress(withSignIn(html));
}
