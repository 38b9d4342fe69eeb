/**
 * Decides which names mean the tenant. In source code a rule can only use the name of a variable, a key or a setting.
 * The names are the columns and settings of the audited database, and words that rarely mean anything else.
 */

export interface TenantNames {
  /** The database's tenant columns: `tenant_id`. */
  readonly columns: readonly string[];
  /** The settings with the tenant of a transaction: `app.current_tenant`. */
  readonly settings: readonly string[];
}

export interface TenantWords {
  /** Whether a name of the program (`tenantId`, `ctx.tenant.id`, `tenant_id`) means the tenant. */
  meansTenant(name: string): boolean;
  /** Whether a PostgreSQL setting has the tenant, or the user from whom policies derive it. */
  isTenantSetting(name: string): boolean;
}

const USUAL_COLUMNS = ['org_id', 'organization_id', 'organisation_id', 'workspace_id'];

/** Settings of extensions and drivers also have two-part names; these words distinguish a tenant's context. */
const CONTEXT = /tenant|org|workspace|account|company|customer|team|user|actor|claim|role|member|session/i;

/** Knows the names that mean the tenant: the usual ones, and those that are given. */
export function tenantWords({ columns, settings }: TenantNames): TenantWords {
  const plain = [...USUAL_COLUMNS, ...columns].map(plainName);
  const known = new Set(settings.map((name) => name.toLowerCase()));
  return {
    meansTenant: (name) =>
      name.split(/[^\w$]+/).some((part) => {
        const word = plainName(part);
        return word.includes('tenant') || plain.some((column) => word.endsWith(column));
      }),
    isTenantSetting: (name) => {
      const setting = name.toLowerCase();
      return known.has(setting) || (setting.includes('.') && CONTEXT.test(setting));
    },
  };
}

/** `tenant_id`, `tenantId` and `TENANT_ID` are one name. */
function plainName(name: string): string {
  return name.replaceAll(/[_$]/g, '').toLowerCase();
}
