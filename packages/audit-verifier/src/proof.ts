/** The proof that one entry is in a trail, for somebody who has a head and nothing else of the trail. */
import { FormatError, fromHex } from './bytes.js';
import { SALT_BYTES, commitment, leafOf, type EntryFields, type Item } from './entry.js';
import { rootFromProof } from './merkle-tree.js';
import { sealHash, type Seal, type TrustedKeys } from './seal.js';

export const PROOF = 'tenantry.audit.proof.v1';

/** A value that is shown, with its salt in hexadecimal. */
export interface ShownItem extends Item {
  readonly salt: string;
}

export interface Proof {
  readonly format: typeof PROOF;
  readonly position: number;
  readonly entry: EntryFields;
  /** In order: the values that are shown, and the commitments, in hexadecimal, to those that are not. */
  readonly items: readonly (ShownItem | string)[];
  /** The hashes beside the way from the leaf to the root, from below, in hexadecimal. */
  readonly path: readonly string[];
  /** The seal that the proof is for. */
  readonly head: Seal;
}

export interface ProofOptions {
  readonly keys: TrustedKeys;
  /** A head that was kept elsewhere, which has to be the one of the proof. */
  readonly head?: Seal | undefined;
}

/** @returns why a proof proves nothing; undefined when it is good */
export function flawOfProof(proof: Proof, { keys, head }: ProofOptions): string | undefined {
  try {
    if (!keys.hasSigned(proof.head)) return 'The head of the proof was not signed with a trusted key.';
    if (head && sealHash(head) !== sealHash(proof.head)) {
      return `The proof is for head ${proof.head.number}, not for the given one (${head.number}).`;
    }
    if (proof.entry.tenant !== proof.head.tenant) return 'The entry and the head are of different tenants.';
    const path = proof.path.map((digits) => fromHex(digits, 32));
    const root = rootFromProof(leafOfProof(proof), proof.position, proof.head.size, path);
    return root.toString('hex') === proof.head.root ? undefined : 'The head does not contain this entry.';
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return `The proof is malformed: ${error.message}.`;
  }
}

function leafOfProof({ entry, items }: Proof): Buffer {
  return leafOf(
    entry,
    items.map((item) =>
      typeof item === 'string'
        ? fromHex(item, 32)
        : commitment(fromHex(item.salt, SALT_BYTES), item.path, item.value),
    ),
  );
}
