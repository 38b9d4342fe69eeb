/**
 * Compares variants of Tenantry in turns: the same workloads on the same PostgreSQL. It counts instructions as well as
 * time, because other load on the machine hardly changes them.
 */
import { newSecret } from './compare.js';
import { CONTESTANTS, firstAnswer, start } from './contestants.js';
import { startDatabase } from './database.js';
import { CALLGRIND, countInstructions, countWithCallgrind } from './instructions.js';
import { startLoader } from './loader.js';
import { measure, type Sample } from './measure.js';
import { fromTenantry } from './places.js';
import { figures } from './results.js';
import { session } from './session.js';
import { median, middleHalf, rounded } from './statistics.js';
import { requestsOf } from './tokens.js';
import { WORKLOADS } from './workloads.js';

type ContextKeys = typeof import('../../src/kernel/database/preparation/context-keys.js');

/** One way to run Tenantry. */
export interface Variant {
  readonly name: string;
  /** The checkout. It must be built. */
  readonly root: string;
  /** The key that contexts are signed with. Without it, contexts are not signed. */
  readonly contextKey?: string;
}

export interface VariantPlan {
  /** The first variant is compared with each of the others. */
  readonly variants: readonly [Variant, ...Variant[]];
  /** The names of the workloads. */
  readonly only: readonly string[];
  readonly rounds: number;
  /** The measured time of each turn. */
  readonly seconds: number;
  /**
   * Count the servers' instructions with callgrind, which works where `perf` is not supported. Times mean nothing then.
   */
  readonly callgrind?: boolean;
}

/** A sample with instructions per request. They are NaN when they cannot be counted. */
interface Counted extends Sample {
  readonly server: number;
  /** Also NaN with callgrind, because PostgreSQL does not run under it. */
  readonly postgres: number;
}

type Count = (server: number, postgres: number, work: () => Promise<Sample>) => Promise<Counted>;

const countedByPerf: Count = async (server, postgres, work) => {
  // The work runs once per process, because `perf` cannot tell the processes apart.
  const first = await countInstructions([server], work);
  if (Number.isNaN(first.instructions)) return { ...first.result, server: Number.NaN, postgres: Number.NaN };
  const second = await countInstructions([postgres], work);
  return {
    ...first.result,
    server: first.instructions / first.result.acknowledged,
    postgres: second.instructions / second.result.acknowledged,
  };
};

const countedByCallgrind: Count = async (server, _postgres, work) => {
  const { result, instructions } = await countWithCallgrind(server, work);
  return { ...result, server: instructions / result.acknowledged, postgres: Number.NaN };
};

const CONNECTIONS = 16;
/** With callgrind the server is so slow that a second connection would wait too long. */
const CALLGRIND_CONNECTIONS = 1;
/** With callgrind, V8 takes this long to compile the code that the workload runs. */
const WARM_UP_SECONDS = 90;
const SIZE = 'small';

/** Prints, for each workload, the figures of each variant and the ratios of the first to each of the others. */
export async function compareVariants(plan: VariantPlan): Promise<void> {
  const { variants, only, rounds, seconds, callgrind = false } = plan;
  await session(async (onEnd) => {
    const database = await startDatabase((line) => console.error(line));
    onEnd(() => database.stop());
    const loader = startLoader();
    onEnd(() => loader.stop());
    const secret = newSecret();
    const servers = [];
    for (const { name, root, contextKey } of variants) {
      const { app, superuser } = await database.scratch(SIZE, `bench_${name}`, root);
      if (contextKey !== undefined) {
        const { addContextKey } = await fromTenantry<ContextKeys>('context-keys.js', root);
        await addContextKey(superuser, contextKey);
      }
      const contestant = { ...CONTESTANTS[0]!, folder: root };
      const running = await start(contestant, {
        databaseUrl: app,
        secret,
        contextKey,
        ...(callgrind && { command: CALLGRIND }),
      });
      onEnd(running.stop);
      await firstAnswer(running, requestsOf(WORKLOADS[0]!, 'tenantry', SIZE, secret)[0]!);
      servers.push({ name, running });
    }
    for (const workload of WORKLOADS.filter(({ name }) => only.includes(name))) {
      const requests = requestsOf(workload, 'tenantry', SIZE, secret);
      const samples = new Map<string, Counted[]>(servers.map(({ name }) => [name, []]));
      // Round 0 is the warm-up.
      for (let round = 0; round <= rounds; round++) {
        for (let turn = 0; turn < servers.length; turn++) {
          const { name, running } = servers[(round + turn) % servers.length]!;
          const load = {
            requests,
            errors: workload.refused,
            connections: callgrind ? CALLGRIND_CONNECTIONS : CONNECTIONS,
            rampUp: 0.5,
            seconds: callgrind && round === 0 ? WARM_UP_SECONDS : seconds,
          };
          const work = () => measure(running, load, loader, database);
          const count = callgrind ? countedByCallgrind : countedByPerf;
          if (round === 0) await work();
          else samples.get(name)!.push(await count(running.pid, database.pid, work));
        }
      }
      print(workload.name, samples);
    }
  });
}

const COUNTED = ['server', 'postgres'] as const;
const NAMES = { server: 'server', postgres: 'database' } as const;

function print(workload: string, samples: ReadonlyMap<string, readonly Counted[]>): void {
  for (const [name, list] of samples) {
    const { rps, cpuServerUs, cpuDatabaseUs } = figures(list);
    const counted = COUNTED.map((of) => median(list.map((sample) => sample[of]))).filter(Number.isFinite);
    const instructions = counted.map((count) => String(rounded(count / 1e6))).join(' + ');
    console.log(
      `${workload} ${name.padEnd(8)} ${rps}/s, CPU ${cpuServerUs} + ${cpuDatabaseUs} µs` +
        (counted.length > 0 ? `, ${instructions} million instructions` : ''),
    );
  }
  const [[first, own], ...others] = [...samples] as [[string, readonly Counted[]]];
  for (const [name, list] of others as [string, readonly Counted[]][]) {
    const ratio = (of: (sample: Counted) => number) => {
      const ratios = own.map((sample, round) => of(sample) / of(list[round]!));
      return `${median(ratios).toFixed(3)} (${middleHalf(ratios)
        .map((each) => each.toFixed(3))
        .join('–')})`;
    };
    const ratios = [
      `requests per second ${ratio(({ rps }) => rps)}`,
      `CPU ${ratio(({ cpuServerUs, cpuDatabaseUs }) => cpuServerUs + cpuDatabaseUs)}`,
      `the server’s CPU ${ratio(({ cpuServerUs }) => cpuServerUs)}`,
      ...COUNTED.filter((of) => own.every((sample) => Number.isFinite(sample[of]))).map(
        (of) => `instructions of the ${NAMES[of]} ${ratio((sample) => sample[of])}`,
      ),
    ];
    console.log(`${workload} ${first} / ${name}: ${ratios.join(', ')}`);
  }
  const foreign = [...samples.values()].flat().map(({ foreignCores }) => foreignCores);
  console.log(`foreign cores: ${rounded(median(foreign))}`);
}
