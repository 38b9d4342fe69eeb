/** The format of an API key: `tk_`, 256 random bits, and its tenant. Only its hash is stored. */
import { hashSecret, isSecret, newSecret, tenantOfSecret } from './secrets.js';

const MARK = 'tk_';
const SHOWN = 10;

/** A new key, its prefix, and its hash to store. Those that were made before there were cells name no tenant. */
export function newApiKey(tenantId?: string): {
  readonly key: string;
  readonly prefix: string;
  readonly keyHash: string;
} {
  const key = MARK + newSecret(tenantId);
  return { key, prefix: key.slice(0, SHOWN), keyHash: hashSecret(key) };
}

/** A JSON web token never begins with this prefix. */
export const isApiKey = (credential: string): boolean => credential.startsWith(MARK);

/** The stored hash of a key; undefined for a malformed key. */
export const apiKeyHash = (key: string): string | undefined =>
  isApiKey(key) && isSecret(key.slice(MARK.length)) ? hashSecret(key) : undefined;

/** The tenant that a key names, as it says. */
export const tenantOfApiKey = (key: string): string | undefined => tenantOfSecret(key.slice(MARK.length));
