/**
 * Proves what LOG_SQL does on a running server: statements of requests, of keyed mutations and of events are logged,
 * and in production without values.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { endChildrenAfterAll, runChild, startChild } from '../support/child.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { keyedModule, sendKeyed } from '../support/keyed-mutations.js';
import { untilHearing } from '../support/hearing.js';
import { createNotes, notesModule } from '../support/notes.js';
import { parseBody, rawPost, type RawAnswer } from '../support/raw-request.js';
import { startTestServer, TEST_SECRET, type TestServer } from '../support/server.js';
import { endSubscribersAfterEach, inForce, subscriberOf } from '../support/subscriber.js';
import { until } from '../support/until.js';

endChildrenAfterAll();
let database: TestDatabase;
let server: TestServer;
beforeAll(async () => {
  database = await createTestDatabase();
  await createNotes(database);
  server = await startTestServer({
    database,
    modules: [tenantModule, membershipModule, notesModule, keyedModule().module],
    env: { LOG_SQL: '1' },
  });
  await untilHearing(server);
});
afterAll(async () => {
  await server.close();
  await database.drop();
});
endSubscribersAfterEach(() => [server]);

/** The data of an answer. Fails when the answer has errors. */
function dataOf(answer: RawAnswer): Readonly<Record<string, unknown>> {
  const { data, errors = [] } = parseBody(answer);
  expect(errors).toEqual([]);
  return data as Readonly<Record<string, unknown>>;
}

const requestOf = (answer: { readonly headers: Headers }) => answer.headers.get('x-request-id') ?? '';

describe('the statements of', () => {
  const statementsOf = (requestId: string) =>
    server.statements.filter((line) => line.requestId === requestId).map(({ sql }) => sql);

  test('a request carry its id and its tenant', async () => {
    const owner = await server.as('owner', 'acme');
    const answer = await owner.query('{ members(first: 3) { totalCount nodes { email } } }');
    const lines = server.statements.filter(({ requestId }) => requestId === requestOf(answer));
    expect(lines.filter(({ sql }) => sql.includes('"memberships"')).length).toBeGreaterThan(0);
    const tenant = await database.tenantId('acme');
    for (const line of lines) expect(line).toMatchObject({ tenant });
    expect(lines.some(({ rows = 0 }) => rows >= 3)).toBe(true);
  });

  test('a mutation with a key are all those of its one transaction', async () => {
    const { token } = await server.as('owner', 'acme');
    const answer = await sendKeyed(server, token, randomUUID(), {
      query: 'mutation { add(name: "keyed") { id } }',
    });
    expect(answer.errors).toEqual([]);
    const requestId = requestOf(answer);
    await until('it is committed', () => statementsOf(requestId).includes('COMMIT'));
    const statements = statementsOf(requestId).join('\n');
    for (const part of [
      'tenantry.bind',
      'idempotency_keys',
      'SAVEPOINT',
      'INSERT INTO "public"."memberships"',
    ])
      expect(statements).toContain(part);
  });

  test('an event carry the id of its connection', async () => {
    const { token } = await server.as('owner', 'globex');
    const watched = await inForce(server, () =>
      subscriberOf(server, { token }).subscribe('subscription { noteChanged { note { text } } }'),
    );
    const tenantId = await database.tenantId('globex');
    server.statements.length = 0;
    await database.asSuperuser('INSERT INTO notes (tenant_id, text) VALUES ($1, $2)', [tenantId, 'heard']);
    await until('the event arrives', () => watched.messages.length > 0);
    const read = server.statements.find(({ sql }) => sql.includes('FROM notes'));
    expect(read).toMatchObject({ tenant: tenantId, rows: 1 });
    expect(read?.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('a server in production', () => {
  const environment = (logSql: string) => ({
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_SQL: logSql,
    LOG_LEVEL: 'trace',
    DATABASE_URL: database.app,
    JWT_SECRET: TEST_SECRET,
    TENANTRY_DATA_DIR: server.config.dataDir,
    ...(database.contextKey !== undefined && { CONTEXT_SIGNING_KEY: database.contextKey }),
  });

  test('logs statements without any value or secret', async () => {
    const { token } = await server.as('owner', 'acme');
    const child = startChild('src/main.ts', [], environment('1'));
    const [, url = ''] = await child.says(/Server listening at (http:\/\/127\.0\.0\.1:\d+)/);
    const ask = async (authorization: string, query: string, headers: Record<string, string> = {}) =>
      dataOf(
        await rawPost(`${url}/graphql`, {
          authorization: `Bearer ${authorization}`,
          headers,
          body: JSON.stringify({ query }),
        }),
      );
    const name = `name-${randomUUID()}`;
    const { createApiKey } = (await ask(
      token,
      `mutation { createApiKey(input: { name: "${name}", permissions: [MEMBERS_READ] }) { secret } }`,
    )) as { createApiKey: { secret: string } };
    const userId = `user-${randomUUID()}`;
    await ask(
      createApiKey.secret,
      `{ members(filter: { userId: "${userId}" }) { totalCount nodes { role } } }`,
    );
    const key = randomUUID();
    const renamed = `renamed-${randomUUID()}`;
    await ask(token, `mutation { updateTenant(input: { name: "${renamed}" }) { tenant { id } } }`, {
      'idempotency-key': key,
    });
    child.kill('SIGTERM');
    const { stdout, stderr } = await child.ended;
    const lines = stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const statements = lines.filter(({ msg }) => msg === 'statement');
    const tenant = await database.tenantId('acme');
    expect(statements.filter((line) => line['tenant'] === tenant).length).toBeGreaterThan(10);
    const texts = statements.map(({ sql }) => String(sql)).join('\n');
    for (const part of [
      'INSERT INTO "public"."api_keys"',
      'tenantry.resolve_api_key',
      'FROM "public"."memberships"',
      'idempotency_keys',
      'UPDATE "public"."tenants"',
    ])
      expect(texts).toContain(part);
    for (const line of statements) expect(line).not.toHaveProperty('values');
    const [{ key_hash: hash } = { key_hash: '' }] = await database.asSuperuser<{ key_hash: string }>(
      'SELECT key_hash FROM api_keys WHERE name = $1',
      [name],
    );
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    const secrets = [name, userId, renamed, key, hash, createApiKey.secret, token, TEST_SECRET];
    if (database.contextKey !== undefined) secrets.push(database.contextKey);
    for (const secret of secrets) expect(stdout + stderr).not.toContain(secret);
    // A signature or a hash, of whatever kind.
    expect(stdout).not.toMatch(/"[0-9a-f]{64}"/);
  });

  test('does not start when it is to log plans', async () => {
    const { code, stderr } = await runChild('src/main.ts', [], environment('explain'));
    expect([code, stderr]).toEqual([
      1,
      'LOG_SQL=explain is not for production: plans show values. LOG_SQL=1 does not.\n',
    ]);
  });
});

test('in development the log shows values and plans', async () => {
  const child = startChild('src/main.ts', [], {
    PORT: '0',
    LOG_SQL: 'explain',
    DATABASE_URL: database.app,
    JWT_SECRET: TEST_SECRET,
    TENANTRY_DATA_DIR: server.config.dataDir,
    ...(database.contextKey !== undefined && { CONTEXT_SIGNING_KEY: database.contextKey }),
  });
  const [, port = ''] = await child.says(/http:\/\/localhost:(\d+)\/graphql[^]*More tokens/);
  const { token } = await server.as('owner', 'acme');
  const search = `searched-${randomUUID()}`;
  await rawPost(`http://127.0.0.1:${port}/graphql`, {
    authorization: `Bearer ${token}`,
    body: JSON.stringify({ query: `{ members(filter: { userId: "${search}" }) { totalCount } }` }),
  });
  await child.says(new RegExp(`statement.*"values":.*${search}`));
  await child.says(/plan\n.*(?:Aggregate|Scan)[^]*memberships/);
  child.kill('SIGTERM');
  expect(await child.ended).toMatchObject({ code: 0, stderr: '' });
});
