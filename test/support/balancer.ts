/**
 * A minimal load balancer: round robin over the servers that report ready, with keep-alive connections. It never
 * retries, so a request that a server does not answer fails.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Balancer {
  readonly url: string;
  /** Adds a server, which receives requests while it reports ready. */
  add(url: string): void;
  /** The servers that reported ready at the last probe. */
  readonly ready: readonly string[];
  close(): Promise<void>;
}

interface Server {
  readonly url: string;
  readonly agent: http.Agent;
  ready: boolean;
}

const PROBED_EVERY_MS = 50;

export async function startBalancer(): Promise<Balancer> {
  const servers: Server[] = [];
  let turn = 0;
  const fail = (answer: http.ServerResponse, why: string) => {
    if (!answer.headersSent) answer.writeHead(502);
    answer.end(why);
  };
  const front = http.createServer((request, answer) => {
    const ready = servers.filter((server) => server.ready);
    const server = ready[turn++ % ready.length];
    if (!server) return fail(answer, 'no server is ready');
    const { method = 'GET', url = '/', headers } = request;
    const passedOn = { ...headers };
    delete passedOn.connection;
    const onward = http.request(server.url + url, { method, headers: passedOn, agent: server.agent });
    onward.on('error', (error) => fail(answer, error.message));
    onward.on('response', (response) => {
      const heads = { ...response.headers };
      delete heads.connection;
      delete heads['keep-alive'];
      answer.writeHead(response.statusCode ?? 502, heads);
      response.on('error', (error) => answer.destroy(error));
      response.pipe(answer);
    });
    request.pipe(onward);
  });
  const probe = async (server: Server) => {
    const answer = await fetch(`${server.url}/readyz`).catch(() => undefined);
    await answer?.arrayBuffer();
    server.ready = answer?.status === 200;
  };
  const probes = setInterval(() => void Promise.all(servers.map(probe)), PROBED_EVERY_MS);
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  const { port } = front.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    add(url) {
      servers.push({ url, agent: new http.Agent({ keepAlive: true }), ready: false });
    },
    get ready() {
      return servers.filter(({ ready }) => ready).map(({ url }) => url);
    },
    async close() {
      clearInterval(probes);
      for (const { agent } of servers) agent.destroy();
      front.closeAllConnections();
      await new Promise((resolve) => front.close(resolve));
    },
  };
}
