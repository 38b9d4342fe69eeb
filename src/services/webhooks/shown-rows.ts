/** Rows of the tenant in the form of the API, with what somebody with certain permissions may read, outside of a request. */
import type { GraphQLSchema } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Guards } from '../../kernel/access/guards.js';
import { readableFields } from '../../kernel/access/readable-fields.js';
import type { RecordedColumns } from '../../kernel/access/recorded-columns.js';
import type { ScopedModel } from '../../kernel/tenancy/data-model.js';
import type { TenantClient } from '../../kernel/tenancy/tenant-client.js';
import { isId } from '../../kernel/vocabulary/id.js';
import type { Permission, RoleMatrix } from '../../kernel/vocabulary/permissions.js';

declare module '../../kernel/graphql/module.js' {
  interface ServerParts {
    readonly rows: ShownRows;
  }
}

export interface ShownRowsParts {
  readonly schema: GraphQLSchema;
  readonly guards: Guards;
  readonly recorded: RecordedColumns;
  readonly roles: RoleMatrix;
  readonly models: ReadonlyMap<string, ScopedModel>;
}

/** A row; or why there is none: it does not exist any more, or nothing of it may be read. */
export type ShownRow =
  { readonly row: Record<string, unknown> } | { readonly missing: 'deleted' | 'forbidden' };

type FindUnique = (args: { readonly where: object }) => Promise<object | null>;

/** How many sets of permissions the readable fields are kept for. */
const MOST_KEPT = 100;

export class ShownRows {
  readonly #parts: ShownRowsParts;
  readonly #readable = new LRUCache<string, ReadonlySet<string>>({ max: MOST_KEPT });

  constructor(parts: ShownRowsParts) {
    this.#parts = parts;
  }

  get roles(): RoleMatrix {
    return this.#parts.roles;
  }

  get recorded(): RecordedColumns {
    return this.#parts.recorded;
  }

  /**
   * The row as it is now, with the names, ids and enums of the API.
   *
   * @param entity as the audit log calls it
   */
  async read(
    db: TenantClient,
    { entity, entityId }: { readonly entity: string | null; readonly entityId: string | null },
    permissions: ReadonlySet<Permission>,
  ): Promise<ShownRow> {
    const { models, recorded } = this.#parts;
    const model = entity === null ? undefined : models.get(entity);
    if (!model || entity === null || entityId === null || !isId(entityId)) return { missing: 'forbidden' };
    const delegate = (db as unknown as Readonly<Record<string, { findUnique: FindUnique }>>)[model.property]!;
    const where = model.tenantField === 'id' ? { id: entityId } : db.key(entityId);
    const found = await delegate.findUnique({ where });
    if (!found) return { missing: 'deleted' };
    const values = recordedForm(found as Readonly<Record<string, unknown>>, model);
    const readable = this.#readableBy(permissions);
    const row = recorded.visible(values, { entity, models, permissions, readable });
    return Object.keys(row).length === 0 ? { missing: 'forbidden' } : { row };
  }

  #readableBy(permissions: ReadonlySet<Permission>): ReadonlySet<string> {
    const key = [...permissions].sort().join(' ');
    const known = this.#readable.get(key);
    if (known) return known;
    const found = readableFields(this.#parts.schema, this.#parts.guards, permissions);
    this.#readable.set(key, found);
    return found;
  }
}

/** A row by its columns and as JSON, as the audit log has it. */
const recordedForm = (row: Readonly<Record<string, unknown>>, model: ScopedModel): Record<string, unknown> =>
  Object.fromEntries(
    [...model.columns.values()].map(({ field, column }) => {
      const value = row[field];
      if (value instanceof Date) return [column, Number.isNaN(value.getTime()) ? null : value.toISOString()];
      return [column, typeof value === 'bigint' ? value.toString() : value];
    }),
  );
