/** The Prisma models as Prisma's own parser understands them. Only commands of a checkout read them. */
import type { DMMF } from '@prisma/generator-helper';
import type { SchemaContainer } from '@prisma/schema-engine-wasm';
import { developmentPackage } from '../../config/development-package.js';
import { sharedFormOf, type SharedForm } from '../../vocabulary/data-model.js';
import { MigrationError, messageOf } from '../migration-error.js';

/** A model or a view, by its database names. */
export interface Model {
  readonly name: string;
  /** Undefined where the Prisma schema names none, which means `public`. */
  readonly schema: string | undefined;
  readonly table: string;
  readonly columns: readonly Column[];
  /** The form in which all tenants share it; undefined for one that belongs to tenants. */
  readonly shared: SharedForm | undefined;
}

/** A column of a model. */
export interface Column {
  readonly name: string;
  /** Its type in SQL. */
  readonly type: string;
}

const NOT_INSTALLED =
  'New migrations are written in a checkout, with packages that are not installed with the server: run it after ' +
  '`npm ci` without --omit=dev.';

/**
 * The models and views of these files.
 *
 * @throws MigrationError when a file is in error; ConfigError where Prisma's parser is not installed
 */
export async function readModels(schema: readonly SchemaContainer[]): Promise<Model[]> {
  const { default: parser } = await developmentPackage(import('@prisma/prisma-schema-wasm'), NOT_INSTALLED);
  const { models, enums } = documentOf(parser, schema).datamodel;
  return models.map((model) => ({
    name: model.name,
    schema: model.schema ?? undefined,
    table: model.dbName ?? model.name,
    columns: model.fields
      .filter(({ kind }) => kind !== 'object')
      .map((field) => ({ name: field.dbName ?? field.name, type: typeOf(field, enums) })),
    shared: sharedFormOf(model.documentation),
  }));
}

/** Whether the rows of the model belong to tenants. */
export const hasTenant = ({ columns }: Model): boolean => columns.some(({ name }) => name === 'tenant_id');

/** The names of the models, by their tables. */
export const modelNames = async (schema: readonly SchemaContainer[]): Promise<Map<string, string>> =>
  new Map((await readModels(schema)).map(({ table, name }) => [table, name]));

function documentOf(
  parser: { get_dmmf: (input: string) => string },
  schema: readonly SchemaContainer[],
): DMMF.Document {
  const input = { prismaSchema: schema.map(({ path, content }) => [path, content]), noColor: true };
  try {
    return JSON.parse(parser.get_dmmf(JSON.stringify(input))) as DMMF.Document;
  } catch (error) {
    throw new MigrationError(`The Prisma models are in error: ${messageOf(error)}`, { cause: error });
  }
}

/** Where the model names no type of the database, Prisma chooses this one. */
const TYPES: Readonly<Record<string, string>> = {
  String: 'text',
  Boolean: 'boolean',
  Int: 'integer',
  BigInt: 'bigint',
  Float: 'double precision',
  Decimal: 'numeric',
  DateTime: 'timestamp(3)',
  Json: 'jsonb',
  Bytes: 'bytea',
};

function typeOf(
  { kind, type, nativeType, isList }: DMMF.Field,
  enums: readonly DMMF.DatamodelEnum[],
): string {
  const list = isList ? '[]' : '';
  if (kind === 'enum') return `"${enums.find(({ name }) => name === type)?.dbName ?? type}"${list}`;
  if (nativeType == null) return `${TYPES[type] ?? 'text'}${list}`;
  const [native, parameters] = nativeType;
  const name = native === 'DoublePrecision' ? 'double precision' : native.toLowerCase();
  return `${name}${parameters.length > 0 ? `(${parameters.join(', ')})` : ''}${list}`;
}
