/**
 * Byte strings that can be read in one way only: every part of variable length has its length before it, so that no
 * byte can move from one part to the next.
 */
import { hash } from 'node:crypto';

/**
 * SHA-256. By way of a text of 32 characters: the memory of a Buffer that OpenSSL makes costs Node more than twice as much
 * as the hash.
 */
export const sha256 = (bytes: Uint8Array): Buffer => Buffer.from(hash('sha256', bytes, 'binary'), 'binary');

/** A file, a line or a value that is not of the format. Its message contains no value of the trail. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

/** What `read` returns; undefined when it throws a FormatError. */
export function unlessMalformed<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/** Builds one byte string after the other in the same memory, which is what verifying spends most of its time on. */
export class ByteWriter {
  #buffer = Buffer.allocUnsafe(4096);
  #length = 0;

  /** Forgets what was written. */
  reset(): this {
    this.#length = 0;
    return this;
  }

  byte(value: number): this {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
    return this;
  }

  /** Four bytes, the most significant first. */
  uint32(value: number): this {
    this.#reserve(4);
    this.#length = this.#buffer.writeUInt32BE(value, this.#length);
    return this;
  }

  /** Eight bytes, the most significant first. @throws FormatError when it is not a whole number up to 2^53 - 1 */
  uint64(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new FormatError('a number is out of range');
    this.#reserve(8);
    this.#length = this.#buffer.writeBigUInt64BE(BigInt(value), this.#length);
    return this;
  }

  /** The bytes alone, without their length: for what always has the same length. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** The number of bytes in UTF-8, then the bytes. */
  text(value: string): this {
    // A UTF-16 unit has at most three bytes in UTF-8.
    this.#reserve(4 + value.length * 3);
    const written = this.#buffer.write(value, this.#length + 4, 'utf8');
    this.#buffer.writeUInt32BE(written, this.#length);
    this.#length += 4 + written;
    return this;
  }

  /** One byte that says whether there is a text, then the text. */
  optionalText(value: string | null): this {
    return value === null ? this.byte(0) : this.byte(1).text(value);
  }

  /** What was written. Valid until the next `reset`. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** The hash of what was written. */
  hash(): Buffer {
    return sha256(this.bytes);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** The bytes of hexadecimal digits. @throws FormatError unless it is that many bytes in lower case */
export function fromHex(digits: string, length: number): Buffer {
  if (digits.length !== length * 2 || !/^[0-9a-f]*$/.test(digits)) {
    throw new FormatError(`${String(length)} bytes in hexadecimal were expected`);
  }
  return Buffer.from(digits, 'hex');
}
