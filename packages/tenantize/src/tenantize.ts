/**
 * Writes the migrations that make existing tables tenant-scoped while they are in use, in two parts: the first can be
 * undone, and old and new code run side by side; the second ends this. Changes no table itself.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type pg from 'pg';

import {
  type ForeignKey,
  type Table,
  neighboursOf,
  otherSchemas,
  readTables,
  takenNames,
} from './catalog.js';
import { contractSteps, unfinished } from './contract.js';
import { TenantizeError } from './error.js';
import { expandSteps, readPolicy } from './expand.js';
import {
  counterparts,
  isSameForeignKey,
  type Names,
  namesFor,
  replacedForeignKeys,
  scopedForeignKey,
} from './keys.js';
import { entityNames, modelChanges } from './models.js';
import type { Migration, Project } from './project.js';
import { refusals } from './refusals.js';
import { type RuleChoice, conversionsOf, tablesRead } from './rule.js';
import { literal, quoted, nameList, namesIn } from './sql.js';
import type { Step } from './step.js';

/** A step whose migration has been written. */
export interface WrittenStep extends Step {
  /** The name of the migration and its folder. */
  readonly name: string;
  readonly directory: string;
}

export interface Plan {
  readonly steps: readonly WrittenStep[];
  /** The lines to change in the Prisma models. */
  readonly models: string;
}

export interface TenantizeOptions extends RuleChoice {
  /** Allow the user's triggers to fire for every row. */
  readonly fireTriggers?: boolean | undefined;
}

/**
 * Writes the first part: tenants, keys and row-level security, while the old code continues.
 *
 * @param names of tables in the schema public; the rule applies to the first, the others follow their foreign keys
 * @throws TenantizeError with all reasons, one per line
 */
export async function tenantize(
  project: Project,
  names: readonly string[],
  options: TenantizeOptions,
): Promise<Plan> {
  const { tables, neighbours, read, taken } = await look(project, names, options);
  const setting = { filled: options.tenant === undefined, fireTriggers: options.fireTriggers === true };
  const migrations = await project.readMigrations();
  refuse([
    ...refusals(tables, neighbours, setting),
    ...unknownTables(names, migrations),
    ...begunTables(names, migrations),
  ]);
  const conversions = conversionsOf(tables, options);
  const entities = entityNames(tables, await project.modelNames());
  const newNames = namesFor(tables, replacedForeignKeys(tables, neighbours), taken);
  const steps = expandSteps(conversions, neighbours, entities, read, newNames);
  return {
    steps: await write(steps, names, project),
    models: modelChanges(tables, neighbours, entities, newNames),
  };
}

/**
 * Writes the second part, for when no old code runs any more.
 *
 * @throws TenantizeError when the first part of one of the tables has not been applied as a whole
 */
export async function finishTenantize(project: Project, names: readonly string[]): Promise<Plan> {
  const { tables, neighbours } = await look(project, names, {});
  refuse(
    tables
      .filter(({ underWay }) => !underWay)
      .map(
        ({ name, scoped }) =>
          `${name} is ${scoped ? 'tenant-scoped already' : 'not under way: begin without --finish'}.`,
      ),
  );
  const missing = unfinished(tables, neighbours);
  if (missing.length > 0) {
    throw new TenantizeError(
      `The first part has not been applied as a whole. What is missing: ${missing.join(', ')}.`,
    );
  }
  const entities = entityNames(tables, await project.modelNames());
  return {
    steps: await write(contractSteps(tables, neighbours, entities), names, project),
    models: modelChanges(tables, neighbours, entities, namesGiven(tables, neighbours)),
  };
}

/** The names of the new keys, after the first part. */
function namesGiven(tables: readonly Table[], neighbours: ReadonlyMap<string, Table>): Names {
  const ends = tables.flatMap(({ foreignKeys, references }) => [...foreignKeys, ...references]);
  const replaced = replacedForeignKeys(tables, neighbours).map((key) => {
    const { name } = ends.find((other) => isSameForeignKey(other, scopedForeignKey(key, '')))!;
    return [key, name] as const;
  });
  const indexes = tables.flatMap((table) =>
    [...counterparts(table)].map(([key, counterpart]) => [key, counterpart!.index] as const),
  );
  const tenants = tables.map((table) => {
    const isTenants = ({ references, columns }: ForeignKey): boolean =>
      references === 'tenants' && columns.join() === 'tenant_id';
    return [table, table.foreignKeys.find(isTenants)!.name] as const;
  });
  return { foreignKeys: new Map(replaced), indexes: new Map(indexes), tenants: new Map(tenants) };
}

interface Surroundings {
  readonly tables: readonly Table[];
  /** Tables that they reference, that reference them, or that the rule reads. */
  readonly neighbours: ReadonlyMap<string, Table>;
  /** The tables that the rule reads. */
  readonly read: readonly string[];
  /** The names that cannot be given to new keys. */
  readonly taken: ReadonlySet<string>;
}

async function look(
  project: Project,
  names: readonly string[],
  { tenant, tenantExpression: expression }: RuleChoice,
): Promise<Surroundings> {
  return project.asOwner(async (client) => {
    const found = await readTables(client, names);
    const others = await otherSchemas(client, names);
    refuse(
      names
        .filter((name) => !found.has(name))
        .map((name) => `There is no table ${name} in the schema public${elsewhere(name, others)}.`),
    );
    const tables = names.map((name) => found.get(name)!);
    if (tenant !== undefined) await demandTenant(client, tenant);
    const read = expression === undefined ? [] : await tablesRead(client, names[0]!, expression);
    const near = await neighboursOf(client, tables, readPolicy(tables));
    const neighbours = await readTables(client, [...near, ...read]);
    return { tables, neighbours, read, taken: await takenNames(client) };
  });
}

function elsewhere(name: string, schemas: ReadonlyMap<string, string>): string {
  const schema = schemas.get(name);
  if (schema === undefined) return '';
  const table = `${quoted(schema)}.${quoted(name)}`;
  return `, but in ${schema}: move it first (ALTER TABLE ${table} SET SCHEMA public), and back when it is finished`;
}

async function demandTenant(client: pg.Client, slug: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM public.tenants WHERE slug = $1', [slug]);
  refuse(rowCount === 0 ? [`There is no tenant ${slug}.`] : []);
}

function refuse(sentences: readonly string[]): void {
  if (sentences.length > 0) throw new TenantizeError(sentences.join('\n'));
}

// A migration that alters a table which no migration creates would fail on every new database.
function unknownTables(names: readonly string[], migrations: readonly Migration[]): string[] {
  const scripts = migrations.map(({ sql }) => sql).join('\n');
  return names
    .filter((name) => {
      const pattern = quoted(name)
        .slice(1, -1)
        .replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      const made = [
        String.raw`CREATE\s+(?:UNLOGGED\s+)?TABLE(?:\s+IF\s+NOT\s+EXISTS)?`,
        String.raw`RENAME\s+TO`,
        String.raw`INTO(?:\s+UNLOGGED)?(?:\s+TABLE)?`,
      ].join('|');
      return !new RegExp(String.raw`\b(?:${made})\s+(?:"?public"?\.)?"?${pattern}(?![\w$])`, 'i').test(
        scripts,
      );
    })
    .map(
      (name) =>
        `${name} is made by no migration here, so that these would fail on a new database: write one that creates it, ` +
        'and mark it as applied where the table exists.',
    );
}

function begunTables(names: readonly string[], migrations: readonly Migration[]): string[] {
  const begun = new Set(migrations.flatMap(({ down = '' }) => namesIn(CONVERSION.exec(down)?.[1] ?? '')));
  return names
    .filter((name) => begun.has(name))
    .map((name) => `${name} has migrations that tenantize it: apply them, or delete their folders.`);
}

async function write(
  steps: readonly Step[],
  tables: readonly string[],
  project: Project,
): Promise<WrittenStep[]> {
  const migrations = [...(await project.readMigrations())];
  const written: WrittenStep[] = [];
  for (const step of steps) {
    const name = project.nextMigrationName(migrations, step.label);
    const directory = join(project.migrationsFolder, name);
    await mkdir(directory);
    await writeFile(join(directory, 'migration.sql'), `${comment(step)}${step.sql}\n`);
    if (step.down !== undefined) {
      await writeFile(join(directory, 'down.sql'), wayBack(name, tables, step.down));
    }
    migrations.push({ name, sql: step.sql });
    written.push({ ...step, name, directory });
  }
  return written;
}

const comment = ({ does, locks, lasts }: Step): string =>
  `-- ${does.charAt(0).toUpperCase()}${does.slice(1)}.\n-- Locks: ${locks}: ${lasts}.\n`;

const wayBack = (name: string, tables: readonly string[], sql: string): string =>
  [
    `-- The way back from ${name}, in one transaction; also after it was cut off. What came later goes first.`,
    conversionLine(tables),
    ...(sql === '' ? [] : [sql]),
    'UPDATE public._prisma_migrations SET rolled_back_at = now()',
    `WHERE migration_name = ${literal(name)} AND rolled_back_at IS NULL;\n`,
  ].join('\n');

/** Identifies the migrations of one conversion. */
export const conversionLine = (tables: readonly string[]): string => `-- Tenantizes ${nameList(tables)}.`;
const CONVERSION = /^-- Tenantizes (.*)\.$/m;
