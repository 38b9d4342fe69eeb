/**
 * Verifies bearer tokens. A token is believed only with a signature of a configured key, by an algorithm that fits
 * the kind of the key, for our issuer and audience, and before its expiry.
 */
import { createHash, createSecretKey, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { unauthenticated } from '../errors.js';
import { sizeOf } from '../limits/size-of.js';
import { ProviderKeys } from './provider-keys.js';

/** What a verified token says. It does not say what the user may do: the membership in the database does. */
export interface Identity {
  /** The `sub` claim. */
  readonly userId: string;
  /** The `email` claim, unless the provider says that it is not verified. */
  readonly email: string | undefined;
  /**
   * The `email` claim, when the provider says that it is verified. Providers that say nothing of it may let their users
   * write there what they like: such an address is fit to be shown, and proves nothing.
   */
  readonly verifiedEmail: string | undefined;
  /** The `tenant_id` claim: a tenant's id or slug. */
  readonly tenantRef: string | undefined;
  /** In milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface TokenOptions {
  /** For HS256. */
  readonly secret: string | undefined;
  /** For RS256 and ES256: where the identity provider publishes its keys. */
  readonly jwksUri: string | undefined;
  readonly issuer: string;
  readonly audience: string;
}

/** @throws UNAUTHENTICATED for a token that is not to be believed; UNAVAILABLE when the keys cannot be fetched. */
export type VerifyToken = (token: string) => Promise<Identity>;

interface VerificationKey {
  readonly key: string | KeyObject;
  readonly algorithms: jwt.Algorithm[];
}

const CLOCK_TOLERANCE_SECONDS = 5;

/** Providers differ in what they put into a claim they have no value for; only `sub` and `exp` are indispensable. */
const claims = z.object({
  sub: z.string().min(1).max(255),
  exp: z.number(),
  email: z.string().min(1).optional().catch(undefined),
  email_verified: z.unknown().optional(),
  tenant_id: z.string().nullish(),
});

export function createTokenVerifier({ secret, jwksUri, issuer, audience }: TokenOptions): VerifyToken {
  // A key object, because jsonwebtoken tries each time whether a string is a public key, which takes longer than
  // all the rest.
  const secretKey = secret === undefined ? undefined : createSecretKey(Buffer.from(secret));
  const providerKeys = jwksUri === undefined ? undefined : new ProviderKeys(jwksUri);

  /** The key decides which algorithms are accepted, never the token. */
  async function keyFor(header: jwt.JwtHeader): Promise<VerificationKey> {
    if (header.alg === 'HS256' && secretKey) return { key: secretKey, algorithms: ['HS256'] };
    if ((header.alg === 'RS256' || header.alg === 'ES256') && providerKeys) {
      return { key: await providerKeys.find(header.kid), algorithms: ['RS256', 'ES256'] };
    }
    throw unauthenticated('The token is signed in a way that is not accepted here.');
  }

  return rememberVerified(async (token) => {
    const header = jwt.decode(token, { complete: true })?.header;
    if (!header) throw unauthenticated('The bearer token is not a JSON web token.');
    // RFC 7515: what a token calls critical must be understood, and nothing is here.
    if (header.crit) throw unauthenticated('The token demands extensions that are not understood here.');
    const { key, algorithms } = await keyFor(header);
    const parsed = claims.safeParse(verify(token, key, { algorithms, issuer, audience }));
    if (!parsed.success)
      throw unauthenticated('The token needs the claims sub and exp; tenant_id, if there is one, is a text.');
    const { sub, exp, email, email_verified: verified, tenant_id: tenant } = parsed.data;
    const unverified = verified === false || verified === 'false';
    return {
      userId: sub,
      email: unverified ? undefined : email,
      verifiedEmail: verified === true || verified === 'true' ? email : undefined,
      tenantRef: tenant === '' ? undefined : (tenant ?? undefined),
      expiresAt: exp * 1_000,
    };
  });
}

/** Tokens whose verification is remembered, and for how long: a key that its provider withdraws is soon without effect. */
export const REMEMBERED_BYTES = 16 * 1024 * 1024;
/** Of an entry beside the identity: the hash, and the place in the list. */
const BYTES_PER_TOKEN = 400;
const REMEMBERED_FOR_MS = 30_000;

/**
 * A client sends the same token with each request, and verifying it costs more than the rest of the way in. Only what was
 * found good is remembered, by a hash of the token, and never beyond its expiry.
 */
function rememberVerified(verify: VerifyToken): VerifyToken {
  const verified = new LRUCache<string, { readonly identity: Identity; readonly until: number }>({
    maxSize: REMEMBERED_BYTES,
    // What a token says is as long as its provider lets it be.
    sizeCalculation: ({ identity }) => BYTES_PER_TOKEN + sizeOf(identity),
  });
  return async (token) => {
    const key = createHash('sha256').update(token).digest('base64');
    const known = verified.get(key);
    // By the clock that the expiry is told by: the cache's own stands still while a machine sleeps.
    if (known && Date.now() < known.until) return known.identity;
    const identity = await verify(token);
    const until = Math.min(Date.now() + REMEMBERED_FOR_MS, identity.expiresAt);
    verified.set(key, { identity, until });
    return identity;
  };
}

function verify(token: string, key: string | KeyObject, options: jwt.VerifyOptions): unknown {
  try {
    return jwt.verify(token, key, { ...options, clockTolerance: CLOCK_TOLERANCE_SECONDS });
  } catch (error) {
    if (error instanceof jwt.TokenExpiredError) throw unauthenticated('The token has expired.');
    throw unauthenticated('The token is not valid.');
  }
}
