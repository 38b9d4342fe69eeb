/**
 * The identity provider's published keys, fetched again periodically and when a token needs it.
 *
 * Guarantees: a withdrawn key is not used for longer than the cache time while the provider can be reached; while it
 * cannot, the known keys stay in use. Invented or forged tokens cause at most {@link FORCED_BURST} requests and then
 * two a minute, and never two within a second.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { createRequire } from 'node:module';
import { setTimeout as wait } from 'node:timers/promises';
import type { JwksClient } from 'jwks-rsa';
import { Outgoing } from '../outgoing/outgoing.js';
import { askProvider } from './ask-provider.js';
import { RefusedCredential } from './refused-credential.js';

/** The minimum time between two requests to the provider. */
const ASK_AGAIN_AFTER_MS = 1_000;
/** The time between retries after a failure, while known keys are used. */
const RETRY_AFTER_MS = 5_000;
/** An older failure is ignored: without requests, nothing has been retried since. */
const LATELY_MS = 30_000;
/** The first requests that tokens with an unknown key or a wrong signature may cause. */
const FORCED_BURST = 10;
/** The time after which tokens may cause one more. */
const FORCED_EVERY_MS = 30_000;

export interface ProviderKeysOptions {
  readonly jwksUri: string;
  readonly cacheSeconds: number;
  /** Called each time the keys could not be fetched. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * - `ok`: keys are known, and the last fetch succeeded;
 * - `stale`: keys are known, but the last fetch failed;
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
  /**
   * Uses the wall clock, because the monotonic clock stops while a machine sleeps, and keys may be withdrawn meanwhile.
   */
  #fetchedAt: number | undefined;
  #askedAt = -Infinity;
  #lastAskFailed = false;
  #asking: Promise<void> | undefined;
  #forced = FORCED_BURST;
  #forcedAt = performance.now();

  constructor({ jwksUri, cacheSeconds, onFailure }: ProviderKeysOptions) {
    // The operator has chosen this host, which is often inside the own network.
    const outgoing = new Outgoing({ allowed: [new URL(jwksUri).hostname] });
    // Loaded only where there is an identity provider.
    const jwks = createRequire(import.meta.url)('jwks-rsa') as typeof import('jwks-rsa');
    this.#client = new jwks.JwksClient({
      jwksUri,
      cache: false,
      fetcher: async (url) => (await askProvider(outgoing, url)) as { keys: unknown },
    });
    this.#cacheMs = cacheSeconds * 1_000;
    this.#onFailure = onFailure;
  }

  /** Changes when the published keys change: tokens verified before may no longer be valid. */
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

  /** Fetches the keys unless some are known, and waits at most `timeoutMs`. Never fails. */
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
   * @throws UNAUTHENTICATED when the provider has no such key; UNAVAILABLE when the keys cannot be fetched
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
      ? new RefusedCredential(
          'keys_unreachable',
          'The keys of the identity provider cannot be fetched. Try again later.',
        )
      : new RefusedCredential('unknown_key', 'The token is signed with an unknown key.');
  }

  /**
   * The key now published under `kid`, for a token whose signature does not match `used`; undefined when it is the same
   * key, or when too many requests were made.
   */
  async findAgain(kid: string | undefined, used: KeyObject): Promise<KeyObject | undefined> {
    // Another token may already have caused the fetch.
    const known = this.#lookUp(kid)?.key;
    if (known !== used) return known;
    if (!this.#mayForce()) return undefined;
    await this.#ask();
    const now = this.#lookUp(kid)?.key;
    return now === used ? undefined : now;
  }

  /**
   * Whether tokens verified with the keys of that generation are still valid. They are not once the keys must be
   * fetched again before use.
   */
  holds(generation: number): boolean {
    if (generation !== this.#generation || this.#isTooOld()) return false;
    this.#refreshInTime();
    return true;
  }

  /** @returns whether this call waited for an answer of the provider */
  async #refresh(): Promise<boolean> {
    if (this.#keys.length === 0 || this.#isTooOld()) {
      await this.#ask();
      return true;
    }
    this.#refreshInTime();
    return false;
  }

  /** Fetches in the background after half of the cache time, so that requests do not wait. */
  #refreshInTime(): void {
    if (this.#age() > this.#cacheMs / 2 && this.#mayRetry()) void this.#ask();
  }

  /** Keys whose renewal failed recently are still used; it is retried in the background. */
  #isTooOld(): boolean {
    return this.#age() > this.#cacheMs && (!this.#lastAskFailed || this.#sinceAsked() > LATELY_MS);
  }

  #mayRetry(): boolean {
    return !this.#lastAskFailed || this.#sinceAsked() > RETRY_AFTER_MS;
  }

  /** When the clock was set back, the age is unknown, so the keys count as too old. */
  #age(): number {
    const age = Date.now() - (this.#fetchedAt ?? -Infinity);
    return age < 0 ? Infinity : age;
  }

  #sinceAsked(): number {
    return performance.now() - this.#askedAt;
  }

  /** Takes one of the requests that tokens may cause. Joining a running request needs none. */
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
   * Asks the provider, at the earliest a second after the last request; waiting callers share one request. Never
   * throws: `#lastAskFailed` tells whether it failed.
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

  /** An unchanged key stays the same object. */
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
