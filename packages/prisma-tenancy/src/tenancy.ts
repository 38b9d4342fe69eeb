/** The extension itself. */
import type { Types } from '@prisma/client/runtime/client';
import { BoundSurface, type Runner } from './bound-surface.js';
import { BoundTransactions, type PrismaClientBase } from './bound-transactions.js';
import type { Operation } from './operation.js';
import type { TenancyOptions, TransactionOptions } from './options.js';
import { PendingOperation } from './pending-operation.js';
import { ReadBatch } from './read-batch.js';
import type { TenantClient } from './tenant-client.js';

/** An operation was called on the client that belongs to no tenant. */
export class NoTenantError extends Error {
  override readonly name = 'NoTenantError';

  /** @param what was called */
  constructor(what: string) {
    super(`${what} was called on a client that is bound to no tenant: call it on $forTenant(…)`);
  }
}

/** What the extended client has more, as Prisma's types know extensions. */
type ExtensionArguments<Context> = Types.Extensions.DefaultArgs & {
  client: {
    $forTenant: () => <Client>(this: Client, context: Context) => TenantClient<Client>;
    $transaction: () => (refused: never) => Promise<never>;
  };
};

/** For `$extends` of any Prisma client. */
export type TenancyExtension<Context> = (prisma: unknown) => {
  $extends: { extArgs: ExtensionArguments<Context> };
};

/**
 * A Prisma client extension for PostgreSQL row-level security.
 *
 * The extended client refuses every operation and gains `$forTenant(context)`, which returns a client of one tenant. Each
 * operation of that runs in a transaction whose first statement binds it to the tenant, and what is set there ends with the
 * transaction: nothing reaches the next user of the pooled connection. Extensions made before this one apply to the bound
 * clients; those made after it do not.
 */
export function tenancy<Context>(options: TenancyOptions<Context>): TenancyExtension<Context> {
  return (prisma) => {
    const forTenant = createForTenant(prisma as PrismaClientBase, options);
    const extended = (prisma as { $extends(extension: object): unknown }).$extends({
      name: 'tenancy',
      query: {
        $allOperations({ model, operation }: { readonly model?: string; readonly operation: string }) {
          throw new NoTenantError(model === undefined ? operation : `${model}.${operation}`);
        },
      },
      client: {
        $forTenant: forTenant,
        $transaction: () => Promise.reject(new NoTenantError('$transaction')),
        // Prisma's way back to the client that was extended.
        $parent: undefined,
      },
    });
    return extended as ReturnType<TenancyExtension<Context>>;
  };
}

/** Makes clients of tenants. What does not depend on the tenant is made here, once: a bound client is cheap. */
function createForTenant<Context>(
  prisma: PrismaClientBase,
  options: TenancyOptions<Context>,
): (context: Context) => object {
  const Surface = BoundSurface.of(prisma);
  const transactions = new BoundTransactions(prisma, options);
  return (context) => {
    const runner = new TenantRunner(transactions, context);
    return Object.assign(new Surface(runner), {
      $transaction: (
        work: ((tx: BoundSurface) => Promise<unknown>) | readonly unknown[],
        limits?: TransactionOptions,
      ) =>
        typeof work === 'function'
          ? transactions.interactive(Surface, context, work, limits)
          : runner.together(work, limits),
    });
  };
}

/** The operations of a client: reads of one tick share a transaction, each other operation has its own. */
class TenantRunner<Context> implements Runner {
  readonly #transactions: BoundTransactions<Context>;
  readonly #context: Context;
  readonly #reads: ReadBatch;

  constructor(transactions: BoundTransactions<Context>, context: Context) {
    this.#transactions = transactions;
    this.#context = context;
    this.#reads = new ReadBatch((work) => transactions.run(context, work));
  }

  read(operation: Operation): PendingOperation {
    return new PendingOperation(this, operation, this.#read);
  }

  write(operation: Operation): PendingOperation {
    return new PendingOperation(this, operation, this.#alone);
  }

  /** It may write. */
  query(operation: Operation): PendingOperation {
    return this.write(operation);
  }

  /** Several operations in one transaction, in order. */
  async together(operations: readonly unknown[], options?: TransactionOptions): Promise<unknown[]> {
    const own = operations.map((each) => {
      if (each instanceof PendingOperation) return each.handOver(this);
      throw new TypeError('$transaction takes a function, or operations of this client');
    });
    return this.#transactions.run(
      this.#context,
      async (tx) => {
        const results: unknown[] = [];
        for (const each of own) results.push(await each.run(tx));
        return results;
      },
      options,
    );
  }

  readonly #read = async (operation: Operation): Promise<unknown> => {
    this.#transactions.refuseInside('A read');
    return this.#reads.add(operation);
  };

  readonly #alone = (operation: Operation): Promise<unknown> =>
    this.#transactions.run(this.#context, async (tx) => operation.run(tx));
}
