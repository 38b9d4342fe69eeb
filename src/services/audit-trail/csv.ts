/** The audit log as CSV (RFC 4180), for spreadsheets: one entry in each line. */
import type { SealedEntry } from 'tenantry-verify';

const COLUMNS = [
  'position',
  'id',
  'createdAt',
  'actorType',
  'actor',
  'action',
  'entity',
  'entityId',
  'requestId',
  'old',
  'new',
] as const satisfies readonly (keyof SealedEntry)[];

/** The names of the columns, and of one for what was deleted. */
export const CSV_HEADER = `${[...COLUMNS, 'deletedValues'].join(',')}\r\n`;

/** The line of an entry, with its line break. */
export function csvLine(entry: SealedEntry): string {
  const deleted = entry.redacted?.map(({ path }) => path).join(' ') ?? '';
  return `${[...COLUMNS.map((column) => entry[column]), deleted].map(cell).join(',')}\r\n`;
}

/** What a spreadsheet may take for the begin of a formula, also in its full-width form. */
const FORMULA = /^[\s"']*[=+\-@\uff1d\uff0b\uff0d\uff20]/u;

/**
 * A cell. Text that a spreadsheet could take for a formula gets an apostrophe before it: an actor or a value of the log
 * may have been chosen by somebody who wants the reader's spreadsheet to do something.
 */
function cell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = FORMULA.test(value) || /^[\t\r\n]/.test(value) ? `'${value}` : value;
  return `"${text.replaceAll('"', '""')}"`;
}
