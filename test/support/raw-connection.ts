/** A TCP connection on which the test controls every byte. */
import { connect, type Socket } from 'node:net';

export interface RawConnection {
  readonly socket: Socket;
  /** Everything received so far. */
  readonly received: string;
  /** Resolves when either side has closed the connection. */
  readonly closed: Promise<void>;
  send(text: string): void;
  /** Resolves when the received text contains `text`. Rejects when the connection ends without it. */
  says(text: string): Promise<void>;
}

/** Opens a connection. With `paused` it reads nothing, so the server's output stays unsent. */
export async function openRaw(url: string, { paused = false } = {}): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  let received = '';
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  // Tests judge by what was received, so the error is not needed.
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

/** Sends a request and reads until the server closes the connection. */
export async function exchange(url: string, request: string): Promise<{ head: string; body: string }> {
  const connection = await openRaw(url);
  connection.send(request);
  connection.socket.setTimeout(30_000, () => connection.socket.destroy());
  await connection.closed;
  const end = connection.received.indexOf('\r\n\r\n');
  return { head: connection.received.slice(0, end), body: connection.received.slice(end + 4) };
}
