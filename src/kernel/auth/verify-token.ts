/**
 * Verifies bearer tokens. A token is valid only with a signature of a configured key, by an algorithm for this kind of
 * key, for our issuer and audience, and before its expiry.
 */
import { createSecretKey, hash, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { sizeOf } from './size-of.js';
import type { ProviderKeys } from './provider-keys.js';
import { RefusedCredential } from './refused-credential.js';

/** The claims of a verified token. They do not determine permissions: the membership in the database does. */
export interface Identity {
  /** The `sub` claim. */
  readonly userId: string;
  /** The `email` claim, unless the provider says that it is not verified. */
  readonly email: string | undefined;
  /**
   * The `email` claim, when the provider says that it is verified. Otherwise users may have entered any address: it may
   * be shown, but proves nothing.
   */
  readonly verifiedEmail: string | undefined;
  /** The `tenant_id` claim: a tenant's id or slug. */
  readonly tenantRef: string | undefined;
  /**
   * When the user has signed in (`auth_time`), or else when the token was issued (`iat`), in milliseconds since 1970;
   * undefined when it says neither.
   */
  readonly signedInAt: number | undefined;
  /** The `scope` claim: names that are separated by spaces. Only operators' tokens need one. */
  readonly scope: string;
  /** When the token is no longer accepted: its expiry and the tolerance for clocks. In milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface TokenOptions {
  /** For HS256. */
  readonly secret: string | undefined;
  /** For RS256 and ES256. */
  readonly providerKeys: ProviderKeys | undefined;
  readonly issuer: string;
  readonly audience: string;
}

/** @throws UNAUTHENTICATED for an invalid token; UNAVAILABLE when the keys cannot be fetched */
export type VerifyToken = (token: string) => Promise<Identity>;

/** By how much the clocks of the identity provider and of this server may differ. */
const CLOCK_TOLERANCE_SECONDS = 5;

/** When a token with this `exp` claim is no longer accepted, in milliseconds since 1970: over HTTP and WebSocket alike. */
const endOf = (exp: number): number => (exp + CLOCK_TOLERANCE_SECONDS) * 1_000;

const secondsOf = (claim: number | undefined): number | undefined =>
  claim === undefined ? undefined : claim * 1_000;

/** Providers write different values for claims without a value; only `sub` and `exp` are required. */
const claims = z.object({
  sub: z.string().min(1).max(255),
  exp: z.number(),
  iat: z.number().optional().catch(undefined),
  auth_time: z.number().optional().catch(undefined),
  email: z.string().min(1).optional().catch(undefined),
  email_verified: z.unknown().optional(),
  tenant_id: z.string().nullish(),
  scope: z.string().catch(''),
});

/** Verifies HS256 with the secret, RS256 and ES256 with the provider's keys; what is not given accepts nothing. */
export function createTokenVerifier({ secret, providerKeys, issuer, audience }: TokenOptions): VerifyToken {
  // A key object, because jsonwebtoken checks each time whether a string is a public key, which takes longer than the
  // rest.
  const secretKey = secret === undefined ? undefined : createSecretKey(Buffer.from(secret));
  const expected = { issuer, audience };

  /** The key decides which algorithms are accepted, never the token. */
  async function verified(token: string, { alg, kid }: jwt.JwtHeader, payload: unknown): Promise<unknown> {
    if (alg === 'HS256' && secretKey) {
      return verify(token, secretKey, { ...expected, algorithms: ['HS256'] });
    }
    if ((alg === 'RS256' || alg === 'ES256') && providerKeys) {
      const options: jwt.VerifyOptions = { ...expected, algorithms: ['RS256', 'ES256'] };
      refuseForeign(payload, expected);
      const key = await providerKeys.find(kid);
      try {
        return verify(token, key, options);
      } catch (error) {
        if (!(error instanceof RefusedCredential && error.reason === 'signature')) throw error;
        // The provider may have published another key with the same id.
        const other = await providerKeys.findAgain(kid, key);
        if (other === undefined) throw error;
        return verify(token, other, options);
      }
    }
    throw new RefusedCredential('algorithm', 'The token is signed in a way that is not accepted here.');
  }

  return rememberVerified(providerKeys, async (token) => {
    const decoded = jwt.decode(token, { complete: true });
    if (!decoded) throw new RefusedCredential('malformed', 'The bearer token is not a JSON web token.');
    const { header, payload } = decoded;
    // RFC 7515: critical header parameters must be understood, and we support none.
    if (header.crit) {
      throw new RefusedCredential('malformed', 'The token demands extensions that are not understood here.');
    }
    const parsed = claims.safeParse(await verified(token, header, payload));
    if (!parsed.success) {
      throw new RefusedCredential(
        'claims',
        'The token needs the claims sub and exp; tenant_id, if there is one, is a text.',
      );
    }
    const {
      sub,
      exp,
      iat,
      auth_time: authTime,
      email,
      email_verified: verifiedClaim,
      tenant_id: tenant,
      scope,
    } = parsed.data;
    const unverified = verifiedClaim === false || verifiedClaim === 'false';
    return {
      userId: sub,
      email: unverified ? undefined : email,
      verifiedEmail: verifiedClaim === true || verifiedClaim === 'true' ? email : undefined,
      tenantRef: tenant === '' ? undefined : (tenant ?? undefined),
      signedInAt: secondsOf(authTime ?? iat),
      scope,
      expiresAt: endOf(exp),
    };
  });
}

/** The limits of the cache of verified tokens. */
export const REMEMBERED_BYTES = 16 * 1024 * 1024;
/** Bytes of an entry in addition to the identity: the hash and the list entry. */
const BYTES_PER_TOKEN = 400;
/** As long as access is kept. */
const REMEMBERED_FOR_MS = 300_000;

interface Remembered {
  readonly identity: Identity;
  readonly until: number;
  /** The generation of the provider's keys when it was verified. */
  readonly generation: number;
}

/**
 * Caches verified tokens, because clients send the same token with each request, and verification costs more than the
 * rest of authentication. Only valid tokens are cached, by their hash, and not beyond their expiry or a change of the
 * provider's keys.
 */
function rememberVerified(providerKeys: ProviderKeys | undefined, verifyAnew: VerifyToken): VerifyToken {
  const remembered = new LRUCache<string, Remembered>({
    maxSize: REMEMBERED_BYTES,
    // The provider decides the length of the claims.
    sizeCalculation: ({ identity }) => BYTES_PER_TOKEN + sizeOf(identity),
  });
  return async (token) => {
    const key = hash('sha256', token, 'base64');
    const known = remembered.get(key);
    // Uses the wall clock like the expiry; the cache's clock stops while a machine sleeps.
    if (known && Date.now() < known.until && (providerKeys?.holds(known.generation) ?? true)) {
      return known.identity;
    }
    // Read before the verification, because the keys may change during it.
    const generation = providerKeys?.generation ?? 0;
    const identity = await verifyAnew(token);
    const until = Math.min(Date.now() + REMEMBERED_FOR_MS, identity.expiresAt);
    remembered.set(key, { identity, until, generation });
    return identity;
  };
}

interface Expected {
  readonly issuer: string;
  readonly audience: string;
}

/**
 * Refuses tokens that are invalid with any key, before a request to the provider for their key. {@link verify} decides
 * about all others.
 */
function refuseForeign(payload: unknown, { issuer, audience }: Expected): void {
  const { iss, aud, exp } =
    typeof payload === 'object' && payload !== null ? (payload as jwt.JwtPayload) : {};
  if (iss !== issuer) throw new RefusedCredential('issuer', NOT_VALID);
  const audiences = Array.isArray(aud) ? aud : [aud];
  if (!audiences.includes(audience)) throw new RefusedCredential('audience', NOT_VALID);
  if (typeof exp === 'number' && endOf(exp) <= Date.now()) {
    throw new RefusedCredential('expired', EXPIRED);
  }
}

const EXPIRED = 'The token has expired.';
const NOT_VALID = 'The token is not valid.';

function verify(token: string, key: KeyObject, options: jwt.VerifyOptions): unknown {
  try {
    return jwt.verify(token, key, { ...options, clockTolerance: CLOCK_TOLERANCE_SECONDS });
  } catch (error) {
    const reason = reasonOf(error);
    throw new RefusedCredential(reason, reason === 'expired' ? EXPIRED : NOT_VALID);
  }
}

/** Most errors of jsonwebtoken differ only in their message. */
function reasonOf(error: unknown) {
  if (error instanceof jwt.TokenExpiredError) return 'expired';
  if (error instanceof jwt.NotBeforeError) return 'not_yet_valid';
  const message = error instanceof Error ? error.message : '';
  if (message.startsWith('jwt issuer')) return 'issuer';
  if (message.startsWith('jwt audience')) return 'audience';
  // The second message occurs when the key has another type than the token's algorithm.
  return /^(invalid signature$|"alg" parameter for)/.test(message) ? 'signature' : 'malformed';
}
