/**
 * Proves what the production log has of an operation: one line with its name, tenant, actor, cost, time in the database and
 * error codes; and nothing of what clients send or read beyond ids.
 */
import { expect, test } from 'vitest';
import { issueToken } from '../../src/kernel/auth/issue-token.js';
import { endChildrenAfterAll, startChild } from '../support/child.js';
import { useDatabase } from '../support/database.js';
import { TEST_SECRET } from '../support/server.js';
import { insertApiKey } from '../support/rows.js';
import { socketClient } from '../support/socket-requests.js';
import { until } from '../support/until.js';

endChildrenAfterAll();
const database = useDatabase();

/** Values that must not be in any line. */
const CANARY = 'canary-b7f3';

interface Line {
  readonly msg: string;
  readonly operation?: string;
  readonly [field: string]: unknown;
}

test('one line per operation, without a value', async () => {
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
  const token = issueToken(
    { userId: 'demo|acme|owner', email: `${CANARY}@acme.test`, tenantId: 'acme' },
    { secret: TEST_SECRET, issuer: 'tenantry', audience: 'tenantry' },
    3_600,
  );
  const { key } = await insertApiKey(database(), 'acme');
  const send = async (credential: string, body: object, headers: Record<string, string> = {}) =>
    (
      await fetch(`${url}/graphql?${CANARY}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${credential}`, ...headers },
        body: JSON.stringify(body),
      })
    ).text();
  await send(token, { query: 'query Members { members(first: 5) { nodes { email userId } } }' });
  await send(token, {
    query: `query Failing($id: ID!) { node(id: $id) { id } log: auditLog(first: 1) { nodes { newValue } } # ${CANARY}
    }`,
    variables: { id: CANARY },
  });
  await send(token, {
    query: 'mutation Rename($name: String!) { updateTenant(input: { name: $name }) { tenant { name } } }',
    variables: { name: CANARY },
  });
  await send(key, { query: 'query ByKey { me { userId } }' }, { 'x-canary': CANARY });
  await send(`${CANARY}.${CANARY}.${CANARY}`, { query: '{ me { userId } }' });
  const socket = await socketClient({ url }, token);
  await socket.ask({ query: 'query Socket { me { userId } }', variables: { unused: CANARY } });
  socket.socket.close();
  await until('the client has gone', () => socket.closed !== undefined);
  child.kill('SIGTERM');
  const { stdout, code } = await child.ended;
  expect(code).toBe(0);
  const lines = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
  const operations = lines.filter(({ msg, operation }) => msg === 'answered' && operation !== undefined);
  expect(operations.map(({ operation }) => operation)).toEqual([
    'Members',
    'Failing',
    'Rename',
    'ByKey',
    'Socket',
  ]);
  const [members, failing, rename, byKey, bySocket] = operations;
  expect(members).toMatchObject({ tenant: 'acme', actor: 'demo|acme|owner', status: 200 });
  expect(members!['cost']).toBeGreaterThan(1);
  expect(members!['databaseMs']).toBeGreaterThan(0);
  expect(members!['codes']).toBeUndefined();
  expect(failing!['codes']).toEqual(['BAD_USER_INPUT']);
  expect(rename!['databaseMs']).toBeGreaterThan(0);
  expect(String(byKey!['actor'])).not.toContain(key);
  expect(bySocket).toMatchObject({ method: 'WEBSOCKET', tenant: 'acme' });
  for (const secret of [CANARY, key, token, TEST_SECRET]) expect(stdout).not.toContain(secret);
});
