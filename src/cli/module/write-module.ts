/** Writes a module into a checkout, completely or not at all. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { buildSchema } from 'graphql';
import type pg from 'pg';
import { developmentPackage } from '../../kernel/config/development-package.js';
import { createMigration } from '../../kernel/database/migration/migrations.js';
import { literal, nameOf } from '../../kernel/database/migration/script.js';
import type { ModelInfo } from '../../kernel/vocabulary/data-model.js';
import { namesSecret } from '../../kernel/access/secret-names.js';
import { kindOf } from '../../kernel/graphql/sort-key.js';
import { auditFindings } from '../audit-findings.js';
import { viewOf } from './contract.js';
import { FileChanges } from './file-changes.js';
import { ModuleError } from './module-error.js';
import { printIndex, printSeed, printTest } from './other-code.js';
import { planModule, type ModulePlan, type PlanInput } from './plan.js';
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
 * @param options with `hasQuota`, plans can limit the number of rows; `without` are the related models that the API does
 * not show
 * @throws ModuleError, MigrationError when the module cannot be written; only generated files remain then
 */
export async function writeModule(
  root: string,
  model: string,
  ownerUrl: string | undefined,
  options: Pick<PlanInput, 'hasQuota' | 'without'> = {},
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
  const changes = new FileChanges();
  try {
    const added = await addOtherSides(prismaFolder, changes);
    const plan = planModule({ ...(await readInput(root, model, area)), ...options });
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

/** Reads the data model with Prisma, and the schema of the installed modules. */
async function readInput(root: string, model: string, area: string) {
  const generated = run(root, [join(root, 'node_modules/prisma-cli/build/index.js'), 'generate']);
  if (generated.status !== 0) throw new ModuleError(`Prisma does not take the models: ${generated.told}`);
  // This process has loaded the data model without the new model.
  const file = pathToFileURL(join(root, 'src/generated/data-model/index.ts')).href;
  const { MODELS, ENUMS } = (await import(`${file}?of=${model}`)) as {
    MODELS: Readonly<Record<string, ModelInfo>>;
    ENUMS: Readonly<Record<string, readonly string[]>>;
  };
  // The modules as they are now: schema.graphql is as old as the last `npm run generate`.
  const schema = run(root, ['--import', 'tsx', 'src/cli/main.ts', 'schema']);
  if (schema.status !== 0)
    throw new ModuleError(`The modules in src/modules.ts make no schema. Correct them first: ${schema.told}`);
  const contract = viewOf(buildSchema(schema.stdout));
  return { model, area, models: MODELS, enums: ENUMS, contract, kindOf, namesSecret };
}

/** Runs a program of Node in the checkout. `told` is what it says of a failure. */
function run(root: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, NO_COLOR: '1' },
  });
  return { status, stdout, told: stripVTControlCharacters((stderr + stdout).trim()) };
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

/** @returns the path of the new migration.sql; undefined when the migrations already have all of the model */
async function migrationOf(
  prismaFolder: string,
  plan: ModulePlan,
  ownerUrl: string,
  changes: FileChanges,
): Promise<string | undefined> {
  const created = await createMigration(`add_${plan.resource}`, ownerUrl, prismaFolder, {
    additions: (client) => missingStatements(client, plan),
    inspect: auditFindings,
  });
  if (!created) return undefined;
  changes.created(created.directory);
  return join(created.directory, 'migration.sql');
}

/** What the module needs of its table and the Prisma models cannot say, as far as the table lacks it. */
async function missingStatements(client: pg.Client, plan: ModulePlan): Promise<string> {
  const { info, many, hasVersion, hasQuota, columns } = plan;
  const table = literal(
    nameOf({ schema: info.schema === 'public' ? undefined : info.schema, table: info.table }),
  );
  const hasTimes = columns.some(({ isGiven, type }) => isGiven && (type === 'Date' || type === 'DateTime'));
  const { rows } = await client.query<{ name: string }>(
    `SELECT tgname::text AS name FROM pg_trigger WHERE tgrelid = ${table}::regclass
     UNION SELECT conname::text FROM pg_constraint WHERE conrelid = ${table}::regclass`,
  );
  const has = new Set(rows.map(({ name }) => name));
  const parts: readonly (readonly [made: string, isNeeded: boolean, why: string, call: string])[] = [
    [
      'next_version',
      hasVersion,
      'The column version grows by one with each change.',
      `count_versions(${table})`,
    ],
    ['times_check', hasTimes, 'Clients choose times: none may be infinite.', `check_times(${table})`],
    [
      'count_added',
      hasQuota,
      'Rows are counted, and limited by the quotas of plans.',
      `limit_rows(${table}, ${literal(many)})`,
    ],
    ['publish', true, 'Changes are announced to subscriptions.', `publish(${table})`],
  ];
  return parts
    .filter(([made, isNeeded]) => isNeeded && !has.has(made))
    .map(([, , why, call]) => `-- ${why}\nSELECT tenantry.${call};\n`)
    .join('');
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
