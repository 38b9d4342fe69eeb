/**
 * Seals the audit log in the background. One of several servers does it; when it stops or dies, another one takes over
 * within seconds. Writers of entries wait for nothing: see the migration audit_trail.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { sealHash, type Seal } from 'tenantry-verify';
import { tenantryCommand } from '../../kernel/config/command-line.js';
import type { Sign } from '../../kernel/database/context-signature.js';
import { sqlState } from '../../kernel/vocabulary/sql-state.js';
import type { ProblemKind } from '../../kernel/vocabulary/problem-kind.js';
import { BrokenTrailError } from './block.js';
import { HeadSink } from './head-sink.js';
import type { Sealing } from './sealing.js';
import type { SealKeys } from './seal-keys.js';
import type { Wanted } from './new-entries.js';
import { sealTenant } from './seal-tenant.js';
import { SealerConnection } from './sealer-connection.js';

export interface SealerOptions {
  /** The URL of the server's role. */
  readonly url: string;
  readonly sign: Sign;
  readonly keys: SealKeys;
  /** AUDIT_HEAD_SINK. */
  readonly headSink?: string | undefined;
  readonly onProblem: (kind: ProblemKind, detail?: string) => void;
  /** Is told how far this process has sealed. */
  readonly sealing?: Sealing | undefined;
  /** How long to wait when nothing was left to seal, in milliseconds. */
  readonly pauseMs?: number;
}

/** The end of a new entry's wait, on average after half of it. */
const PAUSE_MS = 250;
/** How long a server that does not seal waits before it asks again, and one whose connection has failed. */
const STANDBY_MS = 1_000;
/** How long a trail rests that must not be continued, and one that could not be. */
const REST_MS = { broken: 30_000, failed: 5_000 };
/** Another server has sealed the block, or somebody redacts: no problem, and tried again in the next round. */
const MEANWHILE: ReadonlySet<string> = new Set(['40001', '55P03']);
/** The tenants whose last seals are remembered. */
const REMEMBERED = 10_000;

const problem = (reason: string, sentence: string): ProblemKind => ({
  name: 'audit_trail',
  reason,
  sentence,
});
const BROKEN = problem(
  'broken',
  `an audit trail is not sealed on, because its end is not what was sealed: see \`${tenantryCommand('audit-log verify')}\``,
);
/** The tenant is being moved to another cell, or was: what is left to seal is sealed there. */
const MOVED = 'TE003';
const FAILED = problem('failed', 'the audit log could not be sealed; it is tried again');
const REFUSED = problem(
  'refused',
  'an entry of the audit log is not sealed, because its date or the number of its transaction cannot be true: see ' +
    `\`${tenantryCommand('audit-log verify')}\``,
);
const RESTORED = problem(
  'restored',
  'entries were sealed whose transactions are those of another database: to be expected once, after a restore',
);
const UNDELIVERED = problem(
  'undelivered',
  'heads could not be delivered to AUDIT_HEAD_SINK; they are sent again',
);

interface WorkRow {
  readonly leads: boolean;
  readonly through: string | null;
  readonly tenants: readonly string[] | null;
  /** For each of the tenants. */
  readonly since: readonly (string | null)[] | null;
  readonly restored: boolean;
}

/** What has become of a tenant: `behind` when not everything that was ready is sealed. */
type TenantOutcome = 'sealed' | 'behind';

/** What a round has done. */
type Outcome = 'standby' | 'idle' | 'sealed';

export class Sealer {
  readonly #options: SealerOptions;
  readonly #connection: SealerConnection;
  readonly #sink: HeadSink | undefined;
  readonly #server = randomUUID();
  readonly #stop = new AbortController();
  /** The newest seal of each tenant that this server has seen: the database must not show an older one. */
  readonly #seen = new LRUCache<string, { readonly number: number; readonly hash: string }>({
    max: REMEMBERED,
  });
  /** Until when, on the clock of `performance.now()`, a trail is left alone. */
  readonly #resting = new Map<string, number>();
  /** Everything of earlier transactions is sealed, except in the tenants of `#failed`. */
  #done: string | null = null;
  #failed: readonly string[] = [];
  #running: Promise<void> | undefined;

  constructor(options: SealerOptions) {
    this.#options = options;
    this.#connection = new SealerConnection(options);
    const { headSink: target, onProblem } = options;
    this.#sink =
      target === undefined
        ? undefined
        : new HeadSink({ target, onFailure: (error) => onProblem(UNDELIVERED, messageOf(error)) });
  }

  /** Seals until `close`. */
  start(): this {
    this.#running ??= this.#run();
    return this;
  }

  /** Ends the block that is being sealed, delivers heads, and lets another server take over. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#sink?.close();
    try {
      const { expires, signature } = this.#options.sign('release_audit_work', this.#server);
      await this.#connection.query('SELECT tenantry.release_audit_work($1, $2, $3)', [
        this.#server,
        expires,
        signature,
      ]);
    } catch {
      // The lease ends by itself.
    }
    await this.#connection.close();
  }

  /** Seals what is ready in all tenants, if it is this server's turn. @throws the errors of pg */
  async round(): Promise<Outcome> {
    const { leads, through, tenants, since, restored } = await this.#ask();
    this.#done = null;
    const { sealing } = this.#options;
    if (!leads) {
      if (sealing) sealing.sealedAt = undefined;
      return 'standby';
    }
    const askedAt = performance.now();
    const failed: string[] = [];
    for (const [place, tenantId] of (tenants ?? []).entries()) {
      if (this.#stop.signal.aborted) return 'sealed';
      const outcome = await this.#sealTenant({ tenantId, since: since?.[place] ?? null, restored });
      if (outcome === 'behind') failed.push(tenantId);
    }
    this.#done = through;
    this.#failed = failed;
    if (sealing) sealing.sealedAt = askedAt;
    return (tenants?.length ?? 0) > failed.length ? 'sealed' : 'idle';
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      let pause = this.#options.pauseMs ?? PAUSE_MS;
      try {
        if ((await this.round()) === 'standby') pause = STANDBY_MS;
      } catch (error) {
        this.#done = null;
        pause = STANDBY_MS;
        this.#options.onProblem(FAILED, messageOf(error));
      }
      await setTimeout(pause, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  async #ask(): Promise<WorkRow> {
    const failed = this.#failed;
    const { expires, signature } = this.#options.sign(
      'audit_work',
      this.#server,
      this.#done,
      failed.join(','),
    );
    const [row] = await this.#connection.query<WorkRow>(
      `SELECT leads, through::text AS through, tenants::text[] AS tenants, since::text[] AS since, restored
       FROM tenantry.audit_work($1, $2::text::xid8, $3::uuid[], $4, $5)`,
      [this.#server, this.#done, failed, expires, signature],
    );
    return row!;
  }

  /** Seals what is ready in a tenant. What goes wrong in it is reported, and no other tenant's concern. */
  async #sealTenant(wanted: Wanted): Promise<TenantOutcome> {
    const { tenantId } = wanted;
    const { keys, onProblem } = this.#options;
    if ((this.#resting.get(tenantId) ?? 0) > performance.now()) return 'behind';
    this.#resting.delete(tenantId);
    try {
      const head = await sealTenant(this.#connection, wanted, keys, {
        onSeal: (last) => this.#remember(tenantId, last),
        onRefused: (entryId) => onProblem(REFUSED, `${tenantId}: entry ${entryId}`),
        onRestored: (entryId) => onProblem(RESTORED, `${tenantId}: entry ${entryId} and others`),
      });
      if (head) this.#sink?.add(head);
      return 'sealed';
    } catch (error) {
      // The transaction that is still open ends with the connection.
      await this.#connection.close();
      if (error instanceof BrokenTrailError) {
        this.#rest(tenantId, REST_MS.broken);
        onProblem(BROKEN, `${tenantId}: ${error.message}`);
      } else if (sqlState(error) === MOVED) {
        this.#rest(tenantId, REST_MS.broken);
      } else if (!MEANWHILE.has(sqlState(error) ?? '')) {
        this.#rest(tenantId, REST_MS.failed);
        onProblem(FAILED, `${tenantId}: ${messageOf(error)}`);
      }
      return 'behind';
    }
  }

  #rest(tenantId: string, milliseconds: number): void {
    this.#resting.set(tenantId, performance.now() + milliseconds);
  }

  /** @throws BrokenTrailError when the trail has become shorter or another one since this server looked last */
  #remember(tenantId: string, last: Seal | undefined): void {
    const seen = this.#seen.get(tenantId);
    const number = last?.number ?? 0;
    const hash = last ? sealHash(last) : '';
    if (seen && (number < seen.number || (number === seen.number && hash !== seen.hash))) {
      throw new BrokenTrailError(`seal ${String(seen.number)} is gone`);
    }
    this.#seen.set(tenantId, { number, hash });
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
