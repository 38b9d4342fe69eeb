/** Seals: what is signed of a trail, one after the other, each with the hash of the one before. */
import { createHash, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { ByteWriter, FormatError, fromHex, sha256 } from './bytes.js';
import { cutBytes, type Cut } from './cut.js';

/** A signed statement about the first `size` entries of a tenant's trail. The newest one is the head of the trail. */
export interface Seal {
  readonly tenant: string;
  /** 1 for the first seal. */
  readonly number: number;
  /** The number of entries up to here. */
  readonly size: number;
  /** The root of the Merkle tree of these entries, in hexadecimal. */
  readonly root: string;
  /** The hash of the seal before; of the first one, zeros. */
  readonly previous: string;
  readonly sealedAt: string;
  /** Transactions from this number on had not begun. */
  readonly horizon: string;
  /** The id of the key that signed it. */
  readonly key: string;
  /** Ed25519, 64 bytes in hexadecimal. */
  readonly signature: string;
}

/** What precedes the first seal. */
export const NO_SEAL = '0'.repeat(64);

const SEAL = 'tenantry.audit.seal.v1';
const writer = new ByteWriter();

/** The bytes that are signed. @throws FormatError when a part is malformed */
export function sealBytes(seal: Omit<Seal, 'signature'>): Buffer {
  writer.reset().text(SEAL).text(seal.tenant).uint64(seal.number).uint64(seal.size);
  writer.raw(fromHex(seal.root, 32)).raw(fromHex(seal.previous, 32));
  return Buffer.from(writer.text(seal.sealedAt).text(seal.horizon).text(seal.key).bytes);
}

/** The hash by which the next seal names this one: `H(0x02 ‖ bytes)`. */
export const sealHash = (seal: Omit<Seal, 'signature'>): string =>
  sha256(Buffer.concat([Buffer.of(2), sealBytes(seal)])).toString('hex');

/** Signs a seal. */
export const signSeal = (seal: Omit<Seal, 'signature'>, privateKey: KeyObject): Seal => ({
  ...seal,
  signature: sign(null, sealBytes(seal), privateKey).toString('hex'),
});

/** The id of a key: the first 16 bytes of the SHA-256 of its public key as SPKI in DER, in hexadecimal. */
export const keyId = (key: KeyObject): string =>
  createHash('sha256')
    .update((key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 32);

/** The public keys whose seals are trusted, by their ids. */
export class TrustedKeys {
  readonly #keys: ReadonlyMap<string, KeyObject>;

  constructor(keys: Iterable<KeyObject>) {
    this.#keys = new Map([...keys].map((key) => [keyId(key), key]));
  }

  /**
   * The keys of a text with any number of PEM blocks `PUBLIC KEY`.
   *
   * @throws FormatError when there is none, or one is not an Ed25519 key
   */
  static fromPem(text: string): TrustedKeys {
    const blocks = text.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g) ?? [];
    if (blocks.length === 0) throw new FormatError('there is no public key in PEM');
    return new TrustedKeys(blocks.map(publicKeyOf));
  }

  get ids(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /** Whether one of these keys has signed the seal or the cut. @throws FormatError when it is malformed */
  hasSigned(signed: Seal | Cut): boolean {
    const bytes = 'cutAt' in signed ? cutBytes(signed) : sealBytes(signed);
    return this.hasSignedBytes(signed.key, bytes, fromHex(signed.signature, 64));
  }

  /** Whether the key with this id is one of these keys and has signed the bytes. */
  hasSignedBytes(id: string, bytes: Uint8Array, signature: Uint8Array): boolean {
    const key = this.#keys.get(id);
    return key !== undefined && verify(null, bytes, key, signature);
  }
}

function publicKeyOf(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (error) {
    throw new FormatError('a public key cannot be read', { cause: error });
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new FormatError('a public key is not of the kind Ed25519');
  return key;
}
