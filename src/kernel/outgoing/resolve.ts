/** From the name of a host to its addresses. */
import { lookup, Resolver } from 'node:dns/promises';

/** @returns all addresses of a host; none when it has none. @throws the error of the look-up */
export type Resolve = (hostname: string, signal: AbortSignal) => Promise<readonly string[]>;

/**
 * Asks the name servers, and neither /etc/hosts nor search domains. It takes no thread of Node's pool, which has four for
 * the whole process: names that strangers choose may be answered as slowly as they like.
 */
export const byNameServers: Resolve = async (hostname, signal) => {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  const cancel = (): void => resolver.cancel();
  signal.addEventListener('abort', cancel);
  try {
    const found = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    return found.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
  } finally {
    signal.removeEventListener('abort', cancel);
  }
};

/** As the system resolves names, for hosts that the operator has chosen. */
export const bySystem: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true })).map(({ address }) => address);
