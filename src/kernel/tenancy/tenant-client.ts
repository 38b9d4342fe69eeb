/**
 * The tenant-bound client: the only way from application code to tenant data.
 *
 * Every operation runs in a transaction that is bound to the tenant by its first statement, and is narrowed to the
 * tenant by the application's filter. Nothing here may run a statement in an unbound transaction, hand out Prisma's
 * own client, or let a setting outlive its transaction.
 */
import { LRUCache } from 'lru-cache';
import { Prisma, type PrismaClient } from '../../generated/prisma/client.js';
import type { TenantContext } from '../request/tenant-context.js';
import { signContext, type Sign, type Signature } from '../database/context-signature.js';
import type { ScopedModel } from './data-model.js';
import { isId } from '../vocabulary/id.js';
import { notFound } from '../vocabulary/errors.js';
import type { AnswerBytes } from '../request/answer-bytes.js';
import { Deadline } from '../request/deadline.js';
import { UnsupportedColumnError } from '../driver/column-parsers.js';
import type { Fly, FlightObserver, Row } from '../driver/flight.js';
import { insideTransaction, type RefuseSecondConnection } from '../driver/open-transaction.js';
import { admitted, type Admission } from '../pool/admission.js';
import { ReadBatch, type Call } from './read-batch.js';
import { clientOfBinding, type PipeliningClient } from '../driver/pipelining-client.js';
import { retryOnConflict } from '../driver/retry.js';
import { plainStatement, rawStatement, type PlainStatement } from './plain-statement.js';
import { explained, inTimeLimits, statementTimeoutOf } from '../driver/time-limits.js';
import { READS, WRITES, TenantFilter, type Arguments, type Operation } from './tenant-filter.js';
import { UnitOfWork } from './unit-of-work.js';

/**
 * The model delegates of the Prisma client: `conversation`, `membership`, … Without the fluent API: what Prisma's types
 * say of `findUnique(…).messages()` does not hold here; ask with `include`, or in a loader.
 */
export type Models = {
  readonly [Model in Uncapitalize<Prisma.ModelName>]: Omit<PrismaClient[Model], 'fields'>;
};

declare const bound: unique symbol;

interface Bound {
  readonly context: TenantContext;
  /** The primary key of a row of this tenant. Throws NOT_FOUND for an id that is no UUID, as for an absent row. */
  key(id: string): { readonly tenantId_id: { readonly tenantId: string; readonly id: string } };
  /** Runs a statement inside the tenant and returns its rows. Outside `transaction` it may only read. */
  $queryRaw<Row>(sql: Prisma.Sql): Promise<Row[]>;
  /** Runs a statement inside the tenant and returns the number of rows it touched. */
  $executeRaw(sql: Prisma.Sql): Promise<number>;
}

/**
 * An open transaction bound to a tenant. Branded, so that code which demands one cannot be given anything else;
 * only {@link TenantClient.transaction} makes it. Its operations are undone together when the transaction is.
 */
export interface TenantTx extends Models, Bound {
  readonly [bound]: 'TenantTx';
}

/** A client bound to one tenant for one request. */
export interface TenantClient extends Models, Bound {
  /**
   * Runs `work` in one transaction, at read committed. Everything done through `tx` is committed together, or
   * undone together when `work` throws. A serialization failure or deadlock repeats all of `work`, a bounded number
   * of times: it must not have effects outside the database.
   *
   * What `work` calls must not take a second connection: no operation of this client, and no other transaction.
   *
   * @throws whatever `work` throws, and the errors of the database; RATE_LIMITED when the tenant, or the caller, has more
   *   under way than its share of the connections for too long.
   */
  transaction<Result>(work: (tx: TenantTx) => Promise<Result>): Promise<Result>;
}

/** Time limits of a tenant's transactions, in milliseconds. */
export interface TransactionLimits {
  /** How long a transaction may wait for a connection of the pool. */
  readonly maxWait: number;
  /** How long a transaction may last. */
  readonly timeout: number;
  /** How long one statement may run before PostgreSQL cancels it. */
  readonly statementTimeout: number;
}

/** What all tenants' clients share. */
export interface TenantClientParts {
  readonly prisma: PrismaClient;
  readonly models: ReadonlyMap<string, ScopedModel>;
  readonly limits: TransactionLimits;
  /** Runs plain statements without Prisma. */
  readonly fly: Fly;
  readonly sign: Sign;
  readonly admission: Admission;
  readonly refuseSecondConnection: RefuseSecondConnection;
}

/** What binds clients to tenants. */
export interface TenantBinder {
  /** A client for one request. It opens nothing until its first operation. */
  forTenant(context: TenantContext): TenantClient;
  /**
   * Runs `work` with a client whose every operation, `transaction` included, is part of one transaction, committed when
   * `work` succeeds and undone when it throws. Each operation is still all or nothing by itself: one that fails leaves
   * the others as they are. A serialization failure or deadlock that `work` throws repeats all of it, a bounded number
   * of times.
   *
   * @param work is also given the transaction itself, in which an operation that fails fails all
   * @throws whatever `work` throws, and the errors of the database; those of COMMIT among them.
   */
  unitOfWork<Result>(
    context: TenantContext,
    work: (db: TenantClient, tx: TenantTx) => Promise<Result>,
  ): Promise<Result>;
}

type Delegate = Record<Operation, (args?: Arguments) => Promise<unknown>>;

/** Makes what binds clients to tenants. A bound client is cheap: what does not depend on the tenant is made here, once. */
export function createTenantBinder(parts: TenantClientParts): TenantBinder {
  const Surface = BoundSurface.withModels(parts.models);
  const isUnderstood = createUnderstanding(parts.fly);
  const { limits, refuseSecondConnection } = parts;

  const attempt = async <Result>(
    context: TenantContext,
    readOnly: boolean,
    work: (tx: Prisma.TransactionClient) => Promise<Result>,
  ): Promise<Result> => {
    const { deadline } = context;
    deadline?.throwIfOver();
    let stopWatching: (() => void) | undefined;
    try {
      return await parts.prisma.$transaction(
        async (tx) => {
          const signature = signContext(parts.sign, context);
          const client = await bindTransaction(tx, context, signature, limits, readOnly);
          const watched = deadline ?? Deadline.after(limits.timeout);
          stopWatching = watched.whenOver(() => void client.cancelWork());
          const result = await work(tx);
          // Not committed yet: what is over is undone.
          deadline?.throwIfOver();
          return result;
        },
        {
          ...prismaLimits(limits, deadline),
          // One snapshot for all reads of a tick.
          ...(readOnly && { isolationLevel: Prisma.TransactionIsolationLevel.RepeatableRead }),
        },
      );
    } catch (error) {
      throw explained(error, context);
    } finally {
      stopWatching?.();
    }
  };

  const inTransaction = <Result>(
    context: TenantContext,
    readOnly: boolean,
    work: (tx: Prisma.TransactionClient) => Promise<Result>,
  ): Promise<Result> =>
    retryOnConflict(context.deadline, () =>
      admitted(parts.admission, context, () => attempt(context, readOnly, work), context.deadline),
    );

  /** A client whose operations and whose transactions are run as told. */
  const clientOf = (
    context: TenantContext,
    runner: Runner,
    transact: <Result>(work: (inside: Runner) => Promise<Result>) => Promise<Result>,
  ): TenantClient => {
    const filter = new TenantFilter(parts.models, context.tenantId);
    const transaction: TenantClient['transaction'] = (work) =>
      transact((inside) => work(new Surface(filter, context, inside) as unknown as TenantTx));
    return Object.assign(new Surface(filter, context, runner), { transaction }) as unknown as TenantClient;
  };

  return {
    forTenant: (context) => {
      const reads = new ReadBatch({
        context,
        fly: parts.fly,
        within: (work) => inTransaction(context, true, work),
      });
      const write = async (call: Call, plain: PlainStatement | undefined) => {
        if (!plain || !(await isUnderstood(context, plain))) return inTransaction(context, false, call);
        let rows: Row[] = [];
        await retryOnConflict(context.deadline, () =>
          parts.fly(context, 'write', [plain], {
            bound: () => undefined,
            answered: (found) => (rows = found),
          }),
        );
        return plain.result(rows);
      };
      const runner: Runner = {
        read: (call, plain) => {
          refuseSecondConnection('A read');
          return reads.add(call, plain?.());
        },
        write: (call, plain) => {
          refuseSecondConnection('A write');
          return write(call, plain?.());
        },
      };
      return clientOf(context, runner, async (work) => {
        refuseSecondConnection('A transaction');
        return inTransaction(context, false, (tx) => {
          const run = (call: Call) => inTimeLimits(context, () => call(tx));
          return insideTransaction({}, () => work({ read: run, write: run }));
        });
      });
    },
    unitOfWork: async (context, work) => {
      refuseSecondConnection('A unit of work');
      return inTransaction(context, false, async (tx) => {
        const unit = new UnitOfWork(tx, context);
        try {
          const filter = new TenantFilter(parts.models, context.tenantId);
          const itself = new Surface(filter, context, unit.unprotected) as unknown as TenantTx;
          return await unit.run(() =>
            work(
              clientOf(context, unit, (inner) => unit.transaction(inner)),
              itself,
            ),
          );
        } finally {
          await unit.end();
        }
      });
    },
  };
}

/**
 * Whether the columns that a write answers with can be read without Prisma: after the write it is too late to find out.
 * Asked once for each set of columns.
 */
function createUnderstanding(fly: Fly): (context: TenantContext, plain: PlainStatement) => Promise<boolean> {
  const understood = new LRUCache<string, boolean>({
    maxSize: 1024 * 1024,
    sizeCalculation: (_isReadable, answers) => 200 + 2 * answers.length,
  });
  return async (context, { answers }) => {
    if (answers === undefined) return false;
    const known = understood.get(answers);
    if (known !== undefined) return known;
    const probe = () => fly(context, 'read', [{ text: answers, values: [] }], IGNORE);
    const isReadable = await retryOnConflict(context.deadline, probe).then(
      () => true,
      (error: unknown) => {
        if (error instanceof UnsupportedColumnError) return false;
        throw error;
      },
    );
    understood.set(answers, isReadable);
    return isReadable;
  };
}

const IGNORE: FlightObserver = { bound: () => undefined, answered: () => undefined };

/** Prisma gives up a moment after what runs was cancelled: then it still hears how that ended. */
const CANCELLED_BEFORE_MS = 1_000;

/** A transaction neither waits nor lasts longer than its request. */
const prismaLimits = ({ maxWait, timeout }: TransactionLimits, deadline: Deadline | undefined) => {
  if (!deadline) return { maxWait, timeout: timeout + CANCELLED_BEFORE_MS };
  const remaining = Math.ceil(deadline.remaining) + 1;
  return {
    maxWait: Math.min(maxWait, remaining),
    timeout: Math.min(timeout, remaining) + CANCELLED_BEFORE_MS,
  };
};

/**
 * The statement that opens every transaction on tenant data; `tenantry.bind` says what it sets and why so.
 *
 * @returns the connection that the transaction runs on
 */
async function bindTransaction(
  tx: Prisma.TransactionClient,
  context: TenantContext,
  { expires, signature }: Signature,
  limits: TransactionLimits,
  readOnly: boolean,
): Promise<PipeliningClient> {
  const { tenantId, actor, requestId } = context;
  const statementTimeout = statementTimeoutOf(context, limits.statementTimeout);
  const touched =
    await tx.$executeRaw`SELECT tenantry.bind(${tenantId}::uuid, ${actor.id}, ${actor.type}, ${requestId}, ${statementTimeout}::int, ${readOnly}, ${expires}::bigint, ${signature})`;
  return clientOfBinding(touched);
}

/** How the operations of a client or of a transaction reach the database. */
export interface Runner {
  /** @param plain the same as a plain statement, if there is one. */
  read(call: Call, plain?: () => PlainStatement | undefined): Promise<unknown>;
  write(call: Call, plain?: () => PlainStatement | undefined): Promise<unknown>;
}

/** What a client and a transaction have in common: everything is narrowed to the tenant and run by a runner. */
class BoundSurface implements Bound {
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
