/** How far this process has sealed the audit log, for metrics. */
export class Sealing {
  #sealedAt: number | undefined;

  /** Everything that was ready is sealed; undefined: another server seals. */
  set sealedAt(at: number | undefined) {
    this.#sealedAt = at;
  }

  /** Since when, in milliseconds, nothing more could be sealed; undefined when another server seals. */
  age(now = performance.now()): number | undefined {
    return this.#sealedAt === undefined ? undefined : now - this.#sealedAt;
  }
}
