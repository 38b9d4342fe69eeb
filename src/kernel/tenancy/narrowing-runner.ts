/** Narrows each operation of a bound client to its tenant, before anything decides how the operation runs. */
import type { Operation, Runner as Called } from '@tenantry/prisma-tenancy/parts';
import type { Prisma } from '../../generated/prisma/client.js';
import type { AnswerBytes } from '../request/answer-bytes.js';
import type { TenantContext } from '../request/tenant-context.js';
import type { ScopedModel } from './data-model.js';
import { asPart, plainStatement } from './plain-statement.js';
import type { Runner } from './runner.js';
import type { Arguments, Operation as Action, TenantFilter } from './tenant-filter.js';
import {
  AheadOperation,
  NarrowedOperation,
  RawTenantOperation,
  type TenantOperation,
} from './tenant-operation.js';
import { isOnlyForPrisma } from './tenant-reads.js';

/** Narrows the operations that are called on a client, and passes them to the runner of its tenant. */
export class NarrowingRunner implements Called {
  readonly #models: ReadonlyMap<string, ScopedModel>;
  readonly #filter: TenantFilter;
  readonly #bytes: AnswerBytes | undefined;
  readonly #runner: Runner;

  /** @param models the models by the property of the client */
  constructor(
    models: ReadonlyMap<string, ScopedModel>,
    filter: TenantFilter,
    { bytes }: Pick<TenantContext, 'bytes'>,
    runner: Runner,
  ) {
    this.#models = models;
    this.#filter = filter;
    this.#bytes = bytes;
    this.#runner = runner;
  }

  // Asynchronous, so that an error of the filter becomes a rejection.
  async read(operation: Operation): Promise<unknown> {
    return this.#runner.read(this.#narrowed(operation));
  }

  async write(operation: Operation): Promise<unknown> {
    return this.#runner.write(this.#narrowed(operation));
  }

  async query(operation: Operation): Promise<unknown> {
    this.#bytes?.throwIfOver();
    return this.#runner.read(new RawTenantOperation(operation, this.#bytes));
  }

  /** See `TenantClient.readBelow`. */
  async readBelow(
    property: string,
    args: Arguments,
    statement: (found: Prisma.Sql) => Prisma.Sql,
  ): Promise<unknown> {
    this.#bytes?.throwIfOver();
    const model = this.#models.get(property)!;
    const plain = plainStatement(model, 'findMany', this.#filter.apply(model, 'findMany', args));
    const found = plain && asPart(plain);
    const ahead = found && new AheadOperation(statement(found));
    return ahead?.plain && !isOnlyForPrisma(ahead.plain) ? this.#runner.read(ahead) : undefined;
  }

  #narrowed(operation: Operation): TenantOperation {
    this.#bytes?.throwIfOver();
    const { model: property } = operation;
    if (property === undefined) return new RawTenantOperation(operation, undefined);
    const model = this.#models.get(property)!;
    const action = operation.action as Action;
    const args = this.#filter.apply(model, action, operation.args[0] as Arguments | undefined);
    return new NarrowedOperation(model, action, args, this.#bytes);
  }
}
