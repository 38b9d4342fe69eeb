import type { Operation, TransactionClient } from '@tenantry/prisma-tenancy/parts';
import type { AnswerBytes } from '../request/answer-bytes.js';
import type { PlainStatement } from './plain-statement.js';

/** An operation that is narrowed to its tenant, and whose answer is counted. */
export class TenantOperation {
  readonly #operation: Operation;
  readonly #makePlain: (() => PlainStatement | undefined) | undefined;
  readonly #bytes: AnswerBytes | undefined;

  /**
   * @param makePlain makes the same as a plain statement, if there is one
   * @param bytes counts its answer
   */
  constructor(operation: Operation, makePlain?: () => PlainStatement | undefined, bytes?: AnswerBytes) {
    this.#operation = operation;
    this.#makePlain = makePlain;
    this.#bytes = bytes;
  }

  async run(tx: TransactionClient): Promise<unknown> {
    const result = await this.#operation.run(tx);
    return this.#bytes ? this.#bytes.takeResult(result) : result;
  }

  /** The same without Prisma; undefined when Prisma has to run it. */
  plain(): PlainStatement | undefined {
    return this.#makePlain?.();
  }
}
