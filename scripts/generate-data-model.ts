/**
 * A generator of Prisma's: `prisma generate` runs it and gives it the data model (DMMF). Writes what the tenant filter and plain
 * statements need to know of the models to src/generated/data-model/models.ts.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import helper, { type DMMF } from '@prisma/generator-helper';
import type { ModelDescription } from '../src/kernel/tenancy/data-model.js';

/** Functions of `@default` that Prisma evaluates itself. The others are defaults of the database's column as well. */
const MADE_BY_PRISMA = new Set(['uuid', 'cuid', 'ulid', 'nanoid']);

helper.generatorHandler({
  onManifest: () => ({ prettyName: 'the data model of the tenant filter', defaultOutput: 'models.ts' }),
  onGenerate: async ({ dmmf, generator }) => {
    const file = generator.output?.value;
    if (!file) throw new Error('the generator has no output');
    const models = dmmf.datamodel.models.map(descriptionOf);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(
      file,
      '/** Written by scripts/generate-data-model.ts. */\n' +
        `export const MODELS = ${JSON.stringify(models, null, 2)} as const;\n`,
    );
  },
});

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
