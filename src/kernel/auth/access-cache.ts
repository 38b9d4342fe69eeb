/**
 * Caches access that was looked up in the database, while it is known to be valid. A change reaches every server as a
 * notification and takes effect within a second; while a server may miss notifications, it asks the database every
 * time. Concurrent equal look-ups are made once or twice: see `#ask`.
 */
import { LRUCache } from 'lru-cache';
import { sizeOf } from './size-of.js';
import type { AccessChange, AccessInvalidations } from '../notifications/access-invalidations.js';

/** The tenant and user of an entry: a change of either removes it. */
export interface Concerned {
  readonly tenantId: string;
  readonly userId: string;
}

/**
 * Nothing depends on this time, because changes are announced. It is long enough that a server with many tenants does not look
 * up each of them again and again.
 */
const KEPT_FOR_MS = 300_000;
/** A member's access counts as about 1,300 bytes: enough for 25,000 members. */
export const KEPT_ANSWER_BYTES = 32 * 1024 * 1024;
/** Bytes of a cache entry in addition to its key and value. */
const BYTES_PER_ENTRY = 200;
/** Unauthenticated callers can cause these, so fewer are kept, and for a shorter time. */
const ABSENCE_KEPT_FOR_MS = 5_000;
const ABSENCES_KEPT_AT_MOST = 10_000;

/** A running look-up in the database. */
interface Asking<Answer> {
  /** It waits for the previous look-up and has not been sent yet. */
  isWaiting: boolean;
  readonly answer: Promise<Answer | undefined>;
  /** Whether notifications arrived when it was sent, and the number of changes until then. */
  readonly heard: boolean;
  readonly changes: number;
}

export class AccessCache<Answer extends object> {
  readonly #kept = new LRUCache<string, { readonly answer: Answer; readonly concerned: Concerned }>({
    maxSize: KEPT_ANSWER_BYTES,
    sizeCalculation: (kept, key) => BYTES_PER_ENTRY + sizeOf(key) + sizeOf(kept),
    ttl: KEPT_FOR_MS,
    dispose: ({ concerned }, key) => this.#forgetKey(concerned, key),
  });
  /** The keys of each user in each tenant, so that a change takes no time for the entries of others. */
  readonly #keysOf = new Map<string, Map<string, Set<string>>>();
  readonly #absent: LRUCache<string, true> | undefined;
  /** The last unanswered look-up of each key. */
  readonly #asking = new Map<string, Asking<Answer>>();
  // Counts changes, and losses of the listening connection, so that an answer that was pending then is not cached.
  #changes = 0;

  /** @param absences whether missing entries are cached too, for 5 seconds or until any change */
  constructor(
    private readonly invalidations: AccessInvalidations,
    { absences = false }: { readonly absences?: boolean } = {},
  ) {
    if (absences) this.#absent = new LRUCache({ max: ABSENCES_KEPT_AT_MOST, ttl: ABSENCE_KEPT_FOR_MS });
    invalidations.onChange((change) => {
      this.#changes++;
      this.#absent?.clear();
      if (change === undefined) this.#kept.clear();
      else this.#forget(change);
    });
  }

  #forget({ tenantId, userId }: AccessChange): void {
    const users = this.#keysOf.get(tenantId) ?? new Map<string, Set<string>>();
    const concerned = userId === undefined ? [...users.values()] : [users.get(userId) ?? []];
    for (const key of concerned.flatMap((keys) => [...keys])) this.#kept.delete(key);
  }

  #keep(key: string, answer: Answer, concerned: Concerned): void {
    this.#kept.set(key, { answer, concerned });
    // Not when it alone is too large.
    if (!this.#kept.has(key)) return;
    const { tenantId, userId } = concerned;
    const users = this.#keysOf.get(tenantId) ?? new Map<string, Set<string>>();
    const keys = users.get(userId) ?? new Set();
    this.#keysOf.set(tenantId, users.set(userId, keys.add(key)));
  }

  #forgetKey({ tenantId, userId }: Concerned, key: string): void {
    const users = this.#keysOf.get(tenantId);
    const keys = users?.get(userId);
    keys?.delete(key);
    if (keys?.size === 0) users?.delete(userId);
    if (users?.size === 0) this.#keysOf.delete(tenantId);
  }

  /** The size of the cache, in bytes. */
  get keptBytes(): number {
    return this.#kept.calculatedSize;
  }

  /**
   * The answer cached under `key`, else the answer of `ask`.
   *
   * @param key everything that the answer depends on
   * @param concerns the tenant and user of a new answer; undefined for one that must not be cached
   */
  async get(
    key: string,
    ask: () => Promise<Answer | undefined>,
    concerns: (answer: Answer) => Concerned | undefined,
  ): Promise<Answer | undefined> {
    const heardBefore = this.invalidations.isLive;
    const known = heardBefore ? this.#kept.get(key) : undefined;
    if (known) return known.answer;
    if (heardBefore && this.#absent?.has(key)) return undefined;
    const before = this.#changes;
    const answer = await this.#ask(key, ask);
    if (!heardBefore || this.#changes !== before) return answer;
    const concerned = answer && concerns(answer);
    if (concerned) this.#keep(key, answer, concerned);
    else if (!answer) this.#absent?.set(key, true);
    return answer;
  }

  /**
   * Asks, or joins an equal look-up. While notifications arrive, callers share a pending answer, which is as valid as a
   * cached one. Otherwise the pending answer may be older than a change, so one more look-up waits for its end, and
   * serves all callers until it is sent.
   */
  #ask(key: string, ask: () => Promise<Answer | undefined>): Promise<Answer | undefined> {
    const last = this.#asking.get(key);
    if (last && (last.isWaiting || this.#isFresh(last))) return last.answer;
    const inTurn = async (): Promise<Answer | undefined> => {
      await last?.answer.catch(() => undefined);
      asking.isWaiting = false;
      return ask();
    };
    const asking: Asking<Answer> = {
      isWaiting: last !== undefined,
      heard: this.invalidations.isLive,
      changes: this.#changes,
      answer: (last ? inTurn() : ask()).finally(() => {
        if (this.#asking.get(key) === asking) this.#asking.delete(key);
      }),
    };
    this.#asking.set(key, asking);
    return asking.answer;
  }

  /** Whether the answer of an earlier look-up is valid for a caller who asks now. */
  #isFresh({ heard, changes }: Asking<Answer>): boolean {
    return heard && this.invalidations.isLive && this.#changes === changes;
  }
}
