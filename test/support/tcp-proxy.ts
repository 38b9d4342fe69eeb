import net from 'node:net';

/** A TCP proxy to a server that can interrupt connections without either end noticing. */
export interface TcpProxy {
  /** Returns `url` with the proxy's address. */
  through(url: string): string;
  /** Stops forwarding in both directions. The connections stay open. */
  silence(): void;
  /** Closes all connections, and every new one at once. */
  refuse(): void;
  /** Stops forwarding the server's answers. Requests still arrive. */
  loseAnswers(): void;
  /** Forwards everything that the server sends from now on so many milliseconds later. */
  delayAnswers(milliseconds: number): void;
  /** Resets one of the open connections, as a crashed host does. `number` chooses which. */
  reset(number: number): void;
  /** Stops forwarding on one of the open connections. `number` chooses which. */
  freeze(number: number): void;
  /** On the next new connection, sends `lastWords` after PostgreSQL's first ReadyForQuery and closes the connection. */
  breakNext(lastWords: Buffer): void;
  /** Closes all connections and forwards new ones again. */
  restore(): void;
  close(): Promise<void>;
}

interface Pair {
  readonly client: net.Socket;
  readonly server: net.Socket;
  isFrozen: boolean;
}

const pick = (pairs: ReadonlySet<Pair>, number: number): Pair | undefined =>
  [...pairs][number % Math.max(1, pairs.size)];

/** Whether the data ends with ReadyForQuery outside of a transaction, as the first answer on a new connection does. */
const isReady = (data: Buffer): boolean => data.subarray(-6).equals(Buffer.from('Z\0\0\0\x05I', 'latin1'));

export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<net.Socket>();
  let silent = false;
  let refusing = false;
  let answersLost = false;
  let delay = 0;
  const pairs = new Set<Pair>();
  let lastWords: Buffer | undefined;
  const proxy = net.createServer((client) => {
    if (refusing) {
      client.on('error', () => undefined).destroy();
      return;
    }
    const server = net.connect(Number(port), hostname);
    const pair: Pair = { client, server, isFrozen: false };
    pairs.add(pair);
    let isNew = true;
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (data) => {
        if (silent || pair.isFrozen || (answersLost && from === server)) return;
        if (from === server && delay > 0) setTimeout(() => to.write(data), delay);
        else to.write(data);
        if (from !== server || !isNew || !isReady(data)) return;
        isNew = false;
        if (!lastWords) return;
        to.end(lastWords);
        lastWords = undefined;
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        pairs.delete(pair);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = proxy.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    through(url) {
      const proxied = new URL(url);
      proxied.hostname = '127.0.0.1';
      proxied.port = String(address.port);
      return proxied.toString();
    },
    silence() {
      silent = true;
    },
    refuse() {
      refusing = true;
      for (const socket of sockets) socket.destroy();
    },
    loseAnswers() {
      answersLost = true;
    },
    delayAnswers(milliseconds) {
      delay = milliseconds;
    },
    reset(number) {
      const pair = pick(pairs, number);
      if (!pair) return;
      pairs.delete(pair);
      pair.client.resetAndDestroy();
      pair.server.resetAndDestroy();
    },
    freeze(number) {
      const pair = pick(pairs, number);
      if (pair) pair.isFrozen = true;
    },
    breakNext(words) {
      lastWords = words;
    },
    restore() {
      for (const socket of sockets) socket.destroy();
      silent = answersLost = refusing = false;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
