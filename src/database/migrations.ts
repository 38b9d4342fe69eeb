/**
 * Brings a database to the state of this version, and writes the next migration.
 *
 * Guarantees: everything a migration makes belongs to tenantry_owner, whoever logs in; any number of instances may
 * start at once, one of them migrates and the others wait; the history is Prisma's own, so that its tools can read it;
 * nothing is applied to a database whose history is not a part of ours. No message or cause contains a password.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';

import type { DiffParams, SchemaContainer } from '@prisma/schema-engine-wasm';
import pg from 'pg';

import { MigrationError, codeOf, messageOf } from './migration/error.js';
import {
  type Migration,
  PRISMA_FOLDER,
  migrationList,
  migrationsFolder,
  nextMigrationName,
  readMigrations,
  readSchema,
} from './migration/folder.js';
import { type Query, checkHistory, pendingAmong, readHistory } from './migration/history.js';
import { completeScript } from './migration/script.js';
import { MIGRATION_SESSION, actingAsOwner, ensureDatabase, withClient } from './owner-connection.js';
import { type EngineRun, type ScriptFailure, withSchemaEngine } from './migration/schema-engine.js';

export { MigrationError } from './migration/error.js';

// Constant and arbitrary. Not the key of Prisma's own lock, which its engine takes on a connection of its own.
const MIGRATION_LOCK = 7_263_546_101;
const LOCK_POLL_MS = 100;
// Prisma's own: https://pris.ly/d/migrate-advisory-locking
const PRISMA_LOCK = 72_707_369;

const NOT_EMPTY =
  'The database has tables, but no history of migrations that made them: Tenantry needs a database of its own.';

const NO_FILTER = { externalTables: [], externalEnums: [] };

/**
 * Applies every migration that the database lacks. Creates the database if it is missing and the login may; the
 * roles have to exist (`ensureRoles`).
 *
 * @returns the names of the migrations just applied: none when there was nothing to do, or another instance did it
 * @throws {MigrationError} when the database cannot be reached, has a history that is not ours, or refuses a migration
 */
export async function applyMigrations(ownerUrl: string, prismaFolder = PRISMA_FOLDER): Promise<string[]> {
  const migrations = await readMigrations(prismaFolder);
  await ensureDatabase(ownerUrl);
  return withClient(actingAsOwner(ownerUrl), async (client) => {
    await lockMigrations(client);
    await clearCutOff(client, migrations);
    const history = await readHistory((sql) => client.query(sql));
    checkHistory(migrations, history);
    if (pendingAmong(migrations, history).length === 0) return [];
    return applyPending(ownerUrl, prismaFolder, migrations);
  });
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
 * @throws {MigrationError} for a name that is not `[a-z0-9_]+`, and when the migrations or the models are in error
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
 * @throws {MigrationError} when the migrations or the models are in error, or no database can be created
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

/**
 * Undoes the newest migrations of these, newest first, by their down.sql. Those that are not in the history are left.
 *
 * @returns the names of what was undone
 * @throws {MigrationError} when one of them has no way back, or a later migration is not among them
 */
export async function undoMigrations(
  ownerUrl: string,
  names: readonly string[],
  prismaFolder = PRISMA_FOLDER,
): Promise<string[]> {
  const migrations = await readMigrations(prismaFolder);
  return withClient(actingAsOwner(ownerUrl), async (client) => {
    await lockMigrations(client);
    const history = await readHistory((sql) => client.query(sql));
    const applied = new Set(history.map(({ name }) => name));
    const undone: string[] = [];
    for (const { name, down } of migrations.filter((migration) => applied.has(migration.name)).reverse()) {
      if (undone.length === names.filter((wanted) => applied.has(wanted)).length) break;
      if (!names.includes(name)) {
        const remedy = down === undefined ? 'and has no way back' : 'and has to be undone first';
        throw new MigrationError(`The migration ${name} came later, ${remedy}.`);
      }
      if (down === undefined) throw new MigrationError(`The migration ${name} has no way back.`);
      await client.query(down).catch((error: unknown) => {
        throw new MigrationError(`The way back from ${name} failed: ${messageOf(error)}.`, { cause: error });
      });
      undone.push(name);
    }
    return undone;
  });
}

/** A migration that knows its way back is begun again when it failed or was cut off. */
async function clearCutOff(client: pg.Client, migrations: readonly Migration[]): Promise<void> {
  const history = await readHistory((sql) => client.query(sql));
  const unfinished = new Set(history.filter(({ finished }) => !finished).map(({ name }) => name));
  const cutOff = migrations.filter(({ name, down }) => unfinished.has(name) && down !== undefined);
  if (cutOff.length > 0) await endOrphans(client);
  for (const { name, down } of cutOff) {
    await client.query(down!).catch((error: unknown) => {
      throw new MigrationError(
        `The migration ${name} was cut off, and its down.sql failed: ${messageOf(error)}.`,
        { cause: error },
      );
    });
  }
}

// Where a process was killed, its session may be at work still: PostgreSQL notices when it next has something to say,
// and Prisma's lock is held until then. We hold ours, so that whoever else of us holds Prisma's is nobody's any more.
async function endOrphans(client: pg.Client): Promise<void> {
  // As the login, whose sessions they are.
  await client.query('SET ROLE NONE');
  await client.query(
    `SELECT pg_terminate_backend(pid, 10000) FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = $1 AND datname = current_database()
       AND (application_name = $2 OR application_name LIKE 'tenantize %')`,
    [PRISMA_LOCK, MIGRATION_SESSION],
  );
  await client.query('RESET ROLE');
}

// Held by this connection until it closes. A connection that holds it must not be timed out. Whoever waits asks again
// and again: a statement that waits has a snapshot, and CREATE INDEX CONCURRENTLY, in the migration of the instance
// that is waited for, waits for every snapshot.
async function lockMigrations(client: pg.Client): Promise<void> {
  await client.query('SET idle_session_timeout = 0');
  for (;;) {
    const { rows } = await client.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1) AS held', [
      MIGRATION_LOCK,
    ]);
    if (rows[0]?.held === true) return;
    await wait(LOCK_POLL_MS);
  }
}

async function applyPending(
  ownerUrl: string,
  prismaFolder: string,
  migrations: readonly Migration[],
): Promise<string[]> {
  const schema = await readSchema(prismaFolder);
  return withSchemaEngine(ownerUrl, schema, async ({ engine, scriptFailure }) => {
    const input = { migrationsList: migrationList(prismaFolder, migrations), filters: NO_FILTER };
    const { appliedMigrationNames } = await engine
      .applyMigrations(input)
      .catch(explained(migrations, scriptFailure));
    return appliedMigrationNames;
  });
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
