/**
 * One active subscription. Each event is handled like a separate request: the subscriber is authenticated again, must
 * still have the field's permission, and gets an answer that was made in a separate context, for them or for another
 * subscriber who would get the same.
 */
import { execute, type ExecutionArgs, type ExecutionResult } from 'graphql';
import type { Guard } from '../../kernel/access/guards.js';
import type { Viewer } from '../../kernel/vocabulary/viewer.js';
import { forbidden, type PublicError } from '../../kernel/vocabulary/errors.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import type { RowChange } from '../../kernel/notifications/row-change.js';
import type { TenantOnlyReads } from '../../kernel/tenancy/tenant-only-reads.js';
import { isCertain, type Answer, type Answers } from './answers.js';
import { ChangeReader } from './change-reader.js';
import { Dependence } from './dependence.js';
import { Pace } from './pace.js';

/** What a subscription needs of the connection it belongs to. */
export interface Subscriber {
  readonly answers: Answers;
  /** Runs work that may need the database when it is the tenant's turn, with the subscriber's access at that time. */
  attend<Result>(work: (viewer: Viewer) => Promise<Result>): Promise<Result>;
  /** Makes contexts; the reads of contexts made together share a transaction. */
  contexts(viewer: Viewer): () => RequestContext;
  tenantOnlyReads(): Promise<TenantOnlyReads>;
  /** Called when the subscription ends. With a failure, events may have been lost, or the subscriber has no access. */
  left(subscription: LiveSubscription, failure?: unknown): void;
}

export type Operation = Omit<ExecutionArgs, 'rootValue' | 'contextValue'>;

export interface LiveOperation {
  readonly operation: Operation;
  readonly guard: Guard;
  /** The same for subscriptions of one tenant with the same document, operation and variables. */
  readonly key: string;
}

/** The number of changes that a subscriber who is behind reads together, unless their answers are large. */
const READ_TOGETHER = 16;
const LARGE_BYTES = 16 * 1024;

let subscriptions = 0;

export class LiveSubscription implements AsyncIterableIterator<ExecutionResult, undefined> {
  readonly #subscriber: Subscriber;
  readonly #operation: Operation;
  readonly #guard: Guard;
  readonly #key: string;
  readonly #ownKey = `own ${String(++subscriptions)}`;
  readonly #events: AsyncIterator<unknown>;
  readonly #changes: ChangeReader | undefined;
  readonly #pace = new Pace();
  /** Infinity until an answer was measured, so that only one change is read at first. */
  #lastBytes = Infinity;
  #refusal: PublicError | undefined;
  #ended = false;

  constructor(
    subscriber: Subscriber,
    { operation, guard, key }: LiveOperation,
    events: AsyncIterable<unknown>,
  ) {
    this.#subscriber = subscriber;
    this.#operation = operation;
    this.#guard = guard;
    this.#key = key;
    this.#events = events[Symbol.asyncIterator]();
    this.#changes = events instanceof ChangeReader ? events : undefined;
    // The client may be the slow part: it gets the failure now, not after it has read the remaining events.
    this.#changes?.onFailure(
      (failure) => void this.#over(failure),
      () => this.#pace.blame(),
    );
  }

  /** Ends the subscription unless `viewer` has its permission. */
  holdTo(viewer: Viewer): void {
    if (this.#guard === null || viewer.permissions.has(this.#guard)) return;
    this.#refusal = forbidden(this.#guard);
    this.#stopEvents();
  }

  /** @throws FORBIDDEN when the subscriber no longer has the field's permission */
  async next(): Promise<IteratorResult<ExecutionResult, undefined>> {
    try {
      for (;;) {
        this.#pace.clientIsReady(this.#changes?.isBehind ?? false);
        const event = await this.#events.next();
        this.#pace.serverHasWork();
        const answer = event.done || this.#ended ? undefined : await this.#answer(event.value);
        // The permission may have been removed while the event was waited for or executed.
        if (this.#refusal) throw this.#refusal;
        if (event.done || this.#ended) return this.#over();
        if (!answer || isNothing(answer)) continue;
        this.#pace.clientIsTold();
        return { value: answer, done: false };
      }
    } catch (error) {
      if (error !== this.#refusal) return this.#over(error);
      this.#over();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<ExecutionResult, undefined>> {
    return this.#over();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #answer(event: unknown): Promise<ExecutionResult | undefined> {
    if (!this.#changes)
      return this.#attend((viewer) => this.#execute(event, this.#subscriber.contexts(viewer)()));
    const change = event as RowChange;
    const { answers } = this.#subscriber;
    const ownKey = this.#keyOf(this.#ownKey, change);
    if (answers.has(ownKey)) {
      const own = await this.#attend(async (viewer) => answers.own(ownKey, viewer));
      if (own || this.#refusal) return own;
    }
    return this.#share(change);
  }

  /** The answer of a subscriber with the same permissions, if there is one or one is being made. */
  async #share(change: RowChange): Promise<ExecutionResult | undefined> {
    const { answers } = this.#subscriber;
    const key = this.#keyOf(this.#key, change);
    while (!answers.isPersonal(this.#key)) {
      // Does not take a turn, because waiting for another subscriber uses no place.
      await answers.underWay(key);
      if (answers.has(key)) {
        const shared = await this.#attend(async (viewer) => answers.shared(key, viewer));
        if (shared || this.#refusal) return shared;
      }
      if (!answers.underWay(key)) return this.#makeForAll(change);
    }
    // Only its own answer. Whether answers are still personal is checked again from time to time, as above.
    if (this.#changes!.isBehind) return this.#make([change, ...this.#upcoming()]);
    return this.#attend((viewer) => this.#execute(change, this.#subscriber.contexts(viewer)()));
  }

  async #makeForAll(change: RowChange): Promise<ExecutionResult | undefined> {
    const { answers } = this.#subscriber;
    const others = this.#upcoming().filter((each) => {
      const key = this.#keyOf(this.#key, each);
      return !answers.has(key) && !answers.underWay(key);
    });
    const ends = [change, ...others].map((each) => answers.begin(this.#keyOf(this.#key, each)));
    try {
      return await this.#make([change, ...others]);
    } finally {
      for (const end of ends) end();
    }
  }

  /** Reads the changes together and returns the first answer; the others are kept until their turn. */
  async #make(changes: readonly RowChange[]): Promise<ExecutionResult | undefined> {
    const reads = await this.#subscriber.tenantOnlyReads();
    const answer = await this.#attend(async (viewer) => {
      const contextOf = this.#subscriber.contexts(viewer);
      const made = changes.map(async (change): Promise<Answer> => {
        const begunAt = performance.now();
        const dependence = new Dependence(reads);
        const context = contextOf();
        const result = await this.#execute(change, context, dependence.of(context));
        return { viewer, dependence, result, bytes: JSON.stringify(result).length, begunAt };
      });
      for (const [n, each] of (await Promise.allSettled(made)).entries()) {
        if (each.status === 'fulfilled') this.#keep(changes[n]!, each.value, n === 0);
      }
      return (await made[0]!).result;
    });
    // Changes that are read together share one limit of bytes and time, so one may fail because of the others.
    const isAlone = changes.length === 1;
    return isAlone || !answer || isCertain(answer) ? answer : this.#make(changes.slice(0, 1));
  }

  #keep(change: RowChange, answer: Answer, isTold: boolean): void {
    const { answers } = this.#subscriber;
    this.#lastBytes = answer.bytes;
    if (!answer.dependence.isPersonal) return answers.keep(this.#keyOf(this.#key, change), answer);
    answers.markPersonal(this.#key);
    if (!isTold) answers.keep(this.#keyOf(this.#ownKey, change), answer);
  }

  #upcoming(): readonly RowChange[] {
    return this.#lastBytes > LARGE_BYTES ? [] : this.#changes!.upcoming(READ_TOGETHER - 1);
  }

  #keyOf(key: string, { number }: RowChange): string {
    return `${key} ${String(number)}`;
  }

  /** Undefined when the subscription has ended. */
  #attend(
    work: (viewer: Viewer) => Promise<ExecutionResult | undefined>,
  ): Promise<ExecutionResult | undefined> {
    return this.#subscriber.attend(async (viewer) => {
      this.holdTo(viewer);
      return this.#refusal || this.#ended ? undefined : work(viewer);
    });
  }

  /** @param seen the context that resolvers get */
  async #execute(rootValue: unknown, context: RequestContext, seen = context): Promise<ExecutionResult> {
    return context.bytes.limit(await execute({ ...this.#operation, rootValue, contextValue: seen }));
  }

  /** Ends the wait for the next event. */
  #stopEvents(): void {
    void Promise.resolve(this.#events.return?.()).catch(() => undefined);
  }

  #over(failure?: unknown): IteratorResult<ExecutionResult, undefined> {
    if (!this.#ended) {
      this.#ended = true;
      this.#stopEvents();
      this.#subscriber.left(this, failure);
    }
    return { value: undefined, done: true };
  }
}

/** A field that returns null sends no event. */
const isNothing = ({ data, errors }: ExecutionResult): boolean =>
  !errors && Object.values(data ?? {}).every((value) => value === null);
