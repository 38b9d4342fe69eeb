/**
 * One client over WebSocket, or one event stream: a credential, and the operations sent with it. The credential is verified and the
 * membership looked up again for every operation and every event, when a change of either is announced, and when the
 * credential expires.
 */
import { createSourceEventStream, type ExecutionResult } from 'graphql';
import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../../kernel/config/config.js';
import { authenticate, type AuthenticationParts } from '../../kernel/auth/authenticate.js';
import { refuseLostAccess } from '../../kernel/auth/lost-access.js';
import { actorName } from '../../kernel/vocabulary/actor.js';
import type { Viewer } from '../../kernel/vocabulary/viewer.js';
import { PublicError, publicError } from '../../kernel/vocabulary/errors.js';
import type { AccessRecords } from '../access-records/access-records.js';
import type { Rates } from '../rates/rates.js';
import { isOfStranger } from '../rates/strangers.js';
import type { LeavingErrors } from '../telemetry/leaving-errors.js';
import { createContext, type ContextParts } from '../../kernel/graphql/create-context.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import type { TenantOnlyReads } from '../../kernel/tenancy/tenant-only-reads.js';
import type { Checked } from './access-checks.js';
import type { Answers } from './answers.js';
import { Closing, defect, refused, unlessUnavailable } from './closing.js';
import { authorizationOf } from './connection-params.js';
import { AnswerBytes } from '../../kernel/request/answer-bytes.js';
import { Deadline } from '../../kernel/request/deadline.js';
import type { ConnectionKind, Connections } from './connections.js';
import { Expiry } from './expiry.js';
import { LiveSubscription, type Subscriber } from './live-subscription.js';
import { keyOf, type Subscription } from './operation.js';
import type { Requester } from './request.js';
import { Requests } from './requests.js';
import { Reservations, type Reservation } from './reservations.js';
import { turnOf } from './turn-of.js';

/** The parts that all connections share. */
export interface ConnectionParts extends ContextParts {
  readonly authentication: AuthenticationParts;
  readonly connections: Connections;
  readonly leaving: LeavingErrors;
  readonly rates: Rates;
  readonly accessRecords: AccessRecords;
  /** Counts a subscription that begins. */
  readonly onSubscribed: (viewer: Viewer, subscription: Subscription) => void;
  readonly config: Pick<Config, 'requestTimeoutMs' | 'maxAnswerBytes'>;
}

export interface ConnectionOptions {
  /** The `Host` of the client's request: its subdomain names the tenant, as over HTTP. */
  readonly host: string | undefined;
  /** The address by which the client is counted while it has no access. */
  readonly address: string;
  readonly requestId: string;
  readonly log: FastifyBaseLogger;
  /** Settles when an operation of this client may begin. Default: at once. */
  readonly begin?: (viewer: Viewer) => Promise<void>;
  /** Closes the connection with this code and reason. */
  readonly close: (closing: Closing) => void;
  /** Default: a WebSocket. */
  readonly kind?: ConnectionKind;
}

/** In points. */
const COST_OF_SUBSCRIBING = 1;
const NOTHING_KNOWN: TenantOnlyReads = { models: new Set(), leadingElsewhere: new Set() };

export class Connection implements Subscriber, Requester, Checked {
  /** The viewer, after the credential is verified. */
  viewer: Viewer | undefined;
  /** Its lines have the tenant and the actor after the credential is verified. */
  log: FastifyBaseLogger;
  /** The queries and mutations. */
  readonly requests = new Requests();
  readonly #parts: ConnectionParts;
  readonly #options: ConnectionOptions;
  #authorization: string | undefined;
  readonly #live = new Map<LiveSubscription, Reservation>();
  readonly #reservations: Reservations;
  readonly #expiry = new Expiry(() =>
    this.fail(new PublicError('UNAUTHENTICATED', 'The token has expired.')),
  );
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

  get kind(): ConnectionKind {
    return this.#options.kind ?? 'websocket';
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
   * @param params see {@link authorizationOf}
   * @returns whether the client was accepted; if not, the connection is closing
   */
  async start(params: Readonly<Record<string, unknown>> | undefined): Promise<boolean> {
    const { rates, accessRecords } = this.#parts;
    const { address } = this.#options;
    try {
      await this.open(authorizationOf(params), () => rates.refuseExhausted(address));
      if (this.viewer) accessRecords.admitted(this.viewer, address, this.requestId);
      const refusal = await this.admit();
      if (refusal) throw refusal;
      return !this.#ended;
    } catch (error) {
      accessRecords.refused(error, this.requestId);
      this.fail(isOfStranger(error) ? ((await rates.stranger(address)).refusal ?? error) : error, 'start');
      return false;
    }
  }

  /**
   * Counts a message with an operation, before it is read.
   *
   * @returns RATE_LIMITED for a message that must not be read; without a promise when there is no wait, because handling
   * a message must include reading it (inbox.ts)
   */
  admit(): PublicError | undefined | Promise<PublicError | undefined> {
    if (!this.viewer) return undefined;
    const standing = this.#parts.rates.admit(this.viewer);
    return standing instanceof Promise ? standing.then(({ refusal }) => refusal) : standing.refusal;
  }

  /**
   * The same, for a client whose answer has not begun.
   *
   * @param authorization the value of an `Authorization` header
   * @param beforeLookUp see {@link lookUp}
   * @throws PublicError, Closing
   */
  async open(authorization: string | undefined, beforeLookUp?: () => void): Promise<void> {
    this.#authorization = authorization;
    const { connections } = this.#parts;
    const { changes } = connections;
    const viewer = await this.lookUp(beforeLookUp);
    if (this.#ended) return;
    connections.add(this, viewer);
    this.viewer = viewer;
    this.log = this.log.child({ tenant: viewer.tenantSlug, actor: actorName(viewer.actor) });
    this.#expiry.set(viewer.expiresAt);
    if (changes !== connections.changes) connections.check(this);
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

  /**
   * Reserves a place for a query or mutation, which counts for the connection only. Call {@link release} when it is over.
   *
   * @param bytes the memory that its message needs
   * @throws BAD_REQUEST when there are too many
   */
  reserveForRequest(bytes: number): Reservation {
    return this.#reservations.reserve(bytes);
  }

  /** The same; undefined when there are too many. */
  tryReserveForRequest(bytes: number): Reservation | undefined {
    try {
      return this.reserveForRequest(bytes);
    } catch {
      return undefined;
    }
  }

  release(reservation: Reservation): void {
    this.#reservations.release(reservation);
  }

  /** @returns the events, or the reason why there are none */
  async subscribe(
    subscribed: Subscription,
    reservation: Reservation,
  ): Promise<LiveSubscription | ExecutionResult> {
    const { field, cost, ...operation } = subscribed;
    const { connections, api } = this.#parts;
    const started = this.requests.subscriptionStarts();
    let isMade = false;
    try {
      await this.begin();
      const { changes } = connections;
      const viewer = await this.lookUp();
      const refusal = await this.#refusalOfCost(viewer, cost);
      if (refusal) return { errors: [refusal] };
      this.#parts.onSubscribed(viewer, subscribed);
      const events = await createSourceEventStream({ ...operation, contextValue: this.contexts(viewer)() });
      if (!(Symbol.asyncIterator in events)) return unlessUnavailable(events);
      const guard = api.guards.get(`Subscription.${field}`);
      if (guard === undefined) throw new Error(`Subscription.${field} has no guard`);
      const key = keyOf(viewer, subscribed);
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
      if (!isMade) this.release(reservation);
      started();
    }
  }

  /** A tenant that cannot pay for one event gets no subscription. The events themselves have limits of their own. */
  async #refusalOfCost(viewer: Viewer, cost: number): Promise<PublicError | undefined> {
    try {
      (await this.#parts.rates.reserve(viewer, cost)).settle(COST_OF_SUBSCRIBING);
      return undefined;
    } catch (error) {
      if (error instanceof PublicError) return error;
      throw error;
    }
  }

  attend<Result>(work: (viewer: Viewer) => Promise<Result>): Promise<Result> {
    return this.#parts.connections.gate.run(turnOf(this.viewer), async () => work(await this.lookUp()));
  }

  async begin(): Promise<void> {
    if (this.viewer) await this.#options.begin?.(this.viewer);
  }

  contexts(viewer: Viewer): () => RequestContext {
    const { requestId } = this.#options;
    const { tenantId, actor, plan } = viewer;
    // Each operation, and each event or group of events that are read together, has the time limit of a request.
    const deadline = Deadline.after(this.#parts.config.requestTimeoutMs);
    // Shared by events that are read together.
    const bytes = new AnswerBytes(this.#parts.config.maxAnswerBytes);
    const access = {
      memberId: viewer.memberId,
      confirm: async () => refuseLostAccess(viewer, await this.lookUp()),
    };
    const db = this.#parts.database.forTenant({ tenantId, actor, plan, requestId, deadline, bytes, access });
    return () => createContext(this.#parts, { viewer, requestId, deadline, bytes, log: () => this.log, db });
  }

  tenantOnlyReads(): Promise<TenantOnlyReads> {
    // An answer that may differ for others is made for each subscriber.
    return this.#parts.database.tenantOnlyReads(this.viewer?.tenantId ?? '').catch(() => NOTHING_KNOWN);
  }

  left(subscription: LiveSubscription, failure?: unknown): void {
    const reservation = this.#live.get(subscription);
    this.#live.delete(subscription);
    if (reservation) this.release(reservation);
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
    if (viewer.expiresAt !== this.viewer?.expiresAt) this.#expiry.set(viewer.expiresAt);
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
    this.#expiry.clear();
    for (const subscription of this.#live.keys()) void subscription.return();
    this.requests.cancel();
    if (this.viewer) this.#parts.connections.delete(this, this.viewer.tenantId);
  }

  /**
   * The client's present access, in the tenant of the connection.
   *
   * @param beforeLookUp is called before an API key is looked up in the database; its error refuses the key
   */
  async lookUp(beforeLookUp?: () => void): Promise<Viewer> {
    const headers = { authorization: this.#authorization, host: this.#options.host };
    const viewer = await authenticate(this.#parts.authentication, headers, beforeLookUp);
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
}
