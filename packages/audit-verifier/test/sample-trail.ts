/** Trails for tests, made with the functions of the package: the same input makes the same bytes. */
import { createHash, createPrivateKey, type KeyObject } from 'node:crypto';
import {
  EXPORT,
  MerkleTree,
  NO_SEAL,
  PROOF,
  commitmentsOf,
  fieldsOf,
  itemsOf,
  keyId,
  largestPowerBelow,
  leafOfEntry,
  nodeOf,
  proofRanges,
  sealHash,
  signCut,
  signSeal,
  type Proof,
  type Range,
  type Seal,
  type SealedEntry,
} from '../src/index.js';

export const TENANT = '0199e7a5-0000-7000-8000-00000000000a';

/** A private key from 32 bytes: PKCS #8 in DER is a fixed prefix before them. */
export const privateKeyOf = (seed: string): KeyObject =>
  createPrivateKey({
    key: Buffer.concat([
      Buffer.from('302e020100300506032b657004220420', 'hex'),
      createHash('sha256').update(seed).digest(),
    ]),
    format: 'der',
    type: 'pkcs8',
  });

export const KEY = privateKeyOf('first key');
export const LATER_KEY = privateKeyOf('second key');

/** Salts that are the same in each run. */
const saltsOf = (id: string, count: number): string =>
  Array.from({ length: count }, (_, index) =>
    createHash('sha256')
      .update(`${id} ${String(index)}`)
      .digest('hex')
      .slice(0, 32),
  ).join('');

const idOf = (position: number): string =>
  `0199e7a5-0000-7000-9000-${position.toString(16).padStart(12, '0')}`;

/** An entry with given parts; everything else follows from its position. */
export function entryAt(position: number, parts: Partial<SealedEntry> = {}): SealedEntry {
  const entry = {
    tenant: TENANT,
    position,
    id: idOf(position),
    createdAt: new Date(Date.UTC(2026, 10, 29, 8, 0, position)).toISOString(),
    tx: String(1000 + position),
    actorType: 'user',
    actor: 'auth0|ada',
    action: 'membership.created',
    entity: 'Membership',
    entityId: idOf(position),
    requestId: null,
    old: null,
    new: `{"id": "${idOf(position)}", "role": "member", "email": "ada@example.com"}`,
    ...parts,
  };
  const salts = parts.salts ?? saltsOf(entry.id, itemsOf(entry).length);
  const salted = { ...entry, salts };
  return { ...salted, leaf: leafOfEntry(salted).toString('hex') };
}

export interface Block {
  readonly entries: readonly SealedEntry[];
  readonly key?: KeyObject;
  readonly sealedAt?: string;
  readonly horizon?: string;
}

export interface Trail {
  readonly entries: readonly SealedEntry[];
  readonly seals: readonly Seal[];
}

export function sealed(blocks: readonly Block[]): Trail {
  const tree = new MerkleTree();
  const seals: Seal[] = [];
  for (const { entries, key = KEY, sealedAt, horizon } of blocks) {
    for (const entry of entries) tree.append(leafOfEntry(entry));
    const last = entries.at(-1)!;
    const previous = seals.at(-1);
    seals.push(
      signSeal(
        {
          tenant: TENANT,
          number: seals.length + 1,
          size: tree.size,
          root: tree.root().toString('hex'),
          previous: previous ? sealHash(previous) : NO_SEAL,
          sealedAt: sealedAt ?? last.createdAt.replace('.000Z', '.500Z'),
          horizon: horizon ?? String(Number(last.tx ?? 999) + 1),
          key: keyId(key),
        },
        key,
      ),
    );
  }
  return { entries: blocks.flatMap(({ entries }) => entries), seals };
}

/** A trail of so many entries in each block. */
export function trailOf(...sizes: readonly number[]): Trail {
  let position = 0;
  return sealed(sizes.map((size) => ({ entries: Array.from({ length: size }, () => entryAt(position++)) })));
}

/** The lines of its export. */
export function linesOf({ entries, seals }: Trail): string[] {
  const lines = [JSON.stringify({ format: EXPORT, tenant: TENANT })];
  let next = 0;
  for (const seal of seals) {
    for (; next < entries.length && next < seal.size; next++) {
      // The tenant is in the first line; JSON leaves out what is undefined.
      lines.push(JSON.stringify({ entry: { ...entries[next]!, tenant: undefined } }));
    }
    lines.push(JSON.stringify({ seal }));
  }
  return lines;
}

/**
 * The second line of an export whose entries up to a seal were dropped, and how many lines of the whole export it stands
 * for.
 */
export function cutAfter({ entries, seals }: Trail, number: number, key: KeyObject = KEY) {
  const seal = seals[number - 1]!;
  const tree = new MerkleTree();
  for (const entry of entries.slice(0, seal.size)) tree.append(leafOfEntry(entry));
  const cut = signCut(
    {
      tenant: TENANT,
      number,
      size: seal.size,
      seal: sealHash(seal),
      cutAt: '2027-11-29T00:00:00.000Z',
      key: keyId(key),
    },
    key,
  );
  const frontier = tree.frontier.map((hash) => hash.toString('hex'));
  return { start: { cut, seal, frontier }, dropped: seal.size + number };
}

/** The proof of an entry against the head, which shows the paths that `isShown` takes. */
export function proofAt(
  { entries, seals }: Trail,
  position: number,
  isShown: (path: string) => boolean = () => true,
): Proof {
  const head = seals.at(-1)!;
  const leaves = entries.map((entry) => leafOfEntry(entry));
  const entry = entries[position]!;
  const commitments = commitmentsOf(entry);
  return {
    format: PROOF,
    position,
    entry: fieldsOnly(entry),
    items: itemsOf(entry).map((item, index) =>
      isShown(item.path)
        ? { ...item, salt: entry.salts.slice(index * 32, index * 32 + 32) }
        : commitments[index]!.toString('hex'),
    ),
    path: proofRanges(position, head.size).map((range) => rootOf(leaves, range).toString('hex')),
    head,
  };
}

function fieldsOnly(entry: SealedEntry): Proof['entry'] {
  const { tenant, id, createdAt, tx, actorType, action, entity, entityId, requestId, oldShape, newShape } =
    fieldsOf(entry);
  return { tenant, id, createdAt, tx, actorType, action, entity, entityId, requestId, oldShape, newShape };
}

/** The Merkle tree hash of RFC 6962, 2.1, by its definition. */
export function rootOf(leaves: readonly Buffer[], { start, end }: Range): Buffer {
  if (end - start === 1) return leaves[start]!;
  const middle = start + largestPowerBelow(end - start);
  return nodeOf(rootOf(leaves, { start, end: middle }), rootOf(leaves, { start: middle, end }));
}
