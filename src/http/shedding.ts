/**
 * Refuses requests that would only wait: those of tenants and callers whose queue for the database stays too long
 * (kernel/pool/queue-delays.ts), or whose requests do not begin in time (arrivals.ts). It happens before the body, or the
 * document of a message over WebSocket, is read, so a refusal costs little. Tenants without such a queue are not refused,
 * nor are probes, which have no tenant.
 */
import type { FastifyInstance } from 'fastify';
import type { FairGate } from '../kernel/pool/fair-gate.js';
import type { DelayLimits } from '../kernel/pool/queue-delays.js';
import { rateLimited, type PublicError } from '../kernel/vocabulary/errors.js';
import type { Viewer } from '../kernel/vocabulary/viewer.js';
import type { LeavingErrors } from '../services/telemetry/leaving-errors.js';
import { Arrivals } from './arrivals.js';
import type { Drain } from './drain.js';
import { EarlyRefusals } from './early-refusals.js';
import { RefusalPace, type Closable } from './refusal-pace.js';

/** The seconds after which a refused client should try again. */
const RETRY_AFTER = 1;

/** Made once: recording a stack would be a good part of what a refusal costs. */
const TOO_MUCH = rateLimited(
  'More work of this tenant, or of this caller, is waiting than can be done in time. Try again later.',
  RETRY_AFTER,
);

type Caller = Pick<Viewer, 'tenantId' | 'actor'>;

/** The load of one server process, over HTTP and over WebSocket together. */
export class Shedding {
  readonly #gate: Pick<FairGate, 'isOverloaded'>;
  readonly #arrivals: Arrivals;
  readonly #pace = new RefusalPace();
  #count = 0;

  /** @param delays when a queue of requests counts as too long; default: QUEUE_DELAYS */
  constructor(gate: Pick<FairGate, 'isOverloaded'>, delays?: DelayLimits) {
    this.#gate = gate;
    this.#arrivals = new Arrivals(delays);
  }

  /** The number of refused requests so far. */
  get count(): number {
    return this.#count;
  }

  /** RATE_LIMITED for a request of this caller that would only wait. It is counted. */
  refusalOf({ tenantId, actor }: Caller): PublicError | undefined {
    if (!this.#gate.isOverloaded(tenantId, actor) && !this.#arrivals.isOverloaded(tenantId)) return undefined;
    this.#count++;
    return TOO_MUCH;
  }

  /** See {@link RefusalPace.next}. */
  pace({ tenantId }: Pick<Caller, 'tenantId'>, client: Closable): Promise<void> | undefined {
    return this.#pace.next(tenantId, client);
  }

  /** Calls `begin` when it is the turn of a request that is not refused: see arrivals.ts. It holds nothing afterwards. */
  take({ tenantId }: Pick<Caller, 'tenantId'>, begin: () => void): void {
    this.#arrivals.take(tenantId, begin);
  }

  /** Answers all refused requests now. */
  close(): void {
    this.#pace.close();
  }
}

/** Install it after the rate limits, which count these requests, too, unless they are refused early. */
export function installShedding(
  app: FastifyInstance,
  shedding: Shedding,
  { leaving, drain }: { readonly leaving: LeavingErrors; readonly drain: Drain },
): void {
  const early = new EarlyRefusals(shedding, leaving, drain);
  early.install(app.server);
  app.addHook('preClose', async () => shedding.close());
  // Without a promise: nearly every request passes at once.
  app.addHook('onRequest', ({ viewer, raw }, reply, done) => {
    if (!viewer) {
      done();
      return;
    }
    const refusal = shedding.refusalOf(viewer);
    if (!refusal) {
      shedding.take(viewer, done);
      return;
    }
    early.remember(raw, viewer);
    const turn = shedding.pace(viewer, reply.raw);
    if (turn) void turn.then(() => done(refusal));
    else done(refusal);
  });
}
