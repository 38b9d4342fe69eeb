/** How the audited database binds a transaction to a tenant. */
import type { Catalog } from '../catalog.js';
import type { AuditSettings } from '../rule.js';
import type { Bind } from './session.js';

/** Whom a transaction of a Tenantry acts for: what its function `tenantry.bind` is told, and what is signed. */
export interface Context {
  readonly tenantId: string;
  readonly actor: { readonly type: 'system'; readonly id: string };
  readonly requestId: string;
}

/** Signs a context, for a Tenantry whose contexts are signed: with its key, which only its own command line knows. */
export type SignContext = (context: Context) => {
  /** Seconds since 1970, as text; null when contexts are not signed. */
  readonly expires: string | null;
  readonly signature: string | null;
};

const unsigned: SignContext = () => ({ expires: null, signature: null });

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
 * A setting that holds a token's claims, as PostgREST sets it: it names the tenant as its column does. Where each user is
 * a tenant, it is the subject.
 */
function claims(tenant: string, columns: readonly string[]): string {
  return JSON.stringify({ sub: tenant, ...Object.fromEntries(columns.map((name) => [name, tenant])) });
}
