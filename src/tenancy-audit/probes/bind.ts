/** How the audited database binds a transaction to a tenant. */
import { createSign, signContext, type Sign } from '../../kernel/database/context-signature.js';
import type { Catalog } from '../catalog.js';
import type { AuditSettings } from '../rule.js';
import type { Bind } from './session.js';

const KERNEL_BIND = 'SELECT tenantry.bind($1::uuid, $2, $3, $4, 5000, true, $5, $6)';
const ACTOR = { type: 'system', id: 'tenantry audit' } as const;

/**
 * Tenantry's own function where there is one, else the settings that its policies read, for the transaction.
 *
 * @param sign for a Tenantry whose contexts are signed
 * @returns undefined where neither is known: then nothing can be probed
 */
export function findBinding(
  catalog: Catalog,
  { tenantSettings, tenantColumns }: AuditSettings,
  sign: Sign = createSign(undefined),
): Bind | undefined {
  if (catalog.functions.some(({ schema, name }) => schema === 'tenantry' && name === 'bind')) {
    return async (client, tenantId) => {
      const context = { tenantId, actor: ACTOR, requestId: '' };
      const { expires, signature } = signContext(sign, context);
      await client.query(KERNEL_BIND, [
        tenantId,
        ACTOR.id,
        ACTOR.type,
        context.requestId,
        expires,
        signature,
      ]);
    };
  }
  if (tenantSettings.length === 0) return undefined;
  return async (client, tenant) => {
    for (const name of tenantSettings) {
      const value = /claims$/i.test(name) ? claims(tenant, tenantColumns) : tenant;
      await client.query('SELECT set_config($1, $2, true)', [name, value]);
    }
  };
}

/**
 * A setting that holds a token's claims, as PostgREST sets it: it names the tenant as its column does. Where each user is
 * a tenant, it is the subject.
 */
function claims(tenant: string, columns: readonly string[]): string {
  return JSON.stringify({ sub: tenant, ...Object.fromEntries(columns.map((name) => [name, tenant])) });
}
