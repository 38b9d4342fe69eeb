/** Writes a module into a checkout, completely or not at all. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { buildSchema } from 'graphql';
import { developmentPackage } from '../../kernel/config/development-package.js';
import { createMigration } from '../../kernel/database/migration/migrations.js';
import type { ModelInfo } from '../../kernel/vocabulary/data-model.js';
import { namesSecret } from '../../kernel/access/secret-names.js';
import { kindOf } from '../../kernel/graphql/sort-key.js';
import { auditFindings } from '../audit-findings.js';
import { viewOf } from './contract.js';
import { FileChanges } from './file-changes.js';
import { ModuleError } from './module-error.js';
import { printIndex, printSeed, printTest } from './other-code.js';
import { planModule, type ModulePlan } from './plan.js';
import { addOtherSides, findModel } from './prisma-files.js';
import { register } from './registration.js';
import { printResolvers } from './resolver-code.js';
import { printSdl } from './sdl.js';

/** The folders of src that cannot contain modules. */
const TAKEN = ['kernel', 'services', 'http', 'cli', 'generated', 'schema'];

/** What Prisma generates from the models; `npm run generate` writes the rest of src/generated. */
const GENERATED = ['src/generated/prisma', 'src/generated/data-model'];

export interface WrittenModule {
  /** The paths of new files, relative to the root of the checkout. */
  readonly written: readonly string[];
  /** Changed files and folders. */
  readonly changed: readonly string[];
  /** The fields that the API does not show, each with the reason. */
  readonly leftOut: readonly string[];
}

/**
 * Writes the migration, the module and its test, adds the opposite fields of the model’s relations, and registers the
 * module.
 *
 * @param root the folder of the checkout
 * @param ownerUrl the database for the migration; undefined writes no migration
 * @param options with `hasQuota`, plans can limit the number of rows
 * @throws ModuleError, MigrationError when the module cannot be written; only generated files remain then
 */
export async function writeModule(
  root: string,
  model: string,
  ownerUrl: string | undefined,
  { hasQuota = false }: { readonly hasQuota?: boolean } = {},
): Promise<WrittenModule> {
  if (!/^[A-Z][A-Za-z0-9]*$/.test(model))
    throw new ModuleError(`"${model}" is no name of a model, such as Invoice.`);
  const prismaFolder = join(root, 'prisma');
  const { area } = await findModel(prismaFolder, model);
  if (TAKEN.includes(area)) {
    throw new ModuleError(
      `prisma/${area}.prisma names no domain: move ${model} to a file of its own, such as prisma/billing.prisma.`,
    );
  }
  const format = await formatter(root);
  const name = `${model.charAt(0).toLowerCase()}${model.slice(1)}`;
  const table = /@@map\("([a-z]\w*)"\)/.exec(
    (await findModel(prismaFolder, model)).content.split(`model ${model} `)[1] ?? '',
  )?.[1];
  const field =
    table?.replace(/_+([a-z\d])/g, (_match, letter: string) => letter.toUpperCase()) ?? `${name}s`;
  const changes = new FileChanges();
  try {
    const added = await addOtherSides(prismaFolder, model, field, changes);
    const plan = planModule({ ...(await readInput(root, model, area)), hasQuota });
    const files = filesOf(plan);
    for (const file of Object.keys(files)) {
      if (existsSync(join(root, file))) throw new ModuleError(`${file} already exists.`);
    }
    const registered = await register(root, plan, changes);
    for (const [file, text] of Object.entries(files)) {
      await changes.write(join(root, file), await format(file, text));
    }
    const migration =
      ownerUrl === undefined ? undefined : await migrationOf(prismaFolder, plan, ownerUrl, changes);
    return {
      written: [...(migration === undefined ? [] : [relative(root, migration)]), ...Object.keys(files)],
      changed: [...added.map((side) => `prisma (${side})`), ...registered, ...GENERATED],
      leftOut: plan.leftOut,
    };
  } catch (error) {
    await changes.undo();
    throw error;
  }
}

/** Reads the data model with Prisma, and the existing GraphQL schema. */
async function readInput(root: string, model: string, area: string) {
  const prisma = join(root, 'node_modules/prisma-cli/build/index.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [prisma, 'generate'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new ModuleError(`Prisma does not take the models: ${(stderr + stdout).trim()}`);
  // This process has loaded the data model without the new model.
  const file = pathToFileURL(join(root, 'src/generated/data-model/index.ts')).href;
  const { MODELS, ENUMS } = (await import(`${file}?of=${model}`)) as {
    MODELS: Readonly<Record<string, ModelInfo>>;
    ENUMS: Readonly<Record<string, readonly string[]>>;
  };
  const contract = viewOf(buildSchema(await readFile(join(root, 'schema.graphql'), 'utf8')));
  return { model, area, models: MODELS, enums: ENUMS, contract, kindOf, namesSecret };
}

function filesOf(plan: ModulePlan): Record<string, string> {
  const { area, file } = plan;
  const folder = `src/${area}/${file}`;
  return {
    [`${folder}/${file}.graphql`]: printSdl(plan),
    [`${folder}/${file}.resolvers.ts`]: printResolvers(plan),
    [`${folder}/${file}.seed.ts`]: printSeed(plan),
    [`${folder}/index.ts`]: printIndex(plan),
    [`test/${area}/${file}.test.ts`]: printTest(plan),
  };
}

/** @returns the path of the new migration.sql; undefined when the migrations already have the model */
async function migrationOf(
  prismaFolder: string,
  { info, many, resource, hasVersion, hasQuota, columns }: ModulePlan,
  ownerUrl: string,
  changes: FileChanges,
): Promise<string | undefined> {
  const hasTimes = columns.some(({ isGiven, type }) => isGiven && (type === 'Date' || type === 'DateTime'));
  const lines = [
    ...(hasVersion
      ? [
          '-- The column version grows by one with each change.',
          `SELECT tenantry.count_versions('${info.table}');`,
        ]
      : []),
    ...(hasTimes
      ? ['-- Clients choose times: none may be infinite.', `SELECT tenantry.check_times('${info.table}');`]
      : []),
    ...(hasQuota
      ? [
          '-- Rows are counted, and limited by the quotas of plans.',
          `SELECT tenantry.limit_rows('${info.table}', '${many}');`,
        ]
      : []),
    '-- Changes are announced to subscriptions.',
    `SELECT tenantry.publish('${info.table}');`,
  ];
  const created = await createMigration(`add_${resource}`, ownerUrl, prismaFolder, {
    complete: (script) =>
      script.includes(`tenantry.protect('${info.table}'`) ? `${script}\n${lines.join('\n')}\n` : script,
    inspect: auditFindings,
  });
  if (!created) return undefined;
  changes.created(created.directory);
  return join(created.directory, 'migration.sql');
}

/** Formats code with the checkout's settings. */
async function formatter(root: string): Promise<(file: string, text: string) => Promise<string>> {
  const prettier = await developmentPackage(
    import('prettier'),
    'module writes code into a checkout and is not installed with the server: run it in a checkout, after `npm ci` without --omit=dev.',
  );
  return async (file, text) => {
    const filepath = join(root, file);
    return prettier.format(text, { ...(await prettier.resolveConfig(filepath)), filepath });
  };
}
