/**
 * What PostgreSQL tells this server (LISTEN), over one connection per process, and whether it would be heard: a listening
 * connection can be lost without a sound, and behind a transaction pooler LISTEN is accepted but delivers nothing. So a
 * second connection, through the URL that everything else uses, sends a message now and then; only while these arrive
 * is the silence between them believed. (A message sent on the listening connection itself would arrive even through a
 * pooler, and one sent to another database would not show that the two are the same.)
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { SessionClient } from '../database/session.js';

export interface Notifications {
  /** True while what is said now would be heard within a second. */
  readonly isLive: boolean;
  /**
   * Resolves once a message of our own has arrived over the present connection. From then on everything that is said
   * arrives, late perhaps, or a gap is told.
   *
   * @returns false when that does not happen within `timeoutMs`
   */
  untilHearing(timeoutMs: number): Promise<boolean>;
  /** `channel` is one of those that are listened to. */
  onMessage(channel: string, listener: (payload: string) => void): void;
  /** Told when it stops being live: what was said since may be late. */
  onDoubt(listener: () => void): void;
  /** Told when it is live again, and at the first time: what was said before may never have been heard. */
  onTrust(listener: () => void): void;
  /** Told when the connection is given up: what is said until there is another one is never heard. */
  onGap(listener: () => void): void;
  close(): Promise<void>;
}

export interface NotificationOptions {
  /** Where to listen: past any transaction pooler. */
  readonly listenUrl: string;
  /** Where everything else is done. */
  readonly databaseUrl: string;
  readonly channels: readonly string[];
  /** Told once each time it stops hearing. */
  readonly onProblem: (problem: string) => void;
}

const PULSE_CHANNEL = 'tenantry_pulse';
/** A connection that has gone silent is noticed after two pulses. */
const PULSE_MS = 400;
const RECONNECT_AFTER_MISSES = 10;
const RECONNECT_MS = 1_000;
const SILENCE = 'notifications do not arrive (a transaction pooler does not deliver them)';

/** Never fails: while the connection cannot be had it tries again, and `isLive` is false. */
export const listen = (options: NotificationOptions): Notifications => new Listener(options);

class Listener implements Notifications {
  private readonly me = randomUUID();
  private readonly onMessages = new Map<string, (payload: string) => void>();
  private readonly onDoubts: (() => void)[] = [];
  private readonly onTrusts: (() => void)[] = [];
  private readonly onGaps: (() => void)[] = [];
  private connections: readonly pg.Client[] = [];
  /** Whether the last message is still on its way to PostgreSQL. */
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
      // One that is given up may still have something to say, of which it is no longer known what came before.
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

  /** Sends the next message, and looks whether the previous one has arrived. */
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
    // What has arrived while the process was busy is to be read before it counts as missing.
    this.timer = setTimeout(() => setImmediate(() => this.pulse(connections, heartbeat)), PULSE_MS);
    this.timer.unref();
  }

  /** One message at a time: while PostgreSQL does not take the last one, the next are only counted as missed. */
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
    if (payload !== this.lastPulse) return;
    const wasLive = this.live;
    this.heard = this.sent;
    this.live = this.hearing = true;
    this.complained = false;
    for (const done of this.onHearing) done();
    if (wasLive) return;
    for (const listener of this.onTrusts) listener();
  }

  /** From now on nothing is believed, for whatever was said since the last message that arrived was not heard. */
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
    this.sent = this.heard = 0;
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
