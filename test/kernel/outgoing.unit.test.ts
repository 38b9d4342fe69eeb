/** Requests to hosts of others: names that change their addresses, and receivers that behave badly. */
import type net from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Outgoing, type OutgoingOptions, type OutgoingRequest } from '../../src/kernel/outgoing/outgoing.js';
import { OutgoingError } from '../../src/kernel/outgoing/outgoing-error.js';
import { startRawReceiver, startReceiver, type Receiver } from '../support/receiver.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function receiver(...args: Parameters<typeof startReceiver>): Promise<Receiver> {
  const started = await startReceiver(...args);
  open.push(started);
  return started;
}

async function rawReceiver(onConnection: (socket: net.Socket) => void): Promise<Omit<Receiver, 'received'>> {
  const started = await startRawReceiver(onConnection);
  open.push(started);
  return started;
}

const REQUEST = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: '{"a":"ü"}',
  withinMs: 60_000,
  answer: 'ignore',
  maxBytes: 65_536,
} as const satisfies Omit<OutgoingRequest, 'url'>;

const send = (url: string, change: Partial<OutgoingRequest> = {}, options: OutgoingOptions = {}) =>
  new Outgoing({ allowed: ['127.0.0.1'], ...options }).send({ ...REQUEST, url, ...change });

async function failure(promise: Promise<unknown>): Promise<OutgoingError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof OutgoingError)) throw new Error('this did not fail as expected', { cause: error });
  return error;
}

describe('a request', () => {
  test('arrives as it was given, and its answer is told', async () => {
    const { url, received } = await receiver((_, response) =>
      response.writeHead(503, { 'retry-after': '7' }).end('busy'),
    );
    const answer = await send(`${url}/in?x=1`, { headers: { 'x-mark': '1' } });
    expect(answer).toMatchObject({ status: 503, body: '' });
    expect(answer.headers['retry-after']).toBe('7');
    expect(received).toMatchObject([
      { method: 'POST', path: '/in?x=1', body: '{"a":"ü"}', headers: { 'x-mark': '1', connection: 'close' } },
    ]);
    expect((await send(url, { answer: 'read' })).body).toBe('busy');
  });

  test('is ended by its signal, at any time', async () => {
    const reason = new Error('stop');
    const stalled = await receiver((request, response) => {
      if (request.path === '/body') response.writeHead(200).write('a');
    });
    for (const path of ['/headers', '/body']) {
      const stop = new AbortController();
      const sent = send(stalled.url + path, { answer: 'read', signal: stop.signal });
      await expect
        .poll(() => stalled.received.some((each) => each.path === path), { timeout: 60_000 })
        .toBe(true);
      stop.abort(reason);
      await expect(sent).rejects.toBe(reason);
    }
    const before = stalled.connections();
    await expect(send(stalled.url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(stalled.connections()).toBe(before);
  });
});

describe('the address that is connected to', () => {
  const named = ({ port }: Receiver, host = 'hooks.test') => `http://${host}:${String(port)}/in`;
  /** http: needs a listed name, which would be resolved by the system. */
  const secure = ({ port }: Receiver, host = 'hooks.test') => `https://${host}:${String(port)}/in`;

  test('is checked for each request: a name that moves inside is refused', async () => {
    const inner = await receiver();
    const answers = [['127.0.0.1'], ['169.254.169.254'], ['10.0.0.1', '::1']];
    const asked: string[] = [];
    const outgoing = new Outgoing({
      allowed: ['127.0.0.1'],
      resolve: (host) => {
        asked.push(host);
        return Promise.resolve(answers.shift() ?? []);
      },
    });
    const attempt = () => failure(outgoing.send({ ...REQUEST, url: secure(inner) }));
    // The connection is made; the receiver speaks no TLS.
    expect((await attempt()).reason).toBe('tls');
    expect(inner.connections()).toBe(1);
    for (let time = 0; time < 3; time++) expect((await attempt()).reason).toBe('no_public_address');
    expect(inner.connections()).toBe(1);
    // One look-up for each request: there is no second one whose answer could be another.
    expect(asked).toEqual(Array.from({ length: 4 }, () => 'hooks.test'));
  });

  test('is one of those that passed, when a name has others as well', async () => {
    const inner = await receiver();
    // 192.0.2.1 is nobody's: connecting to it ends with the time, or without a route.
    const allowed = ['192.0.2.1'];
    const resolve = () => Promise.resolve(['127.0.0.1', '192.0.2.1', '::1']);
    const error = await failure(send(secure(inner), { withinMs: 300 }, { allowed, resolve }));
    expect(['timeout', 'unreachable']).toContain(error.reason);
    expect(inner.connections()).toBe(0);
    const reached = () => Promise.resolve(['169.254.169.254', '127.0.0.1']);
    expect((await failure(send(secure(inner), {}, { resolve: reached }))).reason).toBe('tls');
    expect(inner.connections()).toBe(1);
  });

  test.each(['127.0.0.1', '::1', '::ffff:127.0.0.1', '::127.0.0.1', '64:ff9b::127.0.0.1', '2002:7f00:1::'])(
    'is never %s without a list',
    async (address) => {
      const inner = await receiver();
      const resolve = () => Promise.resolve([address]);
      for (const host of ['hooks.test', 'localhost', 'localhost.']) {
        const error = await failure(send(secure(inner, host), {}, { allowed: [], resolve }));
        expect(error.reason).toBe('no_public_address');
      }
      expect(inner.connections()).toBe(0);
    },
  );

  test('is not an address of this machine, public or not', async () => {
    const ownAddresses = () => ['93.184.216.34', '2606:4700:4700:0:0:0:0:1111'];
    for (const host of ['93.184.216.34', '[2606:4700:4700::1111]']) {
      expect((await failure(send(`https://${host}/`, {}, { ownAddresses }))).reason).toBe(
        'no_public_address',
      );
    }
    const resolve = () => Promise.resolve(ownAddresses());
    expect((await failure(send('https://hooks.test/', {}, { ownAddresses, resolve }))).reason).toBe(
      'no_public_address',
    );
  });

  test('may be any when the name itself is listed', async () => {
    const inner = await receiver();
    expect((await send(named(inner, 'localhost'), {}, { allowed: ['localhost'] })).status).toBe(204);
    expect(inner.received[0]?.headers['host']).toBe(`localhost:${String(inner.port)}`);
  });

  test('says nothing about which names exist inside', async () => {
    const inside = await failure(
      send('https://a.internal/', {}, { resolve: () => Promise.resolve(['10.0.0.1']) }),
    );
    const nowhere = await failure(
      send('https://b.internal/', {}, { resolve: () => Promise.reject(new Error('ENOTFOUND')) }),
    );
    expect([inside.reason, inside.message]).toEqual([nowhere.reason, nowhere.message]);
  });
});

describe('a receiver', () => {
  test('that redirects is not followed', async () => {
    const secret = await receiver();
    for (const status of [301, 302, 303, 307, 308]) {
      const { url } = await receiver((_, response) =>
        response.writeHead(status, { location: `${secret.url}/secret` }).end(),
      );
      expect((await send(url)).status).toBe(status);
    }
    expect(secret.connections()).toBe(0);
  });

  test('that accepts and says nothing costs no more than the limit of time', async () => {
    const { url } = await rawReceiver(() => undefined);
    expect((await failure(send(url, { withinMs: 200 }))).reason).toBe('timeout');
  });

  test('whose name servers say nothing costs no more either', async () => {
    const resolve = () => new Promise<never>(() => undefined);
    const error = await failure(send('https://hooks.test/', { withinMs: 200 }, { resolve }));
    expect(error.reason).toBe('timeout');
  });

  /** Sends one byte after the other for as long as the connection is open. */
  const drip = (socket: net.Socket, start: string, bytes: string) => {
    socket.write(start);
    const timer = setInterval(() => socket.write(bytes), 5);
    socket.on('close', () => clearInterval(timer));
  };

  test('that drips its headers is cut off', async () => {
    const { url } = await rawReceiver((socket) => drip(socket, 'HTTP/1.1 200 OK\r\nx-slow: ', 'a'));
    expect((await failure(send(url, { withinMs: 300 }))).reason).toBe('timeout');
  });

  test('that drips its body has answered, when the body is ignored', async () => {
    const start = 'HTTP/1.1 202 Accepted\r\ncontent-length: 1000000\r\n\r\n';
    const { url } = await rawReceiver((socket) => drip(socket, start, 'a'));
    // Its headers have to arrive in time.
    expect((await send(url, { withinMs: 5_000 })).status).toBe(202);
    expect((await failure(send(url, { withinMs: 300, answer: 'read' }))).reason).toBe('timeout');
  });

  test('that drips answers before the answer is cut off', async () => {
    const { url } = await rawReceiver((socket) => drip(socket, '', 'HTTP/1.1 102 Processing\r\n\r\n'));
    expect((await failure(send(url, { withinMs: 300 }))).reason).toBe('timeout');
  });

  test('that resets the connection is unreachable', async () => {
    const { url } = await rawReceiver((socket) => socket.on('data', () => socket.resetAndDestroy()));
    expect((await failure(send(url))).reason).toBe('unreachable');
    // No server listens on this port.
    expect((await failure(send('http://127.0.0.1:1/'))).reason).toBe('unreachable');
  });

  test.each(['ignore', 'read'] as const)('that answers 2 GB is cut off (%s)', async (answer) => {
    let sent = 0;
    const { url } = await receiver((_, response) => {
      response.writeHead(200, { 'content-length': String(2 ** 31) });
      const chunk = Buffer.alloc(65_536, 'a');
      const more = (): void => {
        while (!response.destroyed && sent < 2 ** 31) {
          sent += chunk.length;
          if (!response.write(chunk)) {
            response.once('drain', more);
            return;
          }
        }
      };
      more();
    });
    if (answer === 'ignore') expect(await send(url)).toMatchObject({ status: 200, body: '' });
    else expect((await failure(send(url, { answer }))).reason).toBe('too_large');
    // What the sockets of both sides hold.
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  test('that sends endless headers is cut off', async () => {
    const { url } = await rawReceiver((socket) =>
      socket.write(`HTTP/1.1 200 OK\r\n${'x-long: aaaaaaaaaaaaaaaa\r\n'.repeat(10_000)}\r\n`),
    );
    expect((await failure(send(url))).reason).toBe('bad_answer');
  });

  test.each([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 'bad_answer'],
    ['the end of the connection', '', 'unreachable'],
    [
      'an upgrade',
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
      'bad_answer',
    ],
  ])('that answers with %s has not answered', async (_name, bytes, reason) => {
    const { url } = await rawReceiver((socket) => socket.once('data', () => socket.end(bytes)));
    expect((await failure(send(url))).reason).toBe(reason);
  });

  test('is in no error: neither its URL nor what it says', async () => {
    const { url } = await rawReceiver((socket) =>
      socket.once('data', () => socket.end('root:x:0:0:secret\n')),
    );
    const error = await failure(send(`${url}/token-in-the-path`));
    expect(error.message).not.toMatch(/token-in-the-path|127\.0\.0\.1|root|secret/);
  });
});
