/** Records in the audit log that somebody read it, on every path to its entries. */
import { Prisma } from '../../generated/prisma/client.js';
import type { ServerParts } from '../../kernel/graphql/module.js';
import type { ReadNodes } from '../../kernel/graphql/node-reader.js';
import type { TenantClient } from '../../kernel/tenancy/tenant-client.js';
import { encodeId } from '../../kernel/vocabulary/id.js';

declare module '../../kernel/graphql/request-context.js' {
  interface ModuleContext {
    /** Records that the log is read, if AUDIT_READS says so. */
    readonly recordAuditRead: (db: TenantClient, args: object) => Promise<void>;
  }
}

/** What the module adds to the context of every request. */
export const auditReadContext = ({ config: { auditReads } }: ServerParts) => ({
  recordAuditRead: async (db: TenantClient, args: object): Promise<void> => {
    if (!auditReads) return;
    await db.transaction((tx) =>
      tx.$executeRaw(
        Prisma.sql`SELECT tenantry.record_audit('audit_log.read', 'AuditLog', NULL, NULL, ${JSON.stringify(args)}::jsonb)`,
      ),
    );
  },
});

/** Reads entries by their ids, for `node`, `nodes`, `_entities` and `AuditEntry.entityNode`. */
export const entriesById: ReadNodes = async (ids, { db, recordAuditRead }) => {
  await recordAuditRead(db, { ids: ids.map((id) => encodeId('AuditEntry', id)) });
  return db.auditEntry.findMany({ where: { id: { in: [...ids] } } });
};
