/** Opens the budgets of rates: in Redis when there is one, else in memory. */
import type { ProblemKind } from '../../kernel/vocabulary/problem-kind.js';
import { LocalLedger } from './local-ledger.js';
import { Rates } from './rates.js';
import { RedisLink } from './redis-link.js';
import { SharedLedger } from './shared-ledger.js';

export interface RatesOptions {
  /** Undefined: this server has budgets of its own. */
  readonly redisUrl: string | undefined;
  /** How long a request waits for an answer of Redis, in milliseconds. */
  readonly redisTimeoutMs: number;
  /** The requests of callers without access, per address and minute. */
  readonly anonymousPerMinute: number;
  readonly problems: { note(kind: ProblemKind, detail?: string): void };
  /** Writes a line of the log. */
  readonly warn: (sentence: string, fields?: Readonly<Record<string, unknown>>) => void;
}

/** Whether budgets are shared, for metrics. */
export interface Sharing {
  /** Undefined: there is no Redis. */
  readonly isShared: boolean | undefined;
  /** The servers that were last seen sharing the budgets. */
  readonly servers: number;
}

export interface OpenRates {
  readonly rates: Rates;
  readonly sharing: Sharing;
  close(): Promise<void>;
}

const AWAY: ProblemKind = {
  name: 'redis',
  reason: 'away',
  sentence: 'Redis does not answer: each server limits rates by its share, in memory. See REDIS_URL',
};

/** Does not wait for Redis. */
export function openRates({
  redisUrl,
  redisTimeoutMs,
  anonymousPerMinute,
  problems,
  warn,
}: RatesOptions): OpenRates {
  const local = new LocalLedger();
  if (redisUrl === undefined) {
    return {
      rates: new Rates(local, anonymousPerMinute),
      sharing: { isShared: undefined, servers: 1 },
      close: async () => undefined,
    };
  }
  let wasAway = false;
  const link = new RedisLink({
    url: redisUrl,
    timeoutMs: redisTimeoutMs,
    onAway: (reason) => {
      wasAway = true;
      problems.note(AWAY, reason);
    },
    onBack: () => {
      if (wasAway) warn('Redis answers again: the servers share one budget');
      wasAway = false;
    },
    onServers: (servers) => {
      local.servers = servers;
    },
  });
  return {
    rates: new Rates(new SharedLedger(link, local), anonymousPerMinute),
    sharing: {
      get isShared() {
        return link.isReady;
      },
      get servers() {
        return local.servers;
      },
    },
    close: () => link.close(),
  };
}
