import { Prisma } from '../../generated/prisma/client.js';
import type { TenantTx } from '../../kernel/tenancy/tenant-client.js';
import { badInput } from '../../kernel/vocabulary/errors.js';

/** The form of the audit log's actions; `tenantry.record_audit` has the same. */
export const EVENT = /^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$/;

const OF_ROWS = /\.(created|updated|deleted)$/;

/**
 * Refuses the name of a change that no table has, which would never be sent. What else the audit log will have, nobody
 * knows beforehand.
 *
 * @throws BAD_USER_INPUT
 */
export async function refuseUnknownEvents(tx: TenantTx, events: readonly string[]): Promise<void> {
  const rows = await tx.$queryRaw<{ prefix: string }>(
    Prisma.sql`SELECT prefix FROM tenantry.audited_prefixes()`,
  );
  const known = new Set(rows.map(({ prefix }) => prefix));
  for (const event of events) {
    const [prefix = ''] = event.split('.');
    if (!OF_ROWS.test(event) || known.has(prefix)) continue;
    throw badInput(`input.events has ${event}, and there is no ${prefix}.`, 'input.events');
  }
}
