/** The clients that the extension creates. Decides the connection and the transaction of each operation. */
import {
  BoundSurface,
  ReadBatch,
  type BoundTransactions,
  type TransactionClient,
} from '@tenantry/prisma-tenancy/parts';
import { Prisma } from '../../generated/prisma/client.js';
import { openTransactions, type RefuseSecondConnection } from '../driver/open-transaction.js';
import { retryOnConflict } from '../driver/retry.js';
import type { Row } from '../driver/row-reader.js';
import type { SendBatch } from '../driver/statement-batch.js';
import { inTimeLimits } from '../driver/time-limits.js';
import type { TenantContext } from '../request/tenant-context.js';
import { notFound } from '../vocabulary/errors.js';
import { isId } from '../vocabulary/id.js';
import type { EnqueueOptions } from '../vocabulary/job.js';
import type { ScopedModel } from './data-model.js';
import { enqueueOperation, type QueuedJob } from './enqueue.js';
import { NarrowingRunner } from './narrowing-runner.js';
import type { PlainStatement } from './plain-statement.js';
import { knowsReadableAnswers } from './readable-answers.js';
import type { Runner } from './runner.js';
import type { Bound, TenantBinder, TenantClient, TenantTx } from './tenant-client.js';
import { READS, TenantFilter, WRITES, type Arguments } from './tenant-filter.js';
import type { TenantOperation } from './tenant-operation.js';
import { TenantReads } from './tenant-reads.js';
import { UnitOfWork } from './unit-of-work.js';

/** The parts that the clients of all tenants share. */
export interface TenantClientParts {
  readonly models: ReadonlyMap<string, ScopedModel>;
  /** Runs plain statements without Prisma. */
  readonly sendBatch: SendBatch;
  readonly refuseSecondConnection: RefuseSecondConnection;
}

/** All reads of a tick share one snapshot. */
const READ_ONLY = {
  readOnly: true,
  isolationLevel: Prisma.TransactionIsolationLevel.RepeatableRead,
} as const;

/** Creates clients. A client is cheap, because everything that does not depend on the tenant is created here, once. */
export class TenantClients {
  readonly #transactions: BoundTransactions<TenantContext>;
  readonly #sendBatch: SendBatch;
  readonly #refuseSecondConnection: RefuseSecondConnection;
  readonly #models: ReadonlyMap<string, ScopedModel>;
  /** The models by the property of the client. */
  readonly #byProperty: ReadonlyMap<string, ScopedModel>;
  readonly #Surface: ReturnType<typeof surfaceWith>;
  readonly #isReadable: ReturnType<typeof knowsReadableAnswers>;

  constructor(transactions: BoundTransactions<TenantContext>, parts: TenantClientParts) {
    this.#transactions = transactions;
    this.#sendBatch = parts.sendBatch;
    this.#refuseSecondConnection = parts.refuseSecondConnection;
    this.#models = parts.models;
    this.#byProperty = new Map([...parts.models.values()].map((model) => [model.property, model]));
    this.#Surface = surfaceWith(parts.models);
    this.#isReadable = knowsReadableAnswers(parts.sendBatch);
  }

  /** The methods that the extension adds to Prisma's client. */
  get methods() {
    const $forTenant: TenantBinder['forTenant'] = (context) => this.#forTenant(context);
    const $unitOfWork: TenantBinder['unitOfWork'] = (context, work) => this.#unitOfWork(context, work);
    return { $forTenant, $unitOfWork };
  }

  #forTenant(context: TenantContext): TenantClient {
    const reads = new ReadBatch(
      new TenantReads(context, this.#sendBatch, (work) => this.#transactions.run(context, work, READ_ONLY)),
    );
    const runner: Runner = {
      read: (operation) => {
        this.#refuseSecondConnection('A read');
        // Copies the arguments now, because the batch is sent later.
        operation.prepare();
        return reads.add(operation);
      },
      write: (operation) => {
        this.#refuseSecondConnection('A write');
        context.freshness?.forbidLag();
        return this.#write(context, operation, operation.prepare());
      },
    };
    return this.#clientOf(context, runner, async (work) => {
      this.#refuseSecondConnection('A transaction');
      context.freshness?.forbidLag();
      return this.#transactions.run(context, (tx) => {
        const run = (operation: TenantOperation) => inTimeLimits(context, () => operation.run(tx));
        return openTransactions.run({}, () => work({ read: run, write: run }));
      });
    });
  }

  async #write(
    context: TenantContext,
    operation: TenantOperation,
    plain: PlainStatement | undefined,
  ): Promise<unknown> {
    if (!plain || !(await this.#isReadable(context, plain)))
      return this.#transactions.run(context, (tx) => operation.run(tx));
    let rows: Row[] = [];
    await retryOnConflict(context.deadline, () =>
      this.#sendBatch(context, 'write', [plain], {
        bound: () => undefined,
        answered: (found) => (rows = found),
      }),
    );
    return plain.result(rows);
  }

  async #unitOfWork<Result>(
    context: TenantContext,
    work: (db: TenantClient, tx: TenantTx) => Promise<Result>,
  ): Promise<Result> {
    this.#refuseSecondConnection('A unit of work');
    context.freshness?.forbidLag();
    return this.#transactions.run(context, async (tx: TransactionClient) => {
      const unit = new UnitOfWork(tx, context);
      try {
        const itself = this.#surface(context, unit.unprotected) as unknown as TenantTx;
        return await unit.run(() =>
          work(
            this.#clientOf(context, unit, (inner) => unit.transaction(inner)),
            itself,
          ),
        );
      } finally {
        await unit.end();
      }
    });
  }

  /** A client that runs its operations and transactions with these functions. */
  #clientOf(
    context: TenantContext,
    runner: Runner,
    transact: <Result>(work: (inside: Runner) => Promise<Result>) => Promise<Result>,
  ): TenantClient {
    const transaction: TenantClient['transaction'] = (work) =>
      transact((inside) => work(this.#surface(context, inside) as unknown as TenantTx));
    return Object.assign(this.#surface(context, runner), { transaction }) as unknown as TenantClient;
  }

  #surface(context: TenantContext, runner: Runner) {
    const filter = new TenantFilter(this.#models, context.tenantId);
    return new this.#Surface(context, new NarrowingRunner(this.#byProperty, filter, context, runner));
  }
}

/** The class of the clients with these models. */
function surfaceWith(models: ReadonlyMap<string, ScopedModel>) {
  const actions = [...READS, ...WRITES];
  const offered = [...models.values()].map(({ property }) => ({ name: property, actions }));
  return class extends BoundSurface.offering(offered, ['$queryRaw', '$executeRaw']) {
    readonly context: TenantContext;
    readonly #narrowing: NarrowingRunner;

    constructor(context: TenantContext, runner: NarrowingRunner) {
      super(runner);
      this.context = context;
      this.#narrowing = runner;
    }

    async enqueue(task: string, payload: unknown, options: EnqueueOptions = {}): Promise<string> {
      const rows = await this.#narrowing.write(enqueueOperation(task, payload, options));
      return (rows as readonly QueuedJob[])[0]!.id;
    }

    readBelow(
      model: string,
      args: Arguments,
      statement: (found: Prisma.Sql) => Prisma.Sql,
    ): Promise<unknown> {
      return this.#narrowing.readBelow(model, args, statement);
    }

    key(id: string): ReturnType<Bound['key']> {
      if (!isId(id)) throw notFound();
      return { tenantId_id: { tenantId: this.context.tenantId, id } };
    }
  };
}
