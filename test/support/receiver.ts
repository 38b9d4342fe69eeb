/** HTTP servers on this machine to which requests of the server under test go: well-behaved ones, and hostile ones. */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import net from 'node:net';

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Receiver {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
  /** What has arrived, in its order. */
  readonly received: readonly ReceivedRequest[];
  /** How many connections were opened. */
  readonly connections: () => number;
  close(): Promise<void>;
}

/** @param answer answers a request whose body has been read; default: 204 */
export async function startReceiver(
  answer: (request: ReceivedRequest, response: Parameters<RequestListener>[1]) => void = (_, response) =>
    response.writeHead(204).end(),
): Promise<Receiver> {
  const received: ReceivedRequest[] = [];
  const server = createServer((request, response) => {
    void read(request).then(
      (each) => {
        received.push(each);
        answer(each, response);
      },
      // The client has given up in the middle of a request.
      () => undefined,
    );
  });
  return { ...(await listening(server)), received };
}

/** A server that does with each connection whatever it likes. */
export async function startRawReceiver(
  onConnection: (socket: net.Socket) => void,
): Promise<Omit<Receiver, 'received'>> {
  return listening(
    net.createServer((socket) => {
      socket.on('error', () => undefined);
      onConnection(socket);
    }),
  );
}

async function read(request: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers as Record<string, string>,
    body: Buffer.concat(chunks).toString('utf8'),
  };
}

async function listening(server: net.Server): Promise<Omit<Receiver, 'received'>> {
  const sockets = new Set<net.Socket>();
  let connections = 0;
  server.on('connection', (socket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    port,
    connections: () => connections,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
