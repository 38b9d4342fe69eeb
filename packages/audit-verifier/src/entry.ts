/** An entry of the trail as it is exported, and the leaf that it is in the Merkle tree: see docs/audit-format.md. */
import { ByteWriter, FormatError, fromHex } from './bytes.js';
import { membersOf } from './printed-json.js';

/** The number of bytes of a salt. */
export const SALT_BYTES = 16;

/** A value that was deleted: what is left of it. */
export interface Redaction {
  /** The place of the value among the values of the entry, from 0 on. */
  readonly index: number;
  /** What was deleted: `actor`, `old."email"`. After the deletion nothing proves this name. */
  readonly path: string;
  /** 32 bytes in hexadecimal. */
  readonly commitment: string;
  /** When. By whom and why is in the entry that records the deletion. */
  readonly at?: string;
}

/** An entry, every value as PostgreSQL printed it. */
export interface TrailEntry {
  readonly tenant: string;
  readonly id: string;
  /** In UTC: `2026-11-29T08:15:00.000Z`. */
  readonly createdAt: string;
  /** The number of the transaction that wrote it; null for entries that are older than the sealing. */
  readonly tx: string | null;
  readonly actorType: string;
  readonly actor: string;
  readonly action: string;
  readonly entity: string;
  readonly entityId: string | null;
  readonly requestId: string | null;
  /** The row before the change as JSON text; null when there was none. */
  readonly old: string | null;
  /** The row after the change. */
  readonly new: string | null;
  /** One salt of 16 bytes for each value, in hexadecimal; those of deleted values are zero. */
  readonly salts: string;
  readonly redacted?: readonly Redaction[];
}

/** What the values of one side of an entry are. */
export type Shape = 'none' | 'object' | 'value';

/** A value and the place it has in the entry. */
export interface Item {
  readonly path: string;
  readonly value: string;
}

/** The parts of an entry that are hashed as they are, without a salt. */
export interface EntryFields extends Pick<
  TrailEntry,
  'tenant' | 'id' | 'createdAt' | 'tx' | 'actorType' | 'action' | 'entity' | 'entityId' | 'requestId'
> {
  readonly oldShape: Shape;
  readonly newShape: Shape;
}

const ENTRY = 'tenantry.audit.entry.v1';
const SHAPES: readonly Shape[] = ['none', 'object', 'value'];
const writer = new ByteWriter();

/** `H(0x10 ‖ salt ‖ path ‖ value)`: says nothing of the value to whoever does not know the salt. */
export const commitment = (salt: Uint8Array, path: string, value: string): Buffer =>
  writer.reset().byte(0x10).raw(salt).text(path).text(value).hash();

/** The hash of an entry's leaf: `H(0x00 ‖ fields ‖ commitments)`. */
export const leafOf = (fields: EntryFields, commitments: readonly Uint8Array[]): Buffer =>
  leafWith(fields, fields.oldShape, fields.newShape, commitments);

function leafWith(
  fields: Omit<EntryFields, 'oldShape' | 'newShape'>,
  oldShape: Shape,
  newShape: Shape,
  commitments: readonly Uint8Array[],
): Buffer {
  writer.reset().byte(0).text(ENTRY).text(fields.tenant).text(fields.id).text(fields.createdAt);
  writer.optionalText(fields.tx).text(fields.actorType).text(fields.action).text(fields.entity);
  writer.optionalText(fields.entityId).optionalText(fields.requestId);
  writer.byte(SHAPES.indexOf(oldShape)).byte(SHAPES.indexOf(newShape));
  writer.uint32(commitments.length);
  for (const each of commitments) writer.raw(each);
  return writer.hash();
}

/** The fields of an entry that are hashed as they are. */
export const fieldsOf = (entry: TrailEntry): EntryFields => ({
  ...entry,
  oldShape: shapeOf(entry.old),
  newShape: shapeOf(entry.new),
});

const shapeOf = (printed: string | null): Shape =>
  printed === null ? 'none' : printed.startsWith('{') ? 'object' : 'value';

/** The values of an entry that are still there, in order: the actor, the row before, the row after. */
export function itemsOf(entry: Pick<TrailEntry, 'actor' | 'old' | 'new'>): Item[] {
  const items: Item[] = [{ path: 'actor', value: entry.actor }];
  addItems(items, 'old', entry.old);
  addItems(items, 'new', entry.new);
  return items;
}

function addItems(items: Item[], side: 'old' | 'new', printed: string | null): void {
  if (printed === null) return;
  if (!printed.startsWith('{')) {
    items.push({ path: side, value: printed });
    return;
  }
  for (const { key, value } of membersOf(printed)) items.push({ path: `${side}.${key}`, value });
}

/** What stands in the place of a deleted value, where something has to. */
const PLACEHOLDERS: ReadonlyMap<string, string> = new Map([
  ['actor', ''],
  ['old', 'null'],
  ['new', 'null'],
]);

/**
 * The commitments to all values of an entry, in order: recomputed for those that are there, as recorded for those that
 * were deleted.
 *
 * @throws FormatError when salts and values do not belong together
 */
export function commitmentsOf(entry: TrailEntry): Buffer[] {
  const { redacted } = entry;
  const all = itemsOf(entry);
  if (redacted === undefined || redacted.length === 0) {
    const salts = fromHex(entry.salts, all.length * SALT_BYTES);
    return all.map(({ path, value }, index) => commitment(saltAt(salts, index), path, value));
  }
  const items = withoutPlaceholders(all, redacted);
  const count = items.length + redacted.length;
  const salts = fromHex(entry.salts, count * SALT_BYTES);
  const deleted = new Map(redacted.map((each) => [each.index, each]));
  if (deleted.size !== redacted.length) throw new FormatError('a value was deleted twice');
  const commitments: Buffer[] = [];
  let next = 0;
  for (let index = 0; index < count; index++) {
    const redaction = deleted.get(index);
    const item = redaction ? undefined : items[next++];
    if (redaction) {
      commitments.push(fromHex(redaction.commitment, 32));
    } else if (item) {
      commitments.push(commitment(saltAt(salts, index), item.path, item.value));
    } else {
      throw new FormatError('a deleted value has a place that the entry does not have');
    }
  }
  return commitments;
}

const saltAt = (salts: Buffer, index: number): Buffer =>
  salts.subarray(index * SALT_BYTES, (index + 1) * SALT_BYTES);

function withoutPlaceholders(items: Item[], redacted: readonly Redaction[]): Item[] {
  const gone = new Set(redacted.map(({ path }) => path));
  return items.filter(({ path, value }) => {
    if (!gone.has(path)) return true;
    if (PLACEHOLDERS.get(path) !== value) throw new FormatError('a value stands where one was deleted');
    return false;
  });
}

/** The leaf of an exported entry. @throws FormatError when it is malformed */
export const leafOfEntry = (entry: TrailEntry): Buffer =>
  leafWith(entry, shapeOf(entry.old), shapeOf(entry.new), commitmentsOf(entry));
