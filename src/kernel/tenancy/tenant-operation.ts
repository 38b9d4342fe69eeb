import {
  ModelOperation,
  type Operation,
  type Runnable,
  type TransactionClient,
} from '@tenantry/prisma-tenancy/parts';
import type { Prisma } from '../../generated/prisma/client.js';
import type { AnswerBytes } from '../request/answer-bytes.js';
import type { ScopedModel } from './data-model.js';
import { plainStatement, rawStatement, type PlainStatement } from './plain-statement.js';
import type { Arguments, Operation as Action } from './tenant-filter.js';

/** An operation that is narrowed to its tenant and counts the bytes of its result. */
export interface TenantOperation extends Runnable {
  run(tx: TransactionClient): Promise<unknown>;
  /** Converts the operation, with its current arguments, to a plain statement; undefined when that is not possible. */
  prepare(): PlainStatement | undefined;
  /** The result of {@link prepare}. */
  readonly plain: PlainStatement | undefined;
}

/** An operation of a model. */
export class NarrowedOperation extends ModelOperation implements TenantOperation {
  readonly #model: ScopedModel;
  readonly #narrowed: Arguments;
  readonly #bytes: AnswerBytes | undefined;
  plain: PlainStatement | undefined;

  constructor(model: ScopedModel, action: Action, narrowed: Arguments, bytes: AnswerBytes | undefined) {
    super(model.property, action, [narrowed]);
    this.#model = model;
    this.#narrowed = narrowed;
    this.#bytes = bytes;
  }

  override async run(tx: TransactionClient): Promise<unknown> {
    const result = await super.run(tx);
    return this.#bytes ? this.#bytes.takeResult(result) : result;
  }

  prepare(): PlainStatement | undefined {
    return (this.plain = plainStatement(this.#model, this.action as Action, this.#narrowed));
  }
}

/** A hand-written statement. */
export class RawTenantOperation implements TenantOperation {
  readonly #operation: Operation;
  readonly #bytes: AnswerBytes | undefined;
  plain: PlainStatement | undefined;

  /** @param bytes counts the rows of the result; undefined when the result is a number */
  constructor(operation: Operation, bytes: AnswerBytes | undefined) {
    this.#operation = operation;
    this.#bytes = bytes;
  }

  async run(tx: TransactionClient): Promise<unknown> {
    const result = await this.#operation.run(tx);
    return this.#bytes ? this.#bytes.takeResult(result) : result;
  }

  prepare(): PlainStatement | undefined {
    const { action, args } = this.#operation;
    return action === '$queryRaw' ? (this.plain = rawStatement(args[0] as Prisma.Sql)) : undefined;
  }
}

/**
 * A statement that is sent only together with others, because it repeats what one of them finds. Its result is undefined
 * wherever Prisma runs the others.
 */
export class AheadOperation implements TenantOperation {
  readonly plain: PlainStatement | undefined;

  constructor(sql: Prisma.Sql) {
    this.plain = rawStatement(sql);
  }

  run(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  prepare(): PlainStatement | undefined {
    return this.plain;
  }
}
