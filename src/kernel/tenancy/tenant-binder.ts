/** Binds clients to tenants: decides on which connection, in which transaction and how often an operation runs. */
import { Prisma, type PrismaClient } from '../../generated/prisma/client.js';
import { signContext, type Sign } from '../database/context-signature.js';
import type { SendBatch, Row } from '../driver/statement-batch.js';
import { insideTransaction, type RefuseSecondConnection } from '../driver/open-transaction.js';
import { retryOnConflict } from '../driver/retry.js';
import { explained, inTimeLimits } from '../driver/time-limits.js';
import { admitted, type Admission } from '../pool/admission.js';
import { Deadline } from '../request/deadline.js';
import type { TenantContext } from '../request/tenant-context.js';
import { bindTransaction, prismaLimits } from './bind-transaction.js';
import { BoundSurface } from './bound-client.js';
import type { ScopedModel } from './data-model.js';
import type { PlainStatement } from './plain-statement.js';
import { ReadBatch, type Call } from './read-batch.js';
import { knowsReadableAnswers } from './readable-answers.js';
import type { Runner } from './runner.js';
import type { TenantBinder, TenantClient, TenantTx, TransactionLimits } from './tenant-client.js';
import { TenantFilter } from './tenant-filter.js';
import { UnitOfWork } from './unit-of-work.js';

/** What all tenants' clients share. */
export interface TenantClientParts {
  readonly prisma: PrismaClient;
  readonly models: ReadonlyMap<string, ScopedModel>;
  readonly limits: TransactionLimits;
  /** Runs plain statements without Prisma. */
  readonly sendBatch: SendBatch;
  readonly sign: Sign;
  readonly admission: Admission;
  readonly refuseSecondConnection: RefuseSecondConnection;
}

/** Makes what binds clients to tenants. A bound client is cheap: what does not depend on the tenant is made here, once. */
export function createTenantBinder(parts: TenantClientParts): TenantBinder {
  const Surface = BoundSurface.withModels(parts.models);
  const isReadable = knowsReadableAnswers(parts.sendBatch);
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
        sendBatch: parts.sendBatch,
        within: (work) => inTransaction(context, true, work),
      });
      const write = async (call: Call, plain: PlainStatement | undefined) => {
        if (!plain || !(await isReadable(context, plain))) return inTransaction(context, false, call);
        let rows: Row[] = [];
        await retryOnConflict(context.deadline, () =>
          parts.sendBatch(context, 'write', [plain], {
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
