/**
 * Writes and reads tar archives (POSIX ustar) of regular files. Memory holds one file at a time. The reader refuses
 * everything that the writer does not write.
 */
import { TenantLifeError } from './life-error.js';

const BLOCK = 512;
const END = Buffer.alloc(2 * BLOCK);
/** The largest file that is read. */
const MOST_BYTES = 2 ** 28;

export interface ArchivedFile {
  readonly name: string;
  readonly content: Buffer;
}

/** The bytes of a file in an archive. @throws Error when the name is too long */
export function* tarFile(name: string, content: Buffer): Generator<Buffer> {
  yield headerOf(name, content.length);
  yield content;
  const rest = content.length % BLOCK;
  if (rest > 0) yield Buffer.alloc(BLOCK - rest);
}

/** The bytes that end an archive. */
export const tarEnd = (): Buffer => END;

function headerOf(name: string, size: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  const cut = Buffer.byteLength(name) <= 100 ? -1 : name.lastIndexOf('/');
  const [prefix, file] = cut < 0 ? ['', name] : [name.slice(0, cut), name.slice(cut + 1)];
  if (Buffer.byteLength(file) > 100 || Buffer.byteLength(prefix) > 155) {
    throw new Error(`the name of a file is too long for an archive: ${name}`);
  }
  header.write(file, 0);
  header.write('0000600\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  header.write(prefix, 345);
  header.write(`${sumOf(header).toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);

function sumOf(header: Buffer): number {
  let sum = 0;
  for (const byte of header) sum += byte;
  return sum;
}

/**
 * The files of an archive, in order.
 *
 * @throws TenantLifeError when it is damaged, or has something else than regular files; the errors of `bytes`
 */
export async function* readTar(bytes: AsyncIterable<Buffer>): AsyncGenerator<ArchivedFile> {
  const input = new Pieces(bytes);
  for (;;) {
    const header = await input.take(BLOCK);
    if (!header) throw new TenantLifeError('The archive is cut off.');
    if (isBlank(header)) {
      // To the end, so that whoever hashes the bytes has all of them.
      if (!(await input.isBlankToTheEnd())) throw new TenantLifeError('Something follows the archive.');
      return;
    }
    const { name, size } = parseHeader(header);
    const content = await input.take(size);
    const padding = await input.take((BLOCK - (size % BLOCK)) % BLOCK);
    if (!content || !padding) throw new TenantLifeError('The archive is cut off.');
    yield { name, content };
  }
}

function parseHeader(header: Buffer): { readonly name: string; readonly size: number } {
  const field = (start: number, length: number) =>
    header.toString('utf8', start, start + length).replace(/\0.*$/su, '');
  const sum = Number.parseInt(field(148, 8), 8);
  const size = Number.parseInt(field(124, 12), 8);
  const blank = Buffer.from(header);
  blank.fill(' ', 148, 156);
  if (sum !== sumOf(blank) || field(257, 6) !== 'ustar' || !/^0?$/.test(field(156, 1))) {
    throw new TenantLifeError('The file is not an archive of a tenant.');
  }
  if (!Number.isSafeInteger(size) || size < 0 || size > MOST_BYTES) {
    throw new TenantLifeError('A file of the archive is too large.');
  }
  const [prefix, file] = [field(345, 155), field(0, 100)];
  return { name: prefix === '' ? file : `${prefix}/${file}`, size };
}

/** Bytes that are taken in other portions than they come. */
class Pieces {
  readonly #bytes: AsyncIterator<Buffer>;
  #held: Buffer[] = [];
  #length = 0;

  constructor(bytes: AsyncIterable<Buffer>) {
    this.#bytes = bytes[Symbol.asyncIterator]();
  }

  /** So many bytes; undefined when there are fewer. */
  async take(size: number): Promise<Buffer | undefined> {
    while (this.#length < size) {
      const next = await this.#bytes.next();
      if (next.done) return undefined;
      this.#held.push(next.value);
      this.#length += next.value.length;
    }
    const all = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held);
    const rest = all.subarray(size);
    this.#held = rest.length > 0 ? [rest] : [];
    this.#length = rest.length;
    return all.subarray(0, size);
  }

  async isBlankToTheEnd(): Promise<boolean> {
    for (let held = this.#held; ; held = []) {
      if (!held.every(isBlank)) return false;
      const next = await this.#bytes.next();
      if (next.done) return true;
      if (!isBlank(next.value)) return false;
    }
  }
}
