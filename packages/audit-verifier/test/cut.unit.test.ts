/** Trails whose first entries were dropped: they verify from the cut on, and only a trusted key can make a cut. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  FormatError,
  TrailVerifier,
  TrustedKeys,
  leafOfEntry,
  sealHash,
  signCut,
  verifyExport,
  type Cut,
  type TrailOptions,
} from '../src/index.js';
import { KEY, LATER_KEY, cutAfter, linesOf, sealed, entryAt, trailOf, type Trail } from './sample-trail.js';

const keys = new TrustedKeys([createPublicKey(KEY)]);
const TRAIL = trailOf(3, 1, 5);

const verified = (lines: readonly string[], options: TrailOptions = {}) =>
  verifyExport(lines, { keys, ...options });

/** The export of a trail, cut after a seal, with a change of the line that says so. */
function linesAfter(
  trail: Trail,
  number: number,
  change: (start: Start) => object = (start) => start,
): string[] {
  const [first, ...lines] = linesOf(trail);
  const { start, dropped } = cutAfter(trail, number);
  return [first!, JSON.stringify(change(start)), ...lines.slice(dropped)];
}
type Start = ReturnType<typeof cutAfter>['start'];

describe('an export from a cut on', () => {
  test('is intact, and says how much was dropped', async () => {
    const head = TRAIL.seals.at(-1)!;
    expect(await verified(linesAfter(TRAIL, 2), { head })).toMatchObject({
      intact: true,
      entries: 9,
      dropped: 4,
      seals: 3,
      head,
    });
  });

  test('is intact when everything was dropped', async () => {
    const head = TRAIL.seals.at(-1)!;
    expect(await verified(linesAfter(TRAIL, 3), { head })).toMatchObject({ intact: true, dropped: 9, head });
  });

  test('is intact wherever it was cut', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async (blocks, at) => {
        const trail = trailOf(...blocks);
        const head = trail.seals.at(-1)!;
        const result = await verified(linesAfter(trail, 1 + (at % blocks.length)), { head });
        expect(result).toMatchObject({ intact: true, entries: head.size, head });
      }),
      { numRuns: 50 },
    );
  });

  test.each<[string, (start: Start) => object, string]>([
    ['a cut of another key', (start) => ({ ...start, cut: resigned(start.cut, {}, LATER_KEY) }), 'removed'],
    ['a cut that was changed', (start) => ({ ...start, cut: { ...start.cut, size: 3 } }), 'removed'],
    ['another seal', (start) => ({ ...start, seal: TRAIL.seals[0]! }), 'resealed'],
    [
      'a cut that names another seal',
      (start) => ({ ...start, cut: resigned(start.cut, { seal: '00'.repeat(32) }) }),
      'resealed',
    ],
    ['a cut of another size', (start) => ({ ...start, cut: resigned(start.cut, { size: 3 }) }), 'resealed'],
    ['a tree of another size', (start) => ({ ...start, frontier: [] }), 'resealed'],
    ['another tree', (start) => ({ ...start, frontier: ['11'.repeat(32)] }), 'resealed'],
    [
      'a cut of another tenant',
      (start) => ({ ...start, cut: resigned(start.cut, { tenant: 'x' }) }),
      'resealed',
    ],
  ])('is broken with %s', async (_what, change, defect) => {
    const { broken } = await verified(linesAfter(TRAIL, 2, change));
    expect(broken?.defect).toBe(defect);
  });

  test('is broken when the given head is another seal than that of the cut', async () => {
    const other = sealed([{ entries: [entryAt(0), entryAt(1)] }, { entries: [entryAt(2), entryAt(3)] }]);
    const { broken } = await verified(linesAfter(TRAIL, 2), { head: other.seals[1]! });
    expect(broken).toMatchObject({ defect: 'resealed' });
  });

  test('has the cut in its second line', async () => {
    const [first, entry] = linesOf(TRAIL);
    await expect(verified([first!, entry!, linesAfter(TRAIL, 2)[1]!])).rejects.toThrow(FormatError);
  });
});

test('entries that are missing without a cut were removed', async () => {
  const [first, ...lines] = linesOf(TRAIL);
  expect((await verified([first!, ...lines.slice(6)])).broken).toMatchObject({ defect: 'removed' });
});

describe('hashes instead of entries', () => {
  const verifierOf = (cut?: Cut) => {
    const verifier = new TrailVerifier({ keys });
    if (cut) verifier.addCut(cut);
    for (const seal of TRAIL.seals) {
      for (const entry of TRAIL.entries.slice(
        seal.number === 1 ? 0 : TRAIL.seals[seal.number - 2]!.size,
        seal.size,
      )) {
        verifier.addLeaf(entry.position, leafOfEntry(entry).toString('hex'));
      }
      verifier.addSeal(seal);
    }
    return verifier.finish();
  };

  test('are compared with the seals', () => {
    expect(verifierOf()).toMatchObject({ intact: true, entries: 9 });
  });

  test('are compared with the cut', () => {
    const { cut } = cutAfter(TRAIL, 2).start;
    expect(verifierOf(cut)).toMatchObject({ intact: true, dropped: 4 });
    expect(verifierOf(resigned(cut, { seal: sealHash(TRAIL.seals[0]!) })).broken).toMatchObject({
      defect: 'resealed',
    });
    expect(verifierOf(resigned(cut, { number: 4 })).broken).toMatchObject({ defect: 'removed' });
  });
});

function resigned(cut: Cut, change: Partial<Cut>, key: KeyObject = KEY): Cut {
  return signCut({ ...cut, ...change }, key);
}
