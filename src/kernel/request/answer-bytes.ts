/**
 * Limits the bytes of one request's answer. Few values may be many bytes: an alias repeats a long text, and nested
 * pages read many texts. So bytes are counted before they are kept in memory: of rows as they arrive from the database,
 * and of the answer before it is serialized.
 */
import type { ExecutionResult } from 'graphql';
import { PublicError } from '../vocabulary/errors.js';

/** Rows have more columns than are selected, and an answer may leave out rows: rows may be this many times as large. */
export const ROWS_PER_ANSWER = 4;

/** The error for a request whose answer or rows have too many bytes. */
export const answerTooLarge = (mostBytes: number): PublicError =>
  new PublicError(
    'ANSWER_TOO_LARGE',
    `The answer has more than ${String(mostBytes)} bytes: ask for smaller pages or fewer fields.`,
    { limit: mostBytes },
  );

/** The bytes of one request, or of one event of a subscription. */
export class AnswerBytes {
  /** The limit of the answer that is sent. */
  readonly most: number;
  #left: number;
  #atFirst: number;

  constructor(most: number) {
    this.most = most;
    this.#left = this.#atFirst = most * ROWS_PER_ANSWER;
  }

  /** Whether more bytes were read than allowed. From then on nothing is read or written for the request. */
  get isOver(): boolean {
    return this.#left < 0;
  }

  get error(): PublicError {
    return answerTooLarge(this.most);
  }

  /**
   * Counts a row from the database.
   *
   * @returns whether it may be kept
   */
  take(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /**
   * Counts a result of Prisma by its size as JSON.
   *
   * @throws ANSWER_TOO_LARGE
   */
  takeResult<Result>(result: Result): Result {
    if (!this.take(leastBytes(result, this.#left + 1))) throw this.error;
    return result;
  }

  /** @throws ANSWER_TOO_LARGE when more was read than allowed */
  throwIfOver(): void {
    if (this.isOver) throw this.error;
  }

  /** A counter for rows that may be read once more elsewhere, with what is left now. {@link keep} counts its rows here. */
  attempt(): AnswerBytes {
    const attempt = new AnswerBytes(this.most);
    attempt.#left = attempt.#atFirst = this.#left;
    return attempt;
  }

  /** Counts the rows of an attempt, because they are kept. */
  keep(attempt: AnswerBytes): void {
    this.#left -= attempt.#atFirst - attempt.#left;
  }

  /** Resets the count when a request is repeated, because its earlier rows are not kept. */
  restart(): void {
    this.#left = this.most * ROWS_PER_ANSWER;
  }

  /** The result of an execution, or an error without data when its data or its rows are too large. */
  limit(result: ExecutionResult): ExecutionResult {
    return this.isOver || leastBytes(result.data, this.most) > this.most ? { errors: [this.error] } : result;
  }
}

/** Shorter texts are counted by characters, which is faster. */
const LONG_TEXT = 1_000;

/**
 * The minimum bytes of a value as JSON: exact for objects, lists and ASCII texts without escapes, slightly less for
 * numbers. Stops when it has counted more than `enough`.
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
