/** Waits that end in time. */
import type { Ending } from './ending.js';
import { inTurns } from './in-turns.js';

/** The limits of a wait. */
export interface Patience {
  /** The end of the wait on the clock of `performance.now()`. */
  readonly until: number;
  /** Ends the wait with its reason. */
  readonly ending?: Ending | undefined;
  /** Creates the error for a wait that took too long, or for a full queue. */
  readonly refusal: () => Error;
}

/** The longest time of a timer; Node would end a longer one at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Waits until `begin` calls back. Waits that are too long end a few at a time, with other work between them: hundreds of
 * requests that began to wait together would otherwise be refused together.
 *
 * @param begin joins a queue; returns a function that leaves it, which is called when the wait ends without a result
 * @throws the reason of the ending, or the refusal when the time has passed; as a rejection
 */
export function waitPatiently<Result>(
  { until, ending, refusal }: Patience,
  begin: (done: (result: Result) => void) => () => void,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    if (ending?.reason) throw ending.reason;
    const left = until - performance.now();
    if (left <= 0) throw refusal();
    let isOver = false;
    const stop = () => {
      isOver = true;
      clearTimeout(timer);
      stopListening?.();
    };
    const giveUp = (error: Error) => {
      stop();
      leave();
      reject(error);
    };
    const end = () => {
      if (!isOver) giveUp(refusal());
    };
    const timer =
      left === Infinity ? undefined : setTimeout(() => inTurns(end), Math.min(left, LONGEST_TIMER_MS));
    const stopListening = ending?.onEnd(giveUp);
    const leave = begin((result) => {
      stop();
      resolve(result);
    });
  });
}
