/**
 * What a bound client offers: the models of Prisma's client and raw statements. It runs nothing by itself, and has no
 * way to Prisma's own client: each call becomes an operation, which a runner takes to the database.
 */
import { ModelOperation, RawOperation, type Operation, type RawAction } from './operation.js';

/** The operations of a model that only read. */
export const READS = [
  'findUnique',
  'findUniqueOrThrow',
  'findFirst',
  'findFirstOrThrow',
  'findMany',
  'count',
  'aggregate',
  'groupBy',
] as const;

/** The operations of a model that write. */
export const WRITES = [
  'create',
  'createMany',
  'createManyAndReturn',
  'update',
  'updateMany',
  'updateManyAndReturn',
  'upsert',
  'delete',
  'deleteMany',
] as const;

/** How the operations of a client, or of a transaction, reach the database. */
export interface Runner {
  /** An operation of a model that only reads. */
  read(operation: Operation): PromiseLike<unknown>;
  write(operation: Operation): PromiseLike<unknown>;
  /** A raw statement that answers with rows. It may write all the same. */
  query(operation: Operation): PromiseLike<unknown>;
}

/** A model as a client offers it. */
export interface OfferedModel {
  /** The property of the client, such as `auditEntry`. */
  readonly name: string;
  /** The methods that become operations. What is none of {@link READS} counts as a write. */
  readonly actions: Iterable<string>;
  /** References to columns for conditions; they read nothing. */
  readonly fields?: object | undefined;
}

/** Made with {@link BoundSurface.offering}; by itself it offers nothing. */
export class BoundSurface {
  readonly #runner: Runner;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  /**
   * The class of clients with these models and raw statements. Made once; a bound client is made for each request, uses a few
   * models, and makes each when it is asked for.
   */
  static offering(models: Iterable<OfferedModel>, raw: Iterable<RawAction>): typeof BoundSurface {
    class Surface extends BoundSurface {}
    for (const action of raw) {
      const kind = action === '$executeRaw' ? 'write' : 'query';
      const value = function (this: BoundSurface, ...args: readonly unknown[]): PromiseLike<unknown> {
        return this.#runner[kind](new RawOperation(action, args));
      };
      Object.defineProperty(Surface.prototype, action, { value });
    }
    for (const model of models) {
      const Delegate = BoundDelegate.of(model);
      Object.defineProperty(Surface.prototype, model.name, {
        get(this: BoundSurface) {
          const value = new Delegate(this.#runner);
          Object.defineProperty(this, model.name, { value });
          return value;
        },
      });
    }
    return Surface;
  }
}

/** The operations of one model, as methods of a prototype: a request makes a delegate or two, and no closures. */
class BoundDelegate {
  readonly #runner: Runner;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  static of({ name, actions, fields }: OfferedModel): typeof BoundDelegate {
    class Delegate extends BoundDelegate {}
    for (const action of actions) {
      const kind = READ_ACTIONS.has(action) ? 'read' : 'write';
      const value = function (this: BoundDelegate, ...args: readonly unknown[]): PromiseLike<unknown> {
        return this.#runner[kind](new ModelOperation(name, action, args));
      };
      Object.defineProperty(Delegate.prototype, action, { value });
    }
    if (fields) Object.defineProperty(Delegate.prototype, 'fields', { value: fields });
    return Delegate;
  }
}

const READ_ACTIONS: ReadonlySet<string> = new Set(READS);
