/** All contestants on the small data: start-up, equal answers, then rounds in which each has its turn. */
import { randomBytes } from 'node:crypto';
import { cpus } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import {
  ask,
  CONTESTANTS,
  firstAnswer,
  normalised,
  start,
  type Contestant,
  type ContestantName,
  type Running,
} from './contestants.js';
import { withClient, type Address, type Server } from './database.js';
import type { SizeName } from './dataset.js';
import type { Loader } from './loader.js';
import { measure, type Sample } from './measure.js';
import { nodeVersion } from './places.js';
import type { OnEnd } from './session.js';
import { residentMb } from './processes.js';
import { median, rounded, spread } from './statistics.js';
import { requestsOf } from './tokens.js';
import { WORKLOADS, type Workload } from './workloads.js';

/** Times in seconds. */
export interface Plan {
  readonly workloads: readonly Workload[];
  readonly size: SizeName;
  readonly rounds: number;
  /** Of each turn: what is measured, and what comes before. */
  readonly seconds: number;
  readonly rampUp: number;
  /** Before the first round of a workload. */
  readonly warmUp: number;
  /** How often each contestant is started to see how long that takes. */
  readonly starts: number;
}

export interface Parts {
  readonly database: Server;
  readonly loader: Loader;
  readonly log: (line: string) => void;
  readonly onEnd: OnEnd;
}

export type Figures = Omit<Sample, 'acknowledged' | 'foreignCores'>;

/** Of one workload at one number of connections; ratios are Tenantry's requests per second over the other's. */
export type Results = Partial<Record<ContestantName, Figures>> & {
  readonly ratio: Partial<Record<ContestantName, number>>;
  readonly spread: Partial<Record<ContestantName, readonly [number, number]>>;
};

export interface Comparison {
  readonly machine: {
    readonly cores: number;
    readonly cpu: string;
    readonly node: string;
    readonly postgres: string;
    /** Cores that something else kept busy meanwhile, on the median: the figures of a busy machine are worth little. */
    readonly foreignCores: number;
  };
  readonly startup: Partial<Record<ContestantName, { readonly ms: number; readonly rssMb: number }>>;
  readonly workloads: Record<string, Results & { readonly c64: Results }>;
}

export const newSecret = (): string => randomBytes(48).toString('base64url');

const FEW = 16;
const MANY = 64;

/** Whose answers are compared, by their place among the requests. */
const COMPARED = [0, 1, 41, 99];

export async function compare(plan: Plan, parts: Parts): Promise<Comparison> {
  const { database, log } = parts;
  const secret = newSecret();
  const address = await database.scratch(plan.size);
  const options = { databaseUrl: address.app, secret };
  const probe = (name: ContestantName) => requestsOf(WORKLOADS[0]!, name, plan.size, secret)[0]!;

  const startup: Comparison['startup'] = {};
  const servers: Running[] = [];
  for (const contestant of CONTESTANTS) {
    log(`Starting ${contestant.title}`);
    const started: { ms: number; rssMb: number }[] = [];
    for (let i = 1; i <= plan.starts; i++) {
      const began = performance.now();
      const running = await start(contestant, options);
      parts.onEnd(running.stop);
      await firstAnswer(running, probe(contestant.name));
      const ms = performance.now() - began;
      await delay(1_000);
      started.push({ ms, rssMb: await residentMb(running.pid) });
      if (i === plan.starts) servers.push(running);
      else await running.stop();
    }
    startup[contestant.name] = {
      ms: rounded(median(started.map(({ ms }) => ms))),
      rssMb: rounded(median(started.map(({ rssMb }) => rssMb))),
    };
  }

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
  for (const server of servers) await server.stop();
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

type Rounds = ReadonlyMap<ContestantName, readonly Sample[]>;

interface RoundsOrder {
  readonly plan: Plan;
  readonly parts: Parts;
  readonly workload: Workload;
  readonly taking: readonly Running[];
  readonly requests: ReadonlyMap<ContestantName, ReturnType<typeof requestsOf>>;
  readonly connections: number;
  readonly count: number;
  readonly seconds: number;
  /** Counts the acknowledged requests of each contestant. */
  readonly written: Map<ContestantName, number>;
}

/** Rounds in which each has a turn, each round beginning with another one. */
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

function summary(samples: Rounds): Results {
  const own = samples.get('tenantry')!;
  const others = [...samples].filter(([name]) => name !== 'tenantry');
  const ratios = others.map(
    ([name, theirs]) => [name, own.map(({ rps }, round) => rps / theirs[round]!.rps)] as const,
  );
  return {
    ...Object.fromEntries([...samples].map(([name, list]) => [name, figures(list)])),
    ratio: Object.fromEntries(ratios.map(([name, list]) => [name, rounded(median(list))])),
    spread: Object.fromEntries(ratios.map(([name, list]) => [name, spread(list).map(rounded)])),
  } as Results;
}

export function figures(samples: readonly Sample[]): Figures {
  const of = (key: keyof Figures) => rounded(median(samples.map((sample) => sample[key])));
  return {
    rps: of('rps'),
    p50: of('p50'),
    p99: of('p99'),
    cpuServerUs: of('cpuServerUs'),
    cpuDatabaseUs: of('cpuDatabaseUs'),
    rssMb: of('rssMb'),
    bytes: of('bytes'),
    wrong: samples.reduce((sum, { wrong }) => sum + wrong, 0),
  };
}

/** Asks everybody the same for a few tenants. @throws Error when two differ */
async function demandEqualAnswers(
  workload: Workload,
  taking: readonly Running[],
  requests: RoundsOrder['requests'],
): Promise<void> {
  for (const index of COMPARED) {
    const answers = await Promise.all(
      taking.map(async ({ contestant, origin }) => ({
        contestant,
        answer: await answerTo(workload, contestant, origin, requests.get(contestant.name)![index]!),
      })),
    );
    const [first, ...others] = answers;
    for (const { contestant, answer } of others) {
      if (isDeepStrictEqual(answer, first!.answer)) continue;
      const shown = [first!.answer, answer].map((value) => JSON.stringify(value).slice(0, 2_000));
      throw new Error(
        `${workload.name}: ${contestant.name} answers otherwise than ${first!.contestant.name}:\n${shown.join('\n')}`,
      );
    }
  }
}

/** What is compared: the data, with Tenantry's names; of a new row without what is new each time. */
async function answerTo(
  { name, writes, refused }: Workload,
  contestant: Contestant,
  origin: string,
  request: Parameters<typeof ask>[1],
): Promise<unknown> {
  const response = await ask(origin, request);
  const body = (await response.json()) as { readonly data?: unknown; readonly errors?: { path: unknown }[] };
  if (body.data == null || (body.errors !== undefined) !== refused) {
    throw new Error(`${name}: ${contestant.name} answers ${JSON.stringify(body).slice(0, 2_000)}`);
  }
  const paths = body.errors?.map(({ path }) => JSON.stringify(path)).sort();
  if (!writes) return { data: normalised(body.data), paths };
  return JSON.parse(
    JSON.stringify(normalised(body.data))
      .replace(/"(id|createdAt)":"[^"]+"/g, '"$1":"new"')
      .replace(/Written by \w+ */, 'Written by somebody'),
  ) as unknown;
}

/** Every acknowledged row is there, with exactly one entry in the audit log, made by whoever made the row. */
async function demandAuditEntries(
  { superuser }: Address,
  written: ReadonlyMap<ContestantName, number>,
): Promise<void> {
  await withClient(superuser, async (client) => {
    for (const [name, acknowledged] of written) {
      const { rows } = await client.query<{ rows: number; audited: number }>(
        `SELECT count(*)::int AS rows, count(*) FILTER (WHERE entries = 1)::int AS audited
         FROM (
           SELECT count(a.id) AS entries
           FROM conversations c
           LEFT JOIN audit_log a ON a.tenant_id = c.tenant_id AND a.entity = 'Conversation' AND a.entity_id = c.id::text
                                AND a.action = 'conversation.created' AND a.actor = c.user_id
           WHERE c.body LIKE $1
           GROUP BY c.tenant_id, c.id
         ) _`,
        [`Written by ${name.padEnd(12)}:%`],
      );
      const { rows: found, audited } = rows[0]!;
      // Those of the comparison of answers come on top; one that was refused may be there or not.
      const expected = acknowledged + COMPARED.length;
      if (found < expected || audited !== found) {
        throw new Error(
          `${name} acknowledged ${expected} rows; ${found} are there, ${audited} with one audit entry.`,
        );
      }
    }
  });
}
