/**
 * The API of a bound client: the models of Prisma's client and raw statements. It has no reference to Prisma's own
 * client: each call becomes an operation, which a runner executes.
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

/** Runs the operations of a client or of a transaction. */
export interface Runner {
  /** Runs an operation of a model that only reads. */
  read(operation: Operation): PromiseLike<unknown>;
  write(operation: Operation): PromiseLike<unknown>;
  /** Runs a raw statement that returns rows. It may also write. */
  query(operation: Operation): PromiseLike<unknown>;
}

/** A model of a client. */
export interface OfferedModel {
  /** The property of the client, such as `auditEntry`. */
  readonly name: string;
  /** The methods that become operations. Methods that are not in {@link READS} count as writes. */
  readonly actions: Iterable<string>;
  /** References to columns, for conditions. */
  readonly fields?: object | undefined;
}

/** The base class of bound clients, without models. {@link BoundSurface.offering} makes a subclass with models. */
export class BoundSurface {
  readonly #runner: Runner;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  /**
   * The class of clients with these models and raw statements. The class is made once. A bound client is made for each
   * request and uses few models, so it creates each delegate at its first use.
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

/**
 * The operations of one model, as methods of a prototype, so that a request creates only a few delegates and no
 * closures.
 */
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
