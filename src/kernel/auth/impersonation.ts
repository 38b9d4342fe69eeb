/** The format of the credential of an impersonation: `ti_`, 256 random bits, and its tenant. Only its hash is stored. */
import { hashSecret, isSecret, newSecret, tenantOfSecret } from './secrets.js';

const MARK = 'ti_';

/** A new credential, and its hash to store. */
export function newImpersonation(tenantId?: string): {
  readonly credential: string;
  readonly tokenHash: string;
} {
  const credential = MARK + newSecret(tenantId);
  return { credential, tokenHash: hashSecret(credential) };
}

/** Neither a JSON web token nor an API key begins with this prefix. */
export const isImpersonation = (credential: string): boolean => credential.startsWith(MARK);

/** The stored hash of a credential; undefined for a malformed one. */
export const impersonationHash = (credential: string): string | undefined =>
  isImpersonation(credential) && isSecret(credential.slice(MARK.length)) ? hashSecret(credential) : undefined;

/** The tenant that a credential names, as it says. */
export const tenantOfImpersonation = (credential: string): string | undefined =>
  tenantOfSecret(credential.slice(MARK.length));
