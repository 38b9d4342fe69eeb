/** The statements around those of a batch: they open its transaction, bind it to its tenant and commit it. */
import { signContext, type Sign } from '../database/context-signature.js';
import type { TenantContext } from '../request/tenant-context.js';
import { newestMigration } from '../database/schemas/own-schema.js';
import { statementTimeoutOf } from './time-limits.js';

const BEGIN = 'BEGIN ISOLATION LEVEL REPEATABLE READ';
/** A pooler that distributes transactions by what they say, such as PgDog, may send a read to a replica. */
export const OPENINGS = {
  read: { text: `${BEGIN} READ ONLY`, values: [] },
  write: { text: BEGIN, values: [] },
};
export const COMMIT = { text: 'COMMIT', values: [] };

/** Binds a transaction to a tenant. */
export const BIND = 'SELECT tenantry.bind($1::uuid, $2, $3, $4, $5::int, $6::boolean, $7::bigint, $8)';
/** The same, and a job that the transaction queues continues the trace. */
const BIND_TRACED = `${BIND}, pg_catalog.set_config('app.traceparent', $9, true)`;

/** The same for a tenant with a schema of its own, in which names without a schema are looked for first. */
export const BIND_PLACED =
  'SELECT tenantry.bind_placed($1::uuid, $2, $3, $4, $5::int, $6::boolean, $7::bigint, $8, $9, $10), ' +
  "pg_catalog.set_config('search_path', pg_catalog.concat(pg_catalog.quote_ident($9), ', public, pg_temp'), true)";
const BIND_PLACED_TRACED = `${BIND_PLACED}, pg_catalog.set_config('app.traceparent', $11, true)`;

/**
 * The binding, signed for this moment.
 *
 * @param schema that of the tenant, when it has one of its own
 */
export function bindingOf(
  context: TenantContext,
  purpose: 'read' | 'write',
  schema: string | undefined,
  { statementTimeout, sign }: { readonly statementTimeout: number; readonly sign: Sign },
): { readonly text: string; readonly values: readonly (string | null)[] } {
  const { tenantId, actor, requestId, usage } = context;
  const { expires, signature } = signContext(sign, context);
  const values = [
    tenantId,
    actor.id,
    actor.type,
    requestId,
    String(statementTimeoutOf(context, statementTimeout)),
    String(purpose === 'read'),
    expires,
    signature,
  ];
  if (schema !== undefined) values.push(schema, newestMigration());
  return usage?.trace && purpose === 'write'
    ? {
        text: schema === undefined ? BIND_TRACED : BIND_PLACED_TRACED,
        values: [...values, usage.trace.traceparent],
      }
    : { text: schema === undefined ? BIND : BIND_PLACED, values };
}
