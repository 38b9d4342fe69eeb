/**
 * The connection to Redis. No request waits long for it: a command fails after a moment, and after a failure nothing is
 * sent until a heartbeat was answered. The heartbeats also tell how many servers there are.
 */
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Redis } from 'ioredis';

const CONNECT_MS = 2_000;
/** A connection on which Redis has not answered for this time is made anew. */
const SILENT_MS = 5_000;
const LONGEST_PAUSE_MS = 1_000;
const HEARTBEAT_MS = 1_000;
/** A server without a heartbeat for this time no longer counts. */
const GONE_AFTER_MS = 5_000;

/** Adds this server, removes those that have ended without a word, and counts the rest, by the clock of Redis. */
const HEARTBEAT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])
`;
const SERVERS_KEY = 'tenantry:servers';

export interface LinkOptions {
  readonly url: string;
  /** How long a request waits for an answer. */
  readonly timeoutMs: number;
  /** Is told when Redis fails, with the reason. */
  readonly onAway: (reason: string) => void;
  /** Is told when Redis answers, at the start as well. */
  readonly onBack: () => void;
  /** Is told the number of servers with each heartbeat. */
  readonly onServers: (servers: number) => void;
}

export class RedisLink {
  /** For libraries that send their own commands, inside {@link ask}. */
  readonly client: Redis;
  readonly #options: LinkOptions;
  readonly #id = randomUUID();
  readonly #heartbeat: NodeJS.Timeout;
  #state: 'unknown' | 'ready' | 'away' = 'unknown';
  #isBeating = false;
  /** Since when Redis has owed an answer on this connection, on the clock of `performance.now()`. */
  #silentSince: number | undefined;
  /** Rejects what waits for an answer on the current connection. */
  readonly #waiting = new Set<(reason: Error) => void>();

  constructor(options: LinkOptions) {
    this.#options = options;
    // Takes long to load, and most servers need none.
    const ioredis = createRequire(import.meta.url)('ioredis') as typeof import('ioredis');
    this.client = new ioredis.Redis(options.url, {
      // A command that cannot be sent fails at once, and one without an answer is not sent again.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 1,
      connectTimeout: CONNECT_MS,
      retryStrategy: (attempt) => Math.min(attempt * 100, LONGEST_PAUSE_MS),
    });
    this.client.on('error', (error) => this.#leave(error));
    this.client.on('close', () => this.#lose(new Error('the connection was closed')));
    this.client.on('connect', () => (this.#silentSince = performance.now()));
    this.client.on('ready', () => void this.#beat());
    this.#heartbeat = setInterval(() => {
      this.#endSilence();
      void this.#beat();
    }, HEARTBEAT_MS).unref();
  }

  /** Whether commands are sent. */
  get isReady(): boolean {
    return this.#state === 'ready' && this.client.status === 'ready';
  }

  /** The answer of `command`; undefined when Redis failed. */
  async ask<Answer>(command: () => Promise<Answer>): Promise<Answer | undefined> {
    try {
      return await this.#inTime(command());
    } catch (error) {
      this.#leave(error);
      return undefined;
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    if (this.isReady) await this.#inTime(this.client.zrem(SERVERS_KEY, this.#id)).catch(() => 0);
    this.#state = 'unknown';
    this.client.removeAllListeners('error').on('error', () => undefined);
    this.client.removeAllListeners('close').disconnect();
  }

  async #beat(): Promise<void> {
    if (this.#isBeating || this.client.status !== 'ready') return;
    this.#isBeating = true;
    this.#silentSince = performance.now();
    // The next one is sent when this one has ended, also when nobody waits for it any more.
    const beat = this.client
      .eval(HEARTBEAT, 1, SERVERS_KEY, this.#id, GONE_AFTER_MS)
      .finally(() => (this.#isBeating = false));
    try {
      const servers = await this.#inTime(beat);
      this.#silentSince = undefined;
      this.#options.onServers(Math.max(1, Number(servers)));
      if (this.#state !== 'ready') {
        this.#state = 'ready';
        this.#options.onBack();
      }
    } catch (error) {
      this.#leave(error);
    }
  }

  /** The timer for this in ioredis outlives its connection, and would end the next one. */
  #endSilence(): void {
    if (this.#silentSince === undefined || performance.now() - this.#silentSince < SILENT_MS) return;
    this.#silentSince = undefined;
    this.client.disconnect(true);
  }

  /** ioredis never settles commands that had no answer when their connection ended. So nothing waits for them. */
  #lose(reason: Error): void {
    this.#leave(reason);
    this.#isBeating = false;
    this.#silentSince = undefined;
    for (const fail of this.#waiting) fail(reason);
  }

  /** Settles like `work`, at the latest after the time of a request or when the connection ends. */
  #inTime<Result>(work: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        this.#waiting.delete(fail);
      };
      const fail = (reason: Error) => {
        end();
        reject(reason);
      };
      // Timers come before data that has already arrived, when the process was busy: so it looks once more.
      const late = () => setImmediate(() => setImmediate(() => fail(new Error('no answer in time'))));
      const timer = setTimeout(late, this.#options.timeoutMs);
      this.#waiting.add(fail);
      work.then((result) => {
        end();
        resolve(result);
      }, fail);
    });
  }

  #leave(error: unknown): void {
    if (this.#state === 'away') return;
    this.#state = 'away';
    const { message, code } = error as { readonly message?: string; readonly code?: string };
    this.#options.onAway(code ?? message ?? String(error));
  }
}
