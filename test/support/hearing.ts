/** Whether servers hear of changes, which they do not while the notifications of a busy machine are late. */
import type { TestServer } from './server.js';
import { until } from './until.js';

type Listening = Pick<TestServer, 'services'>;

/** Waits until notifications arrive at all of these servers: until then nobody can subscribe, and nothing is cached. */
export const untilHearing = (...servers: readonly Listening[]): Promise<void> =>
  until('the servers hear', () => servers.every(({ services }) => services.invalidations.isLive));

/**
 * For work whose outcome depends on what servers have cached. A server drops it, and asks the database for everything, while
 * notifications are late.
 *
 * @returns a function that runs `work`, and repeats it as long as a server dropped what it had cached meanwhile
 */
export function whileHearing(
  ...servers: readonly Listening[]
): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let doubts = 0;
  for (const { services } of servers) {
    services.invalidations.onChange((change) => {
      if (change === undefined) doubts++;
    });
  }
  return async (work) => {
    for (;;) {
      await untilHearing(...servers);
      const before = doubts;
      try {
        const result = await work();
        if (doubts === before) return result;
      } catch (error) {
        if (doubts === before) throw error;
      }
    }
  };
}
