/**
 * The facts of the Prisma schema that the tenant filter needs: the column with a model's tenant, and the models that
 * nested writes reach. A model without a tenant is refused at the start.
 */
import { escapeIdentifier } from 'pg';
import { DESCRIPTIONS } from '../../generated/data-model/index.js';

/** A model, as the tenant filter and plain statements need it. */
export interface ScopedModel {
  readonly name: string;
  /** The property of the Prisma client: `auditEntry` for `AuditEntry`. */
  readonly property: string;
  /** `tenantId`; `id` for the model `Tenant`. */
  readonly tenantField: string;
  readonly scalars: ReadonlySet<string>;
  /** The name of the related model, by relation field. */
  readonly relations: ReadonlyMap<string, string>;
  /** The table with its schema, quoted for SQL. */
  readonly table: string;
  /** As the database calls it. */
  readonly tableName: string;
  /** The columns of the scalar fields, by field. */
  readonly columns: ReadonlyMap<string, Column>;
  /** The SELECT list of all columns. */
  readonly allColumns: string;
  /** The fields of each unique key, by Prisma's name of the key: `tenantId_id`. */
  readonly keys: ReadonlyMap<string, readonly string[]>;
}

/** The column of a scalar field. */
export interface Column {
  readonly field: string;
  /** As the database calls it. */
  readonly column: string;
  /** The database's name, quoted for SQL. */
  readonly name: string;
  /** Prisma's type: `String`, `DateTime`, …; a list is `String[]`. */
  readonly type: string;
  /** Selects the column under the name of the field. */
  readonly selected: string;
  /**
   * The source of the value when a new row is given none: the column's default, the current time, or Prisma, which
   * makes the value itself or reports that it is missing.
   */
  readonly byDefault: 'database' | 'time' | 'prisma';
  readonly isNullable: boolean;
}

/** A model, as scripts/data-model-generator.ts writes it. */
export interface ModelDescription {
  readonly name: string;
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly Omit<Column, 'name' | 'selected'>[];
  /** The relation fields, each with its related model. */
  readonly relations: readonly { readonly field: string; readonly model: string }[];
  /** The fields of each unique key. Keys that have a name in the Prisma schema are left out. */
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
