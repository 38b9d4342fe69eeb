import { createClient, type Client } from 'graphql-sse';
import type { Session } from './session.js';

const LONGEST_WAIT_MS = 30_000;

/**
 * The same over server-sent events, for networks that stop WebSockets.
 *
 * @param missed called when a subscription is in force again after a loss: events may have been missed, so read again
 * what is shown
 */
export function createStreamClient({ url, token, fetch }: Session, missed: () => void): Client {
  let refusal: number | undefined;
  return createClient({
    url: `${url}/stream`,
    headers: async () => ({ authorization: `Bearer ${await token()}` }),
    fetchFn: async (...request: Parameters<typeof globalThis.fetch>) => {
      const response = await (fetch ?? globalThis.fetch)(...request);
      refusal = response.status >= 400 && response.status < 500 ? response.status : undefined;
      return response;
    },
    retryAttempts: Infinity,
    retry: async (retries) => {
      // The client would go on also when the user has lost access.
      if (refusal !== undefined) throw new Error(`The subscription was refused with status ${refusal}.`);
      const most = Math.min(LONGEST_WAIT_MS, 500 * 2 ** retries);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * most));
    },
    // The answer begins when the subscription is in force.
    on: { connected: (wasRetry) => wasRetry && missed() },
  });
}
