/** An export of a trail: one JSON object in each line, in constant memory however long it is. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { FormatError } from './bytes.js';
import { entryOf, objectOf, sealOf, startOf } from './parse.js';
import { TrailVerifier } from './trail.js';
import type { TrailOptions, Verification } from './verification.js';

/** The format in the first line. */
export const EXPORT = 'tenantry.audit.export.v1';

/**
 * Verifies the lines of an export.
 *
 * @throws FormatError when a line is not of the format; its message has the line's number and no value
 */
export async function verifyExport(
  lines: Iterable<string> | AsyncIterable<string>,
  options: TrailOptions = {},
): Promise<Verification> {
  const verifier = new TrailVerifier(options);
  let number = 0;
  let tenant: string | undefined;
  for await (const line of lines) {
    number++;
    if (line === '') continue;
    try {
      if (tenant === undefined) tenant = tenantOf(line, options);
      else addLine(verifier, line, tenant, number === 2);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw new FormatError(`line ${number}: ${error.message}`, { cause: error });
    }
    if (verifier.isBroken) break;
  }
  if (tenant === undefined) throw new FormatError('the export is empty');
  return verifier.finish();
}

/** Verifies the file of an export. @throws FormatError, and the errors of reading a file */
export const verifyExportFile = (path: string, options: TrailOptions = {}): Promise<Verification> =>
  verifyExport(createInterface({ input: createReadStream(path), crlfDelay: Infinity }), options);

function tenantOf(line: string, { head }: TrailOptions): string {
  const { format, tenant } = objectOf(line, 'the first line');
  if (format !== EXPORT) throw new FormatError(`the format is not ${EXPORT}`);
  if (typeof tenant !== 'string') throw new FormatError('there is no tenant');
  if (head && head.tenant !== tenant) throw new FormatError('the given head is of another tenant');
  return tenant;
}

function addLine(verifier: TrailVerifier, line: string, tenant: string, isFirst: boolean): void {
  const fields = objectOf(line, 'it');
  if ('cut' in fields) {
    if (!isFirst) throw new FormatError('a cut stands behind other lines');
    verifier.start(startOf(fields));
  } else if ('entry' in fields) {
    const entry = entryOf(fields['entry'], tenant);
    verifier.addEntry(entry.position, entry.id, entry);
  } else if ('seal' in fields) {
    verifier.addSeal(sealOf(fields['seal']));
  } else {
    throw new FormatError('it is neither an entry nor a seal nor a cut');
  }
}
