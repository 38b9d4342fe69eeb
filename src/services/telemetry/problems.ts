/**
 * Logs frequent problems once per kind and minute, with a count: a line for every request would hide everything else,
 * and no line would leave an operator with only a status code.
 *
 * Guarantees: the first problem of a kind is written at once; further ones within a minute are counted and written as
 * one line at its end. Memory is bounded: there are few kinds, and only numbers are kept for each.
 */
import type { ProblemKind } from '../../kernel/vocabulary/problem-kind.js';

/** Writes one line of the log. */
export type WriteProblem = (
  sentence: string,
  fields: {
    readonly problem: string;
    readonly reason: string;
    /** The number of problems since the last line of this kind. */
    readonly count: number;
    readonly detail?: string;
  },
) => void;

const MINUTE_MS = 60_000;
/** Kinds are closed lists; if there were more, the rest would be counted together. */
const MOST_KINDS = 200;
const LONGEST_DETAIL = 200;

interface Told {
  readonly kind: ProblemKind;
  total: number;
  /** Problems since the last line. */
  untold: number;
  detail: string | undefined;
  /** Runs for one minute after a line. */
  minute: NodeJS.Timeout | undefined;
}

export class Problems {
  readonly #told = new Map<string, Told>();
  readonly #write: WriteProblem;

  constructor(write: WriteProblem) {
    this.#write = write;
  }

  /**
   * Counts a problem, and writes a line unless one of this kind was written within the last minute.
   *
   * @param detail the cause, such as an error code of PostgreSQL; never data of a client
   */
  note(kind: ProblemKind, detail?: string): void {
    const told = this.#of(kind);
    told.total++;
    told.untold++;
    told.detail ??= detail === undefined ? undefined : shortened(detail);
    if (told.minute === undefined) this.#tell(told);
  }

  /** The number of problems of this name since the start, by reason. */
  counts(name: string): ReadonlyMap<string, number> {
    return new Map(
      [...this.#told.values()].flatMap(({ kind, total }) =>
        kind.name === name ? [[kind.reason, total] as const] : [],
      ),
    );
  }

  /** Writes the problems that were only counted so far. */
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

/** Removes control characters, which a terminal would interpret. */
const shortened = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, LONGEST_DETAIL);
