/** The extension itself. */
import type { Types } from '@prisma/client/runtime/client';
import { BoundTransactions, type PrismaClientBase } from './bound-transactions.js';
import { createForTenant } from './for-tenant.js';
import type { TenancyOptions } from './options.js';
import type { TenantClient } from './tenant-client.js';

/** An operation was called on the client that belongs to no tenant. */
export class NoTenantError extends Error {
  override readonly name = 'NoTenantError';

  /** @param what was called */
  constructor(what: string) {
    super(`${what} was called on a client that is bound to no tenant: call it on $forTenant(…)`);
  }
}

/** For `$extends` of any Prisma client, which gains `Methods` and refuses everything else. */
export type TenancyExtension<Methods> = (prisma: unknown) => {
  // As Prisma's types know extensions.
  $extends: {
    extArgs: Types.Extensions.DefaultArgs & {
      client: { readonly [Name in keyof Methods]: () => Methods[Name] } & {
        readonly $transaction: () => (refused: never) => Promise<never>;
      };
    };
  };
};

/** What {@link tenancy} gives a client. */
export interface TenancyMethods<Context> {
  /** A client that is bound to one tenant. It opens nothing until its first operation. */
  readonly $forTenant: <Client>(this: Client, context: Context) => TenantClient<Client>;
}

/**
 * A Prisma client extension for PostgreSQL row-level security.
 *
 * The extended client refuses every operation and gains `$forTenant(context)`, which returns a client of one tenant. Each
 * operation of that runs in a transaction whose first statement binds it to the tenant, and what is set there ends with the
 * transaction: nothing reaches the next user of the pooled connection. Extensions made before this one apply to the bound
 * clients; those made after it do not.
 *
 * @throws TypeError, when a client is extended, if the options do not say how a transaction is bound
 */
export function tenancy<Context>(
  options: TenancyOptions<Context>,
): TenancyExtension<TenancyMethods<Context>> {
  return createTenancy(options, (transactions, prisma) => ({
    $forTenant: createForTenant(transactions, prisma) as unknown as TenancyMethods<Context>['$forTenant'],
  }));
}

/**
 * The same extension with clients of one's own: for a server that takes operations to the database in a way of its own.
 *
 * @param methods makes what the extended client gains, once. It is given the transactions of tenants, and Prisma's client, which
 * must not be handed out.
 */
export function createTenancy<Context, Methods extends object>(
  options: TenancyOptions<Context>,
  methods: (transactions: BoundTransactions<Context>, prisma: object) => Methods,
): TenancyExtension<Methods> {
  return (prisma) => {
    const base = prisma as PrismaClientBase & { $extends(extension: object): unknown };
    const extended = base.$extends({
      name: 'tenancy',
      query: {
        $allOperations({ model, operation }: { readonly model?: string; readonly operation: string }) {
          throw new NoTenantError(model === undefined ? operation : `${model}.${operation}`);
        },
      },
      client: {
        ...methods(new BoundTransactions(base, options), base),
        $transaction: () => Promise.reject(new NoTenantError('$transaction')),
        // Prisma's way back to the client that was extended.
        $parent: undefined,
      },
    });
    return extended as ReturnType<TenancyExtension<Methods>>;
  };
}
