/** Entries: how printed JSON is cut into values, and what a leaf depends on. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commitmentsOf, itemsOf, leafOfEntry, membersOf, type SealedEntry } from '../src/index.js';
import { entryAt } from './sample-trail.js';

/** As PostgreSQL prints jsonb: a space after each colon and comma outside of strings. */
function printed(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printed).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${printed(each)}`);
  return `{${members.join(', ')}}`;
}

describe('a printed object', () => {
  test('is cut into its members, whatever is in them', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
        const expected = Object.entries(object).map(([key, value]) => ({
          key: JSON.stringify(key),
          value: printed(value),
        }));
        expect(membersOf(printed(object))).toEqual(expected);
      }),
    );
  });

  test('keeps the bytes that it was printed with', () => {
    expect(
      membersOf('{"n": 1.50, "e": 1e400, "s": "a\\"}, {\\\\", "u": "\\u0001", "": [{"}": ["]"]}]}'),
    ).toEqual([
      { key: '"n"', value: '1.50' },
      { key: '"e"', value: '1e400' },
      { key: '"s"', value: '"a\\"}, {\\\\"' },
      { key: '"u"', value: '"\\u0001"' },
      { key: '""', value: '[{"}": ["]"]}]' },
    ]);
  });

  test.each([
    '',
    '{',
    '{"a"}',
    '{"a": }',
    '{"a":1}',
    '{"a": 1',
    '{"a": "b}',
    '{"a": [1}',
    '{"a": 1,"b": 2}',
    '["a": 1}',
    '{"a": 1}}',
  ])('is refused: %s', (text) => {
    expect(() => membersOf(text)).toThrow('as PostgreSQL prints it');
  });
});

test('the values of an entry are the actor, the row before and the row after', () => {
  expect(itemsOf({ actor: 'ada', old: '{"a": 1}', new: '[1, 2]' })).toEqual([
    { path: 'actor', value: 'ada' },
    { path: 'old."a"', value: '1' },
    { path: 'new', value: '[1, 2]' },
  ]);
});

const ENTRY = entryAt(0, { old: '{"role": "viewer"}', requestId: 'r1' });

describe('a leaf', () => {
  test.each<[string, Partial<SealedEntry>]>([
    ['tenant', { tenant: '0199e7a5-0000-7000-8000-00000000000b' }],
    ['id', { id: '0199e7a5-0000-7000-9000-000000000009' }],
    ['createdAt', { createdAt: '2026-11-29T08:00:00.001Z' }],
    ['tx', { tx: '1' }],
    ['absent tx', { tx: null }],
    ['actorType', { actorType: 'operator' }],
    ['actor', { actor: 'auth0|eve' }],
    ['action', { action: 'membership.deleted' }],
    ['entity', { entity: 'Invitation' }],
    ['entityId', { entityId: null }],
    ['requestId', { requestId: '' }],
    ['absent requestId', { requestId: null }],
    ['a value before', { old: '{"role": "owner"}' }],
    ['a value after', { new: ENTRY.new!.replace('member', 'owner') }],
    ['a key', { old: '{"rolf": "viewer"}' }],
    ['a value that moves to the other side', { old: ENTRY.new, new: ENTRY.old }],
    ['a salt', { salts: `00${ENTRY.salts.slice(2)}` }],
  ])('depends on %s', (_what, change) => {
    expect(leafOfEntry({ ...ENTRY, ...change })).not.toEqual(leafOfEntry(ENTRY));
  });

  test('tells an empty row from none', () => {
    const salts = '11'.repeat(16);
    const without = { ...ENTRY, old: null, new: null, salts };
    expect(leafOfEntry({ ...without, old: '{}' })).not.toEqual(leafOfEntry(without));
  });

  test('is the same after any of its values was deleted', () => {
    const commitments = commitmentsOf(ENTRY).map((each) => each.toString('hex'));
    const items = itemsOf(ENTRY);
    fc.assert(
      fc.property(fc.subarray(items.map((_, index) => index)), (gone) => {
        const rest = (side: string) =>
          `{${items
            .flatMap(({ path, value }, index) =>
              path.startsWith(`${side}.`) && !gone.includes(index) ? [`${path.slice(4)}: ${value}`] : [],
            )
            .join(', ')}}`;
        const redacted: SealedEntry = {
          ...ENTRY,
          actor: gone.includes(0) ? '' : ENTRY.actor,
          old: rest('old'),
          new: rest('new'),
          salts: items
            .map((_, index) =>
              gone.includes(index) ? '00'.repeat(16) : ENTRY.salts.slice(index * 32, index * 32 + 32),
            )
            .join(''),
          redacted: gone.map((index) => ({
            index,
            path: items[index]!.path,
            commitment: commitments[index]!,
          })),
        };
        expect(leafOfEntry(redacted)).toEqual(leafOfEntry(ENTRY));
      }),
    );
  });

  const redaction = { index: 0, path: 'actor', commitment: '00'.repeat(32) };
  test.each<[string, Partial<SealedEntry>, string]>([
    ['a salt too few', { salts: ENTRY.salts.slice(32) }, 'bytes in hexadecimal were expected'],
    [
      'a value in the place of a deleted one',
      { redacted: [redaction] },
      'a value stands where one was deleted',
    ],
    [
      'a value that is deleted twice',
      { redacted: [redaction, redaction], actor: '' },
      'bytes in hexadecimal',
    ],
  ])('is refused for %s', (_what, change, message) => {
    expect(() => leafOfEntry({ ...ENTRY, ...change })).toThrow(message);
  });
});
