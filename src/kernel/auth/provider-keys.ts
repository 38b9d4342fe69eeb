/**
 * The identity provider's published keys, fetched anew in time and whenever a token gives reason to.
 *
 * Guarantees: a key that the provider has withdrawn is not used for longer than the cache time, as long as the provider
 * can be reached; while it cannot, the known keys stay in use. However many tokens are invented or forged, the provider
 * is asked {@link FORCED_BURST} times and then twice a minute on their account, and never twice within a second.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { JwksClient } from 'jwks-rsa';
import { unavailable } from '../vocabulary/errors.js';
import { RefusedCredential } from './refused-credential.js';

const FETCH_TIMEOUT_MS = 5_000;
/** Between two requests to the provider, whatever the reason. */
const ASK_AGAIN_AFTER_MS = 1_000;
/** After a failure, while known keys serve. */
const RETRY_AFTER_MS = 5_000;
/** A failure that is older says nothing of now: where nobody came meanwhile, nobody has tried again. */
const LATELY_MS = 30_000;
/** Requests to the provider that tokens may cause at once: those with an unknown key and those with a wrong signature. */
const FORCED_BURST = 10;
/** And then one each time. */
const FORCED_EVERY_MS = 30_000;

export interface ProviderKeysOptions {
  readonly jwksUri: string;
  readonly cacheSeconds: number;
  /** Told each time that the keys could not be fetched. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * - `ok`: keys are known, and could be fetched when they were last asked for;
 * - `stale`: keys are known, and could not be fetched the last time;
 * - `missing`: no key is known.
 */
export type KeysState = 'ok' | 'stale' | 'missing';

interface PublishedKey {
  readonly kid: string | undefined;
  readonly pem: string;
  readonly key: KeyObject;
}

export class ProviderKeys {
  readonly #client: JwksClient;
  readonly #cacheMs: number;
  readonly #onFailure: (error: unknown) => void;
  #keys: readonly PublishedKey[] = [];
  #generation = 0;
  /** By the clock of the day: the other stands still while a machine sleeps, and keys are withdrawn meanwhile. */
  #fetchedAt: number | undefined;
  #askedAt = -Infinity;
  #lastAskFailed = false;
  #asking: Promise<void> | undefined;
  #forced = FORCED_BURST;
  #forcedAt = performance.now();

  constructor({ jwksUri, cacheSeconds, onFailure }: ProviderKeysOptions) {
    this.#client = new JwksClient({ jwksUri, cache: false, timeout: FETCH_TIMEOUT_MS });
    this.#cacheMs = cacheSeconds * 1_000;
    this.#onFailure = onFailure;
  }

  /** Changes whenever the published keys do: what was verified before may not be good any more. */
  get generation(): number {
    return this.#generation;
  }

  get state(): KeysState {
    if (this.#keys.length === 0) return 'missing';
    return this.#lastAskFailed ? 'stale' : 'ok';
  }

  /** When the keys were last fetched, in milliseconds since 1970; undefined before the first time. */
  get fetchedAt(): number | undefined {
    return this.#fetchedAt;
  }

  /** Fetches the keys unless some are known, and waits for them no longer than `timeoutMs`. Never fails. */
  async prepare(timeoutMs: number): Promise<KeysState> {
    if (this.#keys.length === 0) {
      const waiting = new AbortController();
      const impatience = wait(timeoutMs, undefined, { signal: waiting.signal }).catch(() => undefined);
      await Promise.race([this.#ask(), impatience]);
      waiting.abort();
    }
    return this.state;
  }

  /**
   * The public key that a token names by `kid`; a provider with a single key need not name it.
   *
   * @throws UNAUTHENTICATED when the provider has no such key, UNAVAILABLE when that cannot be found out
   */
  async find(kid: string | undefined): Promise<KeyObject> {
    const asked = await this.#refresh();
    let found = this.#lookUp(kid);
    if (!found && !asked && this.#mayForce()) {
      await this.#ask();
      found = this.#lookUp(kid);
    }
    if (found) return found.key;
    throw this.#lastAskFailed
      ? new RefusedCredential('keys_unreachable', unavailable().message)
      : new RefusedCredential('unknown_key', 'The token is signed with an unknown key.');
  }

  /**
   * The key that is published under `kid` by now, for a token whose signature does not fit `used`; undefined when it is
   * the same, or when it was asked for too often.
   */
  async findAgain(kid: string | undefined, used: KeyObject): Promise<KeyObject | undefined> {
    // Another token may have caused it already.
    const known = this.#lookUp(kid)?.key;
    if (known !== used) return known;
    if (!this.#mayForce()) return undefined;
    await this.#ask();
    const now = this.#lookUp(kid)?.key;
    return now === used ? undefined : now;
  }

  /**
   * Whether what was verified with the keys of that generation still is. It is not once the keys have to be fetched
   * before anything is believed.
   */
  holds(generation: number): boolean {
    if (generation !== this.#generation || this.#isTooOld()) return false;
    this.#refreshInTime();
    return true;
  }

  /** @returns whether the provider was asked, and the answer waited for */
  async #refresh(): Promise<boolean> {
    if (this.#keys.length === 0 || this.#isTooOld()) {
      await this.#ask();
      return true;
    }
    this.#refreshInTime();
    return false;
  }

  /** In the background, from half of the cache time on: so that nobody has to wait where there are requests. */
  #refreshInTime(): void {
    if (this.#age() > this.#cacheMs / 2 && this.#mayRetry()) void this.#ask();
  }

  /** Keys whose renewal has failed lately serve on: it is tried again in the background. */
  #isTooOld(): boolean {
    return this.#age() > this.#cacheMs && (!this.#lastAskFailed || this.#sinceAsked() > LATELY_MS);
  }

  #mayRetry(): boolean {
    return !this.#lastAskFailed || this.#sinceAsked() > RETRY_AFTER_MS;
  }

  /** A clock that was set back tells nothing: then the keys are too old. */
  #age(): number {
    const age = Date.now() - (this.#fetchedAt ?? -Infinity);
    return age < 0 ? Infinity : age;
  }

  #sinceAsked(): number {
    return performance.now() - this.#askedAt;
  }

  /** Takes one from the requests that tokens may cause. Those that share a request that is under way need none. */
  #mayForce(): boolean {
    if (this.#asking) return true;
    const now = performance.now();
    const regained = Math.floor((now - this.#forcedAt) / FORCED_EVERY_MS);
    if (regained > 0) {
      this.#forced = Math.min(FORCED_BURST, this.#forced + regained);
      this.#forcedAt += regained * FORCED_EVERY_MS;
    }
    if (this.#forced === 0) return false;
    this.#forced--;
    return true;
  }

  #lookUp(kid: string | undefined): PublishedKey | undefined {
    if (kid === undefined) return this.#keys.length === 1 ? this.#keys[0] : undefined;
    return this.#keys.find((key) => key.kid === kid);
  }

  /**
   * Asks the provider, a second after the last time at the earliest; callers that wait share one request. Never fails:
   * `#lastAskFailed` says whether it did.
   */
  #ask(): Promise<void> {
    this.#asking ??= this.#askNow().finally(() => {
      this.#askedAt = performance.now();
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askNow(): Promise<void> {
    await wait(Math.max(0, ASK_AGAIN_AFTER_MS - this.#sinceAsked()));
    const now = Date.now();
    try {
      this.#take(await this.#fetch());
      this.#fetchedAt = now;
      this.#lastAskFailed = false;
    } catch (error) {
      this.#lastAskFailed = true;
      this.#onFailure(error);
    }
  }

  async #fetch(): Promise<{ readonly kid: string | undefined; readonly pem: string }[]> {
    const keys = await this.#client.getSigningKeys();
    return keys.map((key) => ({ kid: key.kid, pem: key.getPublicKey() }));
  }

  /** A key that is still the same stays the same object. */
  #take(published: readonly { readonly kid: string | undefined; readonly pem: string }[]): void {
    const keys = published.map(
      ({ kid, pem }) =>
        this.#keys.find((known) => known.kid === kid && known.pem === pem) ?? {
          kid,
          pem,
          key: createPublicKey(pem),
        },
    );
    if (keys.length !== this.#keys.length || keys.some((key, index) => key !== this.#keys[index])) {
      this.#generation++;
    }
    this.#keys = keys;
  }
}
