/**
 * One subscription in force. Each event is executed as if it were a request of its own: the subscriber is authenticated
 * again, must still hold what the field demands, and is given a new context. Nothing of one event is known to the next.
 */
import { execute, type ExecutionArgs, type ExecutionResult } from 'graphql';
import type { Guard } from '../access/guards.js';
import type { Viewer } from '../access/viewer.js';
import { forbidden, type PublicError } from '../errors.js';
import type { RequestContext } from '../graphql/request-context.js';

/** What a subscription needs of the connection it belongs to. */
export interface Subscriber {
  /** Runs the work for one event when it is its turn, for the subscriber as they are then. */
  attend<Result>(work: (context: RequestContext) => Promise<Result>): Promise<Result>;
  /** The subscription is over. With a failure, events may have been lost, or there is no one left to tell them to. */
  left(subscription: LiveSubscription, failure?: unknown): void;
}

export type Operation = Omit<ExecutionArgs, 'rootValue' | 'contextValue'>;

export class LiveSubscription implements AsyncIterableIterator<ExecutionResult, undefined> {
  private readonly events: AsyncIterator<unknown>;
  private refusal: PublicError | undefined;
  private ended = false;

  constructor(
    private readonly subscriber: Subscriber,
    private readonly operation: Operation,
    private readonly guard: Guard,
    events: AsyncIterable<unknown>,
  ) {
    this.events = events[Symbol.asyncIterator]();
  }

  /** Ends the subscription unless `viewer` holds what it demands. */
  holdTo(viewer: Viewer): void {
    if (this.guard === null || viewer.permissions.has(this.guard)) return;
    this.refusal = forbidden(this.guard);
    this.stopEvents();
  }

  /** @throws FORBIDDEN when the subscriber no longer holds what the field demands. */
  async next(): Promise<IteratorResult<ExecutionResult, undefined>> {
    try {
      for (;;) {
        const event = await this.events.next();
        const answer = event.done || this.ended ? undefined : await this.answer(event.value);
        // It may have been taken away while the event was waited for, or on its way.
        if (this.refusal) throw this.refusal;
        if (event.done || this.ended) return this.over();
        if (answer && !isNothing(answer)) return { value: answer, done: false };
      }
    } catch (error) {
      if (error !== this.refusal) return this.over(error);
      this.over();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<ExecutionResult, undefined>> {
    return this.over();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private answer(event: unknown): Promise<ExecutionResult | undefined> {
    return this.subscriber.attend(async (contextValue) => {
      this.holdTo(contextValue.viewer);
      if (this.refusal) return undefined;
      return contextValue.bytes.limit(await execute({ ...this.operation, rootValue: event, contextValue }));
    });
  }

  /** Whoever waits for the next event is told that there is none. */
  private stopEvents(): void {
    void Promise.resolve(this.events.return?.()).catch(() => undefined);
  }

  private over(failure?: unknown): IteratorResult<ExecutionResult, undefined> {
    if (!this.ended) {
      this.ended = true;
      this.stopEvents();
      this.subscriber.left(this, failure);
    }
    return { value: undefined, done: true };
  }
}

/** A field that answers null has nothing to tell. */
const isNothing = ({ data, errors }: ExecutionResult): boolean =>
  !errors && Object.values(data ?? {}).every((value) => value === null);
