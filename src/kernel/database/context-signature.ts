/**
 * Signatures for what the server tells the database about whom it acts for. Only who holds the key can make one, so that
 * SQL that an attacker slips into a statement cannot speak in the server's name: docs/signed-contexts.md.
 */
import { createHmac, createSecretKey } from 'node:crypto';
import type { TenantContext } from '../request/tenant-context.js';

/** The last two arguments of a function of the kernel that asks for a signature. */
export interface Signature {
  /** Seconds since 1970, as text; null when contexts are not signed. */
  readonly expires: string | null;
  /** HMAC-SHA256, in hexadecimal digits. */
  readonly signature: string | null;
}

/**
 * Signs a purpose, and everything the function of the kernel goes by.
 *
 * @param parts as the function is given them
 */
export type Sign = (purpose: string, ...parts: readonly (string | null)[]) => Signature;

/** The database forgives a clock that is as much ahead: see `tenantry.fault_of_signature`. */
const GOOD_FOR_S = 60;

const UNSIGNED: Signature = { expires: null, signature: null };

/** @param key undefined: contexts are not signed, and a database that has a key refuses them. */
export function createSign(key: string | undefined): Sign {
  if (key === undefined) return () => UNSIGNED;
  const secret = createSecretKey(key, 'utf8');
  return (purpose, ...parts) => {
    const expires = String(Math.floor(Date.now() / 1_000) + GOOD_FOR_S);
    return {
      expires,
      signature: createHmac('sha256', secret)
        .update(messageOf(purpose, expires, parts))
        .digest('hex'),
    };
  };
}

const SEPARATOR = '\u001f';

/** As the kernel puts it together: see `tenantry.require_signature`. */
function messageOf(purpose: string, expires: string, parts: readonly (string | null)[]): string {
  const given = parts.map((part) => part ?? '');
  // Otherwise one message could be read in two ways; so it could if a part that is null left no trace.
  if (given.some((part) => part.includes(SEPARATOR))) throw new Error('a unit separator cannot be signed');
  return [purpose, expires, ...given].join(SEPARATOR);
}

/** What `tenantry.bind` asks for. */
export const signContext = (sign: Sign, { tenantId, actor, requestId }: TenantContext): Signature =>
  sign('bind', tenantId.toLowerCase(), actor.type, actor.id, requestId);
