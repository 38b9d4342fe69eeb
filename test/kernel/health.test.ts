import { expect, test } from 'vitest';
import { useServer } from '../support/server.js';

const server = useServer();

test('a running server is healthy and ready', async () => {
  expect((await fetch(`${server().url}/healthz`)).status).toBe(200);
  // A server is not ready while its database takes seconds to answer.
  await expect.poll(async () => (await fetch(`${server().url}/readyz`)).status).toBe(200);
});

test('a member is answered inside their tenant', async () => {
  const owner = await server().as('owner', 'acme');
  const { data, errors } = await owner.query<{ me: { tenant: { slug: string } } }>(
    '{ me { tenant { slug } } }',
  );
  expect(errors).toEqual([]);
  expect(data.me.tenant.slug).toBe('acme');
});
