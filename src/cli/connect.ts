import { ConfigError, type Config } from '../config.js';
import { findEmbedded } from '../database/embedded.js';
import { LIMITS } from '../services.js';
import { openDatabase, type Database } from '../tenancy/database.js';

/** The URLs a command works with: the configured ones, or those of the embedded database that runs in the data folder. */
export interface CommandUrls {
  readonly app: string;
  readonly owner: string | undefined;
  readonly operator: string | undefined;
}

/** @throws ConfigError when there is neither. */
export async function commandUrls(config: Config): Promise<CommandUrls> {
  if (config.databaseUrl !== undefined) {
    return { app: config.databaseUrl, owner: config.databaseOwnerUrl, operator: config.databaseOperatorUrl };
  }
  const embedded = await findEmbedded(config.dataDir);
  if (!embedded) {
    throw new ConfigError('There is no database: run `npm start` in another terminal, or set DATABASE_URL.');
  }
  return { app: embedded.app, owner: embedded.superuser, operator: embedded.operator };
}

/** @throws ConfigError when no URL of that kind is known. */
export function demand(url: string | undefined, variable: string): string {
  if (url === undefined) throw new ConfigError(`${variable} is missing: this command needs it.`);
  return url;
}

/** Opens the database as the server would, and closes it after `work`. */
export async function withDatabase<Result>(
  url: string,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const database = openDatabase({ url, poolSize: 2, limits: LIMITS });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
