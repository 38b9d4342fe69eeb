/**
 * Decides who may see which columns of rows in the audit log. The log has database names; guards belong to fields of
 * the schema. A column is shown to callers who may read its field, and a column without a known field to nobody.
 */
import { isObjectType, type GraphQLObjectType, type GraphQLSchema } from 'graphql';
import type { ScopedModel } from '../tenancy/data-model.js';
import type { Guards } from './guards.js';
import type { Permission } from '../vocabulary/permissions.js';
import { isSecretField } from './schema-types.js';
import { namesSecret } from './secret-names.js';

/** A module's mapping of an entity of the audit log, when the names differ. */
export interface RecordedEntity {
  /** The GraphQL type of its rows. Default: the one with the name of the Prisma model. */
  readonly type?: string;
  /**
   * By database column: the field of the type whose guard applies, if it has another name; or the permission to see it
   * in the audit log: `{ salary_cents: 'pay', internal_note: 'audit:read' }`.
   */
  readonly columns?: Readonly<Record<string, string>>;
}

export type RecordedEntities = Readonly<Record<string, RecordedEntity>>;

type Models = ReadonlyMap<string, ScopedModel>;
type Columns = ReadonlyMap<string, ColumnGuard>;

/** The coordinate of the field whose guard applies, or a permission. */
type ColumnGuard = { readonly field: string } | { readonly permission: Permission };

const NOTHING: Columns = new Map();

export interface RecordedColumnsParts {
  readonly schema: GraphQLSchema;
  readonly guards: Guards;
  readonly permissions: readonly Permission[];
  /** The fields with rules that look at data, which cannot be evaluated for a past row. */
  readonly fieldsWithRules: ReadonlySet<string>;
  readonly declared: RecordedEntities;
}

export class RecordedColumns {
  readonly #parts: RecordedColumnsParts;
  readonly #known = new WeakMap<Models, Map<string, Columns>>();

  /** @throws Error when a module names a type, a field or a permission that does not exist */
  constructor(parts: RecordedColumnsParts) {
    this.#parts = parts;
    for (const entity of Object.keys(parts.declared)) this.#refuseUnknown(entity);
  }

  /**
   * A recorded row without the columns that the viewer may not read.
   *
   * @param models the data model of the row's database
   * @param readable the fields that the viewer may read
   */
  visible(
    row: object,
    {
      entity,
      models,
      readable,
      permissions,
    }: {
      readonly entity: string;
      readonly models: Models;
      readonly readable: ReadonlySet<string>;
      readonly permissions: ReadonlySet<Permission>;
    },
  ): Record<string, unknown> {
    const columns = this.#columnsOf(models, entity);
    const isVisible = ([column]: [string, unknown]) => {
      const guard = columns.get(column);
      if (!guard) return false;
      return 'field' in guard ? readable.has(guard.field) : permissions.has(guard.permission);
    };
    return Object.fromEntries(Object.entries(row).filter(isVisible));
  }

  #columnsOf(models: Models, entity: string): Columns {
    const known = this.#known.get(models) ?? new Map<string, Columns>();
    this.#known.set(models, known);
    const columns = known.get(entity) ?? this.#readColumns(models, entity);
    // These are usually names that the database recorded, but record_audit accepts any name.
    if (columns !== NOTHING) known.set(entity, columns);
    return columns;
  }

  #readColumns(models: Models, entity: string): Columns {
    const model = modelOf(models, entity);
    const type = this.#typeOf(entity, model);
    const { columns: declared = {} } = this.#declaration(entity);
    const columns = new Map<string, ColumnGuard>();
    for (const { field, column } of model?.columns.values() ?? []) {
      if (!namesSecret(field)) this.#add(columns, column, type && fieldGuard(type, field));
    }
    for (const [column, by] of Object.entries(declared)) {
      columns.delete(column);
      this.#add(columns, column, isPermission(by) ? { permission: by } : type && fieldGuard(type, by));
    }
    return columns.size === 0 ? NOTHING : columns;
  }

  #add(columns: Map<string, ColumnGuard>, column: string, guard: ColumnGuard | undefined): void {
    if (!guard || namesSecret(column)) return;
    if ('field' in guard && this.#parts.fieldsWithRules.has(guard.field)) return;
    columns.set(column, guard);
  }

  #typeOf(entity: string, model?: ScopedModel): GraphQLObjectType | undefined {
    const type = this.#parts.schema.getType(this.#declaration(entity).type ?? model?.name ?? entity);
    return isObjectType(type) ? type : undefined;
  }

  #declaration(entity: string): RecordedEntity {
    const { declared } = this.#parts;
    return Object.hasOwn(declared, entity) ? declared[entity]! : {};
  }

  #refuseUnknown(entity: string): void {
    const { permissions } = this.#parts;
    const { type: named, columns = {} } = this.#declaration(entity);
    const type = this.#typeOf(entity);
    if (named !== undefined && !type)
      throw new Error(`the audit log's ${entity}: ${named} is no object type`);
    for (const [column, by] of Object.entries(columns)) {
      const isKnown = isPermission(by) ? permissions.includes(by) : type?.getFields()[by] !== undefined;
      if (isKnown) continue;
      throw new Error(
        `the audit log's ${entity}.${column}: ${by} is neither a field of its type nor a permission`,
      );
    }
  }
}

const isPermission = (name: string): name is Permission => name.includes(':');

function fieldGuard(type: GraphQLObjectType, name: string): ColumnGuard | undefined {
  const field = type.getFields()[name];
  return field && !isSecretField(field) ? { field: `${type.name}.${name}` } : undefined;
}

/**
 * The model of an entity: the one with its name, or the one whose table gave it the name, by the rule of
 * `tenantry.protect`. Undefined when two match.
 */
function modelOf(models: Models, entity: string): ScopedModel | undefined {
  const named = models.get(entity);
  const byTable = [...models.values()].filter((model) => entityOfTable(model.tableName) === entity);
  const all = new Set(named ? [named, ...byTable] : byTable);
  return all.size === 1 ? [...all][0] : undefined;
}

/** `line_items` → `LineItem`, the default name of `tenantry.protect`. */
const entityOfTable = (table: string): string =>
  (table.endsWith('ies') ? table.replace(/ies$/, 'y') : table.replace(/([^s])s$/, '$1'))
    .toLowerCase()
    .replace(/[a-z0-9]+/g, (word) => word.charAt(0).toUpperCase() + word.slice(1))
    .replaceAll('_', '');
