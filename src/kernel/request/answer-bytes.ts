/**
 * How many bytes one request may have answered. Few values may be many bytes: an alias repeats a long text, and pages in
 * pages read many of them. So the bytes are counted where they arise, before they are kept: of rows as they come from the
 * database, and of the answer before it becomes text.
 */
import type { ExecutionResult } from 'graphql';
import { PublicError } from '../vocabulary/errors.js';

/** Rows have more columns than are asked for, and an answer may leave out rows: they may be so many times as large. */
export const ROWS_PER_ANSWER = 4;

/** What a request is refused with whose answer, or whose rows, have too many bytes. */
export const answerTooLarge = (mostBytes: number): PublicError =>
  new PublicError(
    'ANSWER_TOO_LARGE',
    `The answer has more than ${String(mostBytes)} bytes: ask for smaller pages or fewer fields.`,
    { limit: mostBytes },
  );

/** The bytes of one request, or of one event of a subscription. */
export class AnswerBytes {
  /** Of the answer, as it is sent. */
  readonly most: number;
  #left: number;

  constructor(most: number) {
    this.most = most;
    this.#left = most * ROWS_PER_ANSWER;
  }

  /** Whether more rows were read than the request may read. From then on nothing is read or written for it. */
  get isOver(): boolean {
    return this.#left < 0;
  }

  get error(): PublicError {
    return answerTooLarge(this.most);
  }

  /**
   * Counts a row that came from the database.
   *
   * @returns whether it may be kept
   */
  take(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /**
   * Counts what Prisma has read, by its size as JSON.
   *
   * @throws ANSWER_TOO_LARGE
   */
  takeResult<Result>(result: Result): Result {
    if (!this.take(leastBytes(result, this.#left + 1))) throw this.error;
    return result;
  }

  /** @throws ANSWER_TOO_LARGE when more was read than may be */
  throwIfOver(): void {
    if (this.isOver) throw this.error;
  }

  /** Forgets what was counted: the request begins anew, and what it had read is not kept. */
  restart(): void {
    this.#left = this.most * ROWS_PER_ANSWER;
  }

  /** The result of an execution; the refusal instead, without any data, when its data or its rows are too large. */
  limit(result: ExecutionResult): ExecutionResult {
    return this.isOver || leastBytes(result.data, this.most) > this.most ? { errors: [this.error] } : result;
  }
}

/** Shorter texts are counted by their characters, for that is faster. */
const LONG_TEXT = 1_000;

/**
 * How many bytes of JSON a value is at the least: exactly so many when it consists of objects, lists and ASCII texts in
 * which nothing is escaped, and a few less for numbers. Looks no further once it has counted more than `enough`.
 */
export function leastBytes(value: unknown, enough: number): number {
  if (typeof value === 'string') {
    return 2 + (value.length > LONG_TEXT ? Buffer.byteLength(value) : value.length);
  }
  if (typeof value !== 'object') return value === undefined ? 0 : 1;
  if (value === null) return 4;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  let bytes = 1;
  if (Array.isArray(value)) {
    for (const element of value as unknown[]) {
      bytes += 1 + leastBytes(element, enough - bytes);
      if (bytes > enough) break;
    }
    return bytes;
  }
  for (const name in value) {
    const part = (value as Record<string, unknown>)[name];
    if (part === undefined) continue;
    bytes += 4 + name.length + leastBytes(part, enough - bytes);
    if (bytes > enough) break;
  }
  return bytes;
}
