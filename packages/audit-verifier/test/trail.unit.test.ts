/** What the verifier says of trails that somebody has changed. */
import { createPublicKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  FormatError,
  TrustedKeys,
  commitmentsOf,
  flawOfProof,
  itemsOf,
  leafOfEntry,
  signSeal,
  verifyExport,
  type Seal,
  type SealedEntry,
  type ShownItem,
  type TrailOptions,
} from '../src/index.js';
import { KEY, LATER_KEY, entryAt, linesOf, proofAt, sealed, trailOf, type Trail } from './sample-trail.js';

const keys = new TrustedKeys([createPublicKey(KEY)]);
const both = new TrustedKeys([createPublicKey(KEY), createPublicKey(LATER_KEY)]);

const verified = (trail: Trail, options: TrailOptions = {}) =>
  verifyExport(linesOf(trail), { keys, ...options });

const TRAIL = trailOf(3, 1, 5);
const withEntries = (entries: readonly SealedEntry[]): Trail => ({ ...TRAIL, entries });
const withSeal = (number: number, change: Partial<Seal>): Trail => ({
  ...TRAIL,
  seals: TRAIL.seals.map((seal) => (seal.number === number ? { ...seal, ...change } : seal)),
});

describe('a trail', () => {
  test('is intact as it was sealed', async () => {
    expect(await verified(TRAIL, { head: TRAIL.seals.at(-1) })).toMatchObject({
      intact: true,
      entries: 9,
      seals: 3,
      redacted: 0,
      broken: null,
      head: TRAIL.seals.at(-1),
    });
  });

  test('that has grown since is intact for an earlier head', async () => {
    expect(await verified(TRAIL, { head: TRAIL.seals[0] })).toMatchObject({ intact: true });
  });

  test('without entries is intact', async () => {
    expect(await verified({ entries: [], seals: [] })).toMatchObject({
      intact: true,
      entries: 0,
      head: null,
    });
  });

  test('names the entry that was changed, or its block when its leaf was changed as well', async () => {
    const changed = TRAIL.entries.map((entry) =>
      entry.position === 4 ? { ...entry, actor: 'auth0|eve' } : entry,
    );
    expect((await verified(withEntries(changed))).broken).toMatchObject({
      defect: 'changed',
      entryId: TRAIL.entries[4]!.id,
    });
    const rewritten = changed.map((entry) => ({ ...entry, leaf: leafOfEntry(entry).toString('hex') }));
    expect((await verified(withEntries(rewritten))).broken).toMatchObject({
      defect: 'rearranged',
      entryId: TRAIL.entries[4]!.id,
    });
  });

  test('names the entry behind the one that was removed', async () => {
    const removed = TRAIL.entries.filter(({ position }) => position !== 4);
    expect((await verified(withEntries(removed))).broken).toMatchObject({
      defect: 'removed',
      entryId: TRAIL.entries[5]!.id,
    });
  });

  test('notices an entry that was removed when the others have moved up', async () => {
    const removed = TRAIL.entries
      .filter(({ position }) => position !== 8)
      .map((entry, position) => ({ ...entry, position }));
    expect((await verified(withEntries(removed))).broken).toMatchObject({ defect: 'removed' });
  });

  test('notices entries that were exchanged, and one that was put in between', async () => {
    const [first, second, ...rest] = TRAIL.entries;
    const exchanged = [{ ...second!, position: 0 }, { ...first!, position: 1 }, ...rest];
    expect((await verified(withEntries(exchanged))).broken).toMatchObject({ defect: 'rearranged' });
    const added = [first!, { ...entryAt(1), id: first!.id }, second!, ...rest].map((entry, position) => ({
      ...entry,
      position,
      leaf: entryAt(position).leaf!,
    }));
    expect((await verified(withEntries(added))).intact).toBe(false);
  });

  test('notices that it was cut off, by a head that was kept', async () => {
    const cut = { entries: TRAIL.entries.slice(0, 4), seals: TRAIL.seals.slice(0, 2) };
    expect((await verified(cut)).intact).toBe(true);
    expect((await verified(cut, { head: TRAIL.seals[2] })).broken).toMatchObject({ defect: 'cut' });
  });

  test('notices entries behind the last seal', async () => {
    const lines = linesOf({ ...TRAIL, seals: TRAIL.seals.slice(0, 2) });
    const entry = TRAIL.entries[4]!;
    const result = await verifyExport([...lines, JSON.stringify({ entry })], { keys });
    expect(result.broken).toMatchObject({ defect: 'removed', entryId: entry.id });
  });

  test.each<[string, Trail]>([
    ['its time', withSeal(3, { sealedAt: '2026-11-30T00:00:00.000Z' })],
    ['its signature', withSeal(3, { signature: '00'.repeat(64) })],
    ['an earlier time', withSeal(1, { sealedAt: '2026-11-30T00:00:00.000Z' })],
    ['the one it names', withSeal(2, { previous: '11'.repeat(32) })],
    ['its number', withSeal(2, { number: 3 })],
  ])('notices a seal that was changed without the key: %s', async (_what, trail) => {
    expect((await verified(trail)).broken).toMatchObject({ defect: 'resealed' });
  });

  test('notices that everything was sealed again with another key', async () => {
    const forged = sealed([{ entries: TRAIL.entries, key: LATER_KEY }]);
    expect((await verified(forged)).broken).toMatchObject({ defect: 'resealed' });
    expect(await verified(forged, { keys: both })).toMatchObject({ intact: true });
    expect((await verified(forged, { keys: both, head: TRAIL.seals[0] })).broken).toMatchObject({
      defect: 'resealed',
    });
  });

  test('whose key was changed needs both keys', async () => {
    const entries = TRAIL.entries;
    const trail = sealed([{ entries: entries.slice(0, 4) }, { entries: entries.slice(4), key: LATER_KEY }]);
    expect(await verified(trail, { keys: both })).toMatchObject({ intact: true });
    expect((await verified(trail)).broken).toMatchObject({ defect: 'resealed' });
  });

  test('does not take a head that nobody trusted has signed', async () => {
    const forged = signSeal(TRAIL.seals[2]!, LATER_KEY);
    expect((await verified(trailOf(1), { head: forged })).broken).toMatchObject({ defect: 'resealed' });
  });
});

describe('an entry with an old date', () => {
  const day = (date: number) => `2026-11-${String(date)}T08:00:00.000Z`;
  const blocks = (late: Partial<SealedEntry>, sealedAt = day(29)) => [
    {
      entries: [entryAt(0, { createdAt: day(28), ...(late.tx === null && { tx: null }) })],
      sealedAt: day(28),
      horizon: '2000',
    },
    { entries: [entryAt(1, late)], sealedAt, horizon: '3000' },
  ];

  test('was inserted, when its transaction began after the seal before', async () => {
    const { broken } = await verified(sealed(blocks({ tx: '2000', createdAt: day(27) })));
    expect(broken).toMatchObject({ defect: 'inserted', entryId: entryAt(1).id });
  });

  test('was inserted, when no transaction was open for so long', async () => {
    const { broken } = await verified(sealed(blocks({ tx: '1999', createdAt: day(26) })));
    expect(broken).toMatchObject({ defect: 'inserted', entryId: entryAt(1).id });
  });

  test('was inserted, when it has no number and an entry before it has one', async () => {
    const trail = sealed([{ entries: [entryAt(0)] }, { entries: [entryAt(1, { tx: null })] }]);
    expect((await verified(trail)).broken).toMatchObject({ defect: 'inserted', entryId: entryAt(1).id });
  });

  test('is good when the clock was ahead for a moment', async () => {
    const trail = sealed([
      { entries: [entryAt(0, { createdAt: '2030-01-01T00:00:00.000Z' })], sealedAt: day(28) },
      { entries: [entryAt(1, { createdAt: day(29) })], sealedAt: day(29) },
    ]);
    expect(await verified(trail)).toMatchObject({ intact: true });
  });

  test.each<[string, Partial<SealedEntry>, string?]>([
    ['its transaction began before', { tx: '1999', createdAt: day(27) }],
    ['it is from before the sealing', { tx: null, createdAt: day(27) }],
    ['the clock was set back', { tx: '2000', createdAt: day(27) }, day(27)],
    ['it is a little older', { tx: '2000', createdAt: '2026-11-28T07:59:30.000Z' }],
  ])('is good when %s', async (_why, late, sealedAt) => {
    expect(await verified(sealed(blocks(late, sealedAt)))).toMatchObject({ intact: true });
  });
});

describe('deleted values', () => {
  /** The same entry without the value at a place. */
  const without = (entry: SealedEntry, index: number): SealedEntry => {
    const { path } = itemsOf(entry)[index]!;
    const salts = `${entry.salts.slice(0, index * 32)}${'0'.repeat(32)}${entry.salts.slice(index * 32 + 32)}`;
    const redacted = [{ index, path, commitment: commitmentsOf(entry)[index]!.toString('hex') }];
    return { ...entry, salts, redacted, new: entry.new!.replace(/, "email": "[^"]*"/, '') };
  };
  const EMAIL = 3;
  const recordOf = (position: number, parts: Partial<SealedEntry> = {}) =>
    entryAt(position, {
      action: 'audit_entry.redacted',
      new: `{"deleted": {"${entryAt(1).id}": [${String(EMAIL)}]}, "entries": 1}`,
      ...parts,
    });
  /** A trail whose entry 1 lacks its address, and with other entries behind it. */
  const trailWith = (...later: readonly SealedEntry[]): Trail => {
    const trail = sealed([{ entries: [entryAt(0), entryAt(1)] }, { entries: later }]);
    return {
      ...trail,
      entries: trail.entries.map((each) => (each.position === 1 ? without(each, EMAIL) : each)),
    };
  };

  test('are good with the entry that says so', async () => {
    expect(await verified(trailWith(recordOf(2)))).toMatchObject({ intact: true, redacted: 1 });
  });

  test('are good with the entry that says so before them', async () => {
    const trail = sealed([{ entries: [recordOf(0), entryAt(1)] }]);
    const entries = [trail.entries[0]!, without(trail.entries[1]!, EMAIL)];
    expect(await verified({ ...trail, entries })).toMatchObject({ intact: true, redacted: 1 });
  });

  test.each<[string, SealedEntry]>([
    ['without one', entryAt(2)],
    ['with one of another action', recordOf(2, { action: 'audit_entry.read' })],
    ['with one for another value', recordOf(2, { new: `{"deleted": {"${entryAt(1).id}": [1]}}` })],
    ['with one for another entry', recordOf(2, { new: `{"deleted": {"${entryAt(0).id}": [3]}}` })],
    ['with one that says nothing', recordOf(2, { new: null })],
    ['with one that is malformed', recordOf(2, { new: '{"deleted": [3, null]}' })],
  ])('are a manipulation %s', async (_how, later) => {
    expect((await verified(trailWith(later))).broken).toMatchObject({
      defect: 'unrecorded',
      entryId: entryAt(1).id,
    });
  });
});

describe('an export', () => {
  const [header, ...lines] = linesOf(TRAIL);

  test.each<[string, readonly string[], string]>([
    ['nothing', [], 'the export is empty'],
    ['another format', ['{"format":"x"}'], 'line 1: the format is not'],
    ['no JSON', [header!, '{'], 'line 2: it is not JSON'],
    ['another kind of line', [header!, '{"x":1}'], 'line 2: it is neither an entry nor a seal'],
    ['an entry without a part', [header!, '{"entry":{"position":0}}'], 'line 2: id is not a text'],
    [
      'a fraction',
      [header!, lines[0]!.replace('"position":0', '"position":0.5')],
      'position is not a whole number',
    ],
    ['a malformed seal', [header!, '{"seal":{"tenant":"x","number":1,"size":1,"root":"0"}}'], 'line 2: '],
  ])('is refused with %s', async (_what, given, message) => {
    await expect(verifyExport(given, { keys })).rejects.toThrow(message);
    await expect(verifyExport(given, { keys })).rejects.toBeInstanceOf(FormatError);
  });

  test('is refused for the head of another tenant', async () => {
    const head = { ...TRAIL.seals[2]!, tenant: '0199e7a5-0000-7000-8000-00000000000b' };
    await expect(verifyExport([header!], { keys, head })).rejects.toThrow('of another tenant');
  });
});

describe('a proof', () => {
  test('is good for each entry, with all of its values and with none', () => {
    for (const { position } of TRAIL.entries) {
      expect(flawOfProof(proofAt(TRAIL, position), { keys })).toBeUndefined();
      expect(
        flawOfProof(
          proofAt(TRAIL, position, () => false),
          { keys, head: TRAIL.seals[2] },
        ),
      ).toBeUndefined();
    }
  });

  const proof = proofAt(TRAIL, 4);
  const forged = { ...(proof.items[0] as ShownItem), value: 'auth0|eve' };
  test.each([
    ['another value', { ...proof, items: [forged, ...proof.items.slice(1)] }, /does not contain/],
    ['another place', { ...proof, position: 5 }, /does not contain/],
    ['a part left out', { ...proof, path: proof.path.slice(1) }, /malformed: the proof is too short/],
    ['a malformed hash', { ...proof, path: ['x', ...proof.path.slice(1)] }, /malformed/],
    ['another head', { ...proof, head: { ...proof.head, size: 10 } }, /not signed with a trusted key/],
    ['an entry of another tenant', { ...proof, entry: { ...proof.entry, tenant: 'x' } }, /different tenants/],
  ])('is not good with %s', (_what, changed, flaw) => {
    expect(flawOfProof(changed as typeof proof, { keys })).toMatch(flaw);
  });

  test('is not good for another head, or with another key', () => {
    expect(flawOfProof(proof, { keys, head: TRAIL.seals[1] })).toMatch('not for the given one');
    expect(flawOfProof(proof, { keys: new TrustedKeys([createPublicKey(LATER_KEY)]) })).toMatch('not signed');
  });
});
