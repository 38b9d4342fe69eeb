import process from 'node:process';

export interface Measurement {
  readonly perSecond: number;
  /** This process's CPU time for one operation. */
  readonly cpuMilliseconds: number;
  /** The transactions of one operation. */
  readonly transactions: number;
}

/**
 * Runs the operation repeatedly, one at a time, after a short warm-up.
 *
 * @param sent the texts of all sent statements; it is emptied
 */
export async function measure(
  seconds: number,
  operation: () => Promise<unknown>,
  sent: string[],
): Promise<Measurement> {
  for (let count = 0; count < 20; count++) await operation();
  sent.length = 0;
  const started = performance.now();
  const cpu = process.cpuUsage();
  let count = 0;
  while (performance.now() - started < seconds * 1_000) {
    await operation();
    count++;
  }
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: count / ((performance.now() - started) / 1_000),
    cpuMilliseconds: (user + system) / 1_000 / count,
    transactions: sent.filter((text) => text === 'BEGIN').length / count,
  };
}

export const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]!;
