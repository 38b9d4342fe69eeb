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
 * @param subjects by tenant, a user who is a member of this one only, where policies ask for memberships
 * @returns undefined when neither is known; then nothing can be probed
 */
export function findBinding(
  catalog: Catalog,
  { tenantSettings, tenantColumns }: AuditSettings,
  sign: SignContext = unsigned,
  subjects: ReadonlyMap<string, string> = new Map(),
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
      const subject = subjects.get(tenant) ?? tenant;
      const value = /claims$/i.test(name)
        ? claims(tenant, subject, tenantColumns)
        : OF_USERS.test(name)
          ? subject
          : tenant;
      await client.query('SELECT set_config($1, $2, true)', [name, value]);
    }
  };
}

/** Settings that carry a user: `app.user_id`, `request.jwt.claim.sub`. */
const OF_USERS = /(^|[._])(user|member|actor|subject|sub|uid|profile)(_?id)?$/i;

/**
 * The value of a setting with a token's claims, as in PostgREST: the tenant under the name of its column, and the
 * subject.
 */
function claims(tenant: string, subject: string, columns: readonly string[]): string {
  const named = Object.fromEntries(columns.map((name) => [name, tenant]));
  return JSON.stringify({ ...named, sub: subject, role: 'authenticated', app_metadata: named });
}
