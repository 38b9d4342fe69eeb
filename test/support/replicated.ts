/** A PostgreSQL server with the demo tenants and a streaming replica of it. */
import { inject } from 'vitest';
import { migrate } from '../../src/kernel/database/preparation/prepare.js';
import { openDatabase } from '../../src/kernel/tenancy/database.js';
import { LIMITS } from '../../src/create-services.js';
import { modules } from '../../src/modules.js';
import { seedDemo } from '../../src/services/operator/demo-seed.js';
import { withOperatorConnection } from '../../src/services/operator/operator-connection.js';
import type { TestDatabase } from './database.js';
import { startDebianPostgres, type DebianReplica } from './debian-postgres.js';
import { connected } from './demo-tenants.js';

export interface ReplicatedDatabase {
  /** For {@link startTestServer}, which then does not drop it. */
  readonly database: TestDatabase;
  readonly replica: DebianReplica;
  /** The URL of the server's role at the replica. */
  readonly replicaUrl: string;
  /** Starts one more. */
  startReplica(): Promise<DebianReplica>;
  /** Runs work while the replica receives changes and does not apply them. */
  whilePaused<Result>(work: () => Promise<Result>): Promise<Result>;
  stop(): Promise<void>;
}

const NAME = 'tenantry';

/** Needs Debian's PostgreSQL. */
export async function startReplicated(): Promise<ReplicatedDatabase> {
  const server = await startDebianPostgres();
  try {
    const superuser = server.urlOf(NAME);
    const as = (user: string): string => {
      const url = new URL(superuser);
      url.username = user;
      return url.href;
    };
    const urls = { owner: superuser, app: as('tenantry_app'), operator: as('tenantry_operator') };
    const { contextKey } = inject('postgres');
    await migrate(urls, contextKey);
    const seeded = openDatabase({ url: urls.app, poolSize: 2, limits: LIMITS, contextKey });
    await withOperatorConnection({ url: urls.operator, operator: 'demo-seed', contextKey }, (connection) =>
      seedDemo(connection, seeded, modules),
    );
    await seeded.close();
    const replica = await server.startReplica();

    const asSuperuser: TestDatabase['asSuperuser'] = (sql, values = []) =>
      connected(superuser, async (client) => (await client.query(sql, [...values])).rows as never);
    const atReplica = (sql: string) => connected(replica.urlOf(superuser), (client) => client.query(sql));
    return {
      database: {
        name: NAME,
        superuser,
        app: urls.app,
        operator: urls.operator,
        contextKey,
        asSuperuser,
        tenantId: async (slug) => {
          const [row] = await asSuperuser<{ id: string }>('SELECT id FROM tenants WHERE slug = $1', [slug]);
          if (!row) throw new Error(`there is no tenant ${slug}`);
          return row.id;
        },
        withTemporaryTables: () => Promise.reject(new Error('not here')),
        drop: () => Promise.resolve(),
      },
      replica,
      replicaUrl: replica.urlOf(urls.app),
      startReplica: () => server.startReplica(),
      async whilePaused(work) {
        await atReplica('SELECT pg_wal_replay_pause()');
        try {
          return await work();
        } finally {
          await atReplica('SELECT pg_wal_replay_resume()');
        }
      },
      async stop() {
        await replica.stop();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
