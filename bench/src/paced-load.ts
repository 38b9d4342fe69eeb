/**
 * Load that does not wait for answers, in a process of its own: requests are sent at a fixed rate, as by many clients who
 * do not know of each other. A latency counts from the time at which the request was due, so that a slow server does not
 * slow down the load. Told by messages what to send; answers with what came back.
 */
import { setPriority } from 'node:os';
import { Agent, type Dispatcher } from 'undici';
import type { LoadRequest } from './load.js';

export interface PacedOrder {
  readonly origin: string;
  /** The requests, taken in turns. */
  readonly requests: readonly LoadRequest[];
  /** Requests per second. */
  readonly rate: number;
  /** Not measured, in seconds. */
  readonly rampUp: number;
  readonly seconds: number;
  /** An answer that comes later than this, in milliseconds, is worth nothing to its client. */
  readonly patience: number;
}

export interface PacedReport {
  /** Per second, of the measured time. */
  readonly offered: number;
  /** Right and in time, per second. */
  readonly goodput: number;
  /** Refused by 429 or 503, per second. */
  readonly refused: number;
  /** Neither: late, wrong, or no answer, per second. */
  readonly failed: number;
  /** Of right answers, the late ones included, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Of refusals. */
  readonly refusedP50: number;
  readonly refusedP99: number;
  readonly firstFailure: string | undefined;
  /** How late requests were sent, in milliseconds, p99: if it is much, the load generator has measured itself. */
  readonly lag: number;
  /** The longest time of a probe of `/healthz`, in milliseconds, and how many failed. */
  readonly probeMax: number;
  readonly probesFailed: number;
}

interface Outcome {
  readonly kind: 'good' | 'late' | 'refused' | 'failed';
  readonly ms: number;
  readonly told?: string;
}

const PROBE_EVERY_MS = 200;
/** After this nobody waits for an answer any more. */
const GIVE_UP_MS = 30_000;
const CONNECTIONS = 1_024;

try {
  // A load generator that waits for the processor measures itself.
  setPriority(-10);
} catch {
  // Only root may.
}

process.on('message', (order: PacedOrder) => {
  void run(order).then(
    (report) => process.send?.(report),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit());

async function run(order: PacedOrder): Promise<PacedReport> {
  const { origin, requests, rate, rampUp, seconds, patience } = order;
  const agent = new Agent({
    connections: CONNECTIONS,
    pipelining: 1,
    keepAliveTimeout: GIVE_UP_MS,
    headersTimeout: GIVE_UP_MS,
    bodyTimeout: GIVE_UP_MS,
  });
  await connect(agent, origin);
  const outcomes: Outcome[] = [];
  const open = new Set<Promise<void>>();
  const began = performance.now();
  const measuredFrom = began + rampUp * 1_000;
  const until = measuredFrom + seconds * 1_000;
  const probes = probe(origin, measuredFrom, until);
  const lags: number[] = [];
  let sent = 0;
  for (let now = began; now < until; now = performance.now()) {
    for (let due = began + (sent * 1_000) / rate; due <= now && due < until; due += 1_000 / rate) {
      const dueAt = due;
      lags.push(performance.now() - dueAt);
      const answered = send(agent, origin, requests[sent++ % requests.length]!, dueAt, patience).then(
        (outcome) => {
          open.delete(answered);
          if (dueAt >= measuredFrom) outcomes.push(outcome);
        },
      );
      open.add(answered);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(open);
  await agent.close();
  const of = (kind: Outcome['kind']) => outcomes.filter((outcome) => outcome.kind === kind);
  const times = (...kinds: Outcome['kind'][]) =>
    kinds.flatMap((kind) => of(kind).map(({ ms }) => ms)).sort((a, b) => a - b);
  const right = times('good', 'late');
  const refused = times('refused');
  return {
    offered: outcomes.length / seconds,
    goodput: of('good').length / seconds,
    refused: refused.length / seconds,
    failed: (of('failed').length + of('late').length) / seconds,
    p50: quantile(right, 0.5),
    p99: quantile(right, 0.99),
    refusedP50: quantile(refused, 0.5),
    refusedP99: quantile(refused, 0.99),
    firstFailure: of('failed')[0]?.told,
    lag: quantile(
      lags.sort((a, b) => a - b),
      0.99,
    ),
    ...(await probes),
  };
}

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? NaN;

async function send(
  agent: Agent,
  origin: string,
  { token, body }: LoadRequest,
  dueAt: number,
  patience: number,
): Promise<Outcome> {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    authorization: `Bearer ${token}`,
  };
  const options: Dispatcher.RequestOptions = { origin, path: '/graphql', method: 'POST', headers, body };
  try {
    const answer = await agent.request(options);
    const text = await answer.body.text();
    const ms = performance.now() - dueAt;
    if (answer.statusCode === 429 || answer.statusCode === 503) return { kind: 'refused', ms };
    const isRight = answer.statusCode === 200 && !text.includes('"errors"');
    if (isRight) return { kind: ms <= patience ? 'good' : 'late', ms };
    // Fields that were refused in an answer of status 200.
    if (/"code":"(RATE_LIMITED|UNAVAILABLE)"/.test(text)) return { kind: 'refused', ms };
    return { kind: 'failed', ms, told: `${answer.statusCode} ${text.slice(0, 300)}` };
  } catch (error) {
    return { kind: 'failed', ms: performance.now() - dueAt, told: String(error) };
  }
}

/**
 * Opens all connections. Proxies in front of a server keep theirs open, and libuv accepts one connection in each turn of
 * the event loop, so that an overloaded server would be measured by how fast it accepts.
 */
async function connect(agent: Agent, origin: string): Promise<void> {
  const asked = Array.from({ length: CONNECTIONS }, async () => {
    const answer = await agent.request({ origin, path: '/healthz', method: 'GET' });
    await answer.body.dump();
  });
  await Promise.all(asked);
}

/** Asks `/healthz` again and again, on a connection of its own. Servers without one answer 404, which also counts. */
async function probe(
  origin: string,
  from: number,
  until: number,
): Promise<Pick<PacedReport, 'probeMax' | 'probesFailed'>> {
  const agent = new Agent({ connections: 1 });
  let probeMax = 0;
  let probesFailed = 0;
  while (performance.now() < until) {
    const sentAt = performance.now();
    try {
      const answer = await agent.request({ origin, path: '/healthz', method: 'GET' });
      await answer.body.dump();
      if (sentAt >= from) probeMax = Math.max(probeMax, performance.now() - sentAt);
    } catch {
      probesFailed++;
    }
    await new Promise((resolve) => setTimeout(resolve, PROBE_EVERY_MS));
  }
  await agent.close();
  return { probeMax, probesFailed };
}
