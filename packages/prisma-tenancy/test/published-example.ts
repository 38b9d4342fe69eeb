/** Prisma's published row-level security extension: each operation runs in a batch transaction of its own. */
import type { PrismaClient } from './generated/client.js';

/** The published example's client of one tenant. */
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
