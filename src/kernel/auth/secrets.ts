/** Secrets that are shown once and found by their hash: tokens of invitations, API keys. */
import { hash, randomBytes } from 'node:crypto';

/**
 * 256 random bits, 43 characters of base64url.
 *
 * @param tenantId is added, so that a server knows in which cell the secret is known; the hash covers it
 */
export const newSecret = (tenantId?: string): string => {
  const random = randomBytes(32).toString('base64url');
  if (tenantId === undefined) return random;
  return `${random}.${Buffer.from(tenantId.replaceAll('-', ''), 'hex').toString('base64url')}`;
};

const SECRET = /^[A-Za-z0-9_-]{43}(?:\.([A-Za-z0-9_-]{22}))?$/;

/** Whether `text` has the format of {@link newSecret}; other texts need no look-up. */
export const isSecret = (text: string): boolean => SECRET.test(text);

/** The tenant that a secret names, as it says; undefined for one that names none. */
export function tenantOfSecret(text: string): string | undefined {
  const named = SECRET.exec(text)?.[1];
  if (named === undefined) return undefined;
  const digits = Buffer.from(named, 'base64url').toString('hex');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/**
 * The stored hash of a secret, 64 hexadecimal digits. A plain SHA-256 of 256 random bits cannot be reversed. Secrets
 * are found by their hash, so the time of a look-up reveals nothing about them.
 */
export const hashSecret = (secret: string): string => hash('sha256', secret);
