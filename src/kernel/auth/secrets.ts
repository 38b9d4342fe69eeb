/** Secrets that are handed out once and recognised by their hash: tokens of invitations, API keys. */
import { createHash, randomBytes } from 'node:crypto';

/** 256 random bits, 43 characters of base64url. */
export const newSecret = (): string => randomBytes(32).toString('base64url');

/** Whether `text` could be one of {@link newSecret}: anything else need not be looked up. */
export const isSecret = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text);

/**
 * What of a secret is stored, 64 hexadecimal digits. Of 256 random bits a plain SHA-256 gives nothing away; and since
 * secrets are found by their hash, the time that takes tells nothing about them.
 */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex');
