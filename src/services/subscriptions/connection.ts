/**
 * One client over WebSocket: a credential, and the subscriptions made with it. The credential is verified and the
 * membership looked up again for every subscription and every event, when a change of either is announced, and when the
 * credential expires.
 */
import { createSourceEventStream, type ExecutionResult } from 'graphql';
import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../../kernel/config/config.js';
import { authenticate, type AuthenticationParts } from '../../kernel/auth/authenticate.js';
import { sha256 } from '../documents/trusted-documents.js';
import type { Viewer } from '../../kernel/vocabulary/viewer.js';
import { PublicError, publicError } from '../../kernel/vocabulary/errors.js';
import type { LeavingErrors } from '../telemetry/leaving-errors.js';
import { createContext, type ContextParts } from '../../kernel/graphql/create-context.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import type { TenantOnlyReads } from '../../kernel/tenancy/tenant-only-reads.js';
import type { Checked } from './access-checks.js';
import type { Answers } from './answers.js';
import { Closing, defect, refused } from './closing.js';
import { AnswerBytes } from '../../kernel/request/answer-bytes.js';
import { Deadline } from '../../kernel/request/deadline.js';
import type { Connections } from './connections.js';
import { LiveSubscription, type Subscriber } from './live-subscription.js';
import type { Subscription } from './operation.js';
import { Reservations, type Reservation } from './reservations.js';

/** The parts that all connections share. */
export interface ConnectionParts extends ContextParts {
  readonly authentication: AuthenticationParts;
  readonly connections: Connections;
  readonly leaving: LeavingErrors;
  readonly config: Pick<Config, 'requestTimeoutMs' | 'maxAnswerBytes'>;
}

export interface ConnectionOptions {
  /** The `Host` of the client's request: its subdomain names the tenant, as over HTTP. */
  readonly host: string | undefined;
  readonly requestId: string;
  readonly log: FastifyBaseLogger;
  /** Closes the connection with this code and reason. */
  readonly close: (closing: Closing) => void;
}

/** The longest delay of setTimeout. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const NOTHING_KNOWN: TenantOnlyReads = { models: new Set(), leadingElsewhere: new Set() };

export class Connection implements Subscriber, Checked {
  /** The viewer, after the credential is verified. */
  viewer: Viewer | undefined;
  /** Its lines have the tenant and the actor after the credential is verified. */
  log: FastifyBaseLogger;
  readonly #parts: ConnectionParts;
  readonly #options: ConnectionOptions;
  #authorization: string | undefined;
  readonly #live = new Map<LiveSubscription, Reservation>();
  readonly #reservations: Reservations;
  #expiry: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(parts: ConnectionParts, options: ConnectionOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#reservations = new Reservations(parts.connections);
    this.log = options.log;
  }

  get requestId(): string {
    return this.#options.requestId;
  }

  get subscriptions(): number {
    return this.#live.size;
  }

  get answers(): Answers {
    return this.#parts.connections.answers;
  }

  get credential(): string {
    return JSON.stringify([this.viewer?.tenantId, this.#options.host, this.#authorization]);
  }

  /**
   * Verifies the client's credential.
   *
   * @param params `{ authorization: "Bearer …" }`
   * @returns whether the client was accepted; if not, the connection is closing
   */
  async start(params: Readonly<Record<string, unknown>> | undefined): Promise<boolean> {
    const given = params?.['authorization'] ?? params?.['Authorization'];
    this.#authorization = typeof given === 'string' ? given : undefined;
    const { connections } = this.#parts;
    try {
      const { changes } = connections;
      const viewer = await this.lookUp();
      if (this.#ended) return false;
      connections.add(this, viewer);
      this.viewer = viewer;
      this.log = this.log.child({ tenant: viewer.tenantSlug, actor: viewer.actor.id });
      this.#watchExpiry(viewer);
      if (changes !== connections.changes) connections.check(this);
      return true;
    } catch (error) {
      this.fail(error, 'start');
      return false;
    }
  }

  /**
   * Reserves a place for a subscription; {@link subscribe} must follow.
   *
   * @param bytes the memory that it needs
   * @throws BAD_REQUEST when there are too many
   */
  reserve(bytes: number): Reservation {
    return this.#reservations.reserve(bytes, this.viewer?.tenantId ?? '');
  }

  /** @returns the events, or the reason why there are none */
  async subscribe(
    { field, source, ...operation }: Subscription,
    reservation: Reservation,
  ): Promise<LiveSubscription | ExecutionResult> {
    const { connections, api } = this.#parts;
    let isMade = false;
    try {
      const { changes } = connections;
      const viewer = await this.lookUp();
      const events = await createSourceEventStream({ ...operation, contextValue: this.contexts(viewer)() });
      if (!(Symbol.asyncIterator in events)) return unlessUnavailable(events);
      const guard = api.guards.get(`Subscription.${field}`);
      if (guard === undefined) throw new Error(`Subscription.${field} has no guard`);
      const { operationName = null, variableValues = {} } = operation;
      const key = sha256(JSON.stringify([viewer.tenantId, source, operationName, variableValues]));
      const subscription = new LiveSubscription(this, { operation, guard, key }, events);
      this.#live.set(subscription, reservation);
      isMade = true;
      if (this.#ended) void subscription.return();
      else if (changes !== connections.changes) connections.check(this);
      return subscription;
    } catch (error) {
      this.fail(error);
      return { errors: [] };
    } finally {
      if (!isMade) this.#reservations.release(reservation);
    }
  }

  attend<Result>(work: (viewer: Viewer) => Promise<Result>): Promise<Result> {
    return this.#parts.connections.gate.run(this.viewer?.tenantId ?? '', async () =>
      work(await this.lookUp()),
    );
  }

  contexts(viewer: Viewer): () => RequestContext {
    const { requestId } = this.#options;
    const { tenantId, actor } = viewer;
    // Each operation, and each event or group of events that are read together, has the time limit of a request.
    const deadline = Deadline.after(this.#parts.config.requestTimeoutMs);
    // Shared by events that are read together.
    const bytes = new AnswerBytes(this.#parts.config.maxAnswerBytes);
    const db = this.#parts.database.forTenant({ tenantId, actor, requestId, deadline, bytes });
    return () => createContext(this.#parts, { viewer, requestId, deadline, bytes, log: () => this.log, db });
  }

  tenantOnlyReads(): Promise<TenantOnlyReads> {
    // An answer that may differ for others is made for each subscriber.
    return this.#parts.database.tenantOnlyReads().catch(() => NOTHING_KNOWN);
  }

  left(subscription: LiveSubscription, failure?: unknown): void {
    const reservation = this.#live.get(subscription);
    this.#live.delete(subscription);
    if (reservation) this.#reservations.release(reservation);
    if (failure !== undefined) this.fail(failure);
  }

  /** Applies a new access look-up: ends the subscriptions that the client may no longer have. */
  hold(viewer: Viewer): void {
    if (this.#ended) return;
    try {
      this.#requireSameTenant(viewer);
    } catch (error) {
      return this.fail(error);
    }
    if (viewer.expiresAt !== this.viewer?.expiresAt) this.#watchExpiry(viewer);
    this.viewer = viewer;
    for (const subscription of this.#live.keys()) subscription.holdTo(viewer);
  }

  /** Ends every subscription, and closes the connection with the reason. */
  end(closing: Closing): void {
    if (this.#ended) return;
    this.#options.close(closing);
    this.closed();
  }

  /** The client has disconnected or is being disconnected: nothing more is sent. */
  closed(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#expiry);
    for (const subscription of this.#live.keys()) void subscription.return();
    if (this.viewer) this.#parts.connections.delete(this, this.viewer.tenantId);
  }

  /** The client's present access, in the tenant of the connection. */
  async lookUp(): Promise<Viewer> {
    const headers = { authorization: this.#authorization, host: this.#options.host };
    const viewer = await authenticate(this.#parts.authentication, headers);
    this.#requireSameTenant(viewer);
    return viewer;
  }

  /** Ends the connection because of an error, and sends the error to the client if it is public. */
  fail(error: unknown, stage: 'start' | 'open' = 'open'): void {
    if (this.#ended) return;
    if (error instanceof Closing) return this.end(error);
    const known = publicError(error);
    this.#parts.leaving.see(known?.code ?? 'INTERNAL_SERVER_ERROR', known ?? error);
    if (!known) this.log.error({ err: error }, 'a subscription failed');
    this.end(known ? refused(known, stage) : defect());
  }

  /** A slug may pass from one tenant to another. */
  #requireSameTenant({ tenantId }: Viewer): void {
    if (this.viewer && tenantId !== this.viewer.tenantId) {
      throw new PublicError('TENANT_MISMATCH', 'The tenant of this name is another one now.');
    }
  }

  #watchExpiry(viewer: Viewer): void {
    clearTimeout(this.#expiry);
    const left = viewer.expiresAt - Date.now();
    this.#expiry = setTimeout(
      () => {
        if (left > LONGEST_TIMER_MS) this.#watchExpiry(viewer);
        else this.fail(new PublicError('UNAUTHENTICATED', 'The token has expired.'));
      },
      Math.min(Math.max(left, 0), LONGEST_TIMER_MS),
    );
    this.#expiry.unref();
  }
}

/** The connection tells the client to retry later, and clients do so by themselves. */
function unlessUnavailable(result: ExecutionResult): ExecutionResult {
  const causes = result.errors?.map(({ originalError }) => publicError(originalError));
  const later = causes?.find((cause) => cause?.code === 'UNAVAILABLE' || cause?.code === 'RATE_LIMITED');
  if (later) throw later;
  return result;
}
