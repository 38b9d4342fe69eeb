/**
 * Brings a database to the state of this version, and writes the next migration.
 *
 * Guarantees: everything a migration makes belongs to tenantry_owner, whoever logs in; any number of instances may
 * start at once, one of them migrates and the others wait; the history is Prisma's own, so that its tools can read it;
 * nothing is applied to a database whose history is not a part of ours. No message or cause contains a password.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

import type { DiffParams, SchemaContainer } from '@prisma/schema-engine-wasm';
import pg from 'pg';

import { MigrationError, codeOf, messageOf } from '../migration-error.js';
import {
  type Migration,
  PRISMA_FOLDER,
  migrationList,
  migrationsFolder,
  nextMigrationName,
  readMigrations,
  readSchema,
} from './folder.js';
import { type Query, checkHistory, newerAmong, pendingAmong, readHistory } from './history.js';
import { LocksHeldError, PATIENCE, type Patience } from './patience.js';
import { clearCutOff, lockMigrations } from './way-back.js';
import { completeScript } from './script.js';
import { actingAsOwner, ensureDatabase, withClient } from '../owner-connection.js';
import { type EngineRun, type ScriptFailure, withSchemaEngine } from './schema-engine.js';

export { MigrationError } from '../migration-error.js';
export { undoMigrations } from './way-back.js';

const NOT_EMPTY =
  'The database has tables, but no history of migrations that made them: Tenantry needs a database of its own.';

const NO_FILTER = { externalTables: [], externalEnums: [] };

export interface ApplyOptions {
  /**
   * Takes a database that has all migrations of this version, and newer ones, as it is. For a server, which has to come
   * up again when it is rolled back: docs/decisions/0017-an-older-server-starts-on-a-newer-database.md.
   */
  readonly acceptNewer?: boolean;
  readonly patience?: Patience;
}

/**
 * Applies every migration that the database lacks. Creates the database if it is missing and the login may; the
 * roles have to exist (`ensureRoles`). A migration that is one transaction waits for its locks in short attempts.
 *
 * @returns the names of the migrations just applied: none when there was nothing to do, or another instance did it
 * @throws MigrationError when the database cannot be reached, has a history that is not ours, or refuses a migration
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
      // Beside migrations that are lacking, newer ones are no newer version but another one.
      const judged = pending.length > 0 ? history : history.filter(({ name }) => !newer.includes(name));
      checkHistory(migrations, judged);
      return pending.length === 0;
    };
    // Where there is nothing to do, nobody waits for an instance that brings the database to a newer version.
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

/** A migration could not be applied for want of a lock, and left nothing behind. */
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

/** As PostgreSQL has taken everything back, the migration is begun anew the next time. */
async function forgetAttempt(client: pg.Client, name: string): Promise<void> {
  await client.query(
    `UPDATE public._prisma_migrations SET rolled_back_at = now()
     WHERE migration_name = $1 AND finished_at IS NULL AND rolled_back_at IS NULL`,
    [name],
  );
}

/** The migrations of the database that are newer than this version. `query` may be the application role's. */
export async function newerMigrations(query: Query, prismaFolder = PRISMA_FOLDER): Promise<string[]> {
  return newerAmong(await readMigrations(prismaFolder), await readHistory(query));
}

/**
 * The names of the migrations of this version that the database lacks or holds as failed. `query` may be the
 * application role's, who can read the history once the first migration is through.
 */
export async function pendingMigrations(query: Query, prismaFolder = PRISMA_FOLDER): Promise<string[]> {
  return pendingAmong(await readMigrations(prismaFolder), await readHistory(query));
}

/**
 * Writes the migration that leads from the existing ones to the models in prisma/*.prisma. Tables that are new and
 * tenant-scoped are protected by it. Needs a login that may create a database (a scratch one, dropped again); the
 * database that the URL names is not looked at.
 *
 * @returns the new folder and its script; undefined when models and migrations agree already
 * @throws MigrationError for a name that is not `[a-z0-9_]+`, and when the migrations or the models are in error
 */
export async function createMigration(
  name: string,
  ownerUrl: string,
  prismaFolder = PRISMA_FOLDER,
): Promise<{ directory: string; sql: string } | undefined> {
  if (!/^[a-z0-9_]+$/.test(name)) {
    throw new MigrationError(
      `A migration's name consists of a-z, 0-9 and _, such as add_invoices; not "${name}".`,
    );
  }
  const migrations = await readMigrations(prismaFolder);
  const schema = await readSchema(prismaFolder);
  const difference = await compare(ownerUrl, prismaFolder, migrations, schema);
  if (difference === '') return undefined;
  const sql = completeScript(difference, schema);
  const directory = join(migrationsFolder(prismaFolder), nextMigrationName(migrations, name, new Date()));
  await mkdir(directory);
  await writeFile(join(directory, 'migration.sql'), sql);
  return { directory, sql };
}

/**
 * The SQL that separates what the migrations make from the models in prisma/*.prisma; '' when they agree. Compared in
 * a scratch database, as in `createMigration`.
 *
 * @throws MigrationError when the migrations or the models are in error, or no database can be created
 */
export async function schemaDrift(ownerUrl: string, prismaFolder = PRISMA_FOLDER): Promise<string> {
  return compare(ownerUrl, prismaFolder, await readMigrations(prismaFolder), await readSchema(prismaFolder));
}

// The engine's own createMigration finds no scratch database in the WebAssembly build (7.10); its diff does, and
// makes the same script.
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
      // Makes the result tell "nothing" (0) from "something" (2); the script of nothing is a comment.
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

/** For `catch`: throws what the engine reports as one sentence, which names the migration where one is to blame. */
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

// The engine appends a trace of its own source (`   0: schema_commands::…`), colours its words, and points into a
// schema file with an arrow and an excerpt.
function engineMessage(error: unknown): string {
  const [message = ''] = stripVTControlCharacters(messageOf(error)).split(/\n\s+0: /);
  const [, mistake, place] = /^error: (.+)\n\s*-->\s+(.+:\d+)\n/.exec(message.trim()) ?? [];
  const text = mistake === undefined ? message : `${place ?? ''} is in error: ${mistake}`;
  return text.trim().replace(/\s+/g, ' ').replace(/\.$/, '');
}
