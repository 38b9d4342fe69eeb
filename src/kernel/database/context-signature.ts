/**
 * Signs the contexts that the server sends to the database. Only the server has the key, so injected SQL cannot sign a
 * context: docs/signed-contexts.md.
 */
import { createHmac, createSecretKey } from 'node:crypto';
import type { TenantContext } from '../request/tenant-context.js';

/** The last two arguments of the kernel's functions that need a signature. */
export interface Signature {
  /** Seconds since 1970, as text; null when contexts are unsigned. */
  readonly expires: string | null;
  /** HMAC-SHA256, in hexadecimal digits. */
  readonly signature: string | null;
}

/**
 * Signs a purpose and all arguments of the kernel's function.
 *
 * @param parts the arguments in the order of the function
 */
export type Sign = (purpose: string, ...parts: readonly (string | null)[]) => Signature;

/** The database accepts clocks that are ahead by the same time: see `tenantry.fault_of_signature`. */
const GOOD_FOR_S = 60;

const UNSIGNED: Signature = { expires: null, signature: null };

/** @param key undefined: contexts are unsigned, and a database that has a key refuses them */
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

/** The same message as in `tenantry.require_signature`. */
function messageOf(purpose: string, expires: string, parts: readonly (string | null)[]): string {
  const given = parts.map((part) => part ?? '');
  // Otherwise two different lists of parts could give the same message. For the same reason null is encoded.
  if (given.some((part) => part.includes(SEPARATOR))) throw new Error('a unit separator cannot be signed');
  return [purpose, expires, ...given].join(SEPARATOR);
}

/** The signature for `tenantry.bind`. */
export const signContext = (sign: Sign, { tenantId, actor, requestId }: TenantContext): Signature =>
  sign('bind', tenantId.toLowerCase(), actor.type, actor.id, requestId);
