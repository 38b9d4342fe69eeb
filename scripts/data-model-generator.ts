/**
 * A generator for `prisma generate`: writes src/generated/data-model/index.ts, the facts of the Prisma models that the
 * server, its tests and `tenantry module new` need and the Prisma client does not have at run time.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import helper from '@prisma/generator-helper';
import type { DMMF } from '@prisma/generator-helper';
import { sharedFormOf, type FieldInfo, type ModelInfo } from '../src/kernel/vocabulary/data-model.js';

/** The functions of `@default` that Prisma evaluates. The others are also defaults of the database's column. */
const MADE_BY_PRISMA = new Set(['uuid', 'cuid', 'ulid', 'nanoid']);

helper.generatorHandler({
  onManifest: () => ({ prettyName: 'data model', defaultOutput: '../src/generated/data-model/index.ts' }),
  onGenerate: async ({ dmmf: { datamodel }, generator: { output }, schemaPath }) => {
    const file = output?.value;
    if (file == null) throw new Error('the generator of the data model has no output');
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, print(datamodel, await platformModels(schemaPath)));
  },
});

/** The models of platform.prisma, if there is one. The facts of a model do not say in which file it is. */
async function platformModels(schemaPath: string): Promise<ReadonlySet<string>> {
  const folder = (await stat(schemaPath)).isDirectory() ? schemaPath : dirname(schemaPath);
  const file = join(folder, 'platform.prisma');
  const text = existsSync(file) ? await readFile(file, 'utf8') : '';
  return new Set([...text.matchAll(/^model\s+(\w+)/gm)].map(([, name = '']) => name));
}

function print({ models, enums, indexes }: DMMF.Datamodel, platform: ReadonlySet<string>): string {
  const modelInfos = Object.fromEntries(
    models.map((model) => [
      model.name,
      modelOf(
        model,
        indexes.filter((index) => index.model === model.name),
        enums,
        platform.has(model.name),
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
`;
}

function modelOf(
  model: DMMF.Model,
  indexes: readonly DMMF.Index[],
  enums: readonly DMMF.DatamodelEnum[],
  isOfPlatform: boolean,
): ModelInfo {
  const shared = sharedFormOf(model.documentation);
  const keys = [model.primaryKey, ...model.uniqueIndexes].filter((key) => key !== null);
  return {
    schema: model.schema ?? 'public',
    table: model.dbName ?? model.name,
    ...(shared !== undefined && { shared }),
    ...(isOfPlatform && { isOfPlatform }),
    fields: Object.fromEntries(model.fields.map((field) => [field.name, fieldOf(field, enums)])),
    keys: keys.map(({ name, fields }) => ({ ...(name != null && { name }), fields: [...fields] })),
    indexes: indexes
      .filter(({ type }) => type === 'normal')
      .map(({ fields }) => fields.map(({ name }) => name)),
  };
}

function fieldOf(field: DMMF.Field, enums: readonly DMMF.DatamodelEnum[]): FieldInfo {
  const { name, kind, type, isRequired, isList, isId, isUnique, dbName, nativeType, documentation } = field;
  const [native, parameters] = nativeType ?? [];
  const byDefault = defaultOf(field);
  const values = kind === 'enum' ? enums.find((each) => each.name === type)?.values : undefined;
  const isMapped = values?.some((value) => value.dbName != null && value.dbName !== value.name);
  return {
    type,
    ...(kind === 'enum' && { isEnum: true }),
    ...(values && isMapped === false && { values: values.map((value) => value.name) }),
    ...(!isRequired && { isNullable: true }),
    ...(isList && { isList: true }),
    ...((isId || isUnique) && { isUnique: true }),
    ...(kind === 'object'
      ? { relation: { fields: field.relationFromFields ?? [], references: field.relationToFields ?? [] } }
      : { column: dbName ?? name }),
    ...(native !== undefined && { native: [native, ...(parameters ?? [])] }),
    ...(byDefault !== undefined && { byDefault }),
    ...(documentation !== undefined && { documentation }),
  };
}

function defaultOf({ isUpdatedAt, hasDefaultValue, default: value }: DMMF.Field): FieldInfo['byDefault'] {
  if (isUpdatedAt === true) return 'time';
  if (!hasDefaultValue) return undefined;
  if (typeof value !== 'object' || !('name' in value)) return 'value';
  if (value.name === 'now') return 'time';
  return MADE_BY_PRISMA.has(value.name) ? 'prisma' : 'database';
}
