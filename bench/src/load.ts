/**
 * Generates the load, in a process of its own: N connections, each with one open request at a time. The parent process
 * sends an order and receives a report. The status of every answer is checked, and whether it has errors.
 */
import { Client, type Dispatcher } from 'undici';

export interface LoadOrder {
  readonly origin: string;
  readonly connections: number;
  /** Seconds of load before the measured time, in which connections are opened and caches are filled. */
  readonly rampUp: number;
  readonly seconds: number;
  /** The requests, sent in this order and then from the start again. */
  readonly requests: readonly LoadRequest[];
  /** True when each answer must have errors, false when none may. */
  readonly errors: boolean;
}

export interface LoadRequest {
  readonly token: string;
  readonly body: string;
}

export interface LoadReport {
  /** The number of right answers, including those of the ramp-up. */
  readonly acknowledged: number;
  /** The following fields count the measured time only. Latencies are in milliseconds. */
  readonly requests: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly bytesPerAnswer: number;
  /** Answers with a status other than 200, with unexpected errors, or without expected ones. */
  readonly wrong: number;
  readonly firstWrong: string | undefined;
}

/** Sent when the measured time begins and ends, so that the parent can read what the server has used so far. */
export type LoadMessage = 'measuring' | 'measured' | LoadReport;

process.on('message', (order: LoadOrder) => {
  void run(order).then(
    (report) => process.send?.(report),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit());

async function run(order: LoadOrder): Promise<LoadReport> {
  const latencies: number[] = [];
  let acknowledged = 0;
  let wrong = 0;
  let bytes = 0;
  let firstWrong: string | undefined;
  let next = 0;
  let measuring = false;
  let stopped = false;

  const one = async (client: Client): Promise<void> => {
    const { token, body } = order.requests[next++ % order.requests.length]!;
    const began = performance.now();
    const answer = await send(client, token, body);
    const ended = performance.now();
    const right = answer.status === 200 && answer.body.includes('"errors"') === order.errors;
    if (right) acknowledged++;
    else {
      wrong++;
      firstWrong ??= `${answer.status} ${answer.body.toString('utf8', 0, 500)}`;
    }
    if (measuring && right) {
      latencies.push(ended - began);
      bytes += answer.body.length;
    }
  };
  const clients = Array.from(
    { length: order.connections },
    () => new Client(order.origin, { pipelining: 1 }),
  );
  const loops = clients.map(async (client) => {
    while (!stopped) await one(client);
  });
  const failed = Promise.all(loops);
  const pause = (seconds: number) =>
    Promise.race([new Promise((resolve) => setTimeout(resolve, seconds * 1000)), failed]);

  try {
    await pause(order.rampUp);
    process.send?.('measuring' satisfies LoadMessage);
    measuring = true;
    const began = performance.now();
    await pause(order.seconds);
    measuring = false;
    const seconds = (performance.now() - began) / 1000;
    process.send?.('measured' satisfies LoadMessage);
    stopped = true;
    await failed;
    latencies.sort((a, b) => a - b);
    const quantile = (q: number) =>
      latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))] ?? NaN;
    return {
      acknowledged,
      requests: latencies.length,
      seconds,
      p50: quantile(0.5),
      p99: quantile(0.99),
      bytesPerAnswer: bytes / latencies.length,
      wrong,
      firstWrong,
    };
  } finally {
    stopped = true;
    await Promise.all(clients.map((client) => client.destroy()));
  }
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

function send(client: Client, token: string, body: string): Promise<Answer> {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    authorization: `Bearer ${token}`,
  };
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let status = 0;
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: () => undefined,
      onResponseStart: (_controller, statusCode) => void (status = statusCode),
      onResponseData: (_controller, chunk) => void chunks.push(chunk),
      onResponseEnd: () =>
        resolve({ status, body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks) }),
      onResponseError: (_controller, error) => reject(error),
    };
    client.dispatch({ path: '/graphql', method: 'POST', headers, body }, handler);
  });
}
