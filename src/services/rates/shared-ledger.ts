/**
 * Keeps used budgets in Redis, where all servers share them. While Redis is away, each server keeps its share in memory;
 * when it is back, what it has kept counts again.
 */
import { createRequire } from 'node:module';
import type { RateLimiterRedis } from 'rate-limiter-flexible';
import type { Bucket, Count, Ledger, Taken, Window } from './ledger.js';
import type { LocalLedger } from './local-ledger.js';
import type { RedisLink } from './redis-link.js';

const KEY_PREFIX = 'tenantry:cost:';

/** A token bucket, by the clock of Redis. Negative points are given back. The key ends when the bucket is full. */
const TAKE = `
local size, rate, asked = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kept = redis.call('HMGET', KEYS[1], 'points', 'at')
local points = size
if kept[1] then
  points = math.min(size, tonumber(kept[1]) + math.max(0, now - tonumber(kept[2])) * rate / 1000)
end
local granted = 0
if points >= math.min(asked, size) then
  granted = 1
  points = math.min(size, points - asked)
end
redis.call('HSET', KEYS[1], 'points', string.format('%.3f', points), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((size - points) * 1000 / rate) + 1000)
return {granted, string.format('%.3f', points)}
`;

interface Scripts {
  takePoints(key: string, size: number, restoreRate: number, points: number): Promise<[number, string]>;
}

export class SharedLedger implements Ledger {
  readonly #link: RedisLink;
  readonly #local: LocalLedger;
  readonly #scripts: Scripts;
  /** Loaded only where there is a Redis. */
  readonly #limiting = createRequire(import.meta.url)(
    'rate-limiter-flexible',
  ) as typeof import('rate-limiter-flexible');
  readonly #limiters = new WeakMap<Window, RateLimiterRedis>();

  /** @param local keeps the budgets while Redis is away */
  constructor(link: RedisLink, local: LocalLedger) {
    this.#link = link;
    this.#local = local;
    link.client.defineCommand('takePoints', { numberOfKeys: 1, lua: TAKE });
    this.#scripts = link.client as unknown as Scripts;
  }

  count(key: string, window: Window): Count | Promise<Count> {
    return this.#link.isReady ? this.#countShared(key, window) : this.#local.count(key, window);
  }

  uncount(key: string, window: Window): void {
    if (this.#link.isReady) void this.#link.ask(() => this.#limiterOf(window).reward(key));
    else this.#local.uncount(key);
  }

  take(key: string, bucket: Bucket, points: number): Taken | Promise<Taken> {
    return this.#link.isReady ? this.#takeShared(key, bucket, points) : this.#local.take(key, bucket, points);
  }

  give(key: string, bucket: Bucket, points: number): void {
    if (this.#link.isReady) void this.#link.ask(() => this.#send(key, bucket, -points));
    else this.#local.give(key, bucket, points);
  }

  async #countShared(key: string, window: Window): Promise<Count> {
    const answer = await this.#link.ask(() =>
      this.#limiterOf(window)
        .consume(key)
        .catch((refused: unknown) => {
          if (refused instanceof this.#limiting.RateLimiterRes) return refused;
          throw refused;
        }),
    );
    if (!answer) return this.#local.count(key, window);
    const { consumedPoints, msBeforeNext } = answer;
    // A key that is known to be exhausted is refused without asking Redis; its points are then 0.
    return {
      used: consumedPoints > 0 ? consumedPoints : window.most + 1,
      endsInMs: Math.max(0, msBeforeNext),
    };
  }

  async #takeShared(key: string, bucket: Bucket, points: number): Promise<Taken> {
    const answer = await this.#link.ask(() => this.#send(key, bucket, points));
    if (!answer) return this.#local.take(key, bucket, points);
    const [granted, available] = answer;
    return { granted: granted === 1, available: Number(available) };
  }

  #send(key: string, { size, restoreRate }: Bucket, points: number): Promise<[number, string]> {
    return this.#scripts.takePoints(KEY_PREFIX + key, size, restoreRate, points);
  }

  #limiterOf(window: Window): RateLimiterRedis {
    const known = this.#limiters.get(window);
    if (known) return known;
    const limiter = new this.#limiting.RateLimiterRedis({
      storeClient: this.#link.client,
      keyPrefix: 'tenantry:requests',
      points: window.most,
      duration: window.seconds,
      rejectIfRedisNotReady: true,
      inMemoryBlockOnConsumed: window.most + 1,
    });
    this.#limiters.set(window, limiter);
    return limiter;
  }
}
