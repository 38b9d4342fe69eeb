/**
 * Tests `tenantry tenantize` on a large table in use: starts a server, creates five million orders and their lines,
 * lets old code read and write throughout, applies the migrations of tenantize (interrupting the backfill once), lets
 * new code run beside the old code, finishes, and then checks every acknowledged write.
 *
 *   npx tsx scripts/tenantize-under-load.ts [--rows 5000000] [--clients 3] [--rollback]
 *
 * With --rollback it undoes the migrations instead of finishing, and the tables must be as before. Exits with 1 when a
 * write is lost, a row has the wrong tenant, a statement failed, or a statement waited for a lock for more than a
 * second.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startEmbedded } from '@tenantry/embedded-postgres';
import { finishTenantize, tenantize, undoTenantize, type Plan } from '@tenantry/tenantize';
import { tenantizeProject } from '../src/cli/tenantize-project.js';
import { PRISMA_FOLDER } from '../src/kernel/database/migration/folder.js';
import { applyMigrations } from '../src/kernel/database/migration/migrations.js';
import { withClient } from '../src/kernel/database/owner-connection.js';
import { migrate } from '../src/kernel/database/preparation/prepare.js';
import { createTenant } from '../src/services/operator/tenants.js';
import { withOperatorConnection } from '../src/services/operator/operator-connection.js';

const { values: flags } = parseArgs({
  options: {
    rows: { type: 'string', default: '5000000' },
    clients: { type: 'string', default: '3' },
    rollback: { type: 'boolean', default: false },
  },
});
const ROWS = Number(flags.rows);
const CLIENTS = Number(flags.clients);
const TABLES = ['orders', 'order_lines'];
const LONGEST_BLOCK_MS = 1000;

const BEFORE = `
CREATE TABLE customers (
  tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant() REFERENCES tenants (id),
  id uuid NOT NULL DEFAULT tenantry.uuid_v7(),
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX customers_id_idx ON customers (id);
SELECT tenantry.protect('customers');
CREATE TABLE orders (
  id bigserial PRIMARY KEY,
  customer_id uuid NOT NULL,
  number text NOT NULL,
  note text
);
CREATE UNIQUE INDEX orders_number_key ON orders (number);
CREATE TABLE order_lines (
  id bigserial PRIMARY KEY,
  order_id bigint NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
  cents integer NOT NULL
);
CREATE INDEX order_lines_order_id_idx ON order_lines (order_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON orders, order_lines TO old_shop;
GRANT USAGE ON SEQUENCE orders_id_seq, order_lines_id_seq TO old_shop;
`;

const started = performance.now();
const say = (line: string): void => {
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(7);
  process.stdout.write(`${seconds} s  ${line}\n`);
};
const grouped = (count: number): string => count.toLocaleString('en');

const failures: string[] = [];
const check = (holds: boolean, what: string): void => {
  say(`${holds ? 'ok    ' : 'FAILED'} ${what}`);
  if (!holds) failures.push(what);
};

/** The results and durations of one kind of client. */
class Record {
  readonly orders = new Map<string, { number: string; note: string | null; tenant?: string }>();
  readonly lines = new Map<string, string>();
  readonly deleted = new Set<string>();
  readonly errors: string[] = [];
  statements = 0;
  slowest = 0;
  slowestSql = '';

  async run(
    client: pg.Client,
    sql: string,
    values: unknown[] = [],
  ): Promise<pg.QueryResult<pg.QueryResultRow>> {
    const from = performance.now();
    try {
      return await client.query<pg.QueryResultRow>(sql, values);
    } finally {
      const took = performance.now() - from;
      this.statements += 1;
      if (took > this.slowest) [this.slowest, this.slowestSql] = [took, sql];
    }
  }

  /** The slowest statement since the last call. */
  takeSlowest(): string {
    const text = `${this.slowest.toFixed(0)} ms (${this.slowestSql.split(' ').slice(0, 3).join(' ')} …)`;
    this.slowest = 0;
    return text;
  }
}

interface Load {
  readonly record: Record;
  stop(): Promise<void>;
}

/**
 * Starts clients that write and read until they are stopped. When `bound`, they name a tenant, as new code does;
 * otherwise they do not, as old code.
 */
async function startLoad(
  url: string,
  name: string,
  customers: readonly { id: string; tenant: string }[],
  bound: boolean,
): Promise<Load> {
  const record = new Record();
  let stopped = false;
  const clients = await Promise.all(
    Array.from({ length: CLIENTS * 2 }, async () => {
      const client = new pg.Client({ connectionString: url, application_name: name });
      await client.connect();
      return client;
    }),
  );
  const loop = async (client: pg.Client, work: (turn: number) => Promise<void>): Promise<void> => {
    for (let turn = 0; !stopped; turn += 1) {
      try {
        await work(turn);
      } catch (error) {
        record.errors.push(error instanceof Error ? error.message : String(error));
        await client.query('ROLLBACK');
      }
      await wait(2);
    }
  };
  const begin = async (client: pg.Client, tenant: string): Promise<void> => {
    await record.run(client, 'BEGIN');
    if (!bound) return;
    await record.run(client, "SELECT tenantry.bind($1, 'load', 'job', NULL, 30000, false)", [tenant]);
  };
  const writer = (client: pg.Client, index: number) => async (turn: number) => {
    const customer = customers[Math.floor(Math.random() * customers.length)]!;
    const number = `${name}-${index}-${turn}`;
    await begin(client, customer.tenant);
    const order = await record.run(
      client,
      'INSERT INTO orders (customer_id, number) VALUES ($1, $2) RETURNING id',
      [customer.id, number],
    );
    const id = String(order.rows[0]?.['id']);
    const lines = await record.run(
      client,
      'INSERT INTO order_lines (order_id, cents) VALUES ($1, 1), ($1, 2) RETURNING id',
      [id],
    );
    await record.run(client, 'COMMIT');
    record.orders.set(id, { number, note: null, tenant: customer.tenant });
    const [kept, gone] = lines.rows.map((row) => String(row['id']));
    record.lines.set(kept!, id).set(gone!, id);

    await begin(client, customer.tenant);
    await record.run(client, 'DELETE FROM order_lines WHERE id = $1', [gone]);
    await record.run(client, 'UPDATE orders SET note = $2 WHERE id = $1', [id, `note ${turn}`]);
    await record.run(client, 'COMMIT');
    record.lines.delete(gone!);
    record.deleted.add(gone!);
    record.orders.set(id, { number, note: `note ${turn}`, tenant: customer.tenant });

    // An earlier row that no other client writes: the row's id modulo CLIENTS is the client's index.
    if (bound) return;
    const old = (Math.floor((Math.random() * ROWS) / CLIENTS) * CLIENTS + index) % ROWS;
    const updated = await record.run(client, 'UPDATE orders SET note = $2 WHERE id = $1 RETURNING number', [
      old,
      number,
    ]);
    const [row] = updated.rows;
    if (row) record.orders.set(String(old), { number: String(row['number']), note: number });
  };
  const reader = (client: pg.Client) => async () => {
    const customer = customers[Math.floor(Math.random() * customers.length)]!;
    const id = Math.ceil(Math.random() * ROWS);
    await begin(client, customer.tenant);
    const found = await record.run(
      client,
      'SELECT o.id, o.note, (SELECT count(*) FROM order_lines l WHERE l.order_id = o.id) FROM orders o WHERE o.id BETWEEN $1 AND $1 + 20',
      [id],
    );
    await record.run(client, 'COMMIT');
    if (!bound && id < ROWS - 20 && found.rowCount !== 21)
      record.errors.push(`${id}: ${found.rowCount} rows read`);
  };
  const work = clients.map((client, index) =>
    loop(client, index < CLIENTS ? writer(client, index) : reader(client)),
  );
  return {
    record,
    async stop() {
      stopped = true;
      await Promise.all(work);
      await Promise.all(clients.map((client) => client.end()));
    },
  };
}

/** Looks for waits for locks every 20 ms. Only waits of the load's clients count. */
async function watchLocks(
  url: string,
): Promise<{ takeLongest(): string; longest: number; stop(): Promise<void> }> {
  const client = new pg.Client(url);
  await client.connect();
  let stopped = false;
  let since = { ms: 0, what: 'none' };
  const watch = {
    longest: 0,
    takeLongest: () => {
      const text = `${since.ms.toFixed(0)} ms (${since.what})`;
      since = { ms: 0, what: 'none' };
      return text;
    },
    stop: async () => {
      stopped = true;
      await done;
      await client.end();
    },
  };
  const look = async (): Promise<void> => {
    while (!stopped) {
      const { rows } = await client.query<{ ms: number; what: string }>(
        `SELECT extract(epoch FROM clock_timestamp() - waitstart)::float8 * 1000 AS ms,
                concat_ws(' ', mode, locktype, relation::regclass) AS what
         FROM pg_locks JOIN pg_stat_activity a USING (pid)
         WHERE NOT granted AND waitstart IS NOT NULL AND a.application_name LIKE '%-code'`,
      );
      for (const { ms, what } of rows) {
        watch.longest = Math.max(watch.longest, ms);
        if (ms > since.ms) since = { ms, what };
      }
      await wait(20);
    }
  };
  const done = look();
  return watch;
}

/** The tables' entries in the catalog as text, for comparison. */
async function fingerprint(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ line: string }>(
    `SELECT concat_ws(' ', attrelid::regclass, attname, atttypid::regtype, attnotnull) AS line FROM pg_attribute
       WHERE attrelid IN ('orders'::regclass, 'order_lines'::regclass) AND attnum > 0 AND NOT attisdropped
     UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
       WHERE conrelid IN ('orders'::regclass, 'order_lines'::regclass)
     UNION ALL SELECT indexdef FROM pg_indexes WHERE tablename IN ('orders', 'order_lines')
     UNION ALL SELECT concat_ws(' ', tgrelid::regclass, tgname) FROM pg_trigger
       WHERE tgrelid IN ('orders'::regclass, 'order_lines'::regclass) AND NOT tgisinternal
     UNION ALL SELECT concat_ws(' ', tablename, policyname) FROM pg_policies WHERE tablename IN ('orders', 'order_lines', 'customers')
     UNION ALL SELECT concat_ws(' ', relname, relrowsecurity, relforcerowsecurity, relacl) FROM pg_class
       WHERE oid IN ('orders'::regclass, 'order_lines'::regclass)
     ORDER BY line`,
  );
  return rows.map(({ line }) => line).join('\n');
}

async function fill(client: pg.Client): Promise<void> {
  await client.query(`INSERT INTO customers (tenant_id) SELECT id FROM tenants, generate_series(1, 50)`);
  await client.query(
    `WITH c AS (SELECT array_agg(id ORDER BY id) AS ids FROM customers)
     INSERT INTO orders (customer_id, number, note)
     SELECT c.ids[1 + n % array_length(c.ids, 1)], 'N-' || n, repeat('x', 40) FROM c, generate_series(1, $1::integer) n`,
    [ROWS],
  );
  await client.query(
    'INSERT INTO order_lines (order_id, cents) SELECT n * 5, n FROM generate_series(1, $1::integer / 5) n',
    [ROWS],
  );
  await client.query('VACUUM ANALYZE orders, order_lines, customers');
}

/** Applies all migrations. Ends the backfill's session once while it runs, and then applies them again. */
async function applyWithAccident(owner: string): Promise<void> {
  const accident = (async () => {
    await withClient(owner, async (client) => {
      for (;;) {
        const { rows } = await client.query<{ progress: string }>(
          `SELECT application_name AS progress, pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE application_name ~ 'tenantize .*orders: page [0-9]{4,}'`,
        );
        if (rows[0]) {
          say(`the session of the backfill is ended: ${rows[0].progress}`);
          return;
        }
        const over = await client.query("SELECT FROM pg_policies WHERE policyname = 'tenantize'");
        if (over.rowCount !== 0) return;
        await wait(50);
      }
    });
  })();
  try {
    await applyMigrations(owner, prisma);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    await applyMigrations(owner, prisma);
  }
  await accident;
}

async function durations(client: pg.Client, plan: Plan): Promise<void> {
  const { rows } = await client.query<{ name: string; seconds: string }>(
    `SELECT migration_name AS name, extract(epoch FROM finished_at - started_at)::numeric(9, 2) AS seconds
     FROM _prisma_migrations WHERE rolled_back_at IS NULL AND migration_name = ANY ($1) ORDER BY 1`,
    [plan.steps.map(({ name }) => name)],
  );
  for (const { name, seconds } of rows) say(`  ${seconds.padStart(8)} s  ${name.replace(/^\d+_/, '')}`);
}

/** Checks that every acknowledged write is stored unchanged. */
async function checkWrites(client: pg.Client, load: Load, tenants: boolean): Promise<void> {
  const { orders, lines, deleted } = load.record;
  const column = tenants ? 'tenant_id' : 'NULL';
  const { rows } = await client.query<{
    id: string;
    number: string;
    note: string | null;
    tenant: string | null;
  }>(`SELECT id::text, number, note, ${column}::text AS tenant FROM orders WHERE id = ANY ($1::bigint[])`, [
    [...orders.keys()],
  ]);
  const found = new Map(rows.map((row) => [row.id, row]));
  const lost = [...orders].filter(([id, { number, note, tenant }]) => {
    const row = found.get(id);
    return (
      row?.number !== number ||
      row.note !== note ||
      (tenants && tenant !== undefined && row.tenant !== tenant)
    );
  });
  check(
    lost.length === 0,
    `${grouped(orders.size)} acknowledged orders are there, as written (${lost.length} are not)`,
  );
  const kept = await client.query<{ id: string; order_id: string }>(
    'SELECT id::text, order_id::text FROM order_lines WHERE id = ANY ($1::bigint[])',
    [[...lines.keys()]],
  );
  const right = kept.rows.filter((row) => lines.get(row.id) === row.order_id).length;
  check(
    right === lines.size,
    `${grouped(lines.size)} acknowledged lines are there (${lines.size - right} are not)`,
  );
  const undead = await client.query('SELECT FROM order_lines WHERE id = ANY ($1::bigint[])', [[...deleted]]);
  check(undead.rowCount === 0, `${grouped(deleted.size)} acknowledged deletions hold`);
  check(
    load.record.errors.length === 0,
    `none of ${grouped(load.record.statements)} statements failed${load.record.errors
      .slice(0, 3)
      .map((e) => `; ${e}`)
      .join('')}`,
  );
}

async function checkTables(client: pg.Client): Promise<void> {
  const count = async (sql: string): Promise<number> =>
    Number((await client.query<{ count: string }>(`SELECT count(*) ${sql}`)).rows[0]?.count);
  const orders = await count('FROM orders');
  check(
    (await count(
      'FROM orders o JOIN customers c ON c.id = o.customer_id WHERE c.tenant_id IS DISTINCT FROM o.tenant_id',
    )) === 0,
    `all ${grouped(orders)} orders have their customer's tenant`,
  );
  check(
    (await count(
      'FROM order_lines l JOIN orders o ON o.id = l.order_id WHERE l.tenant_id IS DISTINCT FROM o.tenant_id',
    )) === 0,
    `all ${grouped(await count('FROM order_lines'))} lines have their order's tenant`,
  );
  check(
    (await count(`FROM pg_class JOIN pg_trigger ON tgrelid = pg_class.oid AND tgname = 'audit'
      WHERE relname IN ('orders', 'order_lines') AND relrowsecurity AND relforcerowsecurity`)) === 2,
    'row-level security is forced, and the audit trigger is there',
  );
  check(
    (await count(`FROM pg_index WHERE indrelid IN ('orders'::regclass, 'order_lines'::regclass) AND indisunique
      AND (indkey[0] <> (SELECT attnum FROM pg_attribute WHERE attrelid = indrelid AND attname = 'tenant_id') OR NOT indisvalid)`)) ===
      0,
    'every unique key begins with tenant_id, and is valid',
  );
}

async function checkIsolation(url: string, tenants: readonly string[]): Promise<void> {
  await withClient(url, async (client) => {
    const unbound = await client.query('SELECT FROM orders LIMIT 1').catch((error: unknown) => String(error));
    check(
      typeof unbound === 'string' && unbound.includes('no tenant is bound'),
      'the server’s role without a tenant is refused',
    );
    for (const tenant of tenants.slice(0, 1)) {
      await client.query('BEGIN');
      await client.query("SELECT tenantry.bind($1, 'check', 'job', NULL, 600000, true)", [tenant]);
      const { rows } = await client.query<{ tenants: string[]; count: string }>(
        'SELECT array_agg(DISTINCT tenant_id::text) AS tenants, count(*) FROM orders',
      );
      await client.query('COMMIT');
      check(
        rows[0]?.tenants.join() === tenant,
        `bound to a tenant, it sees that tenant's ${grouped(Number(rows[0]?.count))} orders and no other`,
      );
    }
  });
}

const folder = await mkdtemp(join(tmpdir(), 'tenantize-'));
const prisma = join(folder, 'prisma');
const server = await startEmbedded(join(folder, 'data'));
try {
  await demonstrate();
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
say(failures.length === 0 ? 'Everything holds.' : `${failures.length} failed.`);
process.exit(failures.length === 0 ? 0 : 1);

async function demonstrate(): Promise<void> {
  const { superuser: owner, app, operator } = server;
  await migrate({ owner, app, operator });
  await withOperatorConnection(
    { url: operator, operator: 'load', contextKey: undefined },
    async (connection) => {
      for (const slug of ['acme', 'globex', 'initech', 'umbrella']) {
        await createTenant(connection, {
          slug,
          name: slug,
          owner: { userId: slug, email: `${slug}@example.test` },
        });
      }
    },
  );
  await cp(PRISMA_FOLDER, prisma, { recursive: true });
  await mkdir(join(prisma, 'migrations', '20261130000000_shop'));
  await writeFile(join(prisma, 'migrations', '20261130000000_shop', 'migration.sql'), BEFORE);
  await withClient(owner, async (client) => {
    await client.query("CREATE ROLE old_shop LOGIN PASSWORD 'old_shop'");
    await client.query(
      'GRANT CONNECT ON DATABASE tenantry TO old_shop; GRANT USAGE ON SCHEMA public TO old_shop',
    );
    // The log contains waits longer than deadlock_timeout, which is a second.
    await client.query('ALTER SYSTEM SET log_lock_waits = on');
    await client.query("ALTER SYSTEM SET log_line_prefix = '%t %a '");
    await client.query("ALTER SYSTEM SET max_wal_size = '8GB'");
    await client.query('SELECT pg_reload_conf()');
    await applyMigrations(owner, prisma);
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    say(
      `PostgreSQL ${rows[0]?.server_version ?? ''}; filling ${grouped(ROWS)} orders and ${grouped(ROWS / 5)} lines`,
    );
    await fill(client);
    const size = await client.query<{ size: string }>(
      "SELECT pg_size_pretty(pg_total_relation_size('orders')) AS size",
    );
    say(`orders with its indexes: ${size.rows[0]?.size ?? ''}`);
    const before = await fingerprint(client);
    const customers = (
      await client.query<{ id: string; tenant: string }>('SELECT id, tenant_id AS tenant FROM customers')
    ).rows;

    const url = new URL(app);
    url.username = 'old_shop';
    url.password = 'old_shop';
    const oldCode = await startLoad(url.href, 'old-code', customers, false);
    const locks = await watchLocks(owner);
    const report = (phase: string, load: Load): void =>
      say(
        `${phase}: slowest statement ${load.record.takeSlowest()}; longest wait for a lock ${locks.takeLongest()}`,
      );
    await wait(10_000);
    report('old code alone', oldCode);

    const plan = await tenantize(tenantizeProject(owner, prisma), TABLES, {
      tenantExpression: '(SELECT c.tenant_id FROM customers c WHERE c.id = orders.customer_id)',
    });
    say(`tenantize ${TABLES.join(' ')}: ${plan.steps.length} migrations`);
    await applyWithAccident(owner);
    await durations(client, plan);
    report('old code, first part', oldCode);
    if (flags.rollback) {
      const undone = await undoTenantize(tenantizeProject(owner, prisma), TABLES);
      say(`undid ${undone.length} migrations`);
      report('old code, way back', oldCode);
      await oldCode.stop();
      check((await fingerprint(client)) === before, 'the tables are what they were');
      await checkWrites(client, oldCode, false);
    } else {
      const newCode = await startLoad(app, 'new-code', customers, true);
      await wait(10_000);
      report('old code beside new code', oldCode);
      report('new code beside old code', newCode);
      await oldCode.stop();
      const end = await finishTenantize(tenantizeProject(owner, prisma), TABLES);
      say(`tenantize ${TABLES.join(' ')} --finish: ${end.steps.length} migrations`);
      await applyMigrations(owner, prisma);
      await durations(client, end);
      await wait(2_000);
      report('new code, second part', newCode);
      await newCode.stop();
      await checkTables(client);
      await checkWrites(client, oldCode, true);
      await checkWrites(client, newCode, true);
      await checkIsolation(app, [...new Set(customers.map(({ tenant }) => tenant))]);
    }
    await locks.stop();
    check(
      locks.longest < LONGEST_BLOCK_MS,
      `no statement waited for a lock for a second (${locks.longest.toFixed(0)} ms, sampled every 20 ms)`,
    );
    const log = await readFile(join(folder, 'data', 'postgres.log'), 'utf8');
    const waits = log.split('\n').filter((line) => / (old|new)-code LOG: .* still waiting for /.test(line));
    check(
      waits.length === 0,
      `PostgreSQL logged ${waits.length} waits of a client beyond its deadlock_timeout of a second`,
    );
    for (const line of waits.slice(0, 5)) say(line);
  });
}
