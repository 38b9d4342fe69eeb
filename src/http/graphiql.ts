import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import type { DemoUsers } from './demo-user.js';
import { USERS_PATH, withSignIn } from './graphiql-sign-in.js';
import { isOfThisMachine } from './this-machine.js';

const compress = promisify(gzip);

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
  app.get(USERS_PATH, async (request) => {
    const users = demoUsers && isOfThisMachine(request) ? await demoUsers() : [];
    return users.map(({ email, tenant, token }) => ({
      // A user may be a member of several tenants.
      email: users.filter((user) => user.email === email).length > 1 ? `${email} in ${tenant}` : email,
      token,
    }));
  });
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
