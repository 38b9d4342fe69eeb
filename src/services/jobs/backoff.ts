/** The time between two attempts of a job. */

const FIRST_MS = 2_000;
const LONGEST_MS = 3_600_000;

/**
 * About 2^attempt seconds, at most an hour. Half of it is random, so that jobs that failed together do not return
 * together.
 *
 * @param attempt the number of the failed attempt, from 1
 * @param random from 0 to 1
 * @returns milliseconds
 */
export function backoff(attempt: number, random: () => number = Math.random): number {
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempt - 1));
  return Math.round(whole / 2 + (whole / 2) * random());
}
