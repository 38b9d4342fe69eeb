/** What comes out: medians of the rounds, and ratios taken within each. */
import type { ContestantName } from './contestants.js';
import type { Sample } from './measure.js';
import { median, rounded, spread } from './statistics.js';

export type Figures = Omit<Sample, 'acknowledged' | 'foreignCores'>;

/** Of one workload at one number of connections; ratios are Tenantry's requests per second over the other's. */
export type Results = Partial<Record<ContestantName, Figures>> & {
  readonly ratio: Partial<Record<ContestantName, number>>;
  readonly spread: Partial<Record<ContestantName, readonly [number, number]>>;
};

/** The samples of each contestant, in the order of the rounds. */
export type Rounds = ReadonlyMap<ContestantName, readonly Sample[]>;

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
