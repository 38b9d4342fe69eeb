/** The row-level security extension as Prisma publishes it: each operation in a batch transaction of its own. */
import type { PrismaClient } from './generated/client.js';

/** A client of one tenant, by the published example. */
export const publishedExample = (prisma: PrismaClient, tenantId: string) =>
  prisma.$extends({
    query: {
      $allModels: {
        async $allOperations({ args, query }) {
          // tenantry-audit-ignore S06: the example as it stands, which the tests show to fail
          const [, result] = await prisma.$transaction([
            prisma.$executeRaw`SELECT set_config('app.current_tenant', ${tenantId}, TRUE)`,
            query(args) as ReturnType<typeof prisma.$executeRaw>,
          ]);
          return result;
        },
      },
    },
  });
