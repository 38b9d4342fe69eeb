/** Erases a person from one tenant: its rows, and then what the audit log says about them. */
import { Prisma } from '../../generated/prisma/client.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';

export interface ErasePersonOrder {
  readonly userId?: string | undefined;
  readonly email?: string | undefined;
  readonly reason: string;
}

interface Rows {
  readonly table: string;
  readonly column?: string;
  readonly rows: number;
}

interface Result {
  readonly memberships: number;
  readonly invitations: number;
  readonly exports: number;
  readonly changed: readonly Rows[];
  readonly remaining: readonly Rows[];
  /** Those of the person, from the rows that were deleted. */
  readonly addresses: readonly string[];
}

/**
 * The rows are erased in one transaction. The audit log, which has their former values then, is redacted afterwards, a number
 * of entries at a time: a call that was cut off is made again.
 *
 * @throws CONFLICT when the person is the only owner; the errors of the database
 */
export async function erasePerson(
  { db, auditTrail, tenantErasure }: RequestContext,
  { userId, email, reason }: ErasePersonOrder,
) {
  const { addresses, ...report } = await db.transaction(async (tx) => {
    const { expires, signature } = tenantErasure.signPerson(db.context, userId, email);
    const [row] = await tx.$queryRaw<{ result: Result }>(Prisma.sql`
      SELECT tenantry.erase_person(${userId ?? null}, ${email ?? null}, ${expires}::bigint, ${signature}) AS result`);
    return row!.result;
  });
  let auditEntries = 0;
  // An address is redacted as a user is: wherever it is a value.
  for (const name of [userId, ...addresses, email]) {
    if (name === undefined) continue;
    for (let remain = true; remain;) {
      const redaction = await auditTrail.redact(db, { userId: name, reason });
      auditEntries += redaction.redacted;
      remain = redaction.remain;
    }
  }
  return { ...report, changed: [...report.changed], remaining: [...report.remaining], auditEntries };
}
