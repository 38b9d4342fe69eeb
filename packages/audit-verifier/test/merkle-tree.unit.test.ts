/** The tree and its proofs, by properties: whatever the leaves, the tree that grows is the one of the definition. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MerkleTree, nodeOf, proofRanges, rootFromProof, sha256 } from '../src/index.js';
import { rootOf } from './sample-trail.js';

const leavesOf = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, index) => sha256(Buffer.from(`leaf ${String(index)}`)));

const treeOf = (leaves: readonly Buffer[]): MerkleTree => {
  const tree = new MerkleTree();
  for (const leaf of leaves) tree.append(leaf);
  return tree;
};

const sizes = fc.integer({ min: 1, max: 300 });

describe('the tree', () => {
  test('of no leaves has the hash of nothing as its root', () => {
    expect(new MerkleTree().root().toString('hex')).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
  });

  test('has the root of the definition', () => {
    fc.assert(
      fc.property(sizes, (size) => {
        const leaves = leavesOf(size);
        expect(treeOf(leaves).root()).toEqual(rootOf(leaves, { start: 0, end: size }));
      }),
    );
  });

  test('can be continued from its edge', () => {
    fc.assert(
      fc.property(sizes, sizes, (before, after) => {
        const leaves = leavesOf(before + after);
        const whole = treeOf(leaves);
        const first = treeOf(leaves.slice(0, before));
        const continued = MerkleTree.from(before, first.frontier);
        for (const leaf of leaves.slice(before)) continued.append(leaf);
        expect(continued.root()).toEqual(whole.root());
        expect(continued.size).toBe(before + after);
      }),
    );
  });

  test('tells the root of each complete subtree', () => {
    const leaves = leavesOf(300);
    const tree = new MerkleTree();
    let told = 0;
    for (const leaf of leaves) {
      tree.append(leaf, (level, index, hash) => {
        told++;
        const count = 2 ** level;
        expect(hash).toEqual(rootOf(leaves, { start: index * count, end: (index + 1) * count }));
      });
    }
    // 150 + 75 + 37 + 18 + 9 + 4 + 2 + 1
    expect(told).toBe(296);
  });

  test.each([
    [3, []],
    [1, [Buffer.alloc(31)]],
  ])('refuses an edge that does not fit the size %i', (size, frontier) => {
    expect(() => MerkleTree.from(size, frontier)).toThrow('the edge of the tree does not fit its size');
  });
});

describe('a proof', () => {
  const proofOf = (leaves: readonly Buffer[], position: number): Buffer[] =>
    proofRanges(position, leaves.length).map((range) => rootOf(leaves, range));
  const places = sizes.chain((size) => fc.tuple(fc.constant(size), fc.integer({ min: 0, max: size - 1 })));

  test('leads from every leaf to the root', () => {
    fc.assert(
      fc.property(places, ([size, position]) => {
        const leaves = leavesOf(size);
        const root = rootOf(leaves, { start: 0, end: size });
        expect(rootFromProof(leaves[position]!, position, size, proofOf(leaves, position))).toEqual(root);
      }),
    );
  });

  test('leads to another root from another leaf, place or path', () => {
    fc.assert(
      fc.property(places, fc.integer({ min: 0, max: 8 }), ([size, position], turned) => {
        const leaves = leavesOf(size);
        const root = rootOf(leaves, { start: 0, end: size });
        const path = proofOf(leaves, position);
        expect(rootFromProof(nodeOf(root, root), position, size, path)).not.toEqual(root);
        if (path.length === 0) return;
        const changed = path.map((hash, at) => (at === turned % path.length ? sha256(hash) : hash));
        expect(rootFromProof(leaves[position]!, position, size, changed)).not.toEqual(root);
      }),
    );
  });

  test('of another length is refused', () => {
    fc.assert(
      fc.property(places, ([size, position]) => {
        const leaves = leavesOf(size);
        const path = proofOf(leaves, position);
        const longer = [...path, leaves[0]!];
        expect(() => rootFromProof(leaves[position]!, position, size, longer)).toThrow('too long');
        if (path.length === 0) return;
        expect(() => rootFromProof(leaves[position]!, position, size, path.slice(1))).toThrow('too short');
      }),
    );
  });

  test('of a leaf that the tree does not have is refused', () => {
    expect(() => proofRanges(3, 3)).toThrow(RangeError);
    expect(() => rootFromProof(Buffer.alloc(32), 3, 3, [])).toThrow('the tree has no such leaf');
  });
});
