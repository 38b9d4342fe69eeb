/** What the server has once for each database: its connections, its notifications, and the look-ups of who may enter. */
import type { Cell } from './kernel/cells/cells.js';
import type { Config } from './kernel/config/config.js';
import { createAccessResolver } from './kernel/auth/resolve-access.js';
import { createApiKeyResolver } from './kernel/auth/resolve-api-key.js';
import { createImpersonationResolver } from './kernel/auth/resolve-impersonation.js';
import { ACCESS_CHANNEL, accessInvalidations } from './kernel/notifications/access-invalidations.js';
import { changeEvents, CHANGES_CHANNEL } from './kernel/notifications/change-events.js';
import { listen } from './kernel/notifications/notifications.js';
import type { DelayLimits } from './kernel/pool/queue-delays.js';
import { openDatabase } from './kernel/tenancy/database.js';
import type { TransactionLimits } from './kernel/tenancy/tenant-client.js';
import { statementLog, type Inform } from './statement-log.js';

export interface CellOptions {
  readonly config: Config;
  /** The URL of the role tenantry_app. */
  readonly url: string;
  /** The URL for LISTEN. */
  readonly listenUrl: string;
  readonly poolSize: number;
  readonly replica: Config['replica'];
  readonly contextKey: string | undefined;
  readonly limits: TransactionLimits;
  readonly queueDelays: DelayLimits | undefined;
  readonly inform: Inform | undefined;
  readonly warn: (problem: string, fields?: Readonly<Record<string, unknown>>) => void;
  readonly onRows: (tenantId: string, rows: number) => void;
}

/** Opens no connection but the one that listens. */
export function openCell({
  config,
  url,
  listenUrl,
  poolSize,
  replica,
  contextKey,
  limits,
  queueDelays,
  inform,
  warn,
  onRows,
}: CellOptions): Cell {
  const database = openDatabase({
    url,
    poolSize,
    perTenant: config.tenantConnections,
    limits,
    queueDelays,
    contextKey,
    ...(replica && { replica: { ...replica, onChange: warn } }),
    statementLog: statementLog(config, inform),
    onRows,
    onConnectionError: (error) => warn(`a connection to the database failed: ${error.message}`),
    // In development and in tests it is an error.
    ...(config.production && { onSecondConnection: (error: Error) => warn(error.stack ?? error.message) }),
  });
  const notifications = listen({
    listenUrl,
    databaseUrl: url,
    channels: [ACCESS_CHANNEL, CHANGES_CHANNEL],
    onProblem: (problem) => warn(`memberships are not cached for now: ${problem}`),
  });
  // The first listener for changed access, so that the cache drops its entries before others look access up again.
  const invalidations = accessInvalidations(notifications);
  const access = createAccessResolver(database, invalidations);
  const apiKeys = createApiKeyResolver(database, invalidations);
  const impersonations = createImpersonationResolver(database, invalidations);
  invalidations.onChange((change) => database.gate.accessChanged(change));
  const changes = changeEvents(notifications, database, warn);
  return {
    database,
    invalidations,
    access,
    apiKeys,
    impersonations,
    changes,
    close: async () => {
      changes.close();
      await notifications.close();
      await database.close();
    },
  };
}
