/**
 * Cuts: the signed record that the entries up to a seal were dropped, because they were kept for as long as they had to
 * be. The trail can be verified from the cut on.
 */
import { sign, type KeyObject } from 'node:crypto';
import { ByteWriter, fromHex } from './bytes.js';

/** A signed statement that the entries of a tenant up to a seal were dropped. */
export interface Cut {
  readonly tenant: string;
  /** The number of the last seal whose entries were dropped. */
  readonly number: number;
  /** The number of dropped entries: the size of that seal. */
  readonly size: number;
  /** The hash of that seal, in hexadecimal. */
  readonly seal: string;
  readonly cutAt: string;
  /** The id of the key that signed it. */
  readonly key: string;
  /** Ed25519, 64 bytes in hexadecimal. */
  readonly signature: string;
}

const CUT = 'tenantry.audit.cut.v1';
const writer = new ByteWriter();

/** The bytes that are signed. @throws FormatError when a part is malformed */
export function cutBytes({ tenant, number, size, seal, cutAt, key }: Omit<Cut, 'signature'>): Buffer {
  writer.reset().text(CUT).text(tenant).uint64(number).uint64(size).raw(fromHex(seal, 32));
  return Buffer.from(writer.text(cutAt).text(key).bytes);
}

/** Signs a cut. */
export const signCut = (cut: Omit<Cut, 'signature'>, privateKey: KeyObject): Cut => ({
  ...cut,
  signature: sign(null, cutBytes(cut), privateKey).toString('hex'),
});
