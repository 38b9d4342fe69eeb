/**
 * One client over WebSocket: a credential, and the subscriptions made with it. The credential is verified and the membership
 * looked up again for every subscription and every event, when news of either arrives, and when the credential expires.
 */
import { createSourceEventStream, type ExecutionResult } from 'graphql';
import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../config.js';
import { authenticate, type AuthenticationParts } from '../auth/authenticate.js';
import type { Viewer } from '../access/viewer.js';
import { PublicError, publicError } from '../errors.js';
import type { LeavingErrors } from '../leaving-errors.js';
import { createContext, type ContextParts } from '../graphql/create-context.js';
import type { RequestContext } from '../graphql/request-context.js';
import { Closing, defect, refused } from './closing.js';
import { Deadline } from '../limits/deadline.js';
import type { Connections } from './connections.js';
import { LiveSubscription, type Subscriber } from './live-subscription.js';
import type { Subscription } from './operation.js';

export const SUBSCRIPTIONS_PER_CONNECTION = 50;

/** What all connections share. */
export interface ConnectionParts extends ContextParts {
  readonly authentication: AuthenticationParts;
  readonly connections: Connections;
  readonly leaving: LeavingErrors;
  readonly config: Pick<Config, 'requestTimeoutMs' | 'maxAnswerBytes'>;
}

export interface ConnectionOptions {
  /** The `Host` that the client called: its subdomain names the tenant, as over HTTP. */
  readonly host: string | undefined;
  readonly requestId: string;
  readonly log: FastifyBaseLogger;
  /** Tells the client why, and closes. */
  readonly close: (closing: Closing) => void;
}

/** setTimeout takes no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Connection implements Subscriber {
  /** Who it is, once that is known. */
  viewer: Viewer | undefined;
  /** Its lines carry the tenant and the actor, once they are known. */
  log: FastifyBaseLogger;
  private authorization: string | undefined;
  private readonly live = new Set<LiveSubscription>();
  /** Subscriptions that are about to be in force count as well. */
  private starting = 0;
  private expiry: NodeJS.Timeout | undefined;
  private ended = false;

  constructor(
    private readonly parts: ConnectionParts,
    private readonly options: ConnectionOptions,
  ) {
    this.log = options.log;
  }

  get requestId(): string {
    return this.options.requestId;
  }

  get subscriptions(): number {
    return this.live.size;
  }

  /**
   * Takes the client's credential.
   *
   * @param params `{ authorization: "Bearer …" }`
   * @returns whether the client is let in; if not, the connection is closing
   */
  async start(params: Readonly<Record<string, unknown>> | undefined): Promise<boolean> {
    const given = params?.['authorization'] ?? params?.['Authorization'];
    this.authorization = typeof given === 'string' ? given : undefined;
    try {
      const { changes } = this.parts.connections;
      const viewer = await this.authenticate();
      if (this.ended) return false;
      this.parts.connections.add(this, viewer);
      this.viewer = viewer;
      this.log = this.log.child({ tenant: viewer.tenantSlug, actor: viewer.actor.id });
      this.watchExpiry(viewer);
      if (changes !== this.parts.connections.changes) void this.checkAgain();
      return true;
    } catch (error) {
      this.fail(error, 'start');
      return false;
    }
  }

  /** Counts a subscription that is going to be made; {@link subscribe} has to follow. */
  reserve(): boolean {
    if (this.live.size + this.starting >= SUBSCRIPTIONS_PER_CONNECTION) return false;
    this.starting++;
    return true;
  }

  /** @returns the events; or why there are none */
  async subscribe({ field, ...operation }: Subscription): Promise<LiveSubscription | ExecutionResult> {
    try {
      const { changes } = this.parts.connections;
      const contextValue = this.contextOf(await this.authenticate());
      const events = await createSourceEventStream({ ...operation, contextValue });
      if (!(Symbol.asyncIterator in events)) return unlessUnavailable(events);
      const guard = this.parts.api.guards.get(`Subscription.${field}`);
      if (guard === undefined) throw new Error(`Subscription.${field} has no guard`);
      const subscription = new LiveSubscription(this, operation, guard, events);
      this.live.add(subscription);
      if (this.ended) void subscription.return();
      else if (changes !== this.parts.connections.changes) void this.checkAgain();
      return subscription;
    } catch (error) {
      this.fail(error, 'open');
      return { errors: [] };
    } finally {
      this.starting--;
    }
  }

  attend<Result>(work: (context: RequestContext) => Promise<Result>): Promise<Result> {
    return this.parts.connections.gate.run(this.viewer?.tenantId ?? '', async () =>
      work(this.contextOf(await this.authenticate())),
    );
  }

  left(subscription: LiveSubscription, failure?: unknown): void {
    this.live.delete(subscription);
    if (failure !== undefined) this.fail(failure, 'open');
  }

  /** Something has changed about who the client is: what they may no longer have ends. */
  async checkAgain(): Promise<void> {
    try {
      const viewer = await this.authenticate();
      for (const subscription of this.live) subscription.holdTo(viewer);
    } catch (error) {
      this.fail(error, 'open');
    }
  }

  /** Ends every subscription, and tells the client why. */
  end(closing: Closing): void {
    if (this.ended) return;
    this.options.close(closing);
    this.closed();
  }

  /** The client has gone, or is to go: nothing is told to them any more. */
  closed(): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.expiry);
    if (this.viewer) this.parts.connections.delete(this, this.viewer.tenantId);
    for (const subscription of this.live) void subscription.return();
  }

  /** Who the client is now, in the tenant it was let into. */
  private async authenticate(): Promise<Viewer> {
    const { authorization } = this;
    const viewer = await authenticate(this.parts.authentication, { authorization, host: this.options.host });
    // A name may pass from one tenant to another.
    if (this.viewer && viewer.tenantId !== this.viewer.tenantId) {
      throw new PublicError('TENANT_MISMATCH', 'The tenant of this name is another one now.');
    }
    return viewer;
  }

  private contextOf(viewer: Viewer): RequestContext {
    return createContext(this.parts, {
      viewer,
      requestId: this.options.requestId,
      // Each event, and each operation, has the time of a request.
      deadline: Deadline.after(this.parts.config.requestTimeoutMs),
      log: () => this.log,
    });
  }

  private watchExpiry(viewer: Viewer): void {
    const left = viewer.expiresAt - Date.now();
    this.expiry = setTimeout(
      () => {
        if (left > LONGEST_TIMER_MS) this.watchExpiry(viewer);
        else this.fail(new PublicError('UNAUTHENTICATED', 'The token has expired.'), 'open');
      },
      Math.min(Math.max(left, 0), LONGEST_TIMER_MS),
    );
    this.expiry.unref();
  }

  private fail(error: unknown, stage: 'start' | 'open'): void {
    if (this.ended) return;
    if (error instanceof Closing) return this.end(error);
    const known = publicError(error);
    this.parts.leaving.see(known?.code ?? 'INTERNAL_SERVER_ERROR', known ?? error);
    if (!known) this.log.error({ err: error }, 'a subscription failed');
    this.end(known ? refused(known, stage) : defect());
  }
}

/** A client that is told to come later, by the connection, does so by itself. */
function unlessUnavailable(result: ExecutionResult): ExecutionResult {
  const causes = result.errors?.map(({ originalError }) => publicError(originalError));
  const later = causes?.find((cause) => cause?.code === 'UNAVAILABLE' || cause?.code === 'RATE_LIMITED');
  if (later) throw later;
  return result;
}
