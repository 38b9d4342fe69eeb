import type { Resolvers } from '../../generated/graphql.js';
import { Prisma } from '../../generated/prisma/client.js';
import { Page } from '../../kernel/graphql/connection.js';
import { searchable } from '../../kernel/graphql/filter.js';
import { sortBy } from '../../kernel/graphql/sort-key.js';
import { PublicError, conflict, notFound } from '../../kernel/vocabulary/errors.js';

const MOST_ATTEMPTS = 5;

const BY_CREATED_AT = sortBy('TenantExport', 'createdAt');

export const resolvers: Resolvers = {
  TenantExportStatus: { PENDING: 'pending', READY: 'ready', FAILED: 'failed' },
  Query: {
    exports: async (_parent, { filter, orderBy, ...args }, { db }) => {
      const page = new Page(args, { key: BY_CREATED_AT, direction: orderBy?.direction ?? 'desc' });
      const { status } = searchable(filter) ?? {};
      const where = status == null ? {} : { status };
      const rows = await db.tenantExport.findMany({
        ...page.query,
        where: { ...page.query.where, ...where },
      });
      return page.connection(rows, () => db.tenantExport.count({ where }));
    },
  },
  Mutation: {
    requestTenantExport: (_parent, { input: { anonymise = false } }, { db, viewer }) =>
      db.transaction(async (tx) => {
        // One after the other, so that two requests do not begin two exports.
        await tx.$queryRaw(
          Prisma.sql`SELECT 1 FROM public.tenants WHERE id = ${viewer.tenantId}::uuid FOR NO KEY UPDATE`,
        );
        const pending = await tx.tenantExport.findFirst({
          where: { status: 'pending', anonymised: anonymise },
        });
        if (pending) return { export: pending };
        const made = await tx.tenantExport.create({
          data: { requestedBy: viewer.userId, anonymised: anonymise },
        });
        await tx.enqueue(
          'tenant-export.write',
          { exportId: made.id },
          { key: made.id, maxAttempts: MOST_ATTEMPTS },
        );
        return { export: made };
      }),
    linkTenantExport: async (_parent, { input: { id } }, { db, tenantExports }) => {
      const found = await db.tenantExport.findUnique({ where: db.key(id) });
      if (!found) throw notFound();
      if (found.status !== 'ready' || !found.expiresAt || found.expiresAt <= new Date()) {
        throw conflict('The export is not ready, or no longer.');
      }
      const link = tenantExports.linkOf(db, found.id);
      if (!link) throw new PublicError('UNAVAILABLE', 'This server has no key to sign links with.');
      await db.transaction((tx) =>
        tx.$executeRaw(
          Prisma.sql`SELECT tenantry.record_audit('tenant_export.linked', 'TenantExport', ${found.id}, NULL, NULL)`,
        ),
      );
      return link;
    },
  },
};
