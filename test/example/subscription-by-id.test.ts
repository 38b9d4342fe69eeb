/**
 * Proves that a subscription over HTTP is refused in the same form, whether the client sends the document or its id.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { useServer } from '../support/server.js';

const CHANGES = 'subscription Changes { conversationChanged { kind } }';
const folder = mkdtempSync(join(tmpdir(), 'tenantry-trusted-'));
const path = join(folder, 'manifest.json');
const operations = [{ id: 'app-Changes', name: 'Changes', type: 'subscription', body: CHANGES }];
writeFileSync(path, JSON.stringify({ format: 'apollo-persisted-query-manifest', version: 1, operations }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const server = useServer({ env: { TRUSTED_DOCUMENTS: path } });

test.each([
  ['sent', { query: CHANGES }],
  ['named by its documentId', { documentId: 'app-Changes' }],
])('when it is %s', async (_how, body) => {
  const { token } = await server().as('owner', 'acme');
  const response = await fetch(`${server().url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(400);
  expect(response.headers.get('x-request-id')).toBeTruthy();
  expect(await response.json()).toMatchObject({
    errors: [
      {
        message: 'Subscriptions are answered over WebSocket, at the same path.',
        extensions: { code: 'BAD_REQUEST' },
      },
    ],
  });
});
