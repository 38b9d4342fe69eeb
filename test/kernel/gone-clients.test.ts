/**
 * Proves that nothing is kept for a client that has gone while its access was looked up. The end of its connection was
 * announced before anything of its request waited for it.
 */
import { afterEach, expect, test, vi } from 'vitest';
import { RequestsUnderWay } from '../../src/http/requests-under-way.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import { modules } from '../../src/modules.js';
import { Connection } from '../../src/services/subscriptions/connection.js';
import { openRaw } from '../support/raw-connection.js';
import { useServer } from '../support/server.js';
import { streamsAt } from '../support/stream-client.js';
import { until } from '../support/until.js';

const silentModule = defineModule({
  name: 'silent',
  typeDefs: 'extend type Subscription { "Never has an event." silent: Int @authenticated }',
  resolvers: {
    Subscription: {
      silent: {
        subscribe: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) }),
      },
    },
  } as object,
});
const server = useServer({ modules: [...modules, silentModule] });
afterEach(() => {
  vi.restoreAllMocks();
});

/** Sends a GET whose client goes before its access is known, and waits for what happens then. */
async function goDuringLookUp(path: string): Promise<void> {
  const { token } = await server().as('owner', 'acme');
  const { access } = server().services.authentication;
  const resolve = access.resolve.bind(access);
  let isAnnounced = false;
  const announced = new Promise<void>((done) => {
    server().app.server.once('request', (_request, response) => {
      response.once('close', () => {
        isAnnounced = true;
        done();
      });
    });
  });
  let isLookedUp = false;
  vi.spyOn(access, 'resolve').mockImplementationOnce(async (...args) => {
    client.socket.destroy();
    await announced;
    const found = await resolve(...args);
    isLookedUp = true;
    return found;
  });
  const client = await openRaw(server().url);
  const head = [
    `GET ${path} HTTP/1.1`,
    'Host: localhost',
    `Authorization: Bearer ${token}`,
    // Apollo Server's protection against simple requests of browsers.
    'Content-Type: application/json',
  ];
  client.send(`${head.join('\r\n')}\r\n\r\n`);
  await until('the access is known', () => isLookedUp);
  expect(isAnnounced).toBe(true);
}

test('a request ends at once, and is no longer among those under way', async () => {
  const end = vi.fn();
  const begin = vi.spyOn(RequestsUnderWay.prototype, 'begin').mockReturnValue(end);
  await goDuringLookUp(`/graphql?query=${encodeURIComponent('{ me { userId } }')}`);
  await until('the request has begun', () => begin.mock.calls.length > 0);
  expect(begin.mock.calls.map(([{ deadline }]) => deadline.isOver)).toEqual([true]);
  expect(end).toHaveBeenCalledOnce();
});

test('an event stream takes no place among those of its user', async () => {
  const open = vi.spyOn(Connection.prototype, 'open');
  const query = encodeURIComponent('subscription { silent }');
  await goDuringLookUp(`/graphql/stream?query=${query}`);
  await until('the stream is opened', () => open.mock.results.length > 0);
  await Promise.all(open.mock.results.map(({ value }) => value as Promise<void>));
  expect(await streamsAt(server())).toBe(0);
});
