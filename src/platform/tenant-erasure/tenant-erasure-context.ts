/** What erasures add to the context of every request. */
import { Prisma } from '../../generated/prisma/client.js';
import type { Signature } from '../../kernel/database/context-signature.js';
import type { ServerParts } from '../../kernel/graphql/module.js';
import type { TenantContext } from '../../kernel/request/tenant-context.js';
import type { TenantClient } from '../../kernel/tenancy/tenant-client.js';

export interface TenantErasureParts {
  /** Days from the request to the execution. */
  readonly waitDays: number;
  /** Asks for the erasure of the client's tenant; asking again changes nothing. @throws the errors of the database */
  readonly request: (db: TenantClient, waitSeconds: number) => Promise<void>;
  /** Signs the question to erase a person. */
  readonly signPerson: (
    context: TenantContext,
    userId: string | undefined,
    email: string | undefined,
  ) => Signature;
}

declare module '../../kernel/graphql/request-context.js' {
  interface ModuleContext {
    readonly tenantErasure: TenantErasureParts;
  }
}

/** What the module adds to the context of every request. */
export const tenantErasureContext = ({ config, database }: ServerParts) => ({
  tenantErasure: {
    waitDays: config.tenantErasureDays,
    request: async (db: TenantClient, waitSeconds: number) => {
      const { tenantId, actor } = db.context;
      const { expires, signature } = database.sign(
        'request_erasure',
        tenantId.toLowerCase(),
        actor.id,
        String(waitSeconds),
      );
      await db.transaction((tx) =>
        tx.$queryRaw(
          Prisma.sql`SELECT tenantry.request_erasure(${waitSeconds}::bigint, ${expires}::bigint, ${signature})`,
        ),
      );
    },
    signPerson: ({ tenantId, actor }: TenantContext, userId: string | undefined, email: string | undefined) =>
      database.sign('erase_person', tenantId.toLowerCase(), actor.id, userId ?? null, email ?? null),
  },
});
