/**
 * What goes wrong often is told once per kind and minute, with a count: a log that repeats a line for every request
 * hides everything else, and a log that says nothing leaves an operator with a status code.
 *
 * Guarantees: the first problem of a kind is written at once; those that follow within a minute are counted and written
 * as one line at its end. Memory is bounded: kinds are few and known, and of each only numbers are kept.
 */
import type { ProblemKind } from '../../kernel/vocabulary/problem-kind.js';

/** Writes one line of the log. */
export type WriteProblem = (
  sentence: string,
  fields: {
    readonly problem: string;
    readonly reason: string;
    /** How many there were since the last line of this kind. */
    readonly count: number;
    readonly detail?: string;
  },
) => void;

const MINUTE_MS = 60_000;
/** Kinds are closed lists; should that ever be broken, the rest is not told apart. */
const MOST_KINDS = 200;
const LONGEST_DETAIL = 200;

interface Told {
  readonly kind: ProblemKind;
  total: number;
  /** Since the last line. */
  untold: number;
  detail: string | undefined;
  /** Runs for the minute that follows a line. */
  minute: NodeJS.Timeout | undefined;
}

export class Problems {
  readonly #told = new Map<string, Told>();
  readonly #write: WriteProblem;

  constructor(write: WriteProblem) {
    this.#write = write;
  }

  /**
   * Counts a problem, and writes a line unless there was one of this kind within the last minute.
   *
   * @param detail the server's own words for the cause, such as an error code of PostgreSQL; never what a client sent
   */
  note(kind: ProblemKind, detail?: string): void {
    const told = this.#of(kind);
    told.total++;
    told.untold++;
    told.detail ??= detail === undefined ? undefined : shortened(detail);
    if (told.minute === undefined) this.#tell(told);
  }

  /** How many of each reason there were since the start, for the problems of this name. */
  counts(name: string): ReadonlyMap<string, number> {
    return new Map(
      [...this.#told.values()].flatMap(({ kind, total }) =>
        kind.name === name ? [[kind.reason, total] as const] : [],
      ),
    );
  }

  /** Writes what has only been counted so far. */
  close(): void {
    for (const told of this.#told.values()) {
      if (told.untold > 0) this.#tell(told);
      clearTimeout(told.minute);
    }
  }

  #of(kind: ProblemKind): Told {
    const key = `${kind.name} ${kind.reason}`;
    const known = this.#told.get(key);
    if (known) return known;
    if (this.#told.size >= MOST_KINDS && kind !== OTHERS) return this.#of(OTHERS);
    const told: Told = { kind, total: 0, untold: 0, detail: undefined, minute: undefined };
    this.#told.set(key, told);
    return told;
  }

  #tell(told: Told): void {
    const { kind, untold: count, detail } = told;
    told.untold = 0;
    told.detail = undefined;
    clearTimeout(told.minute);
    told.minute = setTimeout(() => {
      told.minute = undefined;
      if (told.untold > 0) this.#tell(told);
    }, MINUTE_MS).unref();
    const { name: problem, reason, sentence } = kind;
    this.#write(sentence, { problem, reason, count, ...(detail !== undefined && { detail }) });
  }
}

const OTHERS: ProblemKind = {
  name: 'others',
  reason: 'others',
  sentence: 'there are too many kinds of problems',
};

/** Without control characters, which a terminal would obey. */
const shortened = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, LONGEST_DETAIL);
