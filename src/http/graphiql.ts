import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance } from 'fastify';

const compress = promisify(gzip);

/** `/graphiql`: a page to try the API. All of its files come from a package. */
export function installGraphiql(app: FastifyInstance): void {
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
}

/** Nine megabytes, loaded at the first request of the page and kept compressed. */
async function render(): Promise<Buffer> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const html = renderGraphiQL({
    title: 'Tenantry',
    endpoint: '/graphql',
    headers: JSON.stringify({ authorization: 'Bearer <paste a token>' }, null, 2),
    defaultQuery:
      '{\n  me {\n    userId\n    role\n    permissions\n    tenant {\n      slug\n      name\n    }\n  }\n}\n',
  });
  return compress(html);
}
