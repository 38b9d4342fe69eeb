/** The Merkle tree of RFC 6962: a leaf is hashed behind a zero byte, two nodes behind a one byte. */
import { FormatError, sha256 } from './bytes.js';

const pair = Buffer.alloc(65);
pair[0] = 1;

/** The hash of the node above two others. */
export function nodeOf(left: Uint8Array, right: Uint8Array): Buffer {
  pair.set(left, 1);
  pair.set(right, 33);
  return sha256(pair);
}

/** Called for each subtree that is complete: 2^level leaves, the first of which is `index` · 2^level. */
export type OnNode = (level: number, index: number, hash: Buffer) => void;

/** A tree that grows at its right edge. Keeps one hash for each complete subtree: as many as `size` has one bits. */
export class MerkleTree {
  #size = 0;
  readonly #frontier: Buffer[] = [];

  /** Continues a tree of that size. @throws FormatError when these are not the subtrees of such a tree */
  static from(size: number, frontier: readonly Buffer[]): MerkleTree {
    const tree = new MerkleTree();
    const ones = size.toString(2).replaceAll('0', '').length;
    if (frontier.length !== ones || frontier.some(({ length }) => length !== 32)) {
      throw new FormatError('the edge of the tree does not fit its size');
    }
    tree.#size = size;
    tree.#frontier.push(...frontier);
    return tree;
  }

  get size(): number {
    return this.#size;
  }

  /** The complete subtrees, from the left. */
  get frontier(): readonly Buffer[] {
    return this.#frontier;
  }

  append(leaf: Buffer, onNode?: OnNode): void {
    let hash = leaf;
    let level = 0;
    for (let index = this.#size; index % 2 === 1; index = (index - 1) / 2) {
      hash = nodeOf(this.#frontier.pop()!, hash);
      level++;
      onNode?.(level, (index - 1) / 2, hash);
    }
    this.#frontier.push(hash);
    this.#size++;
  }

  /** The root; of no leaves, the hash of nothing. */
  root(): Buffer {
    const edge = this.#frontier;
    if (edge.length === 0) return sha256(Buffer.alloc(0));
    return edge.slice(0, -1).reduceRight((right, left) => nodeOf(left, right), edge.at(-1)!);
  }
}

/** Leaves `start` to `end`, without the last. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The ranges whose roots are the inclusion proof of a leaf, from the leaf upwards. */
export function proofRanges(position: number, size: number): Range[] {
  if (position >= size || position < 0) throw new RangeError('the tree has no such leaf');
  const ranges: Range[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + largestPowerBelow(end - start);
    if (position < middle) {
      ranges.unshift({ start: middle, end });
      end = middle;
    } else {
      ranges.unshift({ start, end: middle });
      start = middle;
    }
  }
  return ranges;
}

/** The largest power of two that is smaller than a number above one. */
export function largestPowerBelow(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

/**
 * The root of the tree of `size` leaves in which `leaf` has this position and this proof: the algorithm of RFC 9162,
 * 2.1.3.2.
 *
 * @throws FormatError when the proof has another length than such a leaf has
 */
export function rootFromProof(leaf: Buffer, position: number, size: number, path: readonly Buffer[]): Buffer {
  if (position >= size) throw new FormatError('the tree has no such leaf');
  let index = position;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of path) {
    if (last === 0) throw new FormatError('the proof is too long');
    if (index % 2 === 1 || index === last) {
      hash = nodeOf(sibling, hash);
      while (index % 2 === 0 && index !== 0) {
        index /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      hash = nodeOf(hash, sibling);
    }
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw new FormatError('the proof is too short');
  return hash;
}
