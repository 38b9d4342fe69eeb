/** The surface of a bound client: each operation is narrowed to the tenant by the filter, and run by a runner. */
import type { Prisma } from '../../generated/prisma/client.js';
import type { AnswerBytes } from '../request/answer-bytes.js';
import type { TenantContext } from '../request/tenant-context.js';
import { notFound } from '../vocabulary/errors.js';
import { isId } from '../vocabulary/id.js';
import type { ScopedModel } from './data-model.js';
import { plainStatement, rawStatement } from './plain-statement.js';
import type { Call } from './read-batch.js';
import type { Runner } from './runner.js';
import type { Bound } from './tenant-client.js';
import { READS, WRITES, type Arguments, type Operation, type TenantFilter } from './tenant-filter.js';

type Delegate = Record<Operation, (args?: Arguments) => Promise<unknown>>;

/** What a client and a transaction have in common: everything is narrowed to the tenant and run by a runner. */
export class BoundSurface implements Bound {
  readonly #filter: TenantFilter;
  readonly #runner: Runner;

  constructor(
    filter: TenantFilter,
    readonly context: TenantContext,
    runner: Runner,
  ) {
    this.#filter = filter;
    this.#runner = runner;
  }

  key(id: string): ReturnType<Bound['key']> {
    if (!isId(id)) throw notFound();
    return { tenantId_id: { tenantId: this.context.tenantId, id } };
  }

  async $queryRaw<Row>(sql: Prisma.Sql): Promise<Row[]> {
    const { bytes } = this.context;
    bytes?.throwIfOver();
    return this.#runner.read(
      async (tx) => {
        const rows = await tx.$queryRaw(sql);
        return bytes ? bytes.takeResult(rows) : rows;
      },
      () => rawStatement(sql),
    ) as Promise<Row[]>;
  }

  async $executeRaw(sql: Prisma.Sql): Promise<number> {
    this.context.bytes?.throwIfOver();
    return this.#runner.write((tx) => tx.$executeRaw(sql)) as Promise<number>;
  }

  /** The class of clients with the given models. A request touches a few: each is made when it is asked for. */
  static withModels(models: ReadonlyMap<string, ScopedModel>): typeof BoundSurface {
    class Surface extends BoundSurface {}
    for (const model of models.values()) {
      Object.defineProperty(Surface.prototype, model.property, {
        get(this: BoundSurface) {
          const value = new BoundDelegate(model, this.#filter, this.#runner, this.context.bytes);
          Object.defineProperty(this, model.property, { value });
          return value;
        },
      });
    }
    return Surface;
  }
}

/** The operations of one model, as methods of the prototype: a request makes a delegate or two and few closures. */
class BoundDelegate {
  readonly #model: ScopedModel;
  readonly #filter: TenantFilter;
  readonly #runner: Runner;
  readonly #bytes: AnswerBytes | undefined;

  constructor(model: ScopedModel, filter: TenantFilter, runner: Runner, bytes: AnswerBytes | undefined) {
    this.#model = model;
    this.#filter = filter;
    this.#runner = runner;
    this.#bytes = bytes;
  }

  static {
    // Asynchronous, so that a refusal of the filter is a rejection like any other.
    for (const operation of READS) {
      const read = async function (this: BoundDelegate, args?: Arguments): Promise<unknown> {
        this.#bytes?.throwIfOver();
        const narrowed = this.#filter.apply(this.#model, operation, args);
        return this.#runner.read(this.#call(operation, narrowed), () =>
          plainStatement(this.#model, operation, narrowed),
        );
      };
      Object.defineProperty(BoundDelegate.prototype, operation, { value: read });
    }
    for (const operation of WRITES) {
      const write = async function (this: BoundDelegate, args?: Arguments): Promise<unknown> {
        this.#bytes?.throwIfOver();
        const narrowed = this.#filter.apply(this.#model, operation, args);
        return this.#runner.write(this.#call(operation, narrowed), () =>
          plainStatement(this.#model, operation, narrowed),
        );
      };
      Object.defineProperty(BoundDelegate.prototype, operation, { value: write });
    }
  }

  #call(operation: Operation, narrowed: Arguments): Call {
    const { property } = this.#model;
    return async (tx) => {
      const result = await (tx as unknown as Record<string, Delegate>)[property]![operation](narrowed);
      return this.#bytes ? this.#bytes.takeResult(result) : result;
    };
  }
}
