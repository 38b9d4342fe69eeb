/**
 * Checks an archive as a whole, before anything of it is imported: its form, the hashes and numbers of rows of every table,
 * and that each row has the columns that the manifest names.
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { TenantLifeError } from './life-error.js';
import { folderOf, parseManifest, type Manifest } from './manifest.js';
import { readTar, type ArchivedFile } from './tar.js';

export interface CheckedArchive {
  readonly manifest: Manifest;
  /** Of the file as it is on the disk. */
  readonly sha256: string;
}

interface Folder {
  readonly hash: Hash;
  parts: number;
  bytes: number;
  rows: number;
  /** The names of the columns of the rows, as JSON: all rows have the same. */
  columns: string | undefined;
}

const FILE = /^((?:data|audit)\/[^/]+)\/(\d{6})\.ndjson$/;
const PLAIN_FILES: ReadonlySet<string> = new Set(['README.txt', 'audit/head.json', 'manifest.json']);

/**
 * The files of a compressed archive, in order.
 *
 * @param onBytes given each piece of the file as it is on the disk
 * @throws TenantLifeError when it cannot be read, is damaged, or is no archive of a tenant
 */
export async function* filesOf(
  path: string,
  onBytes: (piece: Buffer) => void = () => undefined,
): AsyncGenerator<ArchivedFile> {
  const file = createReadStream(path);
  const gunzip = createGunzip();
  file.on('data', (piece) => onBytes(piece as Buffer));
  file.on('error', (error) => gunzip.destroy(error));
  try {
    yield* readTar(file.pipe(gunzip) as AsyncIterable<Buffer>);
  } catch (error) {
    if (error instanceof TenantLifeError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new TenantLifeError(`${path} cannot be read as an archive (${code}).`, { cause: error });
  } finally {
    file.destroy();
    gunzip.destroy();
  }
}

/** @throws TenantLifeError that says what is wrong with the archive */
export async function checkArchive(path: string): Promise<CheckedArchive> {
  const whole = createHash('sha256');
  const folders = new Map<string, Folder>();
  let manifest: Manifest | undefined;
  for await (const { name, content } of filesOf(path, (piece) => whole.update(piece))) {
    if (manifest) throw new TenantLifeError('Something follows the manifest.');
    if (name === 'manifest.json') {
      manifest = parseManifest(content);
      if (!manifest) throw new TenantLifeError('The manifest is not one that this version can read.');
    } else if (!PLAIN_FILES.has(name)) addPart(folders, name, content);
  }
  if (!manifest) throw new TenantLifeError('The archive has no manifest: it is cut off.');
  compare(manifest, folders);
  return { manifest, sha256: whole.digest('hex') };
}

function addPart(folders: Map<string, Folder>, name: string, content: Buffer): void {
  const [, path, number] = FILE.exec(name) ?? [];
  if (path === undefined) throw new TenantLifeError(`The archive has a file of another kind: ${name}.`);
  const folder = folders.get(path) ?? {
    hash: createHash('sha256'),
    parts: 0,
    bytes: 0,
    rows: 0,
    columns: undefined,
  };
  folders.set(path, folder);
  if (Number(number) !== ++folder.parts) throw new TenantLifeError(`A part of ${path} is missing.`);
  folder.hash.update(content);
  folder.bytes += content.length;
  if (!path.startsWith('data/')) return;
  for (const line of linesOf(content)) {
    folder.rows++;
    const columns = columnsOf(line);
    if (columns === undefined || (folder.columns ??= columns) !== columns) {
      throw new TenantLifeError(`Row ${String(folder.rows)} of ${path} is not like the others.`);
    }
  }
}

/** The lines of a part. */
export const linesOf = (content: Buffer): string[] => {
  const lines = content.toString('utf8').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
};

function columnsOf(line: string): string | undefined {
  try {
    const row = JSON.parse(line) as unknown;
    return typeof row === 'object' && row !== null && !Array.isArray(row)
      ? JSON.stringify(Object.keys(row))
      : undefined;
  } catch {
    return undefined;
  }
}

function compare(manifest: Manifest, folders: ReadonlyMap<string, Folder>): void {
  const expected = new Map<string, { rows?: number; bytes: number; sha256: string; columns?: string }>();
  for (const table of manifest.tables) {
    const columns = JSON.stringify(table.columns.map(({ name }) => name));
    expected.set(folderOf(table), { ...table, columns });
  }
  if (expected.size < manifest.tables.length) throw new TenantLifeError('The manifest has a table twice.');
  if (manifest.trail) expected.set('audit/trail', manifest.trail);
  const empty = createHash('sha256').digest('hex');
  for (const [path, { rows, bytes, sha256, columns }] of expected) {
    const folder = folders.get(path);
    if (
      bytes !== (folder?.bytes ?? 0) ||
      sha256 !== (folder?.hash.digest('hex') ?? empty) ||
      (rows !== undefined && rows !== (folder?.rows ?? 0))
    ) {
      throw new TenantLifeError(`${path} is not what the manifest says: its rows, or its hash, are others.`);
    }
    if (columns !== undefined && folder?.columns !== undefined && folder.columns !== columns) {
      throw new TenantLifeError(`The rows of ${path} have other columns than the manifest says.`);
    }
  }
  const unknown = [...folders.keys()].find((path) => !expected.has(path));
  if (unknown !== undefined) throw new TenantLifeError(`The manifest does not name ${unknown}.`);
}
