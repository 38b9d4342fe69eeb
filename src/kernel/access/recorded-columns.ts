/**
 * Shows rows of the audit log: which columns to whom, and in which form. The log has what the database calls them; guards
 * belong to fields of the schema. A column is shown to callers who may read its field, under the name of the field and in
 * its form, and a column without a known field to nobody.
 */
import { Decimal } from '@prisma/client/runtime/client';
import {
  getNamedType,
  isEnumType,
  isObjectType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import type { ScopedModel } from '../tenancy/data-model.js';
import type { Guards } from './guards.js';
import type { Permission } from '../vocabulary/permissions.js';
import { encodeId, idPrefix, isId } from '../vocabulary/id.js';
import { idTypeOf, isSecretField, nodeTypes } from './schema-types.js';
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
type Columns = ReadonlyMap<string, ShownColumn>;

interface ShownColumn {
  readonly guard: ColumnGuard;
  /** Its name in the answer. */
  readonly name: string;
  /** The recorded value as the field would answer it. */
  readonly form: (value: unknown) => unknown;
}

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

  /** The type of the API that the rows of an entity are objects of; undefined when they are no Nodes. */
  nodeOf(entity: string): string | undefined {
    const { schema } = this.#parts;
    const name = this.#declaration(entity).type ?? entity;
    return nodeTypes(schema).some((type) => type.name === name) ? name : undefined;
  }

  /** The entities whose rows have ids of the API with this prefix. */
  entitiesOf(prefix: string): string[] {
    const { schema, declared } = this.#parts;
    const entities = new Set([...nodeTypes(schema).map(({ name }) => name), ...Object.keys(declared)]);
    return [...entities].filter((entity) => {
      const type = this.nodeOf(entity);
      return type !== undefined && idPrefix(type) === prefix;
    });
  }

  /**
   * A recorded row as the viewer may read it: without the columns that the viewer may not read, with the names, ids, enums,
   * times and long numbers of the schema.
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
    const isVisible = ({ guard }: ShownColumn) =>
      'field' in guard ? readable.has(guard.field) : permissions.has(guard.permission);
    return Object.fromEntries(
      Object.entries(row as Readonly<Record<string, unknown>>).flatMap(([column, value]) => {
        const shown = columns.get(column);
        if (!shown || !isVisible(shown)) return [];
        return [[shown.name, shown.form(value)]];
      }),
    );
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
    const columns = new Map<string, ShownColumn>();
    const own = [...(model?.columns.values() ?? [])];
    for (const { field, column, scale } of own) {
      if (!namesSecret(field)) this.#add(columns, { column, name: field, type, by: field, scale });
    }
    for (const [column, by] of Object.entries(declared)) {
      columns.delete(column);
      // A field that has a column of its own lends its guard only.
      const isLent = isPermission(by) || own.some((each) => each.field === by && each.column !== column);
      const known = own.find((each) => each.column === column);
      const name = isLent ? (known?.field ?? camel(column)) : by;
      this.#add(columns, { column, name, type, by, columnType: known?.type, scale: known?.scale });
    }
    return columns.size === 0 ? NOTHING : columns;
  }

  #add(
    columns: Map<string, ShownColumn>,
    { column, name, type, by, columnType, scale }: DescribedColumn,
  ): void {
    if (namesSecret(column)) return;
    const guard = isPermission(by) ? { permission: by } : type && fieldGuard(type, by);
    if (!guard || ('field' in guard && this.#parts.fieldsWithRules.has(guard.field))) return;
    const field = type?.getFields()[name];
    const form =
      type && field ? formOf(type, field, scale) : (value: unknown) => formed(columnType, value, scale);
    columns.set(column, { guard, name, form });
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

interface DescribedColumn {
  readonly column: string;
  readonly name: string;
  readonly type: GraphQLObjectType | undefined;
  /** The field whose guard applies, or a permission. */
  readonly by: string;
  /** Prisma's type, for a column without a field of its own. */
  readonly columnType?: string | undefined;
  /** Of a decimal with a fixed number of digits behind the point. */
  readonly scale: number | undefined;
}

/** How a field answers what was recorded: ids with their type, enums by their names, times in UTC, BigInt as text. */
function formOf(
  parent: GraphQLObjectType,
  field: GraphQLField<unknown, unknown>,
  scale: number | undefined,
): (value: unknown) => unknown {
  const of = idTypeOf(parent, field);
  const type = getNamedType(field.type);
  const one = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(one);
    if (EXACT.has(type.name)) return formed(type.name, value, scale);
    if (typeof value !== 'string') return value;
    if (of !== undefined) return isId(value) ? encodeId(of, value) : value;
    // A value that the enum no longer has stays as it was.
    if (isEnumType(type)) return type.getValues().find((each) => each.value === value)?.name ?? value;
    return value;
  };
  return one;
}

/** The types with a form of their own: they have the same names in Prisma and in the API. */
const EXACT: ReadonlySet<string | undefined> = new Set(['DateTime', 'BigInt', 'Decimal']);

function formed(type: string | undefined, value: unknown, scale: number | undefined): unknown {
  if (!EXACT.has(type)) return value;
  return type === 'DateTime' ? inUtc(value) : inDigits(value, scale);
}

const DIGITS = /^-?\d+(\.\d+)?$/;

/** A recorded number as text. It is text already if JavaScript would round it (driver/exact-json.ts). */
function inDigits(recorded: unknown, scale: number | undefined): unknown {
  const isNumber = typeof recorded === 'number' || (typeof recorded === 'string' && DIGITS.test(recorded));
  if (!isNumber) return recorded;
  const number = new Decimal(recorded);
  // The column may have had more digits when this was recorded.
  return scale !== undefined && number.decimalPlaces() <= scale ? number.toFixed(scale) : number.toFixed();
}

function inUtc(recorded: unknown): unknown {
  if (typeof recorded !== 'string') return recorded;
  const time = new Date(recorded);
  return Number.isNaN(time.getTime()) ? recorded : time.toISOString();
}

const camel = (column: string): string =>
  column.replace(/_+([a-z\d])/g, (_match, letter: string) => letter.toUpperCase());

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
