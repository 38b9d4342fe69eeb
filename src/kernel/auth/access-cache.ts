/**
 * Keeps what the database said of somebody's access, for as long as it is sure to hold. A change reaches every server
 * as a notification and takes effect within a second; while a server cannot be sure to be told, it asks every time. What is
 * asked many times at once is asked once, or twice: see `#ask`.
 */
import { LRUCache } from 'lru-cache';
import { sizeOf } from './size-of.js';
import type { AccessInvalidations } from '../notifications/access-invalidations.js';

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
/** Strangers cause these, so that they are fewer and kept more briefly. */
const ABSENCE_KEPT_FOR_MS = 5_000;
const ABSENCES_KEPT_AT_MOST = 10_000;

/** A question to the database. */
interface Asking<Answer> {
  /** For the one before it: it is not on its way yet. */
  isWaiting: boolean;
  readonly answer: Promise<Answer | undefined>;
  /** Whether changes were heard of when it was asked, and how many there had been. */
  readonly heard: boolean;
  readonly changes: number;
}

export class AccessCache<Answer extends object> {
  readonly #kept = new LRUCache<string, { readonly answer: Answer; readonly concerned: Concerned }>({
    maxSize: KEPT_ANSWER_BYTES,
    sizeCalculation: (kept, key) => BYTES_PER_ENTRY + sizeOf(key) + sizeOf(kept),
    ttl: KEPT_FOR_MS,
  });
  readonly #absent: LRUCache<string, true> | undefined;
  /** The last question under each key that has not been answered. */
  readonly #asking = new Map<string, Asking<Answer>>();
  // Counts what could have changed answers, silence of the news included, so that an answer that was on its way then
  // is not kept.
  #changes = 0;

  /** @param absences whether it is kept as well, for 5 seconds, that there is no answer; any news ends that */
  constructor(
    private readonly invalidations: AccessInvalidations,
    { absences = false }: { readonly absences?: boolean } = {},
  ) {
    if (absences) this.#absent = new LRUCache({ max: ABSENCES_KEPT_AT_MOST, ttl: ABSENCE_KEPT_FOR_MS });
    invalidations.onChange((change) => {
      this.#changes++;
      this.#absent?.clear();
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
    const heardBefore = this.invalidations.isLive;
    const known = heardBefore ? this.#kept.get(key) : undefined;
    if (known) return known.answer;
    if (heardBefore && this.#absent?.has(key)) return undefined;
    const before = this.#changes;
    const answer = await this.#ask(key, ask);
    if (!heardBefore || this.#changes !== before) return answer;
    const concerned = answer && concerns(answer);
    if (concerned) this.#kept.set(key, { answer, concerned });
    else if (!answer) this.#absent?.set(key, true);
    return answer;
  }

  /**
   * Asks, or joins those who have asked the same. While changes are heard of, an answer that is on its way serves whoever
   * asks meanwhile: it is as good as one that is kept. While they are not, it may be older than what has changed since, so
   * that one more question waits for its end, and serves all who come until it is asked.
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

  /** Whether the answer will hold for whoever asks now, though the question was asked before. */
  #isFresh({ heard, changes }: Asking<Answer>): boolean {
    return heard && this.invalidations.isLive && this.#changes === changes;
  }
}
