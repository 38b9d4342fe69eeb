import type { Operation } from './operation.js';

/**
 * A promise as Prisma's are: the operation begins when somebody waits for it, and only once. Until then it can be given to
 * `$transaction([…])` instead.
 */
export class PendingOperation implements Promise<unknown> {
  readonly [Symbol.toStringTag] = 'PrismaPromise';
  readonly #client: object;
  readonly #operation: Operation;
  readonly #start: (operation: Operation) => Promise<unknown>;
  #result: Promise<unknown> | undefined;

  /** @param client whose operation it is */
  constructor(client: object, operation: Operation, start: (operation: Operation) => Promise<unknown>) {
    this.#client = client;
    this.#operation = operation;
    this.#start = start;
  }

  then<Done = unknown, Failed = never>(
    onDone?: ((value: unknown) => Done | PromiseLike<Done>) | null,
    onFailed?: ((reason: unknown) => Failed | PromiseLike<Failed>) | null,
  ): Promise<Done | Failed> {
    return this.#begun().then(onDone, onFailed);
  }

  catch<Failed = never>(
    onFailed?: ((reason: unknown) => Failed | PromiseLike<Failed>) | null,
  ): Promise<unknown> {
    return this.#begun().catch(onFailed);
  }

  finally(onEnd?: (() => void) | null): Promise<unknown> {
    return this.#begun().finally(onEnd);
  }

  /**
   * Hands the operation over, to be run as a part of a transaction of its client. Nobody can wait for it here any more.
   *
   * @throws TypeError for an operation of another client, which may be bound to another tenant, and for one that has begun
   */
  handOver(client: object): Operation {
    if (client !== this.#client)
      throw new TypeError('an operation of another client cannot be a part of this transaction');
    if (this.#result)
      throw new TypeError('the operation has begun already, or belongs to another transaction');
    this.#result = Promise.reject(
      new TypeError('the operation was given to $transaction, which answers for it'),
    );
    this.#result.catch(() => undefined);
    return this.#operation;
  }

  #begun(): Promise<unknown> {
    return (this.#result ??= this.#start(this.#operation));
  }
}
