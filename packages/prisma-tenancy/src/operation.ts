/** Operations as objects, created before their transaction is known. */
import type { Sql } from '@prisma/client/runtime/client';

/** The parts of Prisma's client of an interactive transaction that this package uses. */
export interface TransactionClient {
  $queryRaw(query: TemplateStringsArray | Sql, ...values: unknown[]): PromiseLike<unknown>;
  $executeRaw(query: TemplateStringsArray | Sql, ...values: unknown[]): PromiseLike<number>;
}

/** Can run in a transaction. */
export interface Runnable {
  run(tx: TransactionClient): PromiseLike<unknown>;
}

/** An operation of Prisma. */
export interface Operation extends Runnable {
  /** The property of the client, such as `auditEntry`; undefined for a raw statement. */
  readonly model: string | undefined;
  /** The method that was called: `findMany`, `$queryRaw`, … */
  readonly action: string;
  /** The arguments of the call. */
  readonly args: readonly unknown[];
}

type Methods = Readonly<Record<string, (...args: readonly unknown[]) => PromiseLike<unknown>>>;

export class ModelOperation implements Operation {
  constructor(
    readonly model: string,
    readonly action: string,
    readonly args: readonly unknown[],
  ) {}

  run(tx: TransactionClient): PromiseLike<unknown> {
    const delegate = (tx as unknown as Readonly<Record<string, Methods>>)[this.model]!;
    return delegate[this.action]!(...this.args);
  }
}

/** A method of a client that runs a raw statement. */
export type RawAction = '$queryRaw' | '$executeRaw' | '$queryRawTyped';

export class RawOperation implements Operation {
  readonly model = undefined;

  constructor(
    readonly action: RawAction,
    readonly args: readonly unknown[],
  ) {}

  run(tx: TransactionClient): PromiseLike<unknown> {
    return (tx as unknown as Methods)[this.action]!(...this.args);
  }
}
