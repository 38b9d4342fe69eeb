/**
 * Proves that a caller who was refused a moment ago is refused in front of all other steps, with the same answer; and that
 * nobody else is, nor the caller when there is no reason any more.
 */
import http from 'node:http';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { insertApiKey } from '../support/rows.js';
import { startTestServer, useServer } from '../support/server.js';
import { until } from '../support/until.js';

const server = useServer();
const QUERY = JSON.stringify({ query: '{ members { totalCount } }' });

let busy: string;
let admitted: { readonly mock: { readonly calls: unknown[] } };
let isBusy: boolean;
beforeEach(async () => {
  const acme = await server().database.tenantId('acme');
  // A new one for each test: credentials are remembered.
  busy = (await insertApiKey(server().database, 'acme')).key;
  isBusy = true;
  vi.spyOn(server().services.database.gate, 'isOverloaded').mockImplementation(
    (tenantId) => isBusy && tenantId === acme,
  );
  // Each request that goes through the usual steps is counted.
  admitted = vi.spyOn(server().services.rates, 'admit');
});
afterEach(() => {
  vi.restoreAllMocks();
});

const post = (token: string, headers: Record<string, string> = {}, path = '/graphql') =>
  fetch(`${server().url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body: QUERY,
  });

/** Sends a request, and tells whether it went through the usual steps. */
async function isAdmitted(send: () => Promise<Response>): Promise<boolean> {
  const before = admitted.mock.calls.length;
  await (await send()).arrayBuffer();
  return admitted.mock.calls.length > before;
}

/** Refuses the caller until it is done early: on a slow machine the caller may be forgotten before the next request. */
const refuseEarly = (token: string) =>
  until('the caller is refused early', async () => !(await isAdmitted(() => post(token))));

/** Of the usual steps alone: the time, how the caller stands, and what only matters to a page of another origin. */
const OTHERS: ReadonlySet<string> = new Set([
  'date',
  'ratelimit',
  'ratelimit-policy',
  'access-control-expose-headers',
]);

test.each([
  ['JSON', 'application/json'],
  ['the media type of GraphQL', 'application/graphql-response+json'],
])('the answer is that of the usual steps, as %s', async (_name, accept) => {
  const told = async () => {
    const answer = await post(busy, { accept, 'x-request-id': 'mine' });
    const headers = [...answer.headers].filter(([name]) => !OTHERS.has(name));
    return { status: answer.status, headers, body: (await answer.json()) as unknown };
  };
  const usual = await told();
  expect(usual.status).toBe(429);
  expect(admitted.mock.calls).toHaveLength(1);
  await until('it is told early', async () => {
    await refuseEarly(busy);
    const { count } = server().services.shedding;
    const before = admitted.mock.calls.length;
    expect(await told()).toEqual(usual);
    expect(server().services.shedding.count).toBe(count + 1);
    return admitted.mock.calls.length === before;
  });
  expect(server().services.leaving.codes.get('RATE_LIMITED')).toBeGreaterThanOrEqual(3);
});

test('many refusals on one connection leave it usable', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const send = () =>
    new Promise<number>((resolve, reject) => {
      const headers = { authorization: `Bearer ${busy}`, 'content-type': 'application/json' };
      const request = http.request(`${server().url}/graphql`, { method: 'POST', agent, headers });
      request.on('error', reject).on('response', (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode!));
      });
      request.end(QUERY);
    });
  const statuses = [];
  for (let each = 0; each < 20; each++) statuses.push(await send());
  expect(statuses).toEqual(Array(20).fill(429));
  isBusy = false;
  expect(await send()).toBe(200);
  agent.destroy();
});

test('nobody else is refused', async () => {
  await refuseEarly(busy);
  const calm = (await server().as('owner', 'globex')).token;
  expect((await post(calm)).status).toBe(200);
  const colleague = (await insertApiKey(server().database, 'acme')).key;
  expect(await isAdmitted(() => post(colleague))).toBe(true);
  expect((await post(busy, { host: 'globex.localhost' })).status).not.toBe(200);
});

test('the caller is served as soon as there is no reason, and a credential is verified before', async () => {
  const { id, key } = await insertApiKey(server().database, 'acme');
  for (const token of [busy, key]) await refuseEarly(token);
  await server().database.asSuperuser('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [id]);
  isBusy = false;
  expect((await post(busy)).status).toBe(200);
  await until('the key is refused', async () => (await post(key)).status === 401);
});

test('what needs more than this answer takes the usual steps', async () => {
  await refuseEarly(busy);
  expect(await isAdmitted(() => post(busy, { origin: 'https://app.example.com' }))).toBe(true);
  expect(await isAdmitted(() => post(busy, {}, '/graphql/'))).toBe(true);
  expect(
    await isAdmitted(() =>
      fetch(`${server().url}/graphql?query={__typename}`, { headers: { authorization: `Bearer ${busy}` } }),
    ),
  ).toBe(true);
});

test('a draining server still closes connections', async () => {
  const draining = await startTestServer({ database: server().database });
  vi.spyOn(draining.services.database.gate, 'isOverloaded').mockReturnValue(true);
  const send = () =>
    fetch(`${draining.url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${busy}`, 'content-type': 'application/json' },
      body: QUERY,
    });
  await (await send()).arrayBuffer();
  draining.drain.begin();
  const answer = await send();
  await answer.arrayBuffer();
  expect(answer.headers.get('connection')).toBe('close');
  await draining.close();
});
