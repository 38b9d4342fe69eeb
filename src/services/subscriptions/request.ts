/**
 * One query or mutation over WebSocket. It has the deadline of a request over HTTP, which a client that completes the
 * operation or disconnects ends early. The client's access is looked up again when it begins.
 */
import type { FormattedExecutionResult, GraphQLFormattedError } from 'graphql';
import { Deadline } from '../../kernel/request/deadline.js';
import type { Viewer } from '../../kernel/vocabulary/viewer.js';
import type { Cancellable, Requests } from './requests.js';

/** What a request needs of the connection it belongs to. */
export interface Requester {
  readonly requests: Requests;
  /** Settles when it is the turn of an operation to begin, among those of all connections. */
  begin(): Promise<void>;
  /** @throws Error when the client no longer has access */
  lookUp(): Promise<Viewer>;
  /** Ends the connection. */
  fail(error: unknown): void;
}

export interface RequestOptions {
  readonly timeoutMs: number;
  /** Executes the operation; does not throw. */
  readonly answer: (viewer: Viewer, deadline: Deadline) => Promise<FormattedExecutionResult>;
  /** Called with the answer before it is sent. Returns the function to call when it was sent. */
  readonly sending: (answer: FormattedExecutionResult) => () => void;
  /** Called once, when the request is over. */
  readonly ended: () => void;
}

/** An answer without data: the protocol sends it as an error. */
export class RefusedRequest extends Error {
  override readonly name = 'RefusedRequest';

  constructor(readonly errors: readonly GraphQLFormattedError[]) {
    super('the operation was refused');
  }
}

/** Yields the answer. The next call says that it was sent. */
export class SocketRequest
  implements AsyncIterableIterator<FormattedExecutionResult, undefined>, Cancellable
{
  readonly #requester: Requester;
  readonly #options: RequestOptions;
  readonly #ends: (() => void)[] = [];
  #deadline: Deadline | undefined;
  #isBegun = false;
  #isOver = false;

  constructor(requester: Requester, options: RequestOptions) {
    this.#requester = requester;
    this.#options = options;
    requester.requests.begin(this);
  }

  /** @throws RefusedRequest for an answer without data */
  async next(): Promise<IteratorResult<FormattedExecutionResult, undefined>> {
    if (this.#isBegun) return this.#end();
    this.#isBegun = true;
    const answer = await this.#answer();
    if (!answer || this.#isOver) return this.#end();
    if (answer.data === undefined) {
      this.#end();
      throw new RefusedRequest(answer.errors ?? []);
    }
    this.#ends.push(this.#options.sending(answer));
    return { value: answer, done: false };
  }

  async return(): Promise<IteratorResult<FormattedExecutionResult, undefined>> {
    return this.#end();
  }

  cancel(): void {
    this.#end();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #answer(): Promise<FormattedExecutionResult | undefined> {
    const free = await this.#requester.requests.turn();
    const arrivedAt = performance.now();
    await this.#requester.begin();
    if (this.#isOver) {
      free();
      return undefined;
    }
    this.#ends.push(free);
    const deadline = (this.#deadline = Deadline.after(
      this.#options.timeoutMs,
      performance.now() - arrivedAt,
    ));
    try {
      const viewer = await this.#requester.lookUp();
      return await this.#options.answer(viewer, deadline);
    } catch (error) {
      this.#requester.fail(error);
      return undefined;
    }
  }

  #end(): { value: undefined; done: true } {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#deadline?.cancel();
      for (const end of this.#ends) end();
      this.#requester.requests.end(this);
      this.#options.ended();
    }
    return { value: undefined, done: true };
  }
}
