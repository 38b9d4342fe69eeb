/** Measures one turn of one contestant: its throughput, its latencies and what they cost. */
import type { Server } from './database.js';
import type { LoadRequest } from './load.js';
import type { Loader } from './loader.js';
import { cpuTime, machineTime, residentMb } from './processes.js';
import type { Running } from './contestants.js';

export interface Sample {
  readonly rps: number;
  /** Latencies in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** CPU time per request, in microseconds. */
  readonly cpuServerUs: number;
  readonly cpuDatabaseUs: number;
  readonly rssMb: number;
  readonly bytes: number;
  readonly acknowledged: number;
  /** The number of wrong answers. They are not among the requests. */
  readonly wrong: number;
  /** The number of cores that other programs kept busy. */
  readonly foreignCores: number;
}

export interface Turn {
  readonly requests: readonly LoadRequest[];
  readonly errors: boolean;
  readonly connections: number;
  readonly rampUp: number;
  readonly seconds: number;
}

/**
 * A server on a busy machine may refuse a few requests. A turn with more wrong answers than this share is not measured.
 */
const MOST_WRONG = 0.2;

/** Runs one turn of a contestant. @throws Error when there is no answer or too many are wrong */
export async function measure(
  running: Running,
  turn: Turn,
  loader: Loader,
  database: Server,
): Promise<Sample> {
  const times = async () => ({
    server: await cpuTime(running.pid),
    postgres: await cpuTime(database.pid),
    // The load generator and all servers are children of this process.
    own: await cpuTime(process.pid, database.pid),
    machine: await machineTime(),
  });
  let before = times();
  let after = before;
  const report = await loader.run(
    { origin: running.origin, ...turn },
    () => void (before = times()),
    () => void (after = times()),
  );
  if (report.requests === 0 || report.wrong > MOST_WRONG * report.acknowledged) {
    const { name } = running.contestant;
    throw new Error(
      `${name}: ${report.wrong} wrong answers, the first: ${report.firstWrong ?? 'none at all'}`,
    );
  }
  const [started, ended] = await Promise.all([before, after]);
  const spent = (of: keyof typeof started) => ended[of] - started[of];
  running.forgetLog();
  return {
    rps: report.requests / report.seconds,
    p50: report.p50,
    p99: report.p99,
    cpuServerUs: spent('server') / report.requests,
    cpuDatabaseUs: spent('postgres') / report.requests,
    rssMb: await residentMb(running.pid),
    bytes: report.bytesPerAnswer,
    acknowledged: report.acknowledged,
    wrong: report.wrong,
    foreignCores: (spent('machine') - spent('own')) / report.seconds / 1e6,
  };
}
