/** Reads the Prisma schema files and the migrations from disk, each time. Does not use a database. */
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { MigrationList, SchemaContainer } from '@prisma/schema-engine-wasm';

import { MigrationError, codeOf } from '../migration-error.js';

/** The folder `prisma/` of this package; the path is valid from src and from dist. */
export const PRISMA_FOLDER = fileURLToPath(new URL('../../../../prisma/', import.meta.url));

/** A migration of which only the name was read. */
export interface NamedMigration {
  readonly name: string;
}

/** One migration on disk. */
export interface Migration extends NamedMigration {
  readonly sql: string;
  /** The script that undoes it from any state, and removes it from the history. Few migrations have one. */
  readonly down?: string | undefined;
}

/** The folder with the migrations of a Prisma folder. */
export function migrationsFolder(prismaFolder: string): string {
  return join(prismaFolder, 'migrations');
}

/** The names of the migrations, in the order in which they apply. */
export async function listMigrations(prismaFolder: string): Promise<NamedMigration[]> {
  const entries = await readdir(migrationsFolder(prismaFolder), { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  // By code unit, like Prisma; a locale would sort the underscore differently.
  return names.sort().map((name) => ({ name }));
}

/**
 * Every migration, in the order in which they apply.
 *
 * @throws MigrationError when a migration's folder has no migration.sql
 */
export async function readMigrations(prismaFolder: string): Promise<Migration[]> {
  const folder = migrationsFolder(prismaFolder);
  const names = await listMigrations(prismaFolder);
  return Promise.all(
    names.map(async ({ name }) => ({
      name,
      sql: await readScript(folder, name),
      down: await readWayBack(folder, name),
    })),
  );
}

/** The Prisma schema files, in a stable order. */
export async function readSchema(prismaFolder: string): Promise<SchemaContainer[]> {
  const names = (await readdir(prismaFolder)).filter((name) => name.endsWith('.prisma')).sort();
  return Promise.all(
    names.map(async (name) => {
      const path = join(prismaFolder, name);
      return { path, content: await readFile(path, 'utf8') };
    }),
  );
}

/** The migrations in the form for Prisma's engine. */
export function migrationList(prismaFolder: string, migrations: readonly Migration[]): MigrationList {
  return {
    baseDir: migrationsFolder(prismaFolder),
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: sql } },
    })),
  };
}

/** Whether `checksum`, stored by Prisma, is that of this script, ignoring the line ends of a checkout. */
export function hasChecksum({ sql }: Migration, checksum: string): boolean {
  const unix = sql.replaceAll('\r\n', '\n');
  return [sql, unix, unix.replaceAll('\n', '\r\n')].some((script) => sha256(script) === checksum);
}

/**
 * A name for a new migration: the time in UTC, to the second, and the user's label. It sorts after all existing ones,
 * even if the clock is behind.
 */
export function nextMigrationName(existing: readonly Migration[], label: string, now: Date): string {
  const newest = existing.reduce((latest, { name }) => Math.max(latest, timeOf(name)), 0);
  const time = Math.max(Math.floor(now.getTime() / 1000) * 1000, newest + 1000);
  return `${new Date(time).toISOString().replace(/\D/g, '').slice(0, 14)}_${label}`;
}

async function readScript(folder: string, name: string): Promise<string> {
  try {
    return await readFile(join(folder, name, 'migration.sql'), 'utf8');
  } catch (error) {
    throw new MigrationError(`The migration ${name} has no readable migration.sql.`, { cause: error });
  }
}

async function readWayBack(folder: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, name, 'down.sql'), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new MigrationError(`The migration ${name} has no readable down.sql.`, { cause: error });
  }
}

// Prisma's names always begin with a time; other names count as old.
function timeOf(name: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)_/.exec(name)?.slice(1).map(Number);
  if (parts === undefined) return 0;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
