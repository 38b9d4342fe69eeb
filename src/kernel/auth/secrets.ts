/** Secrets that are shown once and found by their hash: tokens of invitations, API keys. */
import { createHash, randomBytes } from 'node:crypto';

/** 256 random bits, 43 characters of base64url. */
export const newSecret = (): string => randomBytes(32).toString('base64url');

/** Whether `text` has the format of {@link newSecret}; other texts need no look-up. */
export const isSecret = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text);

/**
 * The stored hash of a secret, 64 hexadecimal digits. A plain SHA-256 of 256 random bits cannot be reversed. Secrets
 * are found by their hash, so the time of a look-up reveals nothing about them.
 */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex');
