/**
 * Binds clients to tenants with the extension of @tenantry/prisma-tenancy. Adds the server's parts: admission to the
 * pool, the signed binding, deadlines and retries.
 */
import { createTenancy, type TransactionCourse } from '@tenantry/prisma-tenancy/parts';
import type { PrismaClient } from '../../generated/prisma/client.js';
import { signContext, type Sign } from '../database/context-signature.js';
import type { RefuseSecondConnection } from '../driver/open-transaction.js';
import { clientOfBinding, type PipeliningClient } from '../driver/pipelining-client.js';
import type { Placements } from '../driver/placements.js';
import { ATTEMPTS, isTransient } from '../driver/retry.js';
import type { SendBatch } from '../driver/statement-batch.js';
import { explained } from '../driver/time-limits.js';
import { admitted, type Admission } from '../pool/admission.js';
import { Deadline } from '../request/deadline.js';
import type { TenantContext } from '../request/tenant-context.js';
import { bindingStatement, prismaLimits } from './bind-transaction.js';
import type { ScopedModel } from './data-model.js';
import type { TenantBinder, TransactionLimits } from './tenant-client.js';
import { TenantClients } from './tenant-clients.js';

/** The parts that the clients of all tenants share. */
export interface TenantBinderParts {
  readonly prisma: PrismaClient;
  readonly models: ReadonlyMap<string, ScopedModel>;
  readonly limits: TransactionLimits;
  /** Runs plain statements without Prisma. */
  readonly sendBatch: SendBatch;
  readonly sign: Sign;
  /** Those of the database. */
  readonly placements: Placements;
  readonly admission: Admission;
  readonly refuseSecondConnection: RefuseSecondConnection;
}

/** Creates the binder. The extended client is not exported, and refuses every operation without a tenant. */
export function createTenantBinder(parts: TenantBinderParts): TenantBinder {
  const { limits, sign, placements } = parts;
  const extended = parts.prisma.$extends(
    createTenancy(
      {
        bind: (context: TenantContext, { readOnly }) =>
          bindingStatement(
            context,
            signContext(sign, context),
            limits,
            readOnly,
            placements.schemaOf(context.tenantId),
          ),
        limits: (context) => prismaLimits(limits, context),
        attempts: ATTEMPTS,
        isTransient,
        isOver: ({ deadline }) => deadline?.isOver ?? false,
        around: (context, attempt) =>
          admitted(parts.admission, context, () => watched(context, parts, attempt)),
      },
      (transactions) => new TenantClients(transactions, parts).methods,
    ),
  );
  return {
    forTenant: (context) => extended.$forTenant(context),
    unitOfWork: (context, work) => extended.$unitOfWork(context, work),
  };
}

/**
 * One try of a transaction: at the deadline, a running statement is cancelled, and from then on nothing is committed.
 */
async function watched<Result>(
  context: TenantContext,
  { limits, placements }: Pick<TenantBinderParts, 'limits' | 'placements'>,
  attempt: (course: TransactionCourse) => Promise<Result>,
): Promise<Result> {
  const { deadline, plan } = context;
  deadline?.throwIfOver();
  let traced: PipeliningClient | undefined;
  let stopWatching: (() => void) | undefined;
  try {
    return await attempt({
      bound: (touched) => {
        const client = clientOfBinding(touched);
        client.trace = context.usage?.trace;
        traced = client;
        const ends = deadline ?? Deadline.after(plan?.transactionTimeoutMs ?? limits.timeout);
        stopWatching = ends.whenOver(() => void client.cancelWork());
      },
      ending: () => deadline?.throwIfOver(),
    });
  } catch (error) {
    placements.notice(error, context.tenantId);
    throw explained(error, context);
  } finally {
    stopWatching?.();
    if (traced) traced.trace = undefined;
  }
}
