/** A connection whose every byte the test decides on. */
import { connect, type Socket } from 'node:net';

export interface RawConnection {
  readonly socket: Socket;
  /** Everything that has come so far. */
  readonly received: string;
  /** Resolves when the connection is closed, by whomever. */
  readonly closed: Promise<void>;
  send(text: string): void;
  /** Resolves when what has come so far contains `text`; rejects when the connection ends without it. */
  says(text: string): Promise<void>;
}

/** Opens a connection. Paused, it reads nothing: what the server sends stays with the server. */
export async function openRaw(url: string, { paused = false } = {}): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  let received = '';
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  // How it ended is told by what has come.
  socket.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  if (!paused) socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
  return {
    socket,
    closed,
    get received() {
      return received;
    },
    send: (text) => void socket.write(text, 'latin1'),
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (received.includes(text)) resolve();
        };
        look();
        socket.on('data', look);
        void closed.then(() => reject(new Error(`no ${text} in ${received}`)));
      }),
  };
}

/** Sends a request and reads until the server closes. */
export async function exchange(url: string, request: string): Promise<{ head: string; body: string }> {
  const connection = await openRaw(url);
  connection.send(request);
  connection.socket.setTimeout(30_000, () => connection.socket.destroy());
  await connection.closed;
  const end = connection.received.indexOf('\r\n\r\n');
  return { head: connection.received.slice(0, end), body: connection.received.slice(end + 4) };
}
