/**
 * Records when API keys were last used, without a write per request: uses are collected in memory and written once a
 * minute, in a transaction bound to the key's tenant. The audit log does not record them.
 */
import { Prisma } from '../../generated/prisma/client.js';
import { failureDetail } from '../vocabulary/sql-state.js';
import type { Database } from '../tenancy/database.js';

export interface ApiKeyUse {
  /** Only stores the time in memory; never fails. */
  record(key: { readonly tenantId: string; readonly apiKeyId: string }): void;
  /** Writes the remaining uses and stops. Call it before the database is closed. */
  close(): Promise<void>;
}

const WRITTEN_EVERY_MS = 60_000;

/** @param onProblem called when uses could not be written; they are written with the next ones */
export function recordApiKeyUse(
  database: Pick<Database, 'forTenant'>,
  onProblem: (problem: string) => void,
  writtenEveryMs = WRITTEN_EVERY_MS,
): ApiKeyUse {
  /** The last use in milliseconds, by tenant and key. */
  let used = new Map<string, Map<string, number>>();
  let writing = Promise.resolve();

  const note = (tenantId: string, apiKeyId: string, at: number): void => {
    const ofTenant = used.get(tenantId) ?? new Map<string, number>();
    ofTenant.set(apiKeyId, Math.max(at, ofTenant.get(apiKeyId) ?? 0));
    used.set(tenantId, ofTenant);
  };

  const write = async (): Promise<void> => {
    const batch = used;
    used = new Map();
    for (const [tenantId, keys] of batch) {
      try {
        await writeTenant(database, tenantId, keys);
      } catch (error) {
        for (const [apiKeyId, at] of keys) note(tenantId, apiKeyId, at);
        const why = failureDetail(error) ?? 'unknown';
        onProblem(`when API keys were last used could not be written (${why}); it will be tried again`);
      }
    }
  };
  // Writes run one after the other, so a slow write does not overlap the next.
  const writeInTurn = (): Promise<void> => (writing = writing.then(write));

  const timer = setInterval(() => void writeInTurn(), writtenEveryMs);
  timer.unref();
  return {
    record: ({ tenantId, apiKeyId }) => note(tenantId, apiKeyId, Date.now()),
    close: () => {
      clearInterval(timer);
      return writeInTurn();
    },
  };
}

async function writeTenant(
  database: Pick<Database, 'forTenant'>,
  tenantId: string,
  keys: ReadonlyMap<string, number>,
): Promise<void> {
  const db = database.forTenant({
    tenantId,
    actor: { type: 'system', id: 'api-key-use' },
    requestId: 'api-key-use',
  });
  const ids = [...keys.keys()];
  const times = [...keys.values()].map((at) => new Date(at));
  await db.$executeRaw(Prisma.sql`
    UPDATE public.api_keys SET last_used_at = greatest(last_used_at, used.at)
    FROM unnest(${ids}::uuid[], ${times}::timestamptz[]) AS used (id, at)
    WHERE tenant_id = ${tenantId}::uuid AND api_keys.id = used.id`);
}
