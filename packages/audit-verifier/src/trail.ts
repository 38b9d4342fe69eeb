/**
 * Verifies a trail from its first entry to its head, in constant memory. Entries and seals are given in order, each seal
 * after the entries that it is the first to contain.
 */
import { fromHex, unlessMalformed } from './bytes.js';
import type { Cut } from './cut.js';
import { Deletions } from './deletions.js';
import { EntryDates } from './entry-dates.js';
import { leafOfEntry } from './entry.js';
import { MerkleTree } from './merkle-tree.js';
import { NO_SEAL, sealHash, type Seal } from './seal.js';
import type { BrokenEntry, Defect, SealedEntry, Start, TrailOptions, Verification } from './verification.js';

export class TrailVerifier {
  readonly #options: TrailOptions;
  readonly #deletions = new Deletions();
  readonly #dates = new EntryDates();
  #tree = new MerkleTree();
  #tenant: string | null;
  #cut: Cut | undefined;
  #previous: Seal | undefined;
  #previousHash = NO_SEAL;
  #redacted = 0;
  #firstOfBlock: string | null = null;
  #broken: BrokenEntry | null = null;

  constructor(options: TrailOptions = {}) {
    this.#options = options;
    this.#tenant = options.head?.tenant ?? null;
  }

  /** Whether a defect was found: what follows is not looked at. */
  get isBroken(): boolean {
    return this.#broken !== null;
  }

  /** Whether values are missing without an entry, up to here, that says that they were deleted. */
  get lacksRecords(): boolean {
    return this.#deletions.firstUnrecorded !== undefined;
  }

  /** An entry that is not sealed yet, and may say that values were deleted. */
  addUnsealed(entry: Pick<SealedEntry, 'id' | 'action' | 'new'>): void {
    this.#deletions.add(entry);
  }

  /**
   * The record that the entries before a seal were dropped. To be called before anything else. Those entries then are
   * given with `addLeaf`, or not at all: see `start`.
   */
  addCut(cut: Cut): void {
    this.#tenant ??= cut.tenant;
    if (cut.tenant !== this.#tenant || !this.#isSigned(cut)) {
      return this.#break(
        'removed',
        null,
        'Entries were dropped without a cut that a trusted key has signed.',
      );
    }
    this.#cut = cut;
  }

  /** Begins at the seal of a cut. To be called before anything else. */
  start({ cut, seal, frontier }: Start): void {
    this.addCut(cut);
    if (this.#broken) return;
    const tree = unlessMalformed(() =>
      MerkleTree.from(
        seal.size,
        frontier.map((digits) => fromHex(digits, 32)),
      ),
    );
    const hash = sealHash(seal);
    const isOfCut = cut.number === seal.number && seal.tenant === this.#tenant;
    if (!tree || !isOfCut || tree.root().toString('hex') !== seal.root) {
      return this.#break('resealed', null, 'The tree before the cut is not the one that was sealed.');
    }
    if (!this.#isExpected(seal, hash)) return;
    if (!this.#isSigned(seal)) return this.#breakSignature(seal);
    this.#tree = tree;
    this.#follow(seal, hash);
  }

  /** An entry of which only the hash is read: one before the cut, or one that was verified earlier. */
  addLeaf(position: number, leaf: string): void {
    if (this.#broken) return;
    if (position !== this.#tree.size) {
      return this.#break('removed', null, `Entry number ${this.#tree.size} is missing.`);
    }
    this.#tree.append(fromHex(leaf, 32));
  }

  /** @param entry undefined when the entry at this place is missing */
  addEntry(position: number, entryId: string, entry: SealedEntry | undefined): void {
    if (this.#broken) return;
    if (position !== this.#tree.size) {
      return this.#break(
        'removed',
        entryId,
        `The entry before this one, number ${this.#tree.size}, is missing.`,
      );
    }
    if (!entry) return this.#break('removed', entryId, `Entry number ${position} is missing.`);
    this.#tenant ??= entry.tenant;
    if (entry.tenant !== this.#tenant) {
      return this.#break('changed', entryId, 'The entry belongs to another tenant.');
    }
    const leaf = unlessMalformed(() => leafOfEntry(entry));
    if (!leaf || (entry.leaf !== undefined && leaf.toString('hex') !== entry.leaf)) {
      return this.#break('changed', entryId, `Entry number ${position} is not the one that was sealed.`);
    }
    this.#tree.append(leaf);
    this.#firstOfBlock ??= entryId;
    if ((entry.redacted?.length ?? 0) > 0) this.#redacted++;
    this.#deletions.add(entry);
    this.#dates.add(entry);
  }

  addSeal(seal: Seal): void {
    if (this.#broken) return;
    const before = this.#previous;
    this.#tenant ??= seal.tenant;
    const number = (before?.number ?? 0) + 1;
    if (seal.number !== number) {
      return this.#break('resealed', null, `Seal ${number} is missing.`);
    }
    if (seal.tenant !== this.#tenant || seal.previous !== this.#previousHash) {
      return this.#break(
        'resealed',
        this.#firstOfBlock,
        `Seal ${seal.number} does not name the seal before it.`,
      );
    }
    if (seal.key !== before?.key && before && !this.#isSigned(before)) return this.#breakSignature(before);
    this.#checkTree(seal);
    if (this.isBroken) return;
    const hash = unlessMalformed(() => sealHash(seal));
    if (hash === undefined) {
      return this.#break('resealed', this.#firstOfBlock, `Seal ${seal.number} is malformed.`);
    }
    if (!this.#isExpected(seal, hash)) return;
    const late = this.#dates.lateIn(seal);
    if (late) return this.#break('inserted', late.entryId, late.explanation);
    this.#follow(seal, hash);
  }

  /** Reports an entry that no seal contains, though all entries of its time are sealed. */
  addInserted(entryId: string): void {
    this.#break('inserted', entryId, 'No seal contains the entry, though every entry of its time is sealed.');
  }

  /** To be called at the end. */
  finish(): Verification {
    if (!this.#broken) this.#checkEnd();
    const unrecorded = this.#deletions.firstUnrecorded;
    if (unrecorded !== undefined) {
      this.#break(
        'unrecorded',
        unrecorded,
        'Values are missing, and no entry of the trail says that they were deleted.',
      );
    }
    return {
      tenant: this.#tenant,
      intact: this.#broken === null,
      entries: this.#tree.size,
      dropped: this.#cut?.size ?? 0,
      redacted: this.#redacted,
      seals: this.#previous?.number ?? 0,
      head: this.#previous ?? null,
      broken: this.#broken,
    };
  }

  #follow(seal: Seal, hash: string): void {
    this.#dates.follow(seal);
    this.#previous = seal;
    this.#previousHash = hash;
    this.#firstOfBlock = null;
  }

  /** Compares a seal with the given head and with the cut. */
  #isExpected({ number, size }: Seal, hash: string): boolean {
    const { head } = this.#options;
    if (head?.number === number && sealHash(head) !== hash) {
      this.#break('resealed', this.#firstOfBlock, `Seal ${number} is not the one of the given head.`);
      return false;
    }
    const cut = this.#cut?.number === number ? this.#cut : undefined;
    if (!cut || (cut.seal === hash && cut.size === size)) return true;
    this.#break('resealed', null, `Seal ${number} is not the one that the cut names.`);
    return false;
  }

  #checkTree(seal: Seal): void {
    if (seal.size > this.#tree.size) {
      const missing = seal.size - this.#tree.size;
      this.#break('removed', null, `Seal ${seal.number} contains ${missing} more than there are.`);
    } else if (seal.size < this.#tree.size || this.#tree.root().toString('hex') !== seal.root) {
      const from = this.#previous?.size ?? 0;
      this.#break(
        'rearranged',
        this.#firstOfBlock,
        `The entries from number ${from} to ${this.#tree.size - 1} are not those that seal ${seal.number} contains.`,
      );
    }
  }

  #checkEnd(): void {
    const last = this.#previous;
    const { head } = this.#options;
    if (last && !this.#isSigned(last)) return this.#breakSignature(last);
    if (this.#tree.size > (last?.size ?? 0)) {
      return this.#break('removed', this.#firstOfBlock, 'The seal of the last entries is missing.');
    }
    if (this.#cut && this.#cut.number > (last?.number ?? 0)) {
      return this.#break(
        'removed',
        null,
        `Seal ${this.#cut.number}, up to which entries were dropped, is missing.`,
      );
    }
    if (!head) return;
    if (!this.#isSigned(head)) {
      return this.#break('resealed', null, 'The given head was not signed with a trusted key.');
    }
    if (head.number > (last?.number ?? 0)) {
      this.#break(
        'cut',
        null,
        `The trail ends with seal ${last?.number ?? 0} and has ${this.#tree.size} entries; the given head is seal ` +
          `${head.number} of ${head.sealedAt} and contains ${head.size}.`,
      );
    }
  }

  #isSigned(signed: Seal | Cut): boolean {
    const { keys } = this.#options;
    return !keys || unlessMalformed(() => keys.hasSigned(signed)) === true;
  }

  #breakSignature(seal: Seal): void {
    this.#break('resealed', null, `Seal ${seal.number} was not signed with a trusted key.`);
  }

  #break(defect: Defect, entryId: string | null, explanation: string): void {
    this.#broken ??= { defect, entryId, explanation };
  }
}
