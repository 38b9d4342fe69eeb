/**
 * The identity provider's published keys. The whole set is kept: a known key goes on being accepted while the provider
 * cannot be reached, and tokens that name invented keys make us ask the provider once a second at the most.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { JwksClient, type SigningKey } from 'jwks-rsa';
import { unauthenticated, unavailable } from '../errors.js';

const FETCH_TIMEOUT_MS = 5_000;
const REFRESH_AFTER_MS = 600_000;
const ASK_AGAIN_AFTER_MS = 1_000;

export class ProviderKeys {
  private readonly client: JwksClient;
  private keys: readonly SigningKey[] = [];
  private askedAt = -Infinity;
  private lastAskFailed = false;
  private asking: Promise<void> | undefined;

  constructor(jwksUri: string) {
    this.client = new JwksClient({ jwksUri, cache: false, timeout: FETCH_TIMEOUT_MS });
  }

  /**
   * The public key that a token names by `kid`; a provider with a single key need not name it.
   *
   * @throws UNAUTHENTICATED when the provider has no such key, UNAVAILABLE when that cannot be found out
   */
  async find(kid: string | undefined): Promise<string> {
    const known = this.lookUp(kid);
    if (known) {
      // What is known serves on while it is asked for anew.
      if (this.sinceAsked() > REFRESH_AFTER_MS) void this.ask();
      return known.getPublicKey();
    }
    await this.ask();
    const found = this.lookUp(kid);
    if (found) return found.getPublicKey();
    throw this.lastAskFailed ? unavailable() : unauthenticated('The token is signed with an unknown key.');
  }

  private lookUp(kid: string | undefined): SigningKey | undefined {
    if (kid === undefined) return this.keys.length === 1 ? this.keys[0] : undefined;
    return this.keys.find((key) => key.kid === kid);
  }

  private sinceAsked(): number {
    return performance.now() - this.askedAt;
  }

  /**
   * Asks the provider, a second after the last time at the earliest; callers that wait share one request. Never fails:
   * `lastAskFailed` says whether it did.
   */
  private ask(): Promise<void> {
    this.asking ??= wait(Math.max(0, ASK_AGAIN_AFTER_MS - this.sinceAsked()))
      .then(() => this.client.getSigningKeys())
      .then(
        (keys) => {
          this.keys = keys;
          this.lastAskFailed = false;
        },
        () => {
          this.lastAskFailed = true;
        },
      )
      .finally(() => {
        this.askedAt = performance.now();
        this.asking = undefined;
      });
    return this.asking;
  }
}
