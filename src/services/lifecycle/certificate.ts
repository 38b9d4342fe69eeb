/**
 * Certificates of erasure: a text that says what was erased, when and how much, signed with the key of the seals. It names
 * nobody: the tenant is a hash of its id, so that whoever knows the id can recognise it.
 */
import { createHash, sign, verify, type KeyObject } from 'node:crypto';
import type { SealKeys } from '../audit-trail/seal-keys.js';

export const CERTIFICATE = 'tenantry.erasure.v1';

/** The bytes of seals and cuts begin with a zero byte: no signature of a certificate is one of them. */
const DOMAIN = 'tenantry.erasure.certificate.v1\n';

export interface ErasedTable {
  readonly table: string;
  readonly rows: number;
}

export interface Certificate {
  readonly format: typeof CERTIFICATE;
  readonly id: string;
  /** SHA-256 of the tenant's id. */
  readonly tenant: string;
  readonly requestedAt: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** SHA-256 of the plan, which was made before the first row was deleted. */
  readonly plan: string;
  readonly rows: number;
  readonly tables: readonly ErasedTable[];
  /** Stores outside of the database that have erased the tenant. */
  readonly external: readonly string[];
  readonly auditTrail: 'erased' | 'pseudonymised';
  /** The search for the tenant's id in every column afterwards. */
  readonly scan: { readonly tables: number; readonly columns: number; readonly found: 0 };
  readonly remains: string;
}

/** What an erasure cannot reach. */
export const REMAINS =
  'Backups, replicas, write-ahead logs and the space of deleted rows have the data until they are replaced.';

export interface SignedCertificate {
  /** The certificate as JSON: these bytes are signed. */
  readonly certificate: string;
  /** The id of the key; null when the server has none. */
  readonly key: string | null;
  /** In base64; null without a key. */
  readonly signature: string | null;
}

/** The hash that stands for a tenant. */
export const hashOfTenant = (id: string): string => sha256(id.toLowerCase());

/** In hexadecimal digits. */
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** @param keys undefined: it is not signed */
export function signCertificate(certificate: Certificate, keys: SealKeys | undefined): SignedCertificate {
  const text = JSON.stringify(certificate);
  return {
    certificate: text,
    key: keys?.id ?? null,
    signature: keys ? sign(null, Buffer.from(DOMAIN + text), keys.signing).toString('base64') : null,
  };
}

/** Whether the key has signed exactly this certificate. */
export const isSigned = ({ certificate, signature }: SignedCertificate, key: KeyObject): boolean =>
  signature !== null &&
  verify(null, Buffer.from(DOMAIN + certificate), key, Buffer.from(signature, 'base64'));
