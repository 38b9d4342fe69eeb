/**
 * What the application's filter needs to know of the Prisma schema: which column carries a model's tenant, and
 * where a nested write leads. A model without a tenant is unknown here, so that no query on it can be built.
 */
import { escapeIdentifier } from 'pg';
import { DESCRIPTIONS } from '../../generated/data-model/index.js';

/** A model as the tenant filter sees it. */
export interface ScopedModel {
  readonly name: string;
  /** The property of the Prisma client, `auditEntry` for `AuditEntry`. */
  readonly property: string;
  /** `tenantId`, or `id` for the tenants themselves. */
  readonly tenantField: string;
  readonly scalars: ReadonlySet<string>;
  /** Relation fields and the name of the model each leads to. */
  readonly relations: ReadonlyMap<string, string>;
  /** The table, quoted. */
  readonly table: string;
  /** As the database calls it. */
  readonly tableName: string;
  /** The columns that hold the scalar fields, by field. */
  readonly columns: ReadonlyMap<string, Column>;
  /** What selects all of them. */
  readonly allColumns: string;
  /** The fields of each key that finds one row, by the name that Prisma gives the key: `tenantId_id`. */
  readonly keys: ReadonlyMap<string, readonly string[]>;
}

/** Where a scalar field is kept. */
export interface Column {
  readonly field: string;
  /** As the database calls it. */
  readonly column: string;
  /** The same, quoted. */
  readonly name: string;
  /** Prisma's type: `String`, `DateTime`, …; of a list `String[]`. */
  readonly type: string;
  /** What selects it under the name of the field. */
  readonly selected: string;
  /**
   * What a new row gets when it is given none: what the database has for it, the time, or what Prisma has to say: a value that
   * only it can make, or that one is missing.
   */
  readonly byDefault: 'database' | 'time' | 'prisma';
  readonly isNullable: boolean;
}

/** A model as the generator writes it: scripts/data-model-generator.ts. */
export interface ModelDescription {
  readonly name: string;
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly Omit<Column, 'name' | 'selected'>[];
  /** Relation fields, and the model each leads to. */
  readonly relations: readonly { readonly field: string; readonly model: string }[];
  /** The fields of each key that finds one row. Keys with a name of their own are left out. */
  readonly keys: readonly (readonly string[])[];
}

/**
 * The models of the Prisma schema, by name.
 *
 * @throws Error when a model has no tenant
 */
export const scopedModels = (
  models: readonly ModelDescription[] = DESCRIPTIONS,
): ReadonlyMap<string, ScopedModel> => new Map(models.map((model) => [model.name, scoped(model)]));

function scoped({ name, schema, table, columns: described, relations, keys }: ModelDescription): ScopedModel {
  const columns = described.map((column) => ({ ...column, ...quoted(column) }));
  const scalars = new Set(columns.map(({ field }) => field));
  const tenantField = name === 'Tenant' ? 'id' : 'tenantId';
  if (!scalars.has(tenantField)) {
    throw new Error(`the model ${name} has no ${tenantField}: every model belongs to a tenant`);
  }
  return {
    name,
    property: name.charAt(0).toLowerCase() + name.slice(1),
    tenantField,
    scalars,
    relations: new Map(relations.map(({ field, model }) => [field, model])),
    table: `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`,
    tableName: table,
    columns: new Map(columns.map((column) => [column.field, column])),
    allColumns: columns.map(({ selected }) => selected).join(', '),
    keys: new Map(keys.map((fields) => [fields.join('_'), fields])),
  };
}

function quoted({ field, column }: Pick<Column, 'field' | 'column'>): Pick<Column, 'name' | 'selected'> {
  const name = escapeIdentifier(column);
  return { name, selected: field === column ? name : `${name} AS ${escapeIdentifier(field)}` };
}
