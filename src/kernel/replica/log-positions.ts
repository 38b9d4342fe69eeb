/**
 * What the positions in PostgreSQL's log say: how far a replica has to be, so that a reader sees its own writes and nothing
 * that is older than allowed. No clock of another machine is read: a position of the primary that was asked for at a time
 * contains everything that was committed before.
 */

/** A position, `16/B374D848`, as a number. @throws SyntaxError when it is none */
export function parsePosition(text: string): bigint {
  const [high = '', low = ''] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

/** A position as PostgreSQL writes it. */
export const positionText = (position: bigint): string =>
  `${(position >> 32n).toString(16)}/${(position & 0xffff_ffffn).toString(16)}`.toUpperCase();

interface Sample {
  readonly askedAt: number;
  readonly position: bigint;
}

interface Write {
  readonly at: number;
  /** A position of the primary after the write; undefined until one is known. */
  position: bigint | undefined;
}

export class LogPositions {
  readonly #maxLagMs: number;
  readonly #now: () => number;
  /** Of the primary, the oldest first. */
  #samples: Sample[] = [];
  /** The last write of each reader that a replica may not have. */
  readonly #writes = new Map<string, Write>();

  constructor(maxLagMs: number, now = () => performance.now()) {
    this.#maxLagMs = maxLagMs;
    this.#now = now;
  }

  /** The primary was at this position when, or after, it was asked. */
  sampled(position: bigint, askedAt: number): void {
    const last = this.#samples.at(-1);
    // Two questions may be under way. After a failover the log may be shorter.
    if (last && askedAt < last.askedAt) return;
    if (last && position < last.position) this.#samples = [];
    this.#samples.push({ askedAt, position });
    this.#forget();
    for (const write of this.#writes.values()) {
      if (write.position === undefined && write.at < askedAt) write.position = position;
    }
  }

  /** The reader has written: what it reads from now on contains that. */
  wrote(reader: string): void {
    // The last one comes last.
    this.#writes.delete(reader);
    this.#writes.set(reader, { at: this.#now(), position: undefined });
    this.#forget();
  }

  /**
   * The position that a replica needs now for this reader.
   *
   * @returns undefined when only the primary is known to have it
   */
  neededBy(reader: string, after: bigint): bigint | undefined {
    this.#forget();
    let needed = this.#samples[0]?.position;
    if (needed === undefined) return undefined;
    if (after > needed) needed = after;
    const write = this.#writes.get(reader);
    if (!write) return needed;
    if (write.position === undefined) return undefined;
    return write.position > needed ? write.position : needed;
  }

  /** How old the data at this position is at most, in milliseconds; undefined when it is older than allowed. */
  lagAt(position: bigint): number | undefined {
    this.#forget();
    const reached = this.#samples.findLast((sample) => sample.position <= position);
    return reached && this.#now() - reached.askedAt;
  }

  /** What is older than a read may be. A write of then is contained in every position that a read needs. */
  #forget(): void {
    const oldest = this.#now() - this.#maxLagMs;
    while (this.#samples.length > 0 && this.#samples[0]!.askedAt < oldest) this.#samples.shift();
    for (const [reader, { at }] of this.#writes) {
      if (at >= oldest) break;
      this.#writes.delete(reader);
    }
  }
}
