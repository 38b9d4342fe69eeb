/** What an API key looks like: `tk_` and 256 random bits. Only its hash is stored. */
import { hashSecret, isSecret, newSecret } from './secrets.js';

const MARK = 'tk_';
const SHOWN = 10;

/** A new key, how it begins, and what of it is stored. */
export function newApiKey(): { readonly key: string; readonly prefix: string; readonly keyHash: string } {
  const key = MARK + newSecret();
  return { key, prefix: key.slice(0, SHOWN), keyHash: hashSecret(key) };
}

/** No JSON web token begins like that. */
export const isApiKey = (credential: string): boolean => credential.startsWith(MARK);

/** The stored hash of a key; undefined for what cannot be one. */
export const apiKeyHash = (key: string): string | undefined =>
  isApiKey(key) && isSecret(key.slice(MARK.length)) ? hashSecret(key) : undefined;
