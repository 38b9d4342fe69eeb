/** Makes the next block of a trail: the leaves of new entries, the nodes above them, and the signed seal. */
import { randomBytes } from 'node:crypto';
import {
  MerkleTree,
  NO_SEAL,
  SALT_BYTES,
  itemsOf,
  leafOfEntry,
  sealHash,
  signSeal,
  type Seal,
} from 'tenantry-verify';
import type { SealKeys } from './seal-keys.js';
import { redactionsOf, type EntryRow } from './trail-rows.js';

/** Where a trail ends, as the database says. */
export interface TrailEnd {
  readonly size: number;
  readonly seals: number;
  /** The roots of the complete subtrees, 32 bytes each. */
  readonly frontier: Buffer;
  /** The last seal; undefined when there is none. */
  readonly last: Seal | undefined;
}

export interface NewBlock {
  readonly seal: Seal;
  readonly frontier: Buffer;
  /** For each entry, in order. */
  readonly leaves: readonly Buffer[];
  readonly salts: readonly Buffer[];
  /** The complete subtrees whose roots are kept. */
  readonly nodes: readonly { readonly level: number; readonly index: number; readonly hash: Buffer }[];
}

/** Subtrees are kept at every eighth level. */
export const LEVELS_APART = 8;

/** The trail ends with something that this server must not continue: another seal on top would make it look good. */
export class BrokenTrailError extends Error {
  override readonly name = 'BrokenTrailError';
}

/** @throws BrokenTrailError unless the trail ends with a seal of a trusted key that fits the tree */
export function checkEnd({ size, seals, frontier, last }: TrailEnd, keys: SealKeys): MerkleTree {
  const hashes = Array.from({ length: frontier.length / 32 }, (_, at) =>
    frontier.subarray(at * 32, at * 32 + 32),
  );
  const tree = MerkleTree.from(size, hashes);
  if (seals === 0 && size === 0 && !last) return tree;
  if (last?.number !== seals || last.size !== size) {
    throw new BrokenTrailError('the last seal is not the one that the trail ends with');
  }
  if (tree.root().toString('hex') !== last.root) {
    throw new BrokenTrailError('the tree is not the one that the last seal contains');
  }
  if (!keys.trusted.hasSigned(last)) {
    throw new BrokenTrailError('the last seal was not signed with a key of AUDIT_SEAL_KEY');
  }
  return tree;
}

/**
 * @param now the time and the horizon of the seal, from the database
 * @throws BrokenTrailError as `checkEnd` does; FormatError when a value cannot be read
 */
export function makeBlock(
  end: TrailEnd,
  entries: readonly EntryRow[],
  {
    tenantId,
    sealedAt,
    horizon,
  }: { readonly tenantId: string; readonly sealedAt: string; readonly horizon: string },
  keys: SealKeys,
): NewBlock {
  const tree = checkEnd(end, keys);
  const leaves: Buffer[] = [];
  const salts: Buffer[] = [];
  const nodes: NewBlock['nodes'][number][] = [];
  for (const row of entries) {
    const salt = saltsFor(row);
    const leaf = leafOfEntry({ ...row, salts: salt.toString('hex'), redacted: redactionsOf(row) });
    tree.append(leaf, (level, index, hash) => {
      if (level % LEVELS_APART === 0) nodes.push({ level, index, hash });
    });
    leaves.push(leaf);
    salts.push(salt);
  }
  const seal = signSeal(
    {
      tenant: tenantId,
      number: end.seals + 1,
      size: tree.size,
      root: tree.root().toString('hex'),
      previous: end.last ? sealHash(end.last) : NO_SEAL,
      sealedAt,
      horizon,
      key: keys.id,
    },
    keys.signing,
  );
  return { seal, frontier: Buffer.concat(tree.frontier), leaves, salts, nodes };
}

/** A random salt for each value; zeros for those that were deleted before they were sealed. */
function saltsFor(row: EntryRow): Buffer {
  const redactions = redactionsOf(row);
  const gone = new Set(redactions.map(({ path }) => path));
  const present = redactions.length === 0 ? itemsOf(row) : itemsOf(row).filter(({ path }) => !gone.has(path));
  const salts = randomBytes((present.length + redactions.length) * SALT_BYTES);
  for (const { index } of redactions) salts.fill(0, index * SALT_BYTES, (index + 1) * SALT_BYTES);
  return salts;
}
