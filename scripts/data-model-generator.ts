/**
 * A generator for `prisma generate`: writes src/generated/data-model/index.ts, the facts of the Prisma models that the
 * server, its tests and `tenantry module new` need and the Prisma client does not have at run time.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import helper from '@prisma/generator-helper';
import type { DMMF } from '@prisma/generator-helper';
import type { ModelDescription } from '../src/kernel/tenancy/data-model.js';
import type { FieldInfo, ModelInfo } from '../src/kernel/vocabulary/data-model.js';

/** The functions of `@default` that Prisma evaluates. The others are also defaults of the database's column. */
const MADE_BY_PRISMA = new Set(['uuid', 'cuid', 'ulid', 'nanoid']);

helper.generatorHandler({
  onManifest: () => ({ prettyName: 'data model', defaultOutput: '../src/generated/data-model/index.ts' }),
  onGenerate: async ({ dmmf: { datamodel }, generator: { output } }) => {
    const file = output?.value;
    if (file == null) throw new Error('the generator of the data model has no output');
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, print(datamodel));
  },
});

function print({ models, enums, indexes }: DMMF.Datamodel): string {
  const modelInfos = Object.fromEntries(
    models.map((model) => [
      model.name,
      modelOf(
        model,
        indexes.filter((index) => index.model === model.name),
      ),
    ]),
  );
  const enumInfos = Object.fromEntries(
    enums.map(({ name, values }) => [name, values.map((value) => value.name)]),
  );
  return `/** Generated from the Prisma models by \`npm run generate\`. Do not edit. */

/** The models, by name. */
export const MODELS = ${JSON.stringify(modelInfos, undefined, 2)} as const;

/** The values of the enums, by name, in the order they are declared in. */
export const ENUMS = ${JSON.stringify(enumInfos, undefined, 2)} as const;

/** What the tenant filter and plain statements need to know of the models. */
export const DESCRIPTIONS = ${JSON.stringify(models.map(descriptionOf), undefined, 2)} as const;
`;
}

function modelOf(model: DMMF.Model, indexes: readonly DMMF.Index[]): ModelInfo {
  const keys = [...(model.primaryKey ? [model.primaryKey.fields] : []), ...model.uniqueFields];
  return {
    table: model.dbName ?? model.name,
    fields: Object.fromEntries(model.fields.map((field) => [field.name, fieldOf(field)])),
    keys,
    indexes: indexes
      .filter(({ type }) => type === 'normal')
      .map(({ fields }) => fields.map(({ name }) => name)),
  };
}

function fieldOf(field: DMMF.Field): FieldInfo {
  const { name, kind, type, isRequired, isList, dbName, nativeType, documentation } = field;
  const [native, parameters] = nativeType ?? [];
  return {
    type,
    ...(kind === 'enum' && { isEnum: true }),
    ...(!isRequired && { isNullable: true }),
    ...(isList && { isList: true }),
    ...(kind === 'object'
      ? { relation: { fields: field.relationFromFields ?? [], references: field.relationToFields ?? [] } }
      : { column: dbName ?? name }),
    ...(native !== undefined && { native: [native, ...(parameters ?? [])] }),
    ...(madeBy(field) !== undefined && { byDefault: madeBy(field)! }),
    ...(documentation !== undefined && { documentation }),
  };
}

/**
 * `value` for a constant in the schema, which a caller may override; `made` for a value that the database or Prisma
 * creates.
 */
function madeBy({ isUpdatedAt, hasDefaultValue, default: value }: DMMF.Field): FieldInfo['byDefault'] {
  if (isUpdatedAt === true) return 'made';
  if (!hasDefaultValue) return undefined;
  return typeof value === 'object' && !Array.isArray(value) ? 'made' : 'value';
}

function descriptionOf({
  name,
  dbName,
  schema,
  fields,
  primaryKey,
  uniqueIndexes,
}: DMMF.Model): ModelDescription {
  return {
    name,
    schema: schema ?? 'public',
    table: dbName ?? name,
    columns: fields
      .filter(({ kind }) => kind !== 'object')
      .map((field) => ({
        field: field.name,
        column: field.dbName ?? field.name,
        type: field.isList ? `${field.type}[]` : field.type,
        byDefault: defaultOf(field),
        isNullable: !field.isRequired,
      })),
    relations: fields
      .filter(({ kind }) => kind === 'object')
      .map((field) => ({ field: field.name, model: field.type })),
    keys: [
      ...fields.filter(({ isId, isUnique }) => isId || isUnique).map((field) => [field.name]),
      ...[primaryKey, ...uniqueIndexes].flatMap((key) => (key && key.name == null ? [[...key.fields]] : [])),
    ],
  };
}

function defaultOf(field: DMMF.Field): ModelDescription['columns'][number]['byDefault'] {
  const made = typeof field.default === 'object' && 'name' in field.default ? field.default.name : undefined;
  if (made !== undefined && MADE_BY_PRISMA.has(made)) return 'prisma';
  if (field.isUpdatedAt || made === 'now') return 'time';
  return !field.isRequired || field.isList || field.hasDefaultValue ? 'database' : 'prisma';
}
