import { expect, test } from 'vitest';
import { useServer } from '../support/server.js';

const server = useServer();

test('a running server is healthy and ready', async () => {
  for (const path of ['/healthz', '/readyz']) {
    expect((await fetch(server().url + path)).status).toBe(200);
  }
});

test('a member is answered inside their tenant', async () => {
  const owner = await server().as('owner', 'acme');
  const { data, errors } = await owner.query<{ me: { tenant: { slug: string } } }>(
    '{ me { tenant { slug } } }',
  );
  expect(errors).toEqual([]);
  expect(data.me.tenant.slug).toBe('acme');
});
