/**
 * Hears of changed memberships and tenants from PostgreSQL (LISTEN), and knows whether it would hear: a listening
 * connection can be lost without a sound, and behind a transaction pooler LISTEN is accepted but never delivers. So
 * it sends itself a message now and then; only while these come back is anything cached believed.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { z } from 'zod';

export interface AccessChange {
  readonly tenantId: string;
  /** Undefined when the change concerns every member of the tenant. */
  readonly userId?: string | undefined;
}

export interface AccessNews {
  /** True while a change made now would be heard of within a second. */
  readonly isLive: boolean;
  /** `undefined` as a change means: anything may have changed. */
  onChange(listener: (change: AccessChange | undefined) => void): void;
  close(): Promise<void>;
}

const CHANNEL = 'tenantry_access';
const PULSE_MS = 500;
const RECONNECT_MS = 1_000;

const message = z.union([
  z.object({ pulse: z.string() }),
  z.object({ tenantId: z.string(), userId: z.string().optional() }),
]);

/**
 * Listens on `url`. It never fails: while the connection cannot be had it tries again, and `isLive` is false.
 *
 * @param onProblem told once each time it stops hearing.
 */
export function listenForAccessChanges(url: string, onProblem: (problem: string) => void): AccessNews {
  return new Listener(url, onProblem);
}

class Listener implements AccessNews {
  private readonly me = randomUUID();
  private readonly listeners: ((change: AccessChange | undefined) => void)[] = [];
  private client: pg.Client | undefined;
  private heard = 0;
  private sent = 0;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;
  private live = false;
  private complained = false;

  constructor(
    private readonly url: string,
    private readonly onProblem: (problem: string) => void,
  ) {
    void this.connect();
  }

  get isLive(): boolean {
    return this.live;
  }

  onChange(listener: (change: AccessChange | undefined) => void): void {
    this.listeners.push(listener);
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.client?.end().catch(() => undefined);
  }

  private async connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.url,
      application_name: 'tenantry listener',
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    });
    this.client = client;
    client.on('error', () => this.lose('the connection was lost'));
    client.on('notification', ({ payload }) => this.receive(payload ?? ''));
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      this.heard = this.sent = 0;
      this.pulse();
    } catch (error) {
      this.lose(error instanceof Error ? error.message : String(error));
    }
  }

  /** Sends a message to itself; the previous one must have come back by now. */
  private pulse(): void {
    if (this.closed || !this.client) return;
    if (this.heard < this.sent) {
      this.lose('notifications do not arrive (a transaction pooler does not deliver them)');
      return;
    }
    this.sent++;
    const payload = JSON.stringify({ pulse: `${this.me} ${this.sent}` });
    this.client.query('SELECT pg_notify($1, $2)', [CHANNEL, payload]).catch(() => undefined);
    this.timer = setTimeout(() => this.pulse(), PULSE_MS);
    this.timer.unref();
  }

  private receive(payload: string): void {
    const parsed = message.safeParse(parseJson(payload));
    if (!parsed.success) return this.tell(undefined);
    if (!('pulse' in parsed.data)) return this.tell(parsed.data);
    if (parsed.data.pulse === `${this.me} ${this.sent}`) {
      this.heard = this.sent;
      this.live = true;
      this.complained = false;
    }
  }

  private lose(why: string): void {
    if (this.closed || !this.client) return;
    clearTimeout(this.timer);
    const lost = this.client;
    this.client = undefined;
    if (!this.complained) this.onProblem(why);
    this.complained = true;
    this.live = false;
    // Whatever was said since the last pulse was not heard.
    this.tell(undefined);
    void lost.end().catch(() => undefined);
    this.timer = setTimeout(() => void this.connect(), RECONNECT_MS);
    this.timer.unref();
  }

  private tell(change: AccessChange | undefined): void {
    for (const listener of this.listeners) listener(change);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
