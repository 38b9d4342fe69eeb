import type { Operation } from './operation.js';

/**
 * A lazy promise like Prisma's: the operation begins once, when the promise is first awaited. Before that it can be
 * passed to `$transaction([…])` instead.
 */
export class PendingOperation implements Promise<unknown> {
  readonly [Symbol.toStringTag] = 'PrismaPromise';
  readonly #client: object;
  readonly #operation: Operation;
  readonly #start: (operation: Operation) => Promise<unknown>;
  #result: Promise<unknown> | undefined;

  /** @param client the client of the operation */
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
   * Returns the operation, to run it in a transaction of its client. The promise can no longer be awaited.
   *
   * @throws TypeError when the operation belongs to another client, which may have another tenant, or has begun
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
