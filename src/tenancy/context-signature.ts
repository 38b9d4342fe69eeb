/**
 * Signatures for what the server tells the database about whom it acts for. Only who holds the key can make one, so that
 * SQL that an attacker slips into a statement cannot speak in the server's name: docs/signed-contexts.md.
 */
import { createHmac, createSecretKey } from 'node:crypto';
import type { TenantContext } from './context.js';

/** The last two arguments of a function of the kernel that asks for a signature. */
export interface Signature {
  /** Seconds since 1970, as text; null when contexts are not signed. */
  readonly expires: string | null;
  /** HMAC-SHA256, in hexadecimal digits. */
  readonly signature: string | null;
}

/** Signs a purpose, and up to four texts the function goes by. */
export type Sign = (
  purpose: string,
  first?: string,
  second?: string,
  third?: string,
  fourth?: string,
) => Signature;

/** The database forgives a clock that is as much ahead: see `tenantry.fault_of_signature`. */
const GOOD_FOR_S = 60;

const UNSIGNED: Signature = { expires: null, signature: null };

/** @param key undefined: contexts are not signed, and a database that has a key refuses them. */
export function createSign(key: string | undefined): Sign {
  if (key === undefined) return () => UNSIGNED;
  const secret = createSecretKey(key, 'utf8');
  return (purpose, first = '', second = '', third = '', fourth = '') => {
    const expires = String(Math.floor(Date.now() / 1_000) + GOOD_FOR_S);
    const message = `${purpose} ${expires}`;
    // The lengths come first, so that there are no two ways to read it: see `tenantry.message_of`.
    const lengths = Buffer.alloc(12);
    [first, second, third].forEach((text, index) => lengths.writeInt32BE(Buffer.byteLength(text), index * 4));
    const hmac = createHmac('sha256', secret).update(message).update(lengths);
    return { expires, signature: hmac.update(first + second + third + fourth).digest('hex') };
  };
}

/** What `tenantry.bind` asks for. */
export const signContext = (sign: Sign, { tenantId, actor, requestId }: TenantContext): Signature =>
  sign('bind', tenantId.toLowerCase(), actor.id, actor.type, requestId);
