/** The table of idempotency keys. Each function runs in the transaction of the mutation. */
import { sqlState } from '../../kernel/vocabulary/sql-state.js';
import { conflict } from '../../kernel/vocabulary/errors.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { TenantTx } from '../../kernel/tenancy/tenant-client.js';
import type { KeptResult } from './kept-result.js';

/** How long a result is kept. */
const KEPT_FOR = '24 hours';

/** Expired rows that one new key removes: more than it adds, but few enough to be fast. */
const REMOVED_AT_ONCE = 20;

const STATEMENT_TIMEOUT = '57014';

/** The stored result of a key. */
export interface KeptKey {
  readonly fingerprint: string;
  /** Null when it was too large to keep. */
  readonly result: KeptResult | null;
  /** The caller's permissions at the first answer. */
  readonly permissions: readonly string[];
}

/**
 * Takes a key for this transaction, or finds its result. Waits while another transaction has taken the same key.
 *
 * @returns undefined when this transaction has taken the key
 * @throws CONFLICT when the other transaction does not end within the statement timeout
 */
export async function takeKey(tx: TenantTx, key: string, fingerprint: string): Promise<KeptKey | undefined> {
  const { tenantId, actor } = tx.context;
  const taken = await tx
    .$executeRaw(
      Prisma.sql`
        INSERT INTO public.idempotency_keys AS mine (tenant_id, actor_type, actor, key, fingerprint, expires_at)
        VALUES (${tenantId}::uuid, ${actor.type}, ${actor.id}, ${key}, ${fingerprint}, now() + ${KEPT_FOR}::interval)
        ON CONFLICT (tenant_id, actor_type, actor, key) DO UPDATE
          SET fingerprint = excluded.fingerprint, created_at = excluded.created_at, expires_at = excluded.expires_at,
              result = NULL, permissions = '{}'
          WHERE mine.expires_at <= now()`,
    )
    .catch((error: unknown) => {
      throw sqlState(error) === STATEMENT_TIMEOUT ? stillUnderWay() : error;
    });
  if (taken === 0) {
    const [kept] = await tx.$queryRaw<KeptKey>(
      Prisma.sql`SELECT fingerprint, result, permissions FROM public.idempotency_keys WHERE ${own(tx, key)}`,
    );
    // The row existed a moment ago; it has expired in between.
    return kept ?? Promise.reject(stillUnderWay());
  }
  await removeExpired(tx);
  return undefined;
}

/** Stores the result of a key of this transaction. */
export async function keepResult(
  tx: TenantTx,
  key: string,
  result: string | null,
  permissions: readonly string[],
): Promise<void> {
  await tx.$executeRaw(
    Prisma.sql`UPDATE public.idempotency_keys SET result = ${result}::json, permissions = ${permissions}::text[] WHERE ${own(tx, key)}`,
  );
}

const own = ({ context: { tenantId, actor } }: TenantTx, key: string): Prisma.Sql =>
  Prisma.sql`tenant_id = ${tenantId}::uuid AND actor_type = ${actor.type} AND actor = ${actor.id} AND key = ${key}`;

/** Removes expired keys of all actors of this tenant. Skips rows that another transaction is removing. */
async function removeExpired(tx: TenantTx): Promise<void> {
  const { tenantId } = tx.context;
  await tx.$executeRaw(
    Prisma.sql`
      DELETE FROM public.idempotency_keys WHERE tenant_id = ${tenantId}::uuid AND id IN (
        SELECT id FROM public.idempotency_keys WHERE tenant_id = ${tenantId}::uuid AND expires_at <= now()
        ORDER BY expires_at LIMIT ${REMOVED_AT_ONCE} FOR UPDATE SKIP LOCKED
      )`,
  );
}

const stillUnderWay = () =>
  conflict('A request with this Idempotency-Key is still under way. Try again with the same key.');
