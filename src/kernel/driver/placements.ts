/**
 * Which tenants have a schema of their own. The database says it: `tenantry.bind` refuses a transaction that names another
 * schema than its tenant has, before anything else is executed. What a refusal tells is kept here, and the transaction is
 * begun again. So a server that has no such tenants keeps nothing, and sends nothing for them.
 */
import { LRUCache } from 'lru-cache';
import { OWN_SCHEMA, schemaOf } from '../database/schemas/own-schema.js';
import { sqlState } from '../vocabulary/sql-state.js';

/** The SQLSTATE of a transaction that names no schema, though its tenant has one. */
const HAS_A_SCHEMA = 'TE004';
/** The SQLSTATE of a transaction that names a schema that its tenant does not have. */
const HAS_NO_SCHEMA = 'TE005';

/**
 * The tenants of one database that have a schema of their own, as far as is known. Another database can have the same tenant
 * elsewhere: after a move, or when it was imported there.
 */
export class Placements {
  /** A tenant that is forgotten costs one refused transaction. */
  readonly #known = new LRUCache<string, string>({ max: 10_000 });

  /** The schema of the tenant; undefined for a tenant in the tables of all, as far as is known. */
  schemaOf(tenantId: string): string | undefined {
    return this.#known.size === 0 ? undefined : this.#known.get(tenantId);
  }

  /** Must be called with each failure of a transaction of the tenant. */
  notice(error: unknown, tenantId: string): void {
    const state = sqlState(error);
    if (state === HAS_A_SCHEMA) this.#known.set(tenantId, schemaOf(tenantId));
    else if (state === HAS_NO_SCHEMA) this.#known.delete(tenantId);
  }
}

/** Whether the transaction was refused at its beginning, for its schema. A second try names the one that was told. */
export function isMisplaced(error: unknown): boolean {
  const state = sqlState(error);
  return state === HAS_A_SCHEMA || state === HAS_NO_SCHEMA;
}

/** The index of the schema in the arguments of `tenantry.bind`. */
const SCHEMA = 8;

/** The schema that the values of a binding name. The binding of another tenant's transaction has a trace there, or nothing. */
export function schemaOfBinding(values: readonly unknown[]): string | undefined {
  const value = values[SCHEMA];
  return typeof value === 'string' && OWN_SCHEMA.test(value) ? value : undefined;
}
