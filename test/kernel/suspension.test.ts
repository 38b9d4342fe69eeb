/**
 * Proves that suspending a tenant ends everything that is done for it, on every server: requests and those under way,
 * connections, jobs and those under way, webhooks, and downloads; and that resuming brings it back. Two servers share one
 * database.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { issueToken } from '../../src/kernel/auth/issue-token.js';
import { modules as installedModules } from '../../src/modules.js';
import { exportUrl } from '../../src/services/audit-trail/export-links.js';
import { jobHandlers } from '../../src/services/jobs/handlers.js';
import { Worker } from '../../src/services/jobs/worker.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { aborted, handlerOf, silent, stateOfJob, storedJob } from '../support/jobs.js';
import { createNotes, notesModule } from '../support/notes.js';
import { startReceiver } from '../support/receiver.js';
import { insertApiKey } from '../support/rows.js';
import { KEYS, sealAll } from '../support/sealed-trails.js';
import { startTestServer, TEST_SECRET, type TestClient, type TestServer } from '../support/server.js';
import { slowModule } from '../support/slow-module.js';
import { socketClient } from '../support/socket-requests.js';
import { endStreamsAfterEach, streamed } from '../support/stream-client.js';
import { endSubscribersAfterEach, inForce, subscriberOf } from '../support/subscriber.js';
import { createTestTenant } from '../support/tenant-fixtures.js';
import { until } from '../support/until.js';

const slow = slowModule();
const modules = [...installedModules, notesModule, slow.module];
let database: TestDatabase;
let servers: readonly TestServer[];

beforeAll(async () => {
  database = await createTestDatabase();
  await createNotes(database);
  const env = { REQUEST_TIMEOUT_MS: '120000', OUTGOING_ALLOWED_HOSTS: '127.0.0.1' };
  servers = await Promise.all([1, 2].map(() => startTestServer({ database, modules, env })));
});
afterAll(async () => {
  for (const server of servers) await server.close();
  await database.drop();
});
endSubscribersAfterEach(() => servers);
endStreamsAfterEach(() => servers);

const setStatus = (slug: string, status: string, reason: string | null = null) =>
  database.asSuperuser('UPDATE tenants SET status = $2, suspension_reason = $3 WHERE slug = $1', [
    slug,
    status,
    reason,
  ]);

/** A tenant and a client of its owner at each server, which both have served before. */
async function served(slug: string): Promise<readonly TestClient[]> {
  await createTestTenant(database, slug);
  const clients = await Promise.all(servers.map((server) => server.as('owner', slug)));
  for (const client of clients) expect((await client.query('{ tenant { slug } }')).errors).toEqual([]);
  return clients;
}

const codes = async (clients: readonly Pick<TestClient, 'query'>[]) => {
  const answers = await Promise.all(clients.map((client) => client.query('{ tenant { slug } }')));
  return answers.map(({ errors }) => errors[0]?.extensions.code);
};

const refusedEverywhere = (clients: readonly Pick<TestClient, 'query'>[]) =>
  until('every server refuses', async () =>
    (await codes(clients)).every((code) => code === 'TENANT_SUSPENDED'),
  );

const servedEverywhere = (clients: readonly Pick<TestClient, 'query'>[]) =>
  until('every server serves', async () => (await codes(clients)).every((code) => code === undefined));

describe('requests', () => {
  test('are refused over POST and GET, for users and API keys, and served again', async () => {
    const clients = await served('posted');
    const { key } = await insertApiKey(database, 'posted', { createdBy: 'owner|posted' });
    const keys = servers.map((server) => server.withHeaders({ authorization: `Bearer ${key}` }));
    await servedEverywhere(keys);
    await setStatus('posted', 'suspended');
    await refusedEverywhere([...clients, ...keys]);
    for (const [at, server] of servers.entries()) {
      const headers = { authorization: `Bearer ${clients[at]!.token}` };
      const got = await fetch(`${server.url}/graphql?query=${encodeURIComponent('{ tenant { slug } }')}`, {
        headers,
      });
      expect([got.status, await got.text()]).toMatchObject([
        403,
        expect.stringContaining('TENANT_SUSPENDED'),
      ]);
    }
    await setStatus('posted', 'active');
    await servedEverywhere([...clients, ...keys]);
  });

  test('tell members the reason, and nobody else', async () => {
    const [client] = await served('told');
    await setStatus('told', 'suspended', 'The invoice of May is not paid.');
    await refusedEverywhere([client!]);
    const { errors } = await client!.query('{ tenant { slug } }');
    expect(errors[0]).toMatchObject({
      message: 'This tenant is suspended.',
      extensions: { code: 'TENANT_SUSPENDED', reason: 'The invoice of May is not paid.' },
    });
    const { config } = servers[0]!;
    const stranger = issueToken(
      { userId: 'demo|acme|owner', email: 'owner@acme.test', tenantId: 'told' },
      { secret: TEST_SECRET, issuer: config.jwtIssuer, audience: config.jwtAudience },
      60,
    );
    const { errors: toStranger } = await servers[0]!
      .withHeaders({ authorization: `Bearer ${stranger}` })
      .query('{ tenant { slug } }');
    expect(toStranger[0]?.extensions).toEqual({ code: 'FORBIDDEN', requires: 'membership' });
  });

  test('that are under way end with the refusal', async () => {
    const clients = await served('underway');
    const bystander = (await servers[0]!.as('owner', 'globex')).query('{ slowElsewhere(seconds: 0.2) }');
    const asked = clients.map((client) => client.query('{ slowElsewhere(seconds: 100) }'));
    await until('they wait', () => slow.elsewhere.waiting >= 2);
    await setStatus('underway', 'suspended', 'Abuse.');
    for (const { status, errors } of await Promise.all(asked)) {
      expect(status).toBe(403);
      expect(errors).toMatchObject([{ extensions: { code: 'TENANT_SUSPENDED', reason: 'Abuse.' } }]);
    }
    expect((await bystander).errors).toEqual([]);
  });
});

describe('connections', () => {
  const CHANGED = 'subscription { noteChanged { kind id } }';

  test('over WebSocket end, with their subscriptions and requests', async () => {
    const clients = await served('socketed');
    const raw = await Promise.all(servers.map((server, at) => socketClient(server, clients[at]!.token)));
    for (const socket of raw) {
      socket.send({ type: 'subscribe', id: 'slow', payload: { query: '{ slowElsewhere(seconds: 100) }' } });
    }
    const subscribers = servers.map((server, at) => subscriberOf(server, { token: clients[at]!.token }));
    for (const [at, server] of servers.entries())
      await inForce(server, () => subscribers[at]!.subscribe(CHANGED));
    await until('the requests wait', () => slow.elsewhere.waiting >= 2);
    await setStatus('socketed', 'suspended');
    await until('all are closed', () => [...raw, ...subscribers].every(({ closed }) => closed !== undefined));
    for (const { closed } of [...raw, ...subscribers])
      expect(closed).toEqual({ code: 4403, reason: 'TENANT_SUSPENDED: This tenant is suspended.' });
    await until('nothing waits', () => slow.elsewhere.waiting === 0);
  });

  test('with event streams end, and none begins', async () => {
    const clients = await served('streamed');
    const open = await Promise.all(
      servers.map((server, at) => streamed(server, clients[at]!.token, CHANGED)),
    );
    expect(open.map(({ end }) => end)).toEqual([undefined, undefined]);
    await setStatus('streamed', 'suspended');
    await until('the streams end', () => open.every(({ end }) => end !== undefined));
    const again = await streamed(servers[1]!, clients[1]!.token, CHANGED);
    expect(JSON.stringify(again.end, Object.getOwnPropertyNames(again.end))).toMatch(/403/);
  });
});

test('jobs that run are told and taken back, and wait until the tenant is resumed', async () => {
  await createTestTenant(database, 'worked');
  const [server] = servers;
  const { database: opened, plans, moduleContext: context, invalidations } = server!.services;
  let begun = 0;
  let told = 0;
  const work = handlerOf(async ({ signal }) => {
    begun++;
    if (begun > 1) return;
    await aborted(signal);
    told++;
    throw signal.reason;
  });
  const handlers = jobHandlers([{ name: 'test', jobs: { 'test.work': work } }]);
  // So long a lease that only the notification can be what takes the job back.
  const worker = new Worker(
    { database: opened, handlers, plans, context, invalidations },
    { slots: 1, pollMs: 10, leaseMs: 600_000 },
  );
  const db = opened.forTenant({
    tenantId: await database.tenantId('worked'),
    actor: { type: 'user', id: 'owner|worked' },
    requestId: 'test',
  });
  const id = await db.enqueue('test.work', { text: 'long' });
  try {
    worker.start(silent);
    await until('it runs', () => begun === 1);
    await setStatus('worked', 'suspended');
    await until('it is told', () => told === 1);
    await until('it is queued', async () => (await stateOfJob(database, id)) === 'queued');
    expect(await storedJob(database, id)).toMatchObject({ attempt: 0, last_error: null });
    await until('its slot is free', () => worker.running === 0);
    // The worker goes on with other tenants.
    const others = opened.forTenant({
      tenantId: await database.tenantId('globex'),
      actor: { type: 'user', id: 'demo|globex|owner' },
      requestId: 'test',
    });
    const other = await others.enqueue('test.work', { text: 'short' });
    await until('the other one is done', async () => (await stateOfJob(database, other)) === 'succeeded');
    expect(await stateOfJob(database, id)).toBe('queued');
    await setStatus('worked', 'active');
    await until('it is done', async () => (await stateOfJob(database, id)) === 'succeeded');
  } finally {
    await worker.stop(0);
  }
});

test('a message of a webhook that is being sent is given up, and sent when the tenant is resumed', async () => {
  const [client] = await served('hooked');
  const [, server] = servers;
  let isSilent = true;
  const receiver = await startReceiver((_request, response) => {
    if (!isSilent) response.writeHead(204).end();
  });
  const { worker } = server!.services;
  try {
    const made = await client!.query(
      `mutation ($url: String!) { createWebhook(input: { url: $url, events: ["tenant.updated"] }) { webhook { id } } }`,
      { url: receiver.url },
    );
    expect(made.errors).toEqual([]);
    worker.start(silent);
    await client!.query('mutation { updateTenant(input: { name: "Hooked" }) { tenant { id } } }');
    await until('it is being sent', () => receiver.received.length === 1);
    isSilent = false;
    await setStatus('hooked', 'suspended');
    const state = () =>
      database.asSuperuser<{ state: string; attempt: number }>(
        `SELECT state, attempt FROM tenantry.jobs JOIN tenants ON tenants.id = tenant_id
         WHERE slug = 'hooked' AND task = 'webhook.deliver' ORDER BY jobs.id LIMIT 1`,
      );
    await until('it waits', async () => (await state())[0]?.state === 'queued');
    expect(await state()).toEqual([{ state: 'queued', attempt: 0 }]);
    await setStatus('hooked', 'active');
    const delivered = () =>
      database.asSuperuser(
        `SELECT FROM webhook_deliveries d JOIN tenants ON tenants.id = tenant_id
         WHERE slug = 'hooked' AND d.status = 'delivered' AND d.attempts = 1`,
      );
    await until('it is delivered', async () => (await delivered()).length > 0);
  } finally {
    await worker.stop(0);
    await receiver.close();
  }
});

test('a link to an export of the audit log opens nothing', async () => {
  const clients = await served('exported');
  await sealAll(database);
  const url = exportUrl(
    {
      tenantId: await database.tenantId('exported'),
      userId: 'owner|exported',
      format: 'csv',
      expires: Date.now() + 60_000,
    },
    KEYS,
  );
  const download = (server: TestServer) => fetch(server.url + url);
  for (const server of servers) expect((await download(server)).status).toBe(200);
  await setStatus('exported', 'suspended', 'A dispute.');
  await refusedEverywhere(clients);
  for (const server of servers) {
    const refused = await download(server);
    expect([refused.status, await refused.json()]).toMatchObject([
      403,
      { errors: [{ extensions: { code: 'TENANT_SUSPENDED', reason: 'A dispute.' } }] },
    ]);
  }
});
