/**
 * Hears of changed memberships and tenants from PostgreSQL (LISTEN), and knows whether it would hear: a listening
 * connection can be lost without a sound, and behind a transaction pooler LISTEN is accepted but delivers nothing. So a
 * second connection sends a message now and then; only while these arrive is anything cached believed. (A message sent
 * on the listening connection itself would arrive even through a pooler.)
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
/** A connection that has gone silent is noticed after two pulses. */
const PULSE_MS = 400;
const RECONNECT_AFTER_MISSES = 10;
const RECONNECT_MS = 1_000;
const SILENCE = 'notifications do not arrive (a transaction pooler does not deliver them)';

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
  private connections: readonly pg.Client[] = [];
  private sent = 0;
  private heard = 0;
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
    await end(this.connections);
  }

  private async connect(): Promise<void> {
    const connections = [this.open('tenantry listener'), this.open('tenantry pulse')] as const;
    const [ears, voice] = connections;
    this.connections = connections;
    ears.on('notification', ({ payload }) => this.receive(payload ?? ''));
    try {
      await ears.connect();
      await ears.query(`LISTEN ${CHANNEL}`);
      await voice.connect();
      this.pulse(connections, voice);
    } catch (error) {
      this.reconnect(connections, error instanceof Error ? error.message : String(error));
    }
  }

  private open(name: string): pg.Client {
    const connection = new pg.Client({
      connectionString: this.url,
      application_name: name,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    });
    connection.on('error', () => this.reconnect(this.connections, 'the connection was lost'));
    return connection;
  }

  /** Sends the next message, and looks whether the previous one has arrived. */
  private pulse(connections: readonly pg.Client[], voice: pg.Client): void {
    if (this.closed || this.connections !== connections) return;
    const missed = this.sent - this.heard;
    if (missed > 0) this.doubt(SILENCE);
    if (missed >= RECONNECT_AFTER_MISSES) {
      this.reconnect(connections, SILENCE);
      return;
    }
    this.sent++;
    const payload = JSON.stringify({ pulse: `${this.me} ${String(this.sent)}` });
    voice.query('SELECT pg_notify($1, $2)', [CHANNEL, payload]).catch(() => undefined);
    // What has arrived while the process was busy is to be read before it counts as missing.
    this.timer = setTimeout(() => setImmediate(() => this.pulse(connections, voice)), PULSE_MS);
    this.timer.unref();
  }

  private receive(payload: string): void {
    const parsed = message.safeParse(parseJson(payload));
    if (!parsed.success) return this.tell(undefined);
    if (!('pulse' in parsed.data)) return this.tell(parsed.data);
    if (parsed.data.pulse === `${this.me} ${String(this.sent)}`) {
      this.heard = this.sent;
      this.live = true;
      this.complained = false;
    }
  }

  /** From now on nothing is believed, for whatever was said since the last message that arrived was not heard. */
  private doubt(why: string): void {
    if (!this.complained) this.onProblem(why);
    this.complained = true;
    if (!this.live) return;
    this.live = false;
    this.tell(undefined);
  }

  private reconnect(connections: readonly pg.Client[], why: string): void {
    if (this.closed || this.connections !== connections) return;
    this.connections = [];
    clearTimeout(this.timer);
    this.doubt(why);
    this.sent = this.heard = 0;
    void end(connections);
    this.timer = setTimeout(() => void this.connect(), RECONNECT_MS);
    this.timer.unref();
  }

  private tell(change: AccessChange | undefined): void {
    for (const listener of this.listeners) listener(change);
  }
}

async function end(connections: readonly pg.Client[]): Promise<void> {
  await Promise.all(connections.map((connection) => connection.end().catch(() => undefined)));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
