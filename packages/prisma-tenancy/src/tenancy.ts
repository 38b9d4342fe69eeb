/** The extension. */
import type { Types } from '@prisma/client/runtime/client';
import { BoundTransactions, type PrismaClientBase } from './bound-transactions.js';
import { createForTenant } from './for-tenant.js';
import type { TenancyOptions } from './options.js';
import type { TenantClient } from './tenant-client.js';

/** An operation was called on the client that is not bound to a tenant. */
export class NoTenantError extends Error {
  override readonly name = 'NoTenantError';

  /** @param what the called method */
  constructor(what: string) {
    super(`${what} was called on a client that is bound to no tenant: call it on $forTenant(…)`);
  }
}

/** For `$extends` of any Prisma client: adds `Methods` and refuses everything else. */
export type TenancyExtension<Methods> = (prisma: unknown) => {
  // The form that Prisma's types require of extensions.
  $extends: {
    extArgs: Types.Extensions.DefaultArgs & {
      client: { readonly [Name in keyof Methods]: () => Methods[Name] } & {
        readonly $transaction: () => (refused: never) => Promise<never>;
      };
    };
  };
};

/** The methods that {@link tenancy} adds to a client. */
export interface TenancyMethods<Context> {
  /** A client that is bound to one tenant. It takes no connection before its first operation. */
  readonly $forTenant: <Client>(this: Client, context: Context) => TenantClient<Client>;
}

/**
 * A Prisma client extension for PostgreSQL row-level security.
 *
 * The extended client refuses every operation. Its `$forTenant(context)` returns a client of one tenant. Each operation
 * of that client runs in a transaction whose first statement binds it to the tenant. The settings end with the
 * transaction, so the next user of the pooled connection does not see them. Extensions that were applied before this
 * one also apply to bound clients; later ones do not.
 *
 * @throws TypeError when a client is extended and the options have no binding
 */
export function tenancy<Context>(
  options: TenancyOptions<Context>,
): TenancyExtension<TenancyMethods<Context>> {
  return createTenancy(options, (transactions, prisma) => ({
    $forTenant: createForTenant(transactions, prisma) as unknown as TenancyMethods<Context>['$forTenant'],
  }));
}

/**
 * The same extension with other bound clients, for a server that runs operations in its own way.
 *
 * @param methods creates the methods of the extended client, once. It receives the transactions of tenants, and
 * Prisma's client, which it must not expose.
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
        // Prisma's reference to the client that was extended.
        $parent: undefined,
      },
    });
    return extended as ReturnType<TenancyExtension<Methods>>;
  };
}
