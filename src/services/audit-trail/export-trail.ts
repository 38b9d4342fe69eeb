/**
 * Exports a tenant's trail in constant memory: as docs/audit-format.md has it, which can be verified, or as CSV for
 * spreadsheets, which cannot.
 */
import { setTimeout } from 'node:timers/promises';
import { Deletions, EXPORT, type Range, type Seal, type SealedEntry } from 'tenantry-verify';
import { readHashes } from './stored-hashes.js';
import { CSV_HEADER, csvLine } from './csv.js';
import { Rows, leavesOf, sealsOf } from './trail-pages.js';
import { cutOf, entryOfLeaf, headOf, sealsAfter, type LeafRow, type TrailQuery } from './trail-rows.js';
import { TrailDroppedError } from './verify-trail.js';

/** The formats of an export. */
export const EXPORT_FORMATS = ['ndjson', 'csv'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** The media type of each format. */
export const MEDIA_TYPES: Readonly<Record<ExportFormat, string>> = {
  ndjson: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8; header=present',
};

/** How long the end of an export waits for the seal of an entry that says that values were deleted. */
const RECORD_MS = 10_000;
const PAUSE_MS = 250;

/**
 * The text of an export, in pieces of whole lines: everything from the last cut up to the head that the trail has now, or
 * to a later one when values were deleted so recently that only this one contains the entry that says so. An entry that is
 * missing is left out, which the verifier notices.
 *
 * @throws TrailDroppedError when entries are dropped while they are read; the errors of `query`
 */
export async function* exportTrail(
  query: TrailQuery,
  tenantId: string,
  format: ExportFormat = 'ndjson',
): AsyncGenerator<string> {
  let end = await headOf(query, tenantId);
  const cut = await cutOf(query, tenantId);
  yield format === 'csv' ? CSV_HEADER : line({ format: EXPORT, tenant: tenantId });
  if (!end) return;
  if (cut && format === 'ndjson') {
    const [seal] = await query<Seal>(sealsAfter(tenantId, cut.number - 1, 1));
    const ranges = subtreesOf(cut.size);
    const hashes = await readHashes(query, tenantId, ranges);
    yield line({ cut, seal: seal!, frontier: ranges.map((range) => hashes.rootOf(range).toString('hex')) });
  }
  let rows = new Rows(leavesOf(query, tenantId, { from: cut?.size ?? 0 }));
  const deletions = new Deletions();
  let after: Pick<Seal, 'number' | 'size'> = cut ?? { number: 0, size: 0 };
  for (const deadline = performance.now() + RECORD_MS; ;) {
    for await (const seal of sealsOf(query, tenantId, { after: after.number, end: end.number })) {
      let text = '';
      const missing: number[] = [];
      await rows.upTo(seal.size, (row) => {
        const entry = entryOfLeaf(row as LeafRow);
        if (!entry) {
          missing.push(row.position);
          return;
        }
        deletions.add(entry);
        text += format === 'csv' ? csvLine(entry) : entryLine(entry);
      });
      if (missing.length > 0 && (await cutOf(query, tenantId))?.number !== cut?.number) {
        throw new TrailDroppedError();
      }
      if (format === 'ndjson') text += line({ seal });
      // A stream must not be given an empty piece.
      if (text !== '') yield text;
    }
    after = end;
    if (format === 'csv' || deletions.firstUnrecorded === undefined || performance.now() > deadline) return;
    end = (await headOf(query, tenantId)) ?? end;
    if (end.number === after.number) await setTimeout(PAUSE_MS);
    rows = new Rows(leavesOf(query, tenantId, { from: after.size }));
  }
}

/** The complete subtrees of the tree of so many entries, from the left. */
function subtreesOf(size: number): Range[] {
  const ranges: Range[] = [];
  for (let start = 0; start < size;) {
    const rest = size - start;
    const end = start + 2 ** Math.floor(Math.log2(rest));
    ranges.push({ start, end });
    start = end;
  }
  return ranges;
}

// The tenant is in the first line; JSON leaves out what is undefined.
const entryLine = (entry: SealedEntry): string => line({ entry: { ...entry, tenant: undefined } });

const line = (value: object): string => `${JSON.stringify(value)}\n`;
