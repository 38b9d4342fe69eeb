/**
 * The procedure of docs/backup.md with PostgreSQL's own programs. Proves who may dump, that a backup that is restored
 * after its roles gives the same database with all its protection, and how other restores are detected.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/kernel/config/config.js';
import { migrate, prepareDatabase } from '../../src/kernel/database/preparation/prepare.js';
import { ensureRoles } from '../../src/kernel/database/preparation/roles.js';
import { modules } from '../../src/modules.js';
import { seedDemo } from '../../src/services/operator/demo-seed.js';
import { withOperatorConnection } from '../../src/services/operator/operator-connection.js';
import { LIMITS } from '../../src/create-services.js';
import { auditCatalog } from 'tenantry-audit';
import { openDatabase } from '../../src/kernel/tenancy/database.js';
import {
  startDebianPostgres,
  withoutDebianPostgres,
  type DebianPostgres,
} from '../support/debian-postgres.js';
import { connected } from '../support/demo-tenants.js';

const KEY = 'Vb7nQ2xKe9RtYs4LmWz8PcJd3HgFu6Ao';
const NAME = 'tenantry';

/** The URLs of a database on that server for each role. */
function urlsOn(server: DebianPostgres, database = NAME) {
  const as = (user: string): string => {
    const url = new URL(server.urlOf(database));
    url.username = user;
    return url.href;
  };
  const owner = server.urlOf(database);
  return { owner, app: as('tenantry_app'), operator: as('tenantry_operator'), backup: as('tenantry_backup') };
}
type Urls = ReturnType<typeof urlsOn>;

const start = ({ app, owner }: Urls, withOwner: boolean) =>
  prepareDatabase(
    readConfig({
      DATABASE_URL: app,
      CONTEXT_SIGNING_KEY: KEY,
      ...(withOwner && { DATABASE_OWNER_URL: owner }),
    }),
  );

/** The rows of tenants and the audit log as one value. */
const contentOf = (url: string): Promise<unknown> =>
  connected(url, async (client) => {
    const tables = ['tenants', 'memberships', 'audit_log', '_prisma_migrations', 'tenantry.context_keys'];
    const rows = [];
    for (const table of tables) {
      const {
        rows: [row],
      } = await client.query<{ rows: string }>(
        `SELECT json_agg(to_jsonb(t) ORDER BY to_jsonb(t)::text)::text AS rows FROM ${table} t`,
      );
      rows.push([table, row?.rows]);
    }
    return rows;
  });

const auditOf = (url: string): Promise<readonly string[]> =>
  connected(url, async (client) => {
    await client.query('BEGIN READ ONLY');
    const { report } = await auditCatalog(client, { appRoles: ['tenantry_app'] });
    return report.findings.map(({ rule, object }) => `${rule.id} ${object}`);
  });

describe.skipIf(withoutDebianPostgres())('a backup', { timeout: 120_000 }, () => {
  let from: DebianPostgres;
  let to: DebianPostgres;
  let folder: string;
  let dump: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenantry-backup-'));
    dump = join(folder, 'tenantry.dump');
    [from, to] = await Promise.all([startDebianPostgres(), startDebianPostgres()]);
    const urls = urlsOn(from);
    await migrate(urls, KEY);
    const database = openDatabase({ url: urls.app, poolSize: 2, limits: LIMITS, contextKey: KEY });
    await withOperatorConnection({ url: urls.operator, operator: 'seed', contextKey: KEY }, (connection) =>
      seedDemo(connection, database, modules),
    );
    await database.close();
    await connected(urls.owner, (client) =>
      client.query(
        `CREATE ROLE tenantry_backup LOGIN BYPASSRLS PASSWORD '${new URL(urls.owner).password}';
         GRANT pg_read_all_data TO tenantry_backup`,
      ),
    );
    await from.run('pg_dump', '--format=custom', `--file=${dump}`, urls.backup);
  }, 120_000);
  afterAll(async () => {
    await Promise.all([from.stop(), to.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  test('is refused to every role that row-level security holds, and to operators', async () => {
    const urls = urlsOn(from);
    const refusal = (...args: readonly string[]) =>
      expect(from.run('pg_dump', '--format=custom', ...args)).rejects;
    await refusal(urls.app).toThrow(/permission denied/);
    await refusal(urls.operator).toThrow(/permission denied/);
    await refusal('--role=tenantry_owner', urls.owner).toThrow(
      /would be affected by row-level security policy/,
    );
    await refusal('--role=tenantry_owner', '--enable-row-security', urls.owner).toThrow(/no tenant is bound/);
  });

  test('is restored after its roles, and not before: everything is there, protected as before', async () => {
    const urls = urlsOn(to);
    await expect(
      to.run(
        'pg_restore',
        '--exit-on-error',
        '--single-transaction',
        `--dbname=${to.urlOf('postgres')}`,
        dump,
      ),
    ).rejects.toThrow(/role "tenantry_owner" does not exist/);
    await expect(start(urls, false)).rejects.toThrow(/refused the login "tenantry_app".*--roles-only/);
    // The same as `tenantry migrate --roles-only`.
    await ensureRoles(urls);
    await to.run('pg_restore', '--exit-on-error', '--single-transaction', `--dbname=${urls.owner}`, dump);

    expect(await contentOf(urls.owner)).toEqual(await contentOf(urlsOn(from).owner));
    for (const withOwner of [false, true]) {
      expect(await start(urls, withOwner)).toMatchObject({ appliedMigrations: [], newerMigrations: [] });
    }
    expect(await auditOf(urls.owner)).toEqual(await auditOf(urlsOn(from).owner));
    await connected(urls.owner, async (client) => {
      await client.query("SET session_replication_role = 'replica'");
      await expect(client.query('DELETE FROM audit_log')).rejects.toThrow(/audit_log is append-only/);
    });
    const database = openDatabase({ url: urls.app, poolSize: 1, limits: LIMITS, contextKey: KEY });
    const { rows } = await connected(urls.owner, (client) =>
      client.query<{ id: string; members: number }>(
        `SELECT t.id, count(m.id)::int AS members FROM tenants t JOIN memberships m ON m.tenant_id = t.id
         GROUP BY t.id`,
      ),
    );
    for (const { id: tenantId, members } of rows) {
      const actor = { type: 'system', id: 'test' } as const;
      const tenant = database.forTenant({ tenantId, actor, requestId: 'drill' });
      expect(await tenant.membership.count()).toBe(members);
    }
    await database.close();
  });

  test('that is restored without owners and privileges is refused by the server, with and without the owner’s URL', async () => {
    const urls = urlsOn(from, 'stripped');
    await connected(from.urlOf('postgres'), (client) => client.query('CREATE DATABASE stripped'));
    await from.run('pg_restore', '--no-owner', '--no-privileges', `--dbname=${urls.owner}`, dump);
    for (const withOwner of [false, true]) {
      await expect(start(urls, withOwner)).rejects.toThrow(/was restored without owners and privileges/);
    }
  });

  test('of data alone, restored with --disable-triggers, leaves the audit log open, and everybody says so', async () => {
    const urls = urlsOn(from, 'data_alone');
    await migrate(urls, KEY);
    const data = join(folder, 'data.dump');
    const without = ['_prisma_migrations', 'tenantry.context_keys'].map(
      (table) => `--exclude-table=${table}`,
    );
    await from.run(
      'pg_dump',
      '--format=custom',
      '--data-only',
      ...without,
      `--file=${data}`,
      urlsOn(from).owner,
    );
    await from.run(
      'pg_restore',
      '--exit-on-error',
      '--data-only',
      '--disable-triggers',
      `--dbname=${urls.owner}`,
      data,
    );

    const deleteEntries = () =>
      connected(urls.owner, async (client) => {
        await client.query("SET session_replication_role = 'replica'");
        await client.query('BEGIN');
        return (await client.query('DELETE FROM audit_log')).rowCount;
      });
    expect(await deleteEntries()).toBeGreaterThan(0);
    expect(await auditOf(urls.owner)).toContain('T40 public.audit_log');
    for (const withOwner of [false, true]) {
      await expect(start(urls, withOwner)).rejects.toThrow(
        'ALTER TABLE public.audit_log ENABLE ALWAYS TRIGGER append_only;',
      );
    }
    const page = await readFile(new URL('../../docs/backup.md', import.meta.url), 'utf8');
    const remedy = /```sql\n(ALTER TABLE audit_log ENABLE ALWAYS[^]*?)```/.exec(page)?.[1];
    await connected(urls.owner, (client) => client.query(remedy!));
    await expect(deleteEntries()).rejects.toThrow(/audit_log is append-only/);
    expect(await start(urls, false)).toMatchObject({ newerMigrations: [] });
    expect(await auditOf(urls.owner)).toEqual(await auditOf(urlsOn(from).owner));
  });
});
