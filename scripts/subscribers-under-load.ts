/**
 * Measures the load that a server of subscriptions sustains: a number of subscribers of one tenant, a number of changes
 * per second, and whether each subscriber receives each change. Starts its own database and server.
 *
 *   npx tsx scripts/subscribers-under-load.ts [--subscribers 10] [--rates 80,320,1280] [--seconds 10] [--query own|shared]
 *
 * `--query shared` subscribes with a document whose answer is the same for all subscribers with the same permissions;
 * `--query own` with one that uses raw SQL, for which the server cannot know that. A rate is sustained when every
 * subscriber has received every change two seconds after the last one, and no connection was closed.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createClient, type Client } from 'graphql-ws';
import pg from 'pg';
import { WebSocket } from 'ws';
import { issueToken } from '../src/kernel/auth/issue-token.js';
import { startEmbedded } from '@tenantry/embedded-postgres';
import { migrate } from '../src/kernel/database/preparation/prepare.js';
import { createTenant } from '../src/services/operator/tenants.js';
import { withOperatorConnection } from '../src/services/operator/operator-connection.js';
import { startServer, type RunningServer } from '../test/support/running-server.js';

const { values: flags } = parseArgs({
  options: {
    subscribers: { type: 'string', default: '10' },
    rates: { type: 'string', default: '80,160,320,640,1280' },
    seconds: { type: 'string', default: '10' },
    query: { type: 'string', default: 'shared' },
  },
});
const SUBSCRIBERS = Number(flags.subscribers);
const RATES = flags.rates.split(',').map(Number);
const SECONDS = Number(flags.seconds);
const SECRET = 'jC5s7d2KqXv9Zb4TnWm8RpYeLgHf3AuQ';
const DOCUMENTS: Readonly<Record<string, string>> = {
  shared:
    'subscription { conversationChanged { kind conversationId conversation { subject body author { userId role } } } }',
  own: 'subscription { conversationChanged { kind conversationId conversation { subject body messages(first: 1) { nodes { body } } } } }',
};
const document = DOCUMENTS[flags.query] ?? DOCUMENTS['shared']!;
const TICK_MS = 50;

/** The events that one subscriber received. */
interface Told {
  events: number;
  closed: string | undefined;
}

function follow(url: string, userId: string): { readonly told: Told; readonly client: Client } {
  const told: Told = { events: 0, closed: undefined };
  const token = issueToken(
    { userId, email: 'somebody@example.test', tenantId: 'load' },
    { secret: SECRET, issuer: 'tenantry', audience: 'tenantry' },
    3_600,
  );
  const client = createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
    on: {
      closed: (event) => {
        const { code, reason } = event as { code: number; reason: string };
        told.closed ??= `${String(code)} ${reason}`;
      },
    },
  });
  client.subscribe(
    { query: document },
    { next: () => told.events++, error: () => undefined, complete: () => undefined },
  );
  return { told, client };
}

/** The CPU time that a process has used, in milliseconds. */
async function cpuOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8');
  const [user = '0', system = '0'] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return (Number(user) + Number(system)) * 10;
}

async function subscriptionsAt(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^tenantry_subscriptions (\d+)$/m.exec(text)?.[1] ?? 0);
}

const INSERT = `
  INSERT INTO conversations (tenant_id, user_id, subject, body, updated_at)
  SELECT id, 'user 0', 'a subject', 'a body of some length: ' || repeat('x', 200), now()
  FROM tenants, generate_series(1, $1) WHERE slug = 'load'`;

async function measure(rate: number, server: RunningServer, admin: pg.Client): Promise<boolean> {
  const followers = Array.from({ length: SUBSCRIBERS }, (_, n) => follow(server.url, `user ${String(n)}`));
  while ((await subscriptionsAt(server.url)) < SUBSCRIBERS) await wait(50);
  const transactions = async () => {
    await admin.query('SELECT pg_stat_clear_snapshot()');
    const { rows } = await admin.query<{ count: string }>(
      'SELECT xact_commit + xact_rollback AS count FROM pg_stat_database WHERE datname = current_database()',
    );
    return Number(rows[0]!.count);
  };
  await wait(1_200);
  const [cpuBefore, transactionsBefore] = [await cpuOf(server.pid), await transactions()];
  const startedAt = performance.now();
  let changes = 0;
  while (performance.now() - startedAt < SECONDS * 1_000) {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * rate) - changes;
    if (due > 0) await admin.query(INSERT, [due]);
    changes += Math.max(due, 0);
    await wait(TICK_MS);
  }
  const deadline = performance.now() + 2_000;
  const isTold = () => followers.every(({ told }) => told.events >= changes);
  while (!isTold() && performance.now() < deadline) await wait(20);
  const held = isTold() && followers.every(({ told }) => told.closed === undefined);
  const events = followers.reduce((sum, { told }) => sum + told.events, 0);
  const cpu = (await cpuOf(server.pid)) - cpuBefore;
  await wait(1_200);
  const transactionsAfter = await transactions();
  const closed = followers.map(({ told }) => told.closed).filter((each) => each !== undefined);
  process.stdout.write(
    `${String(rate).padStart(6)} changes/s  ${held ? 'held    ' : 'NOT held'}  ` +
      `${String(events)} of ${String(changes * SUBSCRIBERS)} events, ` +
      `${((cpu * 1_000) / Math.max(events, 1)).toFixed(0)} µs CPU and ` +
      `${((transactionsAfter - transactionsBefore) / Math.max(events, 1)).toFixed(3)} transactions per event and subscriber` +
      `${closed.length > 0 ? `; ${String(closed.length)} closed: ${closed[0]!}` : ''}\n`,
  );
  await Promise.all(
    followers.map(async ({ client }) => {
      await client.dispose();
      client.terminate();
    }),
  );
  while ((await subscriptionsAt(server.url)) > 0) await wait(50);
  return held;
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-load-'));
  const database = await startEmbedded(folder, { durable: false });
  try {
    await migrate({ owner: database.superuser, app: database.app, operator: database.operator });
    await withOperatorConnection(
      { url: database.operator, operator: 'load', contextKey: undefined },
      (connection) =>
        createTenant(connection, {
          slug: 'load',
          name: 'Load',
          owner: { userId: 'user 0', email: 'a@example.test' },
        }),
    );
    const admin = new pg.Client({ connectionString: database.superuser });
    await admin.connect();
    await admin.query(
      `INSERT INTO memberships (tenant_id, user_id, email, role)
       SELECT id, 'user ' || n, n || '@example.test', 'member' FROM tenants, generate_series(1, $1) AS n
       WHERE slug = 'load'`,
      [SUBSCRIBERS],
    );
    const server = await startServer({
      TENANTRY_DATA_DIR: folder,
      DATABASE_URL: database.app,
      JWT_SECRET: SECRET,
    });
    try {
      for (const rate of RATES) await measure(rate, server, admin);
    } finally {
      server.kill('SIGKILL');
      await server.ended;
      await admin.end();
    }
  } finally {
    await database.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
process.exit();
