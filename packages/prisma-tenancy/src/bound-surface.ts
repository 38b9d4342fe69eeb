/**
 * What a bound client offers: the models of Prisma's client and raw statements. It runs nothing by itself, and has no
 * way to Prisma's own client: each call becomes an operation, which a runner takes to the database.
 */
import { ModelOperation, RawOperation, type Operation } from './operation.js';

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

/** Raw statements; the operations of models are added by {@link surfaceOf}. */
export class BoundSurface {
  readonly #runner: Runner;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  $queryRaw(...args: readonly unknown[]): PromiseLike<unknown> {
    return this.#runner.query(new RawOperation('$queryRaw', args));
  }

  $queryRawTyped(...args: readonly unknown[]): PromiseLike<unknown> {
    return this.#runner.query(new RawOperation('$queryRawTyped', args));
  }

  $executeRaw(...args: readonly unknown[]): PromiseLike<unknown> {
    return this.#runner.write(new RawOperation('$executeRaw', args));
  }

  /**
   * The class of clients with the models of a Prisma client. Made once; a bound client is made for each request, uses a few
   * models, and makes each when it is asked for.
   */
  static of(prisma: object): typeof BoundSurface {
    class Surface extends BoundSurface {}
    for (const [model, delegate] of modelsOf(prisma)) {
      const Delegate = delegateOf(model, delegate);
      Object.defineProperty(Surface.prototype, model, {
        get(this: BoundSurface) {
          const value = new Delegate(this.#runner);
          Object.defineProperty(this, model, { value });
          return value;
        },
      });
    }
    return Surface;
  }
}

/** Prisma's object for a model, such as `prisma.user`. */
type PrismaDelegate = Readonly<Record<string, unknown>>;

function modelsOf(prisma: object): [string, PrismaDelegate][] {
  return Object.keys(prisma)
    .filter((name) => !/^[$_]/.test(name))
    .map((name): [string, unknown] => [name, (prisma as Readonly<Record<string, unknown>>)[name]])
    .filter((entry): entry is [string, PrismaDelegate] => isDelegate(entry[1]));
}

const isDelegate = (value: unknown): value is PrismaDelegate =>
  typeof value === 'object' && value !== null && 'findMany' in value;

/** The operations of one model, as methods of a prototype. */
class BoundDelegate {
  readonly #runner: Runner;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  static of(model: string, prisma: PrismaDelegate): typeof BoundDelegate {
    class Delegate extends BoundDelegate {}
    for (const action of actionsOf(prisma)) {
      const kind = READ_ACTIONS.has(action) ? 'read' : 'write';
      const value = function (this: BoundDelegate, ...args: readonly unknown[]): PromiseLike<unknown> {
        return this.#runner[kind](new ModelOperation(model, action, args));
      };
      Object.defineProperty(Delegate.prototype, action, { value });
    }
    // References to columns for conditions; they read nothing.
    Object.defineProperty(Delegate.prototype, 'fields', { get: () => prisma['fields'] });
    return Delegate;
  }
}

const delegateOf = (model: string, prisma: PrismaDelegate): typeof BoundDelegate =>
  BoundDelegate.of(model, prisma);

const READ_ACTIONS: ReadonlySet<string> = new Set(READS);

/** What a delegate has beside them: names, and operations of MongoDB. */
const NO_ACTIONS: ReadonlySet<string> = new Set(['name', 'fields', 'findRaw', 'aggregateRaw']);

/** Prisma's own, and the methods that extensions made before this one have given the model. */
function actionsOf(prisma: PrismaDelegate): ReadonlySet<string> {
  const added = Object.keys(prisma).filter(
    (name) => !/^[$_]/.test(name) && !NO_ACTIONS.has(name) && typeof prisma[name] === 'function',
  );
  return new Set([...READS, ...WRITES, ...added]);
}
