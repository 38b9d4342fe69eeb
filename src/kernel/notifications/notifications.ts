/**
 * Receives PostgreSQL's notifications (LISTEN) over one connection per process, and checks that they arrive: a
 * listening connection can be lost without an error, and behind a transaction pooler LISTEN is accepted but delivers
 * nothing. So a second connection, with the URL of the pool, sends a heartbeat; notifications are trusted only while
 * heartbeats arrive. (A message sent on the listening connection itself would arrive even through a pooler, and the
 * heartbeat must use the pool's URL to show that both URLs have the same database.)
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { SessionClient } from '../database/session.js';

export interface Notifications {
  /** True while a notification sent now would arrive within a second. */
  readonly isLive: boolean;
  /**
   * Resolves when a heartbeat has arrived over the present connection. From then on every notification arrives, perhaps
   * late, or a gap is reported.
   *
   * @returns false when none arrives within `timeoutMs`
   */
  untilHearing(timeoutMs: number): Promise<boolean>;
  /** `channel` must be one of the channels of the options. */
  onMessage(channel: string, listener: (payload: string) => void): void;
  /** Called when it stops being live: later notifications may be delayed. */
  onDoubt(listener: () => void): void;
  /** Called when it becomes live, also the first time: earlier notifications may have been missed. */
  onTrust(listener: () => void): void;
  /** Called when the connection is closed: notifications until the next connection are lost. */
  onGap(listener: () => void): void;
  close(): Promise<void>;
}

export interface NotificationOptions {
  /** The URL for LISTEN, without a transaction pooler. */
  readonly listenUrl: string;
  /** The URL of the pool. */
  readonly databaseUrl: string;
  readonly channels: readonly string[];
  /** Called once each time heartbeats stop arriving. */
  readonly onProblem: (problem: string) => void;
}

const PULSE_CHANNEL = 'tenantry_pulse';
/** The interval of heartbeats, in milliseconds. A silent connection is noticed after two. */
const PULSE_MS = 400;
const RECONNECT_AFTER_MISSES = 10;
const RECONNECT_MS = 1_000;
const SILENCE = 'notifications do not arrive (a transaction pooler does not deliver them)';

/** Never fails: without a connection it retries, and `isLive` is false. */
export const listen = (options: NotificationOptions): Notifications => new Listener(options);

class Listener implements Notifications {
  private readonly me = randomUUID();
  private readonly onMessages = new Map<string, (payload: string) => void>();
  private readonly onDoubts: (() => void)[] = [];
  private readonly onTrusts: (() => void)[] = [];
  private readonly onGaps: (() => void)[] = [];
  private connections: readonly pg.Client[] = [];
  /** Whether the last heartbeat is still being sent. */
  private isSending = false;
  private sent = 0;
  private heard = 0;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;
  private live = false;
  private hearing = false;
  private readonly onHearing = new Set<() => void>();
  private complained = false;

  constructor(private readonly options: NotificationOptions) {
    void this.connect();
  }

  get isLive(): boolean {
    return this.live;
  }

  async untilHearing(timeoutMs: number): Promise<boolean> {
    if (!this.hearing) {
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.onHearing.delete(done);
          resolve();
        };
        const timer = setTimeout(done, timeoutMs);
        this.onHearing.add(done);
      });
    }
    return this.hearing;
  }

  onMessage(channel: string, listener: (payload: string) => void): void {
    this.onMessages.set(channel, listener);
  }

  onDoubt(listener: () => void): void {
    this.onDoubts.push(listener);
  }

  onTrust(listener: () => void): void {
    this.onTrusts.push(listener);
  }

  onGap(listener: () => void): void {
    this.onGaps.push(listener);
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    for (const done of this.onHearing) done();
    await end(this.connections);
  }

  private async connect(): Promise<void> {
    const { listenUrl, databaseUrl, channels } = this.options;
    const listener = open('tenantry listener', listenUrl);
    const heartbeat = open('tenantry pulse', databaseUrl);
    const connections = [listener, heartbeat];
    this.connections = connections;
    for (const connection of connections) {
      connection.on('error', () => this.reconnect(connections, 'the connection was lost'));
    }
    listener.on('notification', ({ channel, payload = '' }) => {
      // A closed connection may still deliver notifications, but earlier ones may be missing.
      if (this.connections !== connections) return;
      if (channel === PULSE_CHANNEL) this.receivePulse(payload);
      else this.onMessages.get(channel)?.(payload);
    });
    try {
      await listener.connect();
      for (const channel of [PULSE_CHANNEL, ...channels]) {
        await listener.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
      }
      await heartbeat.connect();
      this.pulse(connections, heartbeat);
    } catch (error) {
      this.reconnect(connections, error instanceof Error ? error.message : String(error));
    }
  }

  /**
   * Sends the next heartbeat, and checks that the previous one has arrived. A connection on which they arrive late is kept:
   * nothing is lost on it.
   */
  private pulse(connections: readonly pg.Client[], heartbeat: pg.Client): void {
    if (this.closed || this.connections !== connections) return;
    const missed = this.sent - this.heard;
    if (missed > 0) this.doubt(SILENCE);
    if (missed >= RECONNECT_AFTER_MISSES) {
      this.reconnect(connections, SILENCE);
      return;
    }
    this.sent++;
    this.send(connections, heartbeat);
    // Reads heartbeats that arrived while the process was busy before it counts them as missing.
    this.timer = setTimeout(() => setImmediate(() => this.pulse(connections, heartbeat)), PULSE_MS);
    this.timer.unref();
  }

  /** Sends one heartbeat at a time: while PostgreSQL has not accepted the last one, the next count as missed. */
  private send(connections: readonly pg.Client[], heartbeat: pg.Client): void {
    if (this.isSending) return;
    this.isSending = true;
    const done = () => {
      if (this.connections === connections) this.isSending = false;
    };
    heartbeat.query('SELECT pg_notify($1, $2)', [PULSE_CHANNEL, this.lastPulse]).then(done, done);
  }

  private get lastPulse(): string {
    return `${this.me} ${String(this.sent)}`;
  }

  private receivePulse(payload: string): void {
    const [sender, number] = payload.split(' ');
    const pulse = Number(number);
    // Those of others, and of the connections before.
    if (sender !== this.me || !(pulse > this.heard && pulse <= this.sent)) return;
    this.heard = pulse;
    this.hearing = true;
    for (const done of this.onHearing) done();
    if (pulse !== this.sent) return;
    const wasLive = this.live;
    this.live = true;
    this.complained = false;
    if (wasLive) return;
    for (const listener of this.onTrusts) listener();
  }

  /** Stops trusting: notifications since the last heartbeat may not have arrived. */
  private doubt(why: string): void {
    if (!this.complained) this.options.onProblem(why);
    this.complained = true;
    if (!this.live) return;
    this.live = false;
    for (const listener of this.onDoubts) listener();
  }

  private reconnect(connections: readonly pg.Client[], why: string): void {
    if (this.closed || this.connections !== connections) return;
    this.connections = [];
    clearTimeout(this.timer);
    this.doubt(why);
    this.heard = this.sent;
    this.hearing = this.isSending = false;
    for (const listener of this.onGaps) listener();
    void end(connections);
    this.timer = setTimeout(() => void this.connect(), RECONNECT_MS);
    this.timer.unref();
  }
}

function open(name: string, url: string): pg.Client {
  return new SessionClient({
    connectionString: url,
    application_name: name,
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
  });
}

async function end(connections: readonly pg.Client[]): Promise<void> {
  await Promise.all(connections.map((connection) => connection.end().catch(() => undefined)));
}
