/**
 * Executes the erasures whose time has come, one after the other, and goes on with those that were cut off. It needs the
 * operators' role, so it runs where DATABASE_OPERATOR_URL is known. Several servers may run it: one works at a time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SealKeys } from '../audit-trail/seal-keys.js';
import type { Plans } from '../../kernel/vocabulary/plan.js';
import { withOperatorConnection } from '../operator/operator-connection.js';
import { eraseTenant, type ExternalStore } from './erase-tenant.js';

const EVERY_MS = 15_000;
/** The lock is the session's, so it ends with a worker that is killed. */
const LOCK = 'SELECT pg_try_advisory_lock(7165438012345170) AS locked';

const DUE = `
  SELECT e.subject::text AS "tenantId", coalesce(t.plan, '') AS plan FROM tenantry.erasures e
  LEFT JOIN public.tenants t ON t.id = e.subject
  WHERE e.state = 'running' OR e.execute_at <= now() ORDER BY e.execute_at`;

export interface ErasureRunnerParts {
  /** The URL of the role tenantry_operator. */
  readonly url: string;
  readonly contextKey: string | undefined;
  readonly stores: readonly ExternalStore[];
  readonly plans: Plans;
  readonly keys: SealKeys | undefined;
  /** Called when a tenant was erased. */
  readonly onErased?: ((tenantId: string) => Promise<void>) | undefined;
  readonly warn: (problem: string, fields?: Readonly<Record<string, unknown>>) => void;
}

export class ErasureRunner {
  readonly #parts: ErasureRunnerParts;
  readonly #stopping = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(parts: ErasureRunnerParts) {
    this.#parts = parts;
  }

  start(): this {
    this.#loop = this.#work();
    return this;
  }

  /** Begins no other erasure, and waits for the one that runs. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #work(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.round().catch((error: unknown) => {
        this.#parts.warn('tenants could not be erased; it will be tried again', { err: error });
      });
      await sleep(EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /**
   * Executes what is due now. One that fails keeps no other one from its turn: it is reported, and tried again in the next
   * round.
   *
   * @returns how many tenants were erased; 0 while another process works
   * @throws the errors of the database
   */
  async round(): Promise<number> {
    const { url, contextKey, stores, plans, keys, onErased, warn } = this.#parts;
    return withOperatorConnection({ url, contextKey, operator: 'erasure' }, async (connection) => {
      const [lock] = await connection.query<{ locked: boolean }>(LOCK);
      if (!lock!.locked) return 0;
      let erased = 0;
      for (const { tenantId, plan } of await connection.query<{ tenantId: string; plan: string }>(DUE)) {
        if (this.#stopping.signal.aborted) break;
        const keepTrail = plans.of(plan).auditAfterErasure === 'keep';
        try {
          if (!(await eraseTenant(connection, { tenantId, stores, keepTrail, keys }))) continue;
          erased++;
          await onErased?.(tenantId);
        } catch (error) {
          warn('a tenant could not be erased; it will be tried again', { err: error });
        }
      }
      return erased;
    });
  }
}
