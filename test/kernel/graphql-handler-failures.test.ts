/**
 * Proves that failures of requests which Apollo Server executes without its HTTP layer are answered, logged and counted as with
 * it; that requests on one connection are answered in order whichever way they go; and that what decides it is bounded.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LONGEST_REMEMBERED } from '../../src/http/remembering.js';
import { RequestsUnderWay } from '../../src/http/requests-under-way.js';
import { PublicError, rateLimited } from '../../src/kernel/vocabulary/errors.js';
import { DocumentReader } from '../../src/services/documents/document-reader.js';
import { asks, newAccept, useBothWays } from '../support/both-ways.js';
import { SECRET } from '../support/faulty-server.js';
import { openRaw } from '../support/raw-connection.js';

const { server, send, sendBothWays, throughLayer } = useBothWays();

test('HTTP/1.0 without a Host is answered through the layer, too', async () => {
  const { token } = await server().as('viewer', 'acme');
  const body = JSON.stringify(asks('{ me { role } }'));
  const head = [
    'POST /graphql HTTP/1.0',
    `Authorization: Bearer ${token}`,
    `Accept: ${newAccept()}`,
    'Content-Type: application/json',
    `Content-Length: ${String(body.length)}`,
  ];
  for (const layers of [1, 0]) {
    throughLayer.count = 0;
    const connection = await openRaw(server().url);
    connection.send(`${head.join('\r\n')}\r\n\r\n${body}`);
    await connection.closed;
    expect([connection.received.split('\r\n', 1)[0], throughLayer.count]).toEqual([
      'HTTP/1.1 200 OK',
      layers,
    ]);
  }
});

test('pipelined requests of both ways are answered in order', async () => {
  const { token } = await server().as('viewer', 'acme');
  const known = newAccept();
  await send({ body: asks('{ __typename }'), accept: known });
  const request = (accept: string, body: string): string =>
    [
      'POST /graphql HTTP/1.1',
      'Host: localhost',
      `Authorization: Bearer ${token}`,
      `Accept: ${accept}`,
      'Content-Type: application/json',
      `Content-Length: ${String(body.length)}`,
      '',
      body,
    ].join('\r\n');
  const named = (name: string): string => JSON.stringify(asks(`{ ${name}: __typename }`));
  const connection = await openRaw(server().url);
  throughLayer.count = 0;
  connection.send(
    request(newAccept(), named('first')) +
      request(known, named('second')) +
      request(known, '[]') +
      request(known, named('fourth')),
  );
  await connection.says('fourth');
  connection.socket.destroy();
  expect(connection.received.match(/first|second|batching|fourth/g)).toEqual([
    'first',
    'second',
    'batching',
    'fourth',
  ]);
  expect(throughLayer.count).toBe(2);
});

describe('what is remembered is bounded', () => {
  const goesThroughLayer = async (accept: string): Promise<boolean> => {
    throughLayer.count = 0;
    await send({ body: asks('{ __typename }'), accept });
    return throughLayer.count === 1;
  };

  test('in its length', async () => {
    const longest = newAccept().padEnd(LONGEST_REMEMBERED, 'x');
    expect([await goesThroughLayer(longest), await goesThroughLayer(longest)]).toEqual([true, false]);
    const tooLong = newAccept().padEnd(LONGEST_REMEMBERED + 1, 'x');
    expect([await goesThroughLayer(tooLong), await goesThroughLayer(tooLong)]).toEqual([true, true]);
  });

  test('in its number', async () => {
    const first = newAccept();
    await goesThroughLayer(first);
    expect(await goesThroughLayer(first)).toBe(false);
    for (let n = 0; n < 100; n++) await goesThroughLayer(newAccept());
    expect(await goesThroughLayer(first)).toBe(true);
  });
});

describe('a failure', () => {
  let errors: unknown[] = [];
  beforeEach(() => {
    errors = [];
    const { log } = server().app;
    // Of the logs of all requests.
    const child = log.child.bind(log);
    vi.spyOn(log, 'child').mockImplementation((...args) => recording(child(...args)));
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  function recording(log: ReturnType<typeof server>['app']['log']): typeof log {
    const child = log.child.bind(log);
    return Object.assign(Object.create(log) as typeof log, {
      child: (...args: Parameters<typeof child>) => recording(child(...args)),
      error: (details: { readonly err?: unknown }) => errors.push(details.err),
    });
  }

  const seen = (code: string): number => server().services.leaving.codes.get(code) ?? 0;

  test('of a step of Apollo Server is answered, logged and counted once each way', async () => {
    const before = seen('INTERNAL_SERVER_ERROR');
    const { inFull, plain } = await sendBothWays({ body: asks('{ me { userId } }') }, () => {
      vi.spyOn(DocumentReader.prototype, 'read').mockImplementationOnce(() => {
        throw new Error(SECRET);
      });
    });
    expect(plain).toEqual(inFull);
    expect(plain).toMatchObject({ status: 500, body: expect.not.stringContaining(SECRET) as string });
    expect(errors.map(String)).toEqual([`Error: ${SECRET}`, `Error: ${SECRET}`]);
    expect(seen('INTERNAL_SERVER_ERROR') - before).toBe(2);
  });

  test('of the budget has the same Retry-After each way', async () => {
    const { inFull, plain } = await sendBothWays({ body: asks('{ me { userId } }') }, () => {
      vi.spyOn(server().services.rates, 'reserve').mockImplementationOnce(() => {
        throw rateLimited('Too much.', 7);
      });
    });
    expect(plain).toEqual(inFull);
    expect(plain.status).toBe(429);
    expect(plain.headers).toMatchObject({ 'retry-after': '7' });
  });

  test('to be in time is answered 504 each way', async () => {
    const body = asks('{ members(first: 1) { nodes { userId } } }');
    const { inFull, plain } = await sendBothWays({ body }, () => {
      vi.spyOn(RequestsUnderWay.prototype, 'begin').mockImplementationOnce(({ deadline }) => {
        deadline.cancel();
        return () => undefined;
      });
    });
    expect(plain).toEqual(inFull);
    expect(plain.status).toBe(504);
  });

  test.each([
    ['a defect', new Error(SECRET), 500, 'INTERNAL_SERVER_ERROR', 2],
    ['expected', new PublicError('UNAVAILABLE', 'Try again.', { retryAfter: 3 }), 503, 'UNAVAILABLE', 0],
  ])(
    'of the context that is %s is answered, logged and counted the same',
    async (_what, error, status, code, logged) => {
      const before = seen(code);
      const { inFull, plain } = await sendContextFailures(error);
      expect(plain).toEqual(inFull);
      expect(plain).toMatchObject({ status, body: expect.not.stringContaining(SECRET) as string });
      expect([errors.length, seen(code) - before]).toEqual([logged, 2]);
    },
  );

  /** As {@link sendBothWays}, but no request that fails so early gets to the layer. */
  async function sendContextFailures(error: Error) {
    const accept = newAccept();
    const failing = async () => {
      vi.spyOn(RequestsUnderWay.prototype, 'begin').mockImplementationOnce(() => {
        throw error;
      });
      return send({ body: asks('{ me { userId } }'), accept });
    };
    const inFull = await failing();
    await send({ body: asks('{ __typename }'), accept });
    return { inFull, plain: await failing() };
  }
});
