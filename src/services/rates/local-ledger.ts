/**
 * Keeps used budgets in memory. A budget that several servers share, but cannot count together at present, is divided
 * equally: each server counts what it admits as often as there are servers.
 *
 * Its memory is bounded. When there are too many keys, the least recently used are forgotten: their budgets are whole
 * again.
 */
import { LRUCache } from 'lru-cache';
import type { Bucket, Count, Ledger, Taken, Window } from './ledger.js';

/** The most keys of each kind: the callers of a minute. */
const MOST_KEYS = 50_000;
/** The option `max` would reserve megabytes for all of them at the start. */
const AT_MOST = { maxSize: MOST_KEYS, sizeCalculation: () => 1 };

interface Counter {
  used: number;
  /** On the clock of `performance.now()`. */
  endsAt: number;
}

interface Level {
  available: number;
  /** On the clock of `performance.now()`. */
  at: number;
}

export class LocalLedger implements Ledger {
  /** The number of servers that share the budgets. */
  servers = 1;
  readonly #counters = new LRUCache<string, Counter>(AT_MOST);
  readonly #levels = new LRUCache<string, Level>(AT_MOST);

  count(key: string, { seconds }: Window): Count {
    const now = performance.now();
    let counter = this.#counters.get(key);
    if (!counter || counter.endsAt <= now) {
      counter = { used: 0, endsAt: now + seconds * 1_000 };
      this.#counters.set(key, counter);
    }
    counter.used += this.servers;
    return { used: counter.used, endsInMs: counter.endsAt - now };
  }

  uncount(key: string): void {
    const counter = this.#counters.get(key);
    if (counter) counter.used = Math.max(0, counter.used - this.servers);
  }

  take(key: string, bucket: Bucket, points: number): Taken {
    const level = this.#levelOf(key, bucket);
    const counted = points * this.servers;
    const granted = level.available >= Math.min(counted, bucket.size);
    if (granted) level.available -= counted;
    return { granted, available: level.available };
  }

  give(key: string, bucket: Bucket, points: number): void {
    const level = this.#levelOf(key, bucket);
    level.available = Math.min(bucket.size, level.available + points * this.servers);
  }

  /** The level with the points that have come back since it was last used. */
  #levelOf(key: string, { size, restoreRate }: Bucket): Level {
    const now = performance.now();
    const known = this.#levels.get(key);
    if (known) {
      known.available = Math.min(size, known.available + ((now - known.at) * restoreRate) / 1_000);
      known.at = now;
      return known;
    }
    const level = { available: size, at: now };
    this.#levels.set(key, level);
    return level;
  }
}
