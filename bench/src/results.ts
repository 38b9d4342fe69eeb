/** Computes the results: medians over the rounds, and ratios within each round. */
import type { ContestantName } from './contestants.js';
import type { Sample } from './measure.js';
import { median, rounded, spread } from './statistics.js';

export type Figures = Omit<Sample, 'acknowledged' | 'foreignCores'>;

/**
 * The results of one workload with one number of connections. A ratio is Tenantry's requests per second divided by the
 * other contestant's.
 */
export type Results = Partial<Record<ContestantName, Figures>> & {
  readonly ratio: Partial<Record<ContestantName, number>>;
  readonly spread: Partial<Record<ContestantName, readonly [number, number]>>;
};

/** The samples of each contestant, in the order of the rounds. */
export type Rounds = ReadonlyMap<ContestantName, readonly Sample[]>;

/**
 * Summarises the rounds. Ratios compare samples of the same round, because the speed of the machine can change between
 * rounds.
 */
export function summary(samples: Rounds): Results {
  const own = samples.get('tenantry')!;
  const others = [...samples].filter(([name]) => name !== 'tenantry');
  const ratios = others.map(
    ([name, theirs]) => [name, own.map(({ rps }, round) => rps / theirs[round]!.rps)] as const,
  );
  return {
    ...Object.fromEntries([...samples].map(([name, list]) => [name, figures(list)])),
    ratio: Object.fromEntries(ratios.map(([name, list]) => [name, rounded(median(list))])),
    spread: Object.fromEntries(ratios.map(([name, list]) => [name, spread(list).map(rounded)])),
  };
}

/** The medians of the samples. Wrong answers are summed. */
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
