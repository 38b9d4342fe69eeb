/** The keys of the identity provider are fetched as all that leaves the server: bounded, and without redirects. */
import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { ProviderKeys } from '../../src/kernel/auth/provider-keys.js';
import { startReceiver } from '../support/receiver.js';

/** What is told of a fetch that this answer makes fail. */
async function problemOf(answer: (response: ServerResponse) => void): Promise<string> {
  const provider = await startReceiver((_, response) => answer(response));
  const problems: string[] = [];
  try {
    const keys = new ProviderKeys({
      jwksUri: `${provider.url}/jwks?client=of-mine`,
      cacheSeconds: 300,
      onFailure: (error) => problems.push((error as Error).message),
    });
    expect(await keys.prepare(60_000)).toBe('missing');
    expect(provider.received).toMatchObject([{ method: 'GET', path: '/jwks?client=of-mine' }]);
    return problems.join();
  } finally {
    await provider.close();
  }
}

test('a redirect is not followed, not even to keys', async () => {
  const elsewhere = await startReceiver((_, response) => response.end('{"keys":[]}'));
  try {
    for (const status of [301, 302, 307, 308]) {
      const problem = await problemOf((response) =>
        response.writeHead(status, { location: `${elsewhere.url}/latest/meta-data/` }).end(),
      );
      expect(problem).toBe(`The provider answered with the status ${String(status)}.`);
    }
    expect(elsewhere.connections()).toBe(0);
  } finally {
    await elsewhere.close();
  }
});

test('an answer of more than a mebibyte is none', async () => {
  const body = JSON.stringify({ keys: [], padding: 'x'.repeat(1024 * 1024) });
  expect(await problemOf((response) => response.end(body))).toBe('The answer has too many bytes.');
});

test('what the provider answers instead of keys is not shown', async () => {
  expect(await problemOf((response) => response.end('root:x:0:0'))).toBe(
    'The provider did not answer with JSON.',
  );
  const failed = await problemOf((response) => response.writeHead(500, 'secret').end('secret'));
  expect(failed).toBe('The provider answered with the status 500.');
});
