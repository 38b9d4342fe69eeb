/**
 * Keeps what the database said of somebody's access, for as long as it is sure to hold. A change reaches every server
 * as a notification and takes effect within a second; while a server cannot be sure to be told, it asks every time.
 */
import { LRUCache } from 'lru-cache';
import { sizeOf } from '../limits/size-of.js';
import type { AccessNews } from './access-news.js';

/** Whose access an answer is about: news of either ends it. */
export interface Concerned {
  readonly tenantId: string;
  readonly userId: string;
}

const KEPT_FOR_MS = 30_000;
/** A member's access takes some 700 bytes: enough for those who call within half a minute. */
export const KEPT_ANSWER_BYTES = 32 * 1024 * 1024;
/** Of an entry of the cache beside its key and its value. */
const BYTES_PER_ENTRY = 200;

export class KeptAnswers<Answer extends object> {
  readonly #kept = new LRUCache<string, { readonly answer: Answer; readonly concerned: Concerned }>({
    maxSize: KEPT_ANSWER_BYTES,
    sizeCalculation: (kept, key) => BYTES_PER_ENTRY + sizeOf(key) + sizeOf(kept),
    ttl: KEPT_FOR_MS,
  });
  // Counts what could have changed answers, silence of the news included, so that an answer that was on its way then
  // is not kept.
  #changes = 0;

  constructor(private readonly news: AccessNews) {
    news.onChange((change) => {
      this.#changes++;
      for (const [key, { concerned }] of this.#kept) {
        const ends =
          change === undefined ||
          (change.tenantId === concerned.tenantId &&
            (change.userId ?? concerned.userId) === concerned.userId);
        if (ends) this.#kept.delete(key);
      }
    });
  }

  /** What is kept, in bytes. */
  get keptBytes(): number {
    return this.#kept.calculatedSize;
  }

  /**
   * The answer kept under `key`, else what `ask` answers.
   *
   * @param key all that the answer depends on
   * @param concerns whom a new answer is about; undefined for one that must not be kept
   */
  async get(
    key: string,
    ask: () => Promise<Answer | undefined>,
    concerns: (answer: Answer) => Concerned | undefined,
  ): Promise<Answer | undefined> {
    const heardBefore = this.news.isLive;
    const known = heardBefore ? this.#kept.get(key) : undefined;
    if (known) return known.answer;
    const before = this.#changes;
    const answer = await ask();
    const concerned = answer && concerns(answer);
    if (concerned && heardBefore && this.#changes === before) this.#kept.set(key, { answer, concerned });
    return answer;
  }
}
