/**
 * Proves that a key shows whether a mutation took effect when its connection was lost. The connection between server
 * and PostgreSQL is cut at two moments: before COMMIT, and between COMMIT and its answer.
 */
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitingForAdvisoryLock } from '../support/backends.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { keyedModule, NOTHING, ONCE, sendKeyed, tracesOf } from '../support/keyed-mutations.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { LIMITS } from '../../src/create-services.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';

const keyed = keyedModule();
let database: TestDatabase;
let proxy: TcpProxy;
let server: TestServer;
let token: string;

beforeAll(async () => {
  database = await createTestDatabase();
  // COMMIT waits for a lock that the test holds.
  await database.asSuperuser(`
    CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NEW.email = 'lost' THEN PERFORM pg_advisory_xact_lock_shared(4711); END IF;
      RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT ON memberships
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()`);
  proxy = await startTcpProxy(database.app);
  server = await startTestServer({
    database,
    databaseUrl: proxy.through(database.app),
    modules: [tenantModule, membershipModule, keyed.module],
    env: { REQUEST_TIMEOUT_MS: '10000' },
    limits: LIMITS,
  });
  ({ token } = await server.as('owner', 'acme'));
});
afterAll(async () => {
  await server.close();
  await proxy.close();
  await database.drop();
});

const sendAdd = (key: string, field: string, name: string) =>
  sendKeyed(server, token, key, { query: `mutation { ${field}(name: "${name}") { id name } }` });

/** Repeats the request until the answer is not UNAVAILABLE for lack of a connection. */
async function sendUntilServed(key: string, field: string, name: string) {
  let answer = await sendAdd(key, field, name);
  await until('there is a connection again', async () => {
    if (answer.errors[0]?.extensions.code !== 'UNAVAILABLE') return true;
    answer = await sendAdd(key, field, name);
    return false;
  });
  return answer;
}

test('the answer to COMMIT is lost: the retry is given the result', async () => {
  const holder = new pg.Client({ connectionString: database.superuser });
  await holder.connect();
  await holder.query('SELECT pg_advisory_lock(4711)');
  const first = sendAdd('lost-key', 'add', 'lost');
  await until('COMMIT waits', async () => (await waitingForAdvisoryLock(database)) === 1);
  expect(await tracesOf(database, 'lost')).toEqual(NOTHING);
  proxy.loseAnswers();
  await holder.end();
  await until('it is committed', async () => (await tracesOf(database, 'lost')).rows === 1);
  proxy.restore();

  const answer = await first;
  expect(answer).toMatchObject({ status: 503, hasData: false, replayed: false });
  expect(answer.errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE' } }]);

  const again = await sendUntilServed('lost-key', 'add', 'lost');
  expect(again).toMatchObject({ status: 200, errors: [], replayed: true, data: { add: { name: 'lost' } } });
  const [row] = await database.asSuperuser<{ id: string }>("SELECT id FROM memberships WHERE email = 'lost'");
  expect(again.data).toEqual({ add: { id: row!.id, name: 'lost' } });
  expect(await tracesOf(database, 'lost')).toEqual(ONCE);
  expect(keyed.runs.get('lost')).toBe(1);
});

test('the connection is reset at COMMIT: the answer is UNAVAILABLE, with a key and without', async () => {
  const holder = new pg.Client({ connectionString: database.superuser });
  await holder.connect();
  await holder.query('SELECT pg_advisory_lock(4711)');
  // In two tenants: new members of one tenant wait for each other, because they are counted.
  const other = await server.as('owner', 'globex');
  const query = 'mutation { addInTransaction(name: "lost") { id } }';
  const both = Promise.all([
    sendKeyed(server, token, 'reset-key', { query }),
    sendKeyed(server, other.token, undefined, { query }),
  ]);
  await until('both wait at COMMIT', async () => (await waitingForAdvisoryLock(database)) === 2);
  // All connections, including those of the listeners.
  for (let connection = 0; connection < 20; connection++) proxy.reset(0);
  const [keyed, plain] = await both;
  await holder.end();
  expect(keyed).toMatchObject({
    status: 503,
    hasData: false,
    errors: [{ extensions: { code: 'UNAVAILABLE' } }],
  });
  expect(plain).toMatchObject({ status: 200, errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
});

test('the connection is lost before COMMIT: nothing is left, and the retry runs', async () => {
  keyed.before = async () => {
    if (keyed.runs.get('cut') === 1) proxy.restore();
  };
  const answer = await sendAdd('cut-key', 'addAfter', 'cut');
  expect(answer.errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE' } }]);
  const again = await sendUntilServed('cut-key', 'addAfter', 'cut');
  expect(again).toMatchObject({ status: 200, errors: [], replayed: false });
  expect(await tracesOf(database, 'cut')).toEqual(ONCE);
  expect(keyed.runs.get('cut')).toBe(2);
});
