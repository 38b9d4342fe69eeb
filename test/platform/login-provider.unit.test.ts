/** Proves how the server asks the identity provider where users log in: rarely, without waiting twice, and without trust. */
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { loginAt } from '../../src/http/identity-provider.js';
import { startReceiver, type Receiver } from '../support/receiver.js';

const CLIENT = { clientId: 'dashboard', audience: 'https://api.tenantry.test', scope: 'openid' };
const MINUTE_MS = 60_000;

let provider: Receiver;
let answer: (response: ServerResponse) => void;
let problems: string[];
let login: ReturnType<typeof loginAt>;
const says = (more: Record<string, string> = {}) =>
  JSON.stringify({
    issuer: provider.url,
    authorization_endpoint: `${provider.url}/auth`,
    token_endpoint: `${provider.url}/token`,
    ...more,
  });
const away = (response: ServerResponse) => response.writeHead(503).end('secret');

beforeEach(async () => {
  provider = await startReceiver((_, response) => answer(response));
  problems = [];
  login = loginAt(provider.url, CLIENT, (error) => problems.push((error as Error).message));
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await provider.close();
});

test('an answer is kept for minutes, and used until there is a newer one', async () => {
  answer = (response) => response.end(says());
  const first = await login();
  expect(first).toEqual({
    ...CLIENT,
    authorizationEndpoint: `${provider.url}/auth`,
    tokenEndpoint: `${provider.url}/token`,
    endSessionEndpoint: undefined,
  });
  expect(await Promise.all([login(), login()])).toEqual([first, first]);
  expect(provider.received).toHaveLength(1);

  vi.advanceTimersByTime(6 * MINUTE_MS);
  answer = () => undefined;
  expect(await login()).toEqual(first);
  await expect.poll(() => provider.received.length).toBe(2);
});

test('a provider that is away is asked once by those who come together, and again after a second', async () => {
  answer = away;
  const asked = await Promise.allSettled([login(), login(), login()]);
  expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  await expect(login()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(provider.received).toHaveLength(1);

  vi.advanceTimersByTime(1_000);
  answer = (response) => response.end(says());
  expect(await login()).toMatchObject(CLIENT);
  expect(provider.received).toHaveLength(2);
});

test.each([
  ['the status 503', away],
  ['did not answer with JSON', (response) => response.end('root:x:0:0')],
  ['has another name', (response) => response.end(says({ issuer: 'https://evil.example' }))],
  ['did not say where', (response) => response.end(says({ authorization_endpoint: 'javascript:alert(1)' }))],
] satisfies [string, typeof answer][])('an answer is refused, and not shown: %s', async (problem, given) => {
  answer = given;
  await expect(login()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(problems).toEqual([expect.stringContaining(problem)]);
  expect(problems.join()).not.toMatch(/secret|root|evil|alert/);
});
