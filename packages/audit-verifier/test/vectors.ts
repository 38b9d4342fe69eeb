/** The test vectors: a trail with every peculiarity of the format, and its parts. */
import { createPublicKey } from 'node:crypto';
import {
  commitment,
  commitmentsOf,
  headJson,
  itemsOf,
  leafOfEntry,
  sealBytes,
  sealHash,
  type SealedEntry,
} from '../src/index.js';
import { KEY, LATER_KEY, cutAfter, entryAt, linesOf, proofAt, sealed, type Trail } from './sample-trail.js';

/** A changed row of numbers, texts and nested values that another printer would print in another way. */
const PECULIAR = entryAt(3, {
  tx: null,
  actorType: 'operator',
  actor: 'Zoë "root" \\ \u{1F511}',
  action: 'thing.updated',
  entity: 'Thing',
  entityId: null,
  requestId: 'req-1',
  old: '{"n": 1.50, "big": 123456789012345678901234567890, "": {}}',
  new: '{"n": 1.5, "ä\\"}": "\\u0001 \\" {, ", "list": [1, {"a": null}], "yes": true}',
});

/** An event whose values are no objects. */
const EVENT = entryAt(4, {
  action: 'report.run',
  entity: 'Report',
  entityId: null,
  old: 'null',
  new: '"text"',
});

/** An entry whose actor and address were deleted. */
function redacted(entry: SealedEntry): SealedEntry {
  const commitments = commitmentsOf(entry);
  const gone = itemsOf(entry).flatMap(({ path }, index) =>
    path === 'actor' || path === 'new."email"' ? [{ index, path }] : [],
  );
  return {
    ...entry,
    actor: '',
    new: entry.new!.replace(', "email": "ada@example.com"', ''),
    salts: gone.reduce(
      (salts, { index }) => `${salts.slice(0, index * 32)}${'0'.repeat(32)}${salts.slice(index * 32 + 32)}`,
      entry.salts,
    ),
    redacted: gone.map(({ index, path }) => ({
      index,
      path,
      commitment: commitments[index]!.toString('hex'),
      at: '2026-12-01T00:00:00.000Z',
    })),
  };
}

/** The entry that says so. */
const DELETION = entryAt(6, {
  actor: 'auth0|owner',
  action: 'audit_entry.redacted',
  entity: 'AuditEntry',
  entityId: entryAt(1).id,
  new: `{"reason": "the member asked for it", "deleted": {"${entryAt(1).id}": [0, 3]}, "entries": 1}`,
});

export function vectorTrail(): Trail {
  const whole = sealed([
    { entries: [0, 1, 2].map((position) => entryAt(position, { tx: null })) },
    { entries: [PECULIAR], horizon: '1004' },
    { entries: [EVENT, entryAt(5), DELETION], key: LATER_KEY },
  ]);
  return {
    ...whole,
    entries: whole.entries.map((entry) => (entry.position === 1 ? redacted(entry) : entry)),
  };
}

/** The content of each file, by its name. */
export function vectors(): Readonly<Record<string, string>> {
  const trail = vectorTrail();
  const head = trail.seals.at(-1)!;
  const pem = (key: typeof KEY) => createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
  return {
    'export.ndjson': `${linesOf(trail).join('\n')}\n`,
    'export-from-cut.ndjson': `${linesFromCut(trail).join('\n')}\n`,
    'head.json': `${JSON.stringify(headJson(head))}\n`,
    'public.pem': pem(LATER_KEY),
    'older.pem': pem(KEY),
    'proof.json': `${JSON.stringify(
      proofAt(trail, 3, (path) => path !== 'actor'),
      undefined,
      1,
    )}\n`,
    'parts.json': `${JSON.stringify(partsOf(trail), undefined, 1)}\n`,
  };
}

/** The same trail after the entries of its first seal were dropped. */
function linesFromCut(trail: Trail): string[] {
  const [first, ...lines] = linesOf(trail);
  const { start, dropped } = cutAfter(trail, 1, LATER_KEY);
  return [first!, JSON.stringify(start), ...lines.slice(dropped)];
}

/** What an implementation can compare step by step. */
function partsOf({ entries, seals }: Trail): object {
  return {
    commitments: itemsOf(PECULIAR).map(({ path, value }, index) => {
      const salt = PECULIAR.salts.slice(index * 32, index * 32 + 32);
      return {
        path,
        value,
        salt,
        commitment: commitment(Buffer.from(salt, 'hex'), path, value).toString('hex'),
      };
    }),
    leaves: entries.map((entry) => ({ id: entry.id, leaf: leafOfEntry(entry).toString('hex') })),
    seals: seals.map((seal) => ({
      number: seal.number,
      bytes: sealBytes(seal).toString('hex'),
      hash: sealHash(seal),
    })),
  };
}
