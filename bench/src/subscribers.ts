/**
 * Subscribers and a writer, in a process of their own: each subscriber has a WebSocket, the writer commits changes at a
 * fixed rate in transactions of PostgreSQL, as other servers and programs do. A latency counts from the time at which a
 * change was due, so that a slow server does not slow down the load.
 */
import pg from 'pg';
import WebSocket from 'ws';

export interface LiveOrder {
  readonly origin: string;
  /** One for each subscriber: its token and what it subscribes to. */
  readonly subscribers: readonly { readonly token: string; readonly query: string }[];
  /** Connects as tenantry_app. */
  readonly database: string;
  /** The tenants that change, in turn, each with a member who changes it. */
  readonly tenants: readonly { readonly id: string; readonly userId: string }[];
  /** Changes per second. */
  readonly rate: number;
  /** Seconds of changes that are not measured. */
  readonly rampUp: number;
  readonly seconds: number;
}

export interface LiveReport {
  /** Changes that were committed in the measured time, and how often they were delivered. */
  readonly changes: number;
  readonly delivered: number;
  /** All deliveries between the messages `measuring` and `measured`, late ones of the ramp-up included. */
  readonly told: number;
  /** Deliveries that did not come within ten seconds of the last change, and those that came twice. */
  readonly missing: number;
  readonly doubled: number;
  readonly seconds: number;
  /** From the time at which a change was due to its delivery, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** How late changes were committed after they were due, in milliseconds, p99: what the server has no part in. */
  readonly committedP99: number;
}

export type LiveMessage = 'measuring' | 'measured' | LiveReport;

/** How long deliveries are waited for after the last change. */
const PATIENCE_MS = 10_000;
const WRITERS = 4;
const READY_WITHIN_MS = 120_000;
const BODY = 'Written by the writer of the benchmark: the customer asks for the invoice of last month.';

process.on('message', (order: LiveOrder) => {
  void run(order).then(
    (report) => process.send?.(report),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit());

interface Change {
  readonly dueAt: number;
  readonly measured: boolean;
  /** How many subscribers have heard of it. */
  heard: number;
}

async function run(order: LiveOrder): Promise<LiveReport> {
  const { tenants, rate, rampUp, seconds } = order;
  const changes = new Map<string, Change>();
  const latencies: number[] = [];
  const late: number[] = [];
  const listeners = order.subscribers.length / tenants.length;
  let doubled = 0;
  let told = 0;
  const ready = new Set<WebSocket>();
  const hear = (socket: WebSocket, text: string): void => {
    const now = performance.now();
    const subject = /"subject":"(c\d+|ready)"/.exec(text)?.[1];
    if (subject === 'ready') return void ready.add(socket);
    const change = subject === undefined ? undefined : changes.get(subject);
    if (!change) throw new Error(`A subscriber was told ${text.slice(0, 500)}`);
    told++;
    if (++change.heard > listeners) doubled++;
    if (change.measured) latencies.push(now - change.dueAt);
  };
  const sockets = await openAll(order, hear);
  const pool = new pg.Pool({ connectionString: order.database, max: WRITERS });
  const write = async (number: number, subject: string) => {
    const { id, userId } = tenants[number % tenants.length]!;
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      await client.query("SELECT tenantry.bind($1, $2, 'user', $3, 5000, NULL)", [id, userId, subject]);
      await client.query('INSERT INTO conversations (user_id, body, subject) VALUES ($1, $2, $3)', [
        userId,
        BODY,
        subject,
      ]);
      await client.query('COMMIT');
    } finally {
      client.release();
    }
  };
  const change = async (number: number, dueAt: number, measured: boolean) => {
    changes.set(`c${number}`, { dueAt, measured, heard: 0 });
    await write(number, `c${number}`);
    if (measured) late.push(performance.now() - dueAt);
  };
  // A server acknowledges a connection, not a subscription: every subscriber must have heard of something first.
  for (const deadline = performance.now() + READY_WITHIN_MS; ready.size < sockets.length;) {
    if (performance.now() > deadline) {
      throw new Error(`Only ${ready.size} of ${sockets.length} subscribers are told of changes.`);
    }
    await Promise.all(tenants.map((_tenant, number) => write(number, 'ready')));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }

  const writes: Promise<void>[] = [];
  const began = performance.now();
  const total = Math.round(rate * (rampUp + seconds));
  const first = Math.round(rate * rampUp);
  for (let number = 0; number < total; number++) {
    const dueAt = began + (number * 1000) / rate;
    const wait = dueAt - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    if (number === first) {
      told = 0;
      process.send?.('measuring' satisfies LiveMessage);
    }
    writes.push(change(number, dueAt, number >= first));
  }
  await Promise.all(writes);
  const all = [...changes.values()];
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline && all.some(({ heard }) => heard < listeners)) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  process.send?.('measured' satisfies LiveMessage);
  const took = (performance.now() - began) / 1000 - rampUp;
  for (const socket of sockets) socket.terminate();
  await pool.end();
  const missing = all.reduce((sum, { heard }) => sum + Math.max(0, listeners - heard), 0);
  return {
    changes: total - first,
    delivered: latencies.length,
    told,
    missing,
    doubled,
    seconds: took,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    committedP99: quantile(late, 0.99),
  };
}

const quantile = (values: number[], q: number): number =>
  values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? Number.NaN;

/** Opens the connections, a few at a time, and subscribes on each. */
async function openAll(
  { origin, subscribers }: LiveOrder,
  hear: (socket: WebSocket, text: string) => void,
): Promise<WebSocket[]> {
  const sockets: WebSocket[] = [];
  const waiting = [...subscribers];
  const openSome = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) sockets.push(await open(origin, next, hear));
  };
  await Promise.all(Array.from({ length: 16 }, openSome));
  return sockets;
}

/** By the protocol graphql-transport-ws. */
async function open(
  origin: string,
  { token, query }: LiveOrder['subscribers'][number],
  hear: (socket: WebSocket, text: string) => void,
): Promise<WebSocket> {
  const socket = new WebSocket(`${origin.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', (code, reason) => reject(new Error(`closed: ${code} ${reason.toString()}`)));
    socket.once('open', () =>
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } })),
    );
    socket.on('message', (data: Buffer) => {
      const text = data.toString();
      const { type } = JSON.parse(text) as { type: string };
      if (type === 'connection_ack') {
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }));
        resolve();
      } else if (type === 'ping') socket.send(JSON.stringify({ type: 'pong' }));
      else hear(socket, text);
    });
  });
  return socket;
}
