/**
 * Limits the number of concurrent tasks; waiting tenants take turns. A tenant with a thousand subscribers delays its
 * own events, and others by at most one task per turn.
 */
export class FairGate {
  private readonly waiting = new Map<string, (() => void)[]>();
  private running = 0;

  constructor(private readonly atOnce: number) {}

  async run<Result>(tenantId: string, work: () => Promise<Result>): Promise<Result> {
    if (this.running >= this.atOnce) await this.turn(tenantId);
    else this.running++;
    try {
      return await work();
    } finally {
      this.next();
    }
  }

  private turn(tenantId: string): Promise<void> {
    return new Promise((resolve) => {
      const queue = this.waiting.get(tenantId);
      if (queue) queue.push(resolve);
      else this.waiting.set(tenantId, [resolve]);
    });
  }

  /** Gives the free place to the tenant that has waited longest, and moves it to the end of the queue. */
  private next(): void {
    const [first] = this.waiting;
    if (!first) {
      this.running--;
      return;
    }
    const [tenantId, queue] = first;
    const start = queue.shift();
    this.waiting.delete(tenantId);
    if (queue.length > 0) this.waiting.set(tenantId, queue);
    start?.();
  }
}
