/** Finds the server process, starts it until it answers, and stops it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants, open, readFile, realpath, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import pg from 'pg';

import type { Binaries } from './binaries.js';
import { EmbeddedDatabaseError, errorCode, unless } from './error.js';
import { giveToOwnerOf } from './folder.js';
import {
  type Account,
  type ProcessIdentity,
  cleanEnvironment,
  credentialsOf,
  identify,
  isAlive,
  neutralFolder,
  run,
  servesFolder,
} from './process.js';

/** A server that answers. */
export interface Server {
  readonly identity: ProcessIdentity;
  readonly port: number;
}

/** The settings of a server's start. */
export interface ServerOrder {
  readonly binaries: Binaries;
  readonly account: Account | undefined;
  readonly password: string;
  readonly durable: boolean;
  readonly cluster: string;
  /** The data folder, for the log. */
  readonly folder: string;
}

type Answer = 'ready' | 'not yet' | 'wrong password' | 'another server';

const startPatienceMs = 120_000;
const fastShutdownMs = 10_000;
const immediateShutdownMs = 10_000;
const attempts = 5;
/** As root we write to a folder of another user: do not follow links that they created. Windows has no such flag. */
const neverFollow = process.platform === 'win32' ? 0 : constants.O_NOFOLLOW;

/**
 * The live server of this cluster; undefined when none runs. Waits at most `patienceMs` for one that is starting or
 * stopping. Throws when it refuses our password, or does not answer in time.
 */
export async function runningServer(
  cluster: string,
  password: string,
  patienceMs = startPatienceMs,
): Promise<Server | undefined> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const server = await recordedServer(cluster);
    if (server === undefined) return undefined;
    const answer = server.port === 0 ? 'not yet' : await ask(server.port, password, cluster);
    if (answer === 'ready') return server;
    if (answer === 'wrong password') throw wrongPassword(cluster);
    if (Date.now() > deadline) throw unresponsive(server.identity.pid, cluster);
    await delay(50);
  }
}

/** Starts the server and waits until it accepts connections. Otherwise throws with its last log lines. */
export async function startServer(order: ServerOrder): Promise<Server> {
  const log = path.join(order.folder, 'postgres.log');
  await rename(log, `${log}.1`).catch(unless(undefined, 'ENOENT'));
  await disarmLockFile(order.cluster);
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await attemptStart(order, log);
    if (typeof outcome !== 'string') return outcome;
    if (attempt === attempts || !isPassing(outcome)) throw failedStart(log, outcome);
    await delay(100 * attempt);
  }
}

/**
 * Fast shutdown: ends sessions and writes data. After a time limit, an immediate shutdown, from which the next start
 * recovers as after a crash. Does nothing when the server has already ended. Throws when it survives both.
 */
export async function stopServer(server: Server, cluster: string, pgCtl: string): Promise<void> {
  if (!(await isAlive(server.identity))) return;
  await signal(server, 'SIGINT', cluster, pgCtl);
  if (await gone(server.identity, fastShutdownMs)) return;
  await signal(server, 'SIGQUIT', cluster, pgCtl);
  if (await gone(server.identity, immediateShutdownMs)) return;
  throw new EmbeddedDatabaseError(
    `PostgreSQL (process ${String(server.identity.pid)}) does not stop; end that process before you start Tenantry again.`,
  );
}

/** One superuser session on a database of this server. */
export async function withSession<T>(
  port: number,
  password: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password,
    database: 'postgres',
    // Set explicitly, because pg would otherwise use PGSSLMODE and PGOPTIONS of our environment.
    ssl: false,
    options: '-c search_path=pg_catalog',
    connectionTimeoutMillis: 5_000,
  });
  // Losing the server between two queries must not end this process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The server of postmaster.pid, when it is alive and uses this cluster. */
async function recordedServer(cluster: string): Promise<Server | undefined> {
  const text = await readFile(lockFileOf(cluster), 'utf8').catch(unless('', 'ENOENT', 'ENOTDIR'));
  const lines = text.split('\n');
  const pid = Number.parseInt(lines[0] ?? '', 10);
  if (!(pid > 0)) return undefined;
  const identity = await identify(pid);
  if (identity === undefined || !(await servesFolder(pid, cluster))) return undefined;
  const port = Number.parseInt(lines[3] ?? '', 10);
  // A server that has just started has not written its port yet.
  return { identity, port: port > 0 ? port : 0 };
}

/**
 * PostgreSQL refuses to start when the process of postmaster.pid is alive, even if the pid was reused. It ignores its
 * own parent, so we write our pid into the file. Deleting the file would also delete the record of the shared memory,
 * which shows PostgreSQL whether sessions of a killed server still run.
 */
async function disarmLockFile(cluster: string): Promise<void> {
  const name = lockFileOf(cluster);
  const file = await open(name, constants.O_RDWR | neverFollow).catch(unless(undefined, 'ENOENT'));
  if (file === undefined) return;
  try {
    const text = await file.readFile('utf8');
    // After a crash of the machine the file may be truncated, and PostgreSQL could not parse it.
    const usable = /^-?\d+\n/.test(text) && process.platform !== 'win32';
    if (!usable) await rm(name);
    if (usable) await file.truncate();
    if (usable) await file.write(text.replace(/^-?\d+/, String(process.pid)), 0);
  } finally {
    await file.close();
  }
}

/** A server that answers, or the log of one that exited. */
async function attemptStart(order: ServerOrder, log: string): Promise<Server | string> {
  const port = await freePort();
  const child = await spawnServer(order, port, log);
  if (child.pid === undefined) return `${order.binaries.postgres} could not be started.`;
  const identity = await identify(child.pid);
  if (identity === undefined) return lastLines(log);
  const server = { identity, port };
  try {
    return (await answers(server, order)) ? server : await lastLines(log);
  } catch (error) {
    await stopServer(server, order.cluster, order.binaries.pgCtl);
    throw error;
  }
}

async function spawnServer(order: ServerOrder, port: number, log: string): Promise<ChildProcess> {
  // We open the log, so that the account needs no access to it.
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | neverFollow;
  const handle = await open(log, flags, 0o600);
  try {
    await giveToOwnerOf(order.folder, handle);
    const child = spawn(order.binaries.postgres, serverArguments(order, port), {
      ...credentialsOf(order.account),
      env: cleanEnvironment(),
      cwd: neutralFolder(),
      stdio: ['ignore', handle.fd, handle.fd],
      // A separate session, so that Ctrl-C in the terminal reaches only Node, which then stops the server.
      detached: true,
      windowsHide: true,
    });
    child.on('error', () => undefined);
    child.unref();
    return child;
  } finally {
    await handle.close();
  }
}

function serverArguments({ cluster, durable }: ServerOrder, port: number): readonly string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    // A server that need not be durable is one of tests, which open many databases at once.
    max_connections: durable ? '100' : '300',
    max_wal_size: '256MB',
    cluster_name: 'tenantry',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
  return ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/** Waits until the server answers (true) or has exited (false). */
async function answers(server: Server, { password, cluster }: ServerOrder): Promise<boolean> {
  const deadline = Date.now() + startPatienceMs;
  for (let pause = 20; ; pause = Math.min(pause * 1.5, 250)) {
    // The order matters: another server may answer on the port after ours has exited.
    const answer = await ask(server.port, password, cluster);
    if (!(await isAlive(server.identity))) return false;
    if (answer === 'ready') return true;
    if (answer === 'wrong password') throw wrongPassword(cluster);
    if (Date.now() > deadline) throw unresponsive(server.identity.pid, cluster);
    await delay(pause);
  }
}

/**
 * Whether the server on this port accepts our password and uses this cluster (a copied folder has the same password).
 */
async function ask(port: number, password: string, cluster: string): Promise<Answer> {
  try {
    const { rows } = await withSession(port, password, async (client) =>
      client.query<{ data_directory: string }>('show data_directory'),
    );
    const served = await realpath(rows[0]?.data_directory ?? '');
    return served === (await realpath(cluster)) ? 'ready' : 'another server';
  } catch (error) {
    return errorCode(error) === '28P01' ? 'wrong password' : 'not yet';
  }
}

async function signal(
  server: Server,
  name: 'SIGINT' | 'SIGQUIT',
  cluster: string,
  pgCtl: string,
): Promise<void> {
  if (process.platform === 'win32') {
    // Windows has no signals; pg_ctl uses PostgreSQL's own way.
    await run(pgCtl, ['stop', '-D', cluster, '-m', name === 'SIGINT' ? 'fast' : 'immediate', '-W']);
    return;
  }
  try {
    process.kill(server.identity.pid, name);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

async function gone(identity: ProcessIdentity, patienceMs: number): Promise<boolean> {
  const deadline = Date.now() + patienceMs;
  while (await isAlive(identity)) {
    if (Date.now() > deadline) return false;
    await delay(20);
  }
  return true;
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => {
        resolve(port);
      });
    });
  });
}

/** Temporary failures: another program took the port first, or sessions of a killed server are still ending. */
function isPassing(output: string): boolean {
  return /could not bind|could not create any TCP\/IP sockets|shared memory block .* still in use/.test(
    output,
  );
}

async function lastLines(log: string): Promise<string> {
  const text = await readFile(log, 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-12).join('\n');
}

function lockFileOf(cluster: string): string {
  return path.join(cluster, 'postmaster.pid');
}

function failedStart(log: string, output: string): EmbeddedDatabaseError {
  return new EmbeddedDatabaseError(
    `The embedded PostgreSQL did not start; mend what it names here and start again (all of it is in ${log}):\n${output}`,
  );
}

function wrongPassword(cluster: string): EmbeddedDatabaseError {
  return new EmbeddedDatabaseError(
    `The passwords in credentials.json do not fit the database in ${cluster}; restore the file that belongs to it.`,
  );
}

function unresponsive(pid: number, cluster: string): EmbeddedDatabaseError {
  return new EmbeddedDatabaseError(
    `PostgreSQL (process ${String(pid)}) holds ${cluster} but does not answer; end that process and start again.`,
  );
}
