import { type Config } from '../kernel/config/config.js';
import { ConfigError } from '../kernel/config/config-error.js';
import { checkContextSigning } from '../kernel/database/preparation/context-keys.js';
import { withClient } from '../kernel/database/owner-connection.js';
import { embeddedPostgres } from '../kernel/config/development-package.js';
import { LIMITS } from '../create-services.js';
import { openDatabase, type Database, type StatementLog } from '../kernel/tenancy/database.js';

/**
 * The URLs that a command uses: the configured ones, or those of the embedded database that runs in the data folder.
 */
export interface CommandUrls {
  readonly app: string;
  readonly owner: string | undefined;
  readonly operator: string | undefined;
  /** The key that signs contexts; undefined when they are unsigned. */
  readonly contextKey: string | undefined;
}

/** @throws ConfigError when there is neither. */
export async function commandUrls(config: Config): Promise<CommandUrls> {
  if (config.databaseUrl !== undefined) {
    const { databaseUrl: app, databaseOwnerUrl: owner, databaseOperatorUrl: operator } = config;
    return { app, owner, operator, contextKey: config.contextSigningKey };
  }
  const { findEmbedded } = await embeddedPostgres();
  const embedded = await findEmbedded(config.dataDir);
  if (!embedded) {
    throw new ConfigError('There is no database: run `npm start` in another terminal, or set DATABASE_URL.');
  }
  const { app, superuser: owner, operator } = embedded;
  return { app, owner, operator, contextKey: config.contextSigningKey };
}

/** @throws ConfigError when no URL of that kind is known. */
export function demand(url: string | undefined, variable: string): string {
  if (url === undefined) throw new ConfigError(`${variable} is missing: this command needs it.`);
  return url;
}

/**
 * Opens the database like the server, and closes it after `work`.
 *
 * @throws MigrationError when the database cannot be reached, or has other signing keys than this configuration
 */
export async function withDatabase<Result>(
  { app, contextKey }: Pick<CommandUrls, 'app' | 'contextKey'>,
  work: (database: Database) => Promise<Result>,
  statementLog?: StatementLog,
): Promise<Result> {
  await withClient(app, (client) => checkContextSigning(client, contextKey));
  const database = openDatabase({ url: app, poolSize: 2, limits: LIMITS, contextKey, statementLog });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
