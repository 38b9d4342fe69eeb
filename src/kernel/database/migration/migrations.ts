/**
 * Applies the migrations of this version, and writes new ones.
 *
 * Guarantees: everything that a migration creates belongs to tenantry_owner, with any login; any number of instances
 * may start at once, one migrates and the others wait; the history is Prisma's, so its tools can read it; nothing is
 * applied to a database with an unknown history. No message or cause contains a password.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

import type { DiffParams, SchemaContainer } from '@prisma/schema-engine-wasm';
import pg from 'pg';

import { tenantryCommand } from '../../config/command-line.js';
import { MigrationError, codeOf, messageOf } from '../migration-error.js';
import {
  type Migration,
  PRISMA_FOLDER,
  listMigrations,
  migrationList,
  migrationsFolder,
  nextMigrationName,
  readMigrations,
  readSchema,
} from './folder.js';
import { type Query, checkHistory, newerAmong, pendingAmong, readHistory } from './history.js';
import { LocksHeldError, PATIENCE, type Patience } from './patience.js';
import { clearCutOff, lockMigrations } from './way-back.js';
import { readModels, type Model } from './models.js';
import {
  missingRelations,
  missingSequenceGrants,
  type Scratch,
  tablesWithoutTheirTenant,
  tryScript,
  withScratchDatabase,
  wrongTables,
} from './scratch.js';
import { completeScript, viewSkeleton } from './script.js';
import { actingAsOwner, ensureDatabase, withClient } from '../owner-connection.js';
import { type EngineRun, type ScriptFailure, withSchemaEngine } from './schema-engine.js';

export { MigrationError } from '../migration-error.js';
export { undoMigrations } from './way-back.js';

const NOT_EMPTY =
  'The database has tables, but no history of migrations that made them: Tenantry needs a database of its own.';

const NO_FILTER = { externalTables: [], externalEnums: [] };

export interface ApplyOptions {
  /**
   * Accepts a database that has all migrations of this version and newer ones. For a server, which must start again
   * after a roll-back: docs/decisions/0017-an-older-server-starts-on-a-newer-database.md.
   */
  readonly acceptNewer?: boolean;
  readonly patience?: Patience;
}

/**
 * Applies the missing migrations. Creates the database if it is missing and the login may; the roles must exist
 * (`ensureRoles`). A migration that is one transaction waits for its locks in short attempts.
 *
 * @returns the names of the applied migrations; none when nothing was missing, or another instance applied them
 * @throws MigrationError when the database cannot be reached, has an unknown history, or refuses a migration
 */
export async function applyMigrations(
  ownerUrl: string,
  prismaFolder = PRISMA_FOLDER,
  { acceptNewer = false, patience = PATIENCE }: ApplyOptions = {},
): Promise<string[]> {
  const migrations = await readMigrations(prismaFolder);
  await ensureDatabase(ownerUrl);
  return withClient(actingAsOwner(ownerUrl), async (client) => {
    const isDone = async (): Promise<boolean> => {
      const history = await readHistory((sql) => client.query(sql));
      const newer = acceptNewer ? newerAmong(migrations, history) : [];
      const pending = pendingAmong(migrations, history);
      if (pending.length > 0 && newer.length === 0) return false;
      // If migrations of this version are missing, unknown ones belong to a different version, not to a newer one.
      const judged = pending.length > 0 ? history : history.filter(({ name }) => !newer.includes(name));
      checkHistory(migrations, judged);
      return pending.length === 0;
    };
    // If nothing is missing, do not wait for an instance that migrates to a newer version.
    if (await isDone()) return [];
    await lockMigrations(client);
    await clearCutOff(client, migrations);
    if (await isDone()) return [];
    checkHistory(migrations, await readHistory((sql) => client.query(sql)));
    try {
      return await applyPending(ownerUrl, prismaFolder, migrations, patience);
    } catch (error) {
      if (error instanceof LocksHeldMigrationError) await forgetAttempt(client, error.migration);
      throw error;
    }
  });
}

/** A migration could not get its locks, and has changed nothing. */
class LocksHeldMigrationError extends MigrationError {
  constructor(
    readonly migration: string,
    cause: LocksHeldError,
  ) {
    super(
      `The migration ${migration} ${cause.message}: other sessions hold a lock that it needs (${messageOf(cause.cause)}). ` +
        'Nothing was changed. Look for a long transaction in pg_stat_activity, and run it again.',
      { cause },
    );
  }
}

/** PostgreSQL has rolled everything back, so the migration starts again the next time. */
async function forgetAttempt(client: pg.Client, name: string): Promise<void> {
  await client.query(
    `UPDATE public._prisma_migrations SET rolled_back_at = now()
     WHERE migration_name = $1 AND finished_at IS NULL AND rolled_back_at IS NULL`,
    [name],
  );
}

/** The names of the migrations that this version or the database lacks. */
export interface Difference {
  /** The missing and failed migrations of this version. */
  readonly pending: readonly string[];
  /** The migrations of the database that are newer than this version. */
  readonly newer: readonly string[];
}

/**
 * Compares the migrations of this version with those of a database. `query` may be the application role's, which can read
 * the history after the first migration.
 */
export async function differenceTo(query: Query, prismaFolder = PRISMA_FOLDER): Promise<Difference> {
  const migrations = await listMigrations(prismaFolder);
  const history = await readHistory(query);
  return { pending: pendingAmong(migrations, history), newer: newerAmong(migrations, history) };
}

export interface NewMigrationOptions {
  /** Statements to add, in a database that has all migrations and the script; '' for none. */
  readonly additions?: (client: pg.Client) => Promise<string>;
  /** Further faults of a database, by what identifies each; a fault that was there before is none of the migration's. */
  readonly inspect?: (url: string) => Promise<ReadonlyMap<string, string>>;
}

/**
 * Writes the migration from the existing ones to the models in prisma/*.prisma. It protects new tenant-scoped tables and
 * shares those that are declared as shared. It is tried in a scratch database first: it runs, and afterwards every table
 * satisfies the conditions of `tenantry.protect`. Needs a login that may create a database; the database of the URL is
 * not used.
 *
 * @returns the new folder and its script; undefined when models and migrations already agree
 * @throws MigrationError for a name that is not `[a-z0-9_]+`, when the migrations or the models are invalid, and with
 * what would be wrong afterwards
 */
export async function createMigration(
  name: string,
  ownerUrl: string,
  prismaFolder = PRISMA_FOLDER,
  options: NewMigrationOptions = {},
): Promise<{ directory: string; sql: string } | undefined> {
  if (!/^[a-z0-9_]+$/.test(name)) {
    throw new MigrationError(
      `A migration's name consists of a-z, 0-9 and _, such as add_invoices; not "${name}".`,
    );
  }
  const migrations = await readMigrations(prismaFolder);
  const schema = await readSchema(prismaFolder);
  const difference = await compare(ownerUrl, prismaFolder, migrations, schema);
  const models = await readModels(schema);
  const sql = await withScratchDatabase(
    ownerUrl,
    (url) => applyMigrations(url, prismaFolder),
    (scratch) => sound(difference, models, scratch, options),
  );
  if (sql === undefined) return undefined;
  const directory = join(migrationsFolder(prismaFolder), nextMigrationName(migrations, name, new Date()));
  await mkdir(directory);
  await writeFile(join(directory, 'migration.sql'), sql);
  return { directory, sql };
}

/** The completed script, after it was tried; undefined when there is nothing to do. */
async function sound(
  difference: string,
  models: readonly Model[],
  { client, url }: Scratch,
  {
    additions = () => Promise.resolve(''),
    inspect = () => Promise.resolve(new Map<string, string>()),
  }: NewMigrationOptions,
): Promise<string | undefined> {
  const [bare] = await tablesWithoutTheirTenant(client, models);
  if (bare !== undefined) {
    throw new MigrationError(
      `The table ${bare} exists without tenant_id, and its rows need a tenant. Take the tenantId out of its model, and run ` +
        `\`${tenantryCommand(`tenantize ${bare} --tenant SLUG`)}\` (or --tenant-expression SQL): it writes the migrations, and the ` +
        'lines to change in the models (docs/tenantize.md).',
    );
  }
  const before = { tables: await wrongTables(client, models), faults: await inspect(url) };
  const made = await completed(client, completeScript(difference, models), models);
  await tryScript(client, made);
  const added = await additions(client);
  await tryScript(client, added);
  if (made === '' && added === '') return undefined;
  const tables = (await wrongTables(client, models)).filter((sentence) => !before.tables.includes(sentence));
  const faults = [...(await inspect(url))].filter(([key]) => !before.faults.has(key)).map(([, text]) => text);
  if (tables.length + faults.length > 0) {
    throw new MigrationError(`The migration is not written:\n${[...tables, ...faults].join('\n')}`);
  }
  return made === '' || added === '' ? made + added : `${made}\n${added}`;
}

/** The script, the views that no migration creates, and the grants of sequences; '' when all of it is empty. */
async function completed(client: pg.Client, script: string, models: readonly Model[]): Promise<string> {
  await client.query('BEGIN');
  try {
    await tryScript(client, script);
    const skeletons = (await missingRelations(client, models)).map(viewSkeleton).join('\n\n');
    await tryScript(client, skeletons);
    const grants = (await missingSequenceGrants(client)).join('\n');
    const parts = [script, skeletons, grants].map((part) => part.trim()).filter((part) => part !== '');
    return parts.length === 0 ? '' : `${parts.join('\n\n')}\n`;
  } finally {
    await client.query('ROLLBACK');
  }
}

/**
 * The SQL difference between the migrations and the models in prisma/*.prisma; '' when they agree. Compared in a
 * temporary database, as in `createMigration`.
 *
 * @throws MigrationError when the migrations or the models are invalid, or no database can be created
 */
export async function schemaDrift(ownerUrl: string, prismaFolder = PRISMA_FOLDER): Promise<string> {
  return compare(ownerUrl, prismaFolder, await readMigrations(prismaFolder), await readSchema(prismaFolder));
}

// The engine's createMigration finds no shadow database in the WebAssembly build (7.10); its diff does, and gives the
// same script.
async function compare(
  ownerUrl: string,
  prismaFolder: string,
  migrations: readonly Migration[],
  schema: SchemaContainer[],
): Promise<string> {
  return withSchemaEngine(ownerUrl, schema, async ({ engine, scriptFailure }) => {
    const input: DiffParams = {
      from: { tag: 'migrations', ...migrationList(prismaFolder, migrations) },
      to: { tag: 'schemaDatamodel', files: schema },
      script: true,
      // Makes the result 0 for no difference and 2 for a difference; without a difference the script is a comment.
      exitCode: true,
      filters: NO_FILTER,
    };
    const { exitCode, stdout } = await engine.diff(input).catch(explained(migrations, scriptFailure));
    return exitCode === 0 ? '' : (stdout ?? '').trim();
  });
}

async function applyPending(
  ownerUrl: string,
  prismaFolder: string,
  migrations: readonly Migration[],
  patience: Patience,
): Promise<string[]> {
  const schema = await readSchema(prismaFolder);
  const apply = async ({ engine, scriptFailure }: EngineRun): Promise<string[]> => {
    const input = { migrationsList: migrationList(prismaFolder, migrations), filters: NO_FILTER };
    const { appliedMigrationNames } = await engine
      .applyMigrations(input)
      .catch(explained(migrations, scriptFailure));
    return appliedMigrationNames;
  };
  return withSchemaEngine(ownerUrl, schema, apply, patience);
}

/** For `catch`: throws the engine's error as one sentence, which names the failed migration, if there is one. */
function explained(
  migrations: readonly Migration[],
  failure: EngineRun['scriptFailure'],
): (error: unknown) => never {
  return (error) => {
    const refused = failure();
    if (refused !== undefined) throw scriptError(migrations, refused);
    const sentence = codeOf(error) === 'P3005' ? NOT_EMPTY : `${engineMessage(error)}.`;
    throw new MigrationError(sentence, { cause: error });
  };
}

function scriptError(migrations: readonly Migration[], { script, error }: ScriptFailure): MigrationError {
  const name = migrations.find(({ sql }) => sql === script)?.name ?? 'being prepared';
  if (error instanceof LocksHeldError) return new LocksHeldMigrationError(name, error);
  const position = error instanceof pg.DatabaseError ? Number(error.position ?? 0) : 0;
  const where = position > 0 ? ` at line ${String(script.slice(0, position).split('\n').length)}` : '';
  return new MigrationError(`The migration ${name} failed${where}: ${messageOf(error)}.`, { cause: error });
}

// The engine adds a stack trace (` 0: schema_commands::…`), colours, and an excerpt of the schema file with an arrow.
function engineMessage(error: unknown): string {
  const [message = ''] = stripVTControlCharacters(messageOf(error)).split(/\n\s+0: /);
  const [, mistake, place] = /^error: (.+)\n\s*-->\s+(.+:\d+)\n/.exec(message.trim()) ?? [];
  const text = mistake === undefined ? message : `${place ?? ''} is in error: ${mistake}`;
  return text.trim().replace(/\s+/g, ' ').replace(/\.$/, '');
}
