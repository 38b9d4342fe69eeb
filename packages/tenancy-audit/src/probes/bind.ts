/** Binds a transaction to a tenant in the way of the audited database. */
import type { Catalog } from '../catalog.js';
import type { AuditSettings } from '../rule.js';
import type { Bind } from './session.js';

/** The context of a Tenantry transaction: the arguments of `tenantry.bind`, which are signed. */
export interface Context {
  readonly tenantId: string;
  readonly actor: { readonly type: 'system'; readonly id: string };
  readonly requestId: string;
}

/** Signs a context for a Tenantry database with signed contexts. Only Tenantry's command line has the key. */
export type SignContext = (context: Context) => {
  /** Seconds since 1970, as text; null when contexts are unsigned. */
  readonly expires: string | null;
  readonly signature: string | null;
};

const unsigned: SignContext = () => ({ expires: null, signature: null });

const KERNEL_BIND = 'SELECT tenantry.bind($1::uuid, $2, $3, $4, 5000, true, $5, $6)';
const ACTOR = { type: 'system', id: 'tenantry audit' } as const;

/**
 * Uses `tenantry.bind` if it exists, else the settings that the policies read, for the transaction.
 *
 * @param sign for a Tenantry database with signed contexts
 * @returns undefined when neither is known; then nothing can be probed
 */
export function findBinding(
  catalog: Catalog,
  { tenantSettings, tenantColumns }: AuditSettings,
  sign: SignContext = unsigned,
): Bind | undefined {
  if (catalog.functions.some(({ schema, name }) => schema === 'tenantry' && name === 'bind')) {
    return async (client, tenantId) => {
      const context = { tenantId, actor: ACTOR, requestId: '' };
      const { expires, signature } = sign(context);
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
 * The value of a setting with a token's claims, as in PostgREST: the tenant under the name of its column. If each user
 * is a tenant, it is the subject.
 */
function claims(tenant: string, columns: readonly string[]): string {
  return JSON.stringify({ sub: tenant, ...Object.fromEntries(columns.map((name) => [name, tenant])) });
}
