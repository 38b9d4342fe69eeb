/** The format of an API key: `tk_` and 256 random bits. Only its hash is stored. */
import { hashSecret, isSecret, newSecret } from './secrets.js';

const MARK = 'tk_';
const SHOWN = 10;

/** A new key, its prefix, and its hash to store. */
export function newApiKey(): { readonly key: string; readonly prefix: string; readonly keyHash: string } {
  const key = MARK + newSecret();
  return { key, prefix: key.slice(0, SHOWN), keyHash: hashSecret(key) };
}

/** A JSON web token never begins with this prefix. */
export const isApiKey = (credential: string): boolean => credential.startsWith(MARK);

/** The stored hash of a key; undefined for a malformed key. */
export const apiKeyHash = (key: string): string | undefined =>
  isApiKey(key) && isSecret(key.slice(MARK.length)) ? hashSecret(key) : undefined;
