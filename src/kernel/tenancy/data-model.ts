/**
 * The facts of the Prisma schema that the tenant filter needs: the column with a model's tenant, and the models that
 * nested writes reach. A model without a tenant is refused at the start, unless it declares that all tenants share it.
 */
import { escapeIdentifier } from 'pg';
import { MODELS } from '../../generated/data-model/index.js';
import { MigrationError } from '../database/migration-error.js';
import { scaleOf, type FieldInfo, type ModelInfo } from '../vocabulary/data-model.js';

/** A model, as the tenant filter and plain statements need it. */
export interface ScopedModel {
  readonly name: string;
  /** The property of the Prisma client: `auditEntry` for `AuditEntry`. */
  readonly property: string;
  /** `tenantId`; `id` for the model `Tenant`. Undefined for a model that all tenants share. */
  readonly tenantField: string | undefined;
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
  /** The fields of each unique key, by Prisma's name of the key: `tenantId_id`. Without keys that the schema names. */
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
  /** For an enum, but not for a list of them: its values, if the database has the same names for all of them. */
  readonly values?: ReadonlySet<string>;
  /** For a decimal: the digits behind the point that each value has. */
  readonly scale?: number;
  /** An enum with a value that the database calls otherwise. */
  readonly isMapped?: true;
  /** Selects the column under the name of the field. */
  readonly selected: string;
  /**
   * The source of the value when a new row is given none: the column's default, the current time, or Prisma, which
   * makes the value itself or reports that it is missing.
   */
  readonly byDefault: 'database' | 'time' | 'prisma';
  readonly isNullable: boolean;
}

/**
 * The models of the Prisma schema, by name.
 *
 * @throws MigrationError when a model has no tenant, and is not declared as shared
 */
export const scopedModels = (
  models: Readonly<Record<string, ModelInfo>> = MODELS,
): ReadonlyMap<string, ScopedModel> =>
  new Map(Object.entries(models).map(([name, model]) => [name, scoped(name, model)]));

function scoped(name: string, { schema, table, fields, keys, shared }: ModelInfo): ScopedModel {
  const columns = new Map<string, Column>();
  const relations = new Map<string, string>();
  for (const [field, info] of Object.entries(fields)) {
    if (info.column === undefined) relations.set(field, info.type);
    else columns.set(field, columnOf(field, info.column, info));
  }
  const expected = name === 'Tenant' ? 'id' : 'tenantId';
  const tenantField = columns.has(expected) ? expected : undefined;
  if (tenantField === undefined && shared === undefined) {
    throw new MigrationError(
      `The model ${name} has no ${expected}: every model belongs to a tenant, or declares with the line /// @shared that ` +
        'all tenants share it (docs/add-a-model.md).',
    );
  }
  const uniqueFields = Object.keys(fields).filter((field) => fields[field]!.isUnique);
  return {
    name,
    property: name.charAt(0).toLowerCase() + name.slice(1),
    tenantField,
    scalars: new Set(columns.keys()),
    relations,
    table: `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`,
    tableName: table,
    columns,
    allColumns: [...columns.values()].map(({ selected }) => selected).join(', '),
    keys: new Map([
      ...uniqueFields.map((field): [string, string[]] => [field, [field]]),
      ...keys
        .filter(({ name: given }) => given === undefined)
        .map((key): [string, readonly string[]] => [key.fields.join('_'), key.fields]),
    ]),
  };
}

function columnOf(field: string, column: string, info: FieldInfo): Column {
  const isNullable = info.isNullable === true;
  const scale = scaleOf(info);
  return {
    field,
    column,
    type: info.isList ? `${info.type}[]` : info.type,
    ...(info.values && !info.isList && { values: new Set(info.values) }),
    ...(scale !== undefined && { scale }),
    ...(info.isEnum && !info.values && { isMapped: true }),
    byDefault: sourceOf(info),
    isNullable,
    ...quoted(field, column, info),
  };
}

function sourceOf({ byDefault, isNullable, isList }: FieldInfo): Column['byDefault'] {
  if (byDefault === 'prisma' || byDefault === 'time') return byDefault;
  return byDefault !== undefined || isNullable || isList ? 'database' : 'prisma';
}

function quoted(field: string, column: string, info: FieldInfo): Pick<Column, 'name' | 'selected'> {
  const name = escapeIdentifier(column);
  // The type of an enum has another object id in each database, so its values are read as text.
  const value = info.values ? `${name}::text${info.isList ? '[]' : ''}` : name;
  return {
    name,
    selected: field === column && value === name ? name : `${value} AS ${escapeIdentifier(field)}`,
  };
}
