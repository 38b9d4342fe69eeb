/** A PgBouncer in transaction mode between a test and PostgreSQL, as many installations have it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { connected } from './demo-tenants.js';
import { freePort, unprivilegedAccount } from './unprivileged.js';

export interface PgBouncer {
  /** The given URL, through the pooler and with `?pgbouncer=true`. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Debian installs it in a folder that is not on the PATH of ordinary users. */
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`;

/**
 * Whether to skip the tests that need PgBouncer: when it is not installed, with a message. Never in CI, where they fail
 * instead.
 */
export function withoutPgBouncer(): boolean {
  const installed =
    spawnSync('pgbouncer', ['--version'], { env: { ...process.env, PATH } }).error === undefined;
  if (installed || process.env['CI'] !== undefined) return false;
  process.stderr.write('PgBouncer is not installed, so its tests are left out: apt-get install pgbouncer\n');
  return true;
}

const READY_WITHIN_MS = 60_000;

/**
 * Starts PgBouncer for the login of `url`, with `poolSize` connections to the server.
 *
 * @throws Error when PgBouncer is not installed or does not start
 */
export async function startPgBouncer(url: string, poolSize: number): Promise<PgBouncer> {
  const account = await unprivilegedAccount();
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-pgbouncer-'));
  const port = await freePort();
  const server = new URL(url);
  await writeFile(join(folder, 'users.txt'), userList(server), { mode: 0o600 });
  await writeFile(join(folder, 'pgbouncer.ini'), configuration(server, folder, port, poolSize), {
    mode: 0o600,
  });
  for (const file of ['.', 'users.txt', 'pgbouncer.ini']) {
    if (account) await chown(join(folder, file), account.uid, account.gid);
  }
  if (account) await chmod(folder, 0o700);

  const pooler = spawn('pgbouncer', [join(folder, 'pgbouncer.ini')], {
    ...account,
    cwd: folder,
    env: { ...process.env, PATH },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exit = exitOf(pooler);
  const stop = async (): Promise<void> => {
    // Stops it immediately. A graceful shutdown would wait for the clients that are still connected.
    pooler.kill('SIGTERM');
    await exit.promise;
    await rm(folder, { recursive: true, force: true });
  };

  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String(port);
  through.searchParams.set('pgbouncer', 'true');
  try {
    await untilReady(through.href, exit);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: through.href, stop };
}

/** The password in clear text, because PgBouncer needs it to log in to the server with SCRAM. */
function userList({ username, password }: URL): string {
  const quoted = (text: string) => `"${decodeURIComponent(text).replaceAll('"', '""')}"`;
  return `${quoted(username)} ${quoted(password)}\n`;
}

function configuration(server: URL, folder: string, port: number, poolSize: number): string {
  return `[databases]
* = host=${server.hostname} port=${server.port || '5432'}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${String(port)}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${join(folder, 'users.txt')}
pool_mode = transaction
default_pool_size = ${String(poolSize)}
max_client_conn = 100
log_connections = 0
log_disconnections = 0
`;
}

interface Exit {
  readonly promise: Promise<void>;
  /** The reason why it ended. Undefined while it runs. */
  reason(): string | undefined;
}

function exitOf(pooler: ChildProcess): Exit {
  let said = '';
  let reason: string | undefined;
  pooler.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
  const promise = new Promise<void>((resolve) => {
    pooler.once('error', (error: NodeJS.ErrnoException) => {
      reason =
        error.code === 'ENOENT'
          ? 'PgBouncer is not installed, and these tests need it: apt-get install pgbouncer'
          : error.message;
      resolve();
    });
    pooler.once('close', () => {
      reason ??= `PgBouncer ended: ${said}`;
      resolve();
    });
  });
  return { promise, reason: () => reason };
}

async function untilReady(url: string, exit: Exit): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const reason = exit.reason();
    if (reason !== undefined) throw new Error(reason);
    try {
      await connected(url, (client) => client.query('SELECT 1'));
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await wait(20);
  }
}
