/**
 * Databases that a test creates and migrates itself, which are dropped after the tests of its file, and copies of
 * prisma/.
 */
import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, inject } from 'vitest';
import { PRISMA_FOLDER } from '../../src/kernel/database/migration/folder.js';
import { withDatabase as onDatabase } from '../../src/kernel/database/owner-connection.js';
import { onceUnused } from './database.js';
import { connected } from './demo-tenants.js';

export interface OwnDatabases {
  /** The superuser's URL of a database that does not exist yet. */
  newDatabase(): string;
  /** Creates a database like this run's template: migrated, with the demo tenants. */
  newClone(): Promise<string>;
  /** A copy of prisma/ with one additional migration. */
  prismaWith(name: string, sql: string): Promise<string>;
}

/** Call it at the top level. */
export function useOwnDatabases(): OwnDatabases {
  const names: string[] = [];
  const folders: string[] = [];
  const { superuser, template } = inject('postgres');
  const maintenance = <Result>(work: (client: pg.Client) => Promise<Result>) =>
    connected(onDatabase(superuser, 'postgres'), work);
  afterAll(async () => {
    await maintenance(async (client) => {
      for (const name of names) await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    });
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true })));
  });
  const newDatabase = (): string => {
    const name = `own_${randomBytes(6).toString('hex')}`;
    names.push(name);
    return onDatabase(superuser, name);
  };
  return {
    newDatabase,
    async newClone() {
      const url = newDatabase();
      const name = names.at(-1)!;
      await maintenance(async (client) => {
        const create = `CREATE DATABASE ${name} TEMPLATE ${template} OWNER tenantry_owner`;
        await onceUnused(() => client.query(create));
        // A clone does not inherit the privileges on the database itself.
        await client.query(`REVOKE TEMPORARY ON DATABASE ${name} FROM PUBLIC`);
      });
      return url;
    },
    async prismaWith(name, sql) {
      const folder = await mkdtemp(join(tmpdir(), 'tenantry-prisma-'));
      folders.push(folder);
      await cp(PRISMA_FOLDER, folder, { recursive: true });
      await mkdir(join(folder, 'migrations', name), { recursive: true });
      await writeFile(join(folder, 'migrations', name, 'migration.sql'), sql);
      return folder;
    },
  };
}
