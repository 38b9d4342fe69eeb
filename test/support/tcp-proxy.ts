import net from 'node:net';

/** A wire to a server that can be cut without either end noticing. */
export interface TcpProxy {
  /** `url` with the proxy's address. */
  through(url: string): string;
  /** From now on nothing passes in either direction; the connections stay open. */
  silence(): void;
  /** From now on what the server answers is lost; what it is sent arrives. */
  loseAnswers(): void;
  /** New connections pass again. */
  restore(): void;
  close(): Promise<void>;
}

export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<net.Socket>();
  let silent = false;
  let answersLost = false;
  const proxy = net.createServer((client) => {
    const server = net.connect(Number(port), hostname);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (data) => {
        if (!silent && !(answersLost && from === server)) to.write(data);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
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
    loseAnswers() {
      answersLost = true;
    },
    restore() {
      for (const socket of sockets) socket.destroy();
      silent = answersLost = false;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
