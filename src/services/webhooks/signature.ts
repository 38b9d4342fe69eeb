/** Signatures of webhooks by the Standard Webhooks specification, with symmetric keys (`v1`). */
import { createHmac, randomBytes } from 'node:crypto';

const MARK = 'whsec_';
const BYTES = 32;

/** A new key, 256 random bits, as receivers expect it: `whsec_` and base64. */
export const newSigningSecret = (): string => MARK + randomBytes(BYTES).toString('base64');

/** What is signed, besides the body. */
export interface Signed {
  /** The id of the message; it must not contain a full stop. */
  readonly id: string;
  /** When it is sent. */
  readonly at: Date;
  readonly body: string;
}

/**
 * The headers that let a receiver verify a message: one signature for each key, so that receivers may have the old or the
 * new one while a key is replaced.
 *
 * @param secrets as {@link newSigningSecret} makes them
 */
export function signatureHeaders(secrets: readonly string[], { id, at, body }: Signed) {
  const timestamp = String(Math.floor(at.getTime() / 1_000));
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(MARK.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}
