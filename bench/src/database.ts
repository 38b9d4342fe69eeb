/**
 * The PostgreSQL server that all contestants share: the one that Tenantry embeds, with Tenantry's migrations, in a data
 * folder of its own. Filled databases are kept between runs. Their names contain a hash of what is in them.
 */
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbedded, type EmbeddedDatabase } from '@tenantry/embedded-postgres';
import { fill, SIZES, type SizeName } from './dataset.js';
import { BENCH, fromTenantry, TENANTRY_ROOT } from './places.js';
import { parentOf } from './processes.js';

type Prepare = typeof import('../../src/kernel/database/preparation/prepare.js');

export interface Server {
  /** The parent of all of PostgreSQL's processes. */
  readonly pid: number;
  readonly version: string;
  /**
   * A database with the rows of this size, for reading only. It is created when it does not exist, which takes minutes
   * for the large size.
   */
  filled(size: SizeName): Promise<Address>;
  /**
   * A copy of the database with the rows of this size, for writing. It replaces an earlier copy of the same name.
   *
   * @param root the checkout whose migrations the database has
   */
  scratch(size: SizeName, name?: string, root?: string): Promise<Address>;
  /** A migrated database without rows. It replaces an earlier one of the same name. */
  empty(name: string): Promise<Address>;
  stop(): Promise<void>;
}

export interface Address {
  /** Connects as tenantry_app, as the contestants do. */
  readonly app: string;
  readonly superuser: string;
  /** Connects as tenantry_operator, as commands of operators do. */
  readonly operator: string;
}

/**
 * Starts the PostgreSQL server.
 *
 * @throws Error when another benchmark is running, because each would slow down the other
 */
export async function startDatabase(log: (line: string) => void): Promise<Server> {
  const embedded = await startEmbedded(join(BENCH, '.data'));
  try {
    if (!embedded.startedHere)
      throw new Error('Another benchmark is running: two at once would measure each other.');
    const { pid, version } = await withClient(embedded.superuser, async (client) => {
      const { rows } = await client.query<{ pid: number; version: string }>(
        "SELECT pg_backend_pid() AS pid, current_setting('server_version') AS version",
      );
      return { pid: await parentOf(rows[0]!.pid), version: rows[0]!.version };
    });
    return {
      pid,
      version,
      filled: (size) => filled(embedded, size, log, TENANTRY_ROOT),
      scratch: async (size, name = 'bench_scratch', root = TENANTRY_ROOT) => {
        const source = databaseOf(await filled(embedded, size, log, root));
        await withClient(embedded.superuser, async (client) => {
          await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
          await client.query(`CREATE DATABASE ${name} TEMPLATE ${source} STRATEGY file_copy`);
          // A clone does not inherit the template's privileges.
          await client.query(`REVOKE TEMPORARY ON DATABASE ${name} FROM PUBLIC`);
          await client.query('CHECKPOINT');
        });
        return addressOf(embedded, name);
      },
      empty: async (name) => {
        await withClient(embedded.superuser, (client) =>
          client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
        );
        const address = addressOf(embedded, name);
        const { migrate } = await fromTenantry<Prepare>('prepare.js', TENANTRY_ROOT);
        await migrate({ owner: address.superuser, app: address.app, operator: address.operator });
        return address;
      },
      stop: () => embedded.stop(),
    };
  } catch (error) {
    await embedded.stop();
    throw error;
  }
}

async function filled(
  embedded: EmbeddedDatabase,
  size: SizeName,
  log: (line: string) => void,
  root: string,
): Promise<Address> {
  const name = `bench_${size}_${await fingerprint(root)}`;
  const address = addressOf(embedded, name);
  if (await isComplete(embedded.superuser, name)) return address;
  const { tenants, conversations, messages } = SIZES[size];
  log(`Filling ${name}: ${tenants} tenants × ${conversations} conversations × ${messages} messages`);
  const began = Date.now();
  await withClient(embedded.superuser, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      'SELECT datname FROM pg_database WHERE datname LIKE $1 ORDER BY oid DESC',
      [`bench\\_${size}\\_%`],
    );
    const names = rows.map(({ datname }) => datname);
    // The other databases have other migrations or rows. The newest one is kept, because two versions of Tenantry may
    // be under comparison.
    const [, ...old] = names.filter((other) => other !== name);
    const incomplete = names.filter((other) => other === name);
    for (const database of [...old, ...incomplete])
      await client.query(`DROP DATABASE ${database} WITH (FORCE)`);
  });
  const { migrate } = await fromTenantry<Prepare>('prepare.js', root);
  const operator = withDatabase(embedded.operator, name);
  await migrate({ owner: address.superuser, app: address.app, operator });
  await withClient(address.superuser, async (client) => {
    await fill(client, SIZES[size]);
    await client.query(`COMMENT ON DATABASE ${name} IS 'complete'`);
  });
  log(`Filled ${name} in ${Math.round((Date.now() - began) / 1000)} s`);
  return address;
}

/** A hash of the migrations and of the code that makes the rows. */
async function fingerprint(root: string): Promise<string> {
  const hash = createHash('sha256').update(await readFile(join(BENCH, 'src/dataset.ts')));
  const folder = join(root, 'prisma/migrations');
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  for (const { name } of names.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    hash.update(name).update(await readFile(join(folder, name, 'migration.sql')));
  }
  return hash.digest('hex').slice(0, 10);
}

async function isComplete(superuser: string, name: string): Promise<boolean> {
  return withClient(superuser, async (client) => {
    const { rows } = await client.query<{ comment: string | null }>(
      "SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = $1",
      [name],
    );
    return rows[0]?.comment === 'complete';
  });
}

function addressOf({ app, superuser, operator }: EmbeddedDatabase, name: string): Address {
  return {
    app: withDatabase(app, name),
    superuser: withDatabase(superuser, name),
    operator: withDatabase(operator, name),
  };
}

function withDatabase(url: string, name: string): string {
  const parsed = new URL(url);
  parsed.pathname = `/${name}`;
  return parsed.toString();
}

const databaseOf = ({ app }: Address): string => new URL(app).pathname.slice(1);

/** Runs `work` with a connection that is closed afterwards. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
