/** One turn of one contestant: the load it bears, and what that costs. */
import type { Server } from './database.js';
import type { LoadRequest } from './load.js';
import type { Loader } from './loader.js';
import { cpuTime, machineTime, residentMb } from './processes.js';
import type { Running } from './contestants.js';

export interface Sample {
  readonly rps: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Per request, in µs of one core. */
  readonly cpuServerUs: number;
  readonly cpuDatabaseUs: number;
  readonly rssMb: number;
  readonly bytes: number;
  readonly acknowledged: number;
  /** Answers that were not as they should be: counted, and not among the requests. */
  readonly wrong: number;
  /** Cores that were busy with something else meanwhile. */
  readonly foreignCores: number;
}

export interface Turn {
  readonly requests: readonly LoadRequest[];
  readonly errors: boolean;
  readonly connections: number;
  readonly rampUp: number;
  readonly seconds: number;
}

/** A server on a busy machine may refuse a request for once; one that refuses more than that is not to be timed. */
const MOST_WRONG = 0.2;

/** @throws Error when too many answers are not as they should be. */
export async function measure(
  running: Running,
  turn: Turn,
  loader: Loader,
  database: Server,
): Promise<Sample> {
  const times = async () => ({
    server: await cpuTime(running.pid),
    postgres: await cpuTime(database.pid),
    // The load generator and all servers are our children.
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
