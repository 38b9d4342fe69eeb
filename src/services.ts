/** Puts the parts of a running server together, and takes them apart in order. */
import { createTokenVerifier } from './auth/verify-token.js';
import type { Services } from './app.js';
import type { Config } from './config.js';
import { buildApi } from './graphql/schema.js';
import type { Module } from './graphql/module.js';
import { ACCESS_CHANNEL, accessNews } from './tenancy/access-news.js';
import { CHANGES_CHANNEL, changeNews } from './tenancy/change-news.js';
import { openDatabase, type Database } from './tenancy/database.js';
import { listen } from './tenancy/notifications.js';
import { createAccessResolver } from './tenancy/resolve-access.js';
import type { TransactionLimits } from './tenancy/tenant-client.js';

/** How long a tenant's transaction may wait and last. */
export const LIMITS: TransactionLimits = { maxWait: 2_000, timeout: 10_000, statementTimeout: 5_000 };

export interface RunningServices extends Services {
  readonly database: Database;
  /** Closes the connections to the database. Call it when no request is left. */
  close(): Promise<void>;
}

export interface ServiceOptions {
  readonly config: Config;
  readonly modules: readonly Module[];
  /** As tenantry_app. */
  readonly databaseUrl: string;
  /** What HS256 tokens are verified with. */
  readonly secret: string | undefined;
  readonly warn: (problem: string) => void;
}

/** @throws UnguardedSchemaError when a module leaves a field unguarded. */
export function createServices({
  config,
  modules,
  databaseUrl,
  secret,
  warn,
}: ServiceOptions): RunningServices {
  const api = buildApi(modules);
  const database = openDatabase({
    url: databaseUrl,
    poolSize: config.poolSize,
    limits: LIMITS,
    onConnectionError: (error) => warn(`a connection to the database failed: ${error.message}`),
  });
  const notifications = listen({
    listenUrl: config.databaseListenUrl ?? databaseUrl,
    databaseUrl,
    channels: [ACCESS_CHANNEL, CHANGES_CHANNEL],
    onProblem: (problem) => warn(`memberships are not cached for now: ${problem}`),
  });
  // Hears of changed access first: what was kept of it is dropped before anybody is asked again.
  const news = accessNews(notifications);
  const access = createAccessResolver(database, news);
  const changes = changeNews(notifications, database, warn);
  return {
    config,
    api,
    database,
    news,
    changes,
    authentication: {
      verifyToken: createTokenVerifier({
        secret,
        jwksUri: config.jwksUri,
        issuer: config.jwtIssuer,
        audience: config.jwtAudience,
      }),
      access,
      roles: api.roles,
      baseDomain: config.baseDomain,
    },
    close: async () => {
      changes.close();
      await notifications.close();
      await database.close();
    },
  };
}
