/**
 * Proves that what clients send reaches the production log as data: each line is JSON without terminal control
 * characters.
 */
import { expect, test } from 'vitest';
import { endChildrenAfterAll, startChild } from '../support/child.js';
import { useDatabase } from '../support/database.js';
import { TEST_SECRET } from '../support/server.js';

endChildrenAfterAll();
const database = useDatabase();

/** Sets a terminal's title, changes the direction of text, ends a line, and starts one that looks like the server's. */
const HOSTILE = '\u001b]0;owned\u0007\u009b31m\u202e\u2028\n{"level":30,"msg":"forged"}';

test('whatever is hostile in a request', async () => {
  const { contextKey } = database();
  const child = startChild('src/main.ts', [], {
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'trace',
    DATABASE_URL: database().app,
    JWT_SECRET: TEST_SECRET,
    ...(contextKey !== undefined && { CONTEXT_SIGNING_KEY: contextKey }),
  });
  const [, url = ''] = await child.says(/Server listening at (http:\/\/127\.0\.0\.1:\d+)/);
  const send = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const statuses = await Promise.all([
    send('/graphql', { query: `{ me { ${HOSTILE} } }` }, { authorization: 'Bearer nonsense' }),
    send('/graphql', { query: '{ me { role } }', operationName: HOSTILE }),
    send('/graphql', { documentId: HOSTILE, extensions: { persistedQuery: HOSTILE } }),
    send('/graphql', HOSTILE),
    send(`/graphql/${encodeURIComponent(HOSTILE)}?q=${encodeURIComponent(HOSTILE)}`, {}),
    send(
      '/graphql',
      {},
      { authorization: 'Bearer \u009b31m', 'user-agent': '\u009b31m', 'x-request-id': '\u009b31m' },
    ),
  ]).then((answers) => answers.map(({ status }) => status));
  expect(statuses.filter((status) => status < 400 || status >= 500)).toEqual([]);
  child.kill('SIGTERM');
  const { stdout, stderr, code } = await child.ended;
  expect([code, stderr]).toEqual([0, '']);
  const lines = stdout.split('\n').filter((line) => line !== '');
  expect(lines.length).toBeGreaterThan(statuses.length);
  for (const line of lines) expect(() => JSON.parse(line) as unknown, line).not.toThrow();
  expect(lines.filter((line) => line.startsWith('{"level":30,"msg":"forged"'))).toEqual([]);
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e]/);
});
