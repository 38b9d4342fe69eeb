/**
 * Compares all contestants on the small data set: the time to start, then equal answers, then timed rounds in which
 * each contestant has a turn.
 */
import { randomBytes } from 'node:crypto';
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { demandAuditEntries, demandEqualAnswers } from './answers.js';
import {
  CONTESTANTS,
  firstAnswer,
  start,
  type ContestantName,
  type Running,
  type StartOptions,
} from './contestants.js';
import type { Server } from './database.js';
import type { SizeName } from './dataset.js';
import type { Loader } from './loader.js';
import { measure, type Sample } from './measure.js';
import { nodeVersion } from './places.js';
import type { OnEnd } from './session.js';
import { residentMb } from './processes.js';
import { summary, type Results, type Rounds } from './results.js';
import { median, rounded } from './statistics.js';
import { requestsOf, trustedDocuments } from './tokens.js';
import { WORKLOADS, type Workload } from './workloads.js';

/** Times are in seconds. */
export interface Plan {
  readonly workloads: readonly Workload[];
  readonly size: SizeName;
  readonly rounds: number;
  /** The measured time of a turn. */
  readonly seconds: number;
  readonly rampUp: number;
  /** The time that each contestant runs before the first round of a workload. */
  readonly warmUp: number;
  /** How often each contestant is started. The time to start is the median. */
  readonly starts: number;
}

export interface Parts {
  readonly database: Server;
  readonly loader: Loader;
  readonly log: (line: string) => void;
  readonly onEnd: OnEnd;
}

export interface Comparison {
  readonly machine: {
    readonly cores: number;
    readonly cpu: string;
    readonly node: string;
    readonly postgres: string;
    /** The median number of cores that other programs kept busy. Figures measured on a busy machine are unreliable. */
    readonly foreignCores: number;
  };
  readonly startup: Partial<Record<ContestantName, { readonly ms: number; readonly rssMb: number }>>;
  readonly workloads: Record<string, Results & { readonly c64: Results }>;
}

export const newSecret = (): string => randomBytes(48).toString('base64url');

const FEW = 16;
const MANY = 64;

/**
 * Starts all contestants, compares their answers and measures their workloads.
 *
 * @throws Error when answers differ, too many are wrong, or an acknowledged row is missing
 */
export async function compare(plan: Plan, parts: Parts): Promise<Comparison> {
  const { database, log } = parts;
  const secret = newSecret();
  const address = await database.scratch(plan.size);
  const { startup, servers } = await startAll(plan, parts, { databaseUrl: address.app, secret });
  const workloads: Comparison['workloads'] = {};
  const foreignCores: number[] = [];
  for (const workload of plan.workloads) {
    const taking = servers.filter(({ contestant }) => workload.documents[contestant.name] !== undefined);
    const requests = new Map(
      taking.map(({ contestant: { name } }) => [name, requestsOf(workload, name, plan.size, secret)]),
    );
    await demandEqualAnswers(workload, taking, requests);
    log(`${workload.name}: the answers are equal. ${workload.title}`);
    const turns = { plan, parts, workload, taking, requests };
    const written = new Map<ContestantName, number>();
    await rounds({ ...turns, connections: FEW, count: 1, seconds: plan.warmUp, written });
    const few = await rounds({
      ...turns,
      connections: FEW,
      count: plan.rounds,
      seconds: plan.seconds,
      written,
    });
    const many = await rounds({
      ...turns,
      connections: MANY,
      count: plan.rounds,
      seconds: plan.seconds,
      written,
    });
    for (const samples of [few, many].flatMap((turns) => [...turns.values()])) {
      foreignCores.push(...samples.map((sample) => sample.foreignCores));
    }
    if (workload.writes) await demandAuditEntries(address, written);
    workloads[workload.name] = { ...summary(few), c64: summary(many) };
  }
  for (const { stop } of servers) await stop();
  return {
    machine: {
      cores: cpus().length,
      cpu: cpus()[0]?.model ?? '',
      node: nodeVersion(),
      postgres: database.version,
      foreignCores: rounded(median(foreignCores)),
    },
    startup,
    workloads,
  };
}

/**
 * Starts each contestant several times to measure the time to start, without load on the others, and leaves one process
 * of each running.
 */
async function startAll(
  { starts, size, workloads }: Plan,
  { log, onEnd }: Parts,
  options: StartOptions,
): Promise<{ startup: Comparison['startup']; servers: Running[] }> {
  const startup: Comparison['startup'] = {};
  const servers: Running[] = [];
  for (const contestant of CONTESTANTS) {
    log(`Starting ${contestant.title}`);
    const [request] = requestsOf(WORKLOADS[0]!, contestant.name, size, options.secret);
    const environment = await trustedDocuments(workloads, contestant.name);
    const started: { ms: number; rssMb: number }[] = [];
    for (let i = 1; i <= starts; i++) {
      const began = performance.now();
      const running = await start(contestant, { ...options, environment });
      onEnd(running.stop);
      await firstAnswer(running, request!);
      const ms = performance.now() - began;
      await delay(1_000);
      started.push({ ms, rssMb: await residentMb(running.pid) });
      if (i === starts) servers.push(running);
      else await running.stop();
    }
    startup[contestant.name] = {
      ms: rounded(median(started.map(({ ms }) => ms))),
      rssMb: rounded(median(started.map(({ rssMb }) => rssMb))),
    };
  }
  return { startup, servers };
}

interface RoundsOrder {
  readonly plan: Plan;
  readonly parts: Parts;
  readonly workload: Workload;
  readonly taking: readonly Running[];
  readonly requests: ReadonlyMap<ContestantName, ReturnType<typeof requestsOf>>;
  readonly connections: number;
  readonly count: number;
  readonly seconds: number;
  /** The number of acknowledged requests of each contestant so far. Each turn adds to it. */
  readonly written: Map<ContestantName, number>;
}

/**
 * Runs rounds in which each contestant has one turn. Each round begins with another contestant, so that none always
 * runs first.
 */
async function rounds(order: RoundsOrder): Promise<Rounds> {
  const { plan, parts, workload, taking, requests, connections, count, seconds, written } = order;
  const samples = new Map<ContestantName, Sample[]>(taking.map(({ contestant: { name } }) => [name, []]));
  for (let round = 0; round < count; round++) {
    for (let turn = 0; turn < taking.length; turn++) {
      const running = taking[(round + turn) % taking.length]!;
      const { name } = running.contestant;
      const { rampUp } = plan;
      const load = { requests: requests.get(name)!, errors: workload.refused, connections, rampUp, seconds };
      const sample = await measure(running, load, parts.loader, parts.database);
      samples.get(name)!.push(sample);
      written.set(name, (written.get(name) ?? 0) + sample.acknowledged);
      parts.log(
        `  ${workload.name} ×${connections} ${name.padEnd(12)} ${sample.rps.toFixed(0)}/s, p99 ${sample.p99.toFixed(1)} ms, ` +
          `CPU ${sample.cpuServerUs.toFixed(0)} + ${sample.cpuDatabaseUs.toFixed(0)} µs`,
      );
    }
  }
  return samples;
}
