/** The secrets of webhooks: sealed for the database, and opened to sign. They are in no log, error or answer but one. */
import type { Webhook } from '../../generated/prisma/client.js';
import type { Place, SealedSecrets } from '../../services/secrets/sealed-secrets.js';

/** How long a former secret is valid after it was replaced, in milliseconds. */
export const FORMER_VALID_MS = 86_400_000;

/** Where the secrets of a webhook are kept. */
export const placeOf = ({ tenantId, id }: Pick<Webhook, 'tenantId' | 'id'>): Place => ({
  tenantId,
  purpose: 'webhook',
  id,
});

type Sealed = Pick<Webhook, 'tenantId' | 'id' | 'sealedSecret' | 'formerSealedSecret' | 'rotatedAt'>;

/**
 * The secrets that sign a message at this time, the present one first. A former one whose key is gone is left out.
 *
 * @throws UNAVAILABLE when the key is missing that has sealed the present one
 */
export function secretsOf(webhook: Sealed, secrets: SealedSecrets, now: Date): string[] {
  const { sealedSecret, formerSealedSecret, rotatedAt } = webhook;
  const isFormerValid = rotatedAt !== null && now.getTime() - rotatedAt.getTime() < FORMER_VALID_MS;
  const former = isFormerValid && formerSealedSecret !== null && secrets.hasKeyOf(formerSealedSecret);
  return [sealedSecret, ...(former ? [formerSealedSecret] : [])].map((sealed) =>
    secrets.open(sealed, placeOf(webhook)),
  );
}
