/**
 * A PostgreSQL server without set-up: initialises, starts, finds, adopts and stops it.
 *
 * Guarantees: one server per data folder, for any number of processes; reachable only from this machine and with
 * passwords; an existing cluster is never deleted, overwritten or left incomplete. It creates the empty database
 * `tenantry`; migrations create roles and tables.
 *
 * Only Linux is verified.
 */
import { realpath } from 'node:fs/promises';

import { accountFor } from './account.js';
import { type PackagedBinaries, locateBinaries, runnableBinaries } from './binaries.js';
import { checkCluster, createCluster, findCluster, openToAccount } from './cluster.js';
import { EmbeddedDatabaseError, errorCode, unless } from './error.js';
import {
  type Credentials,
  createCredentials,
  openDataFolder,
  readCredentials,
  readSupervision,
  writeSupervision,
} from './folder.js';
import { withStartLock } from './lock.js';
import { identify, isAlive } from './process.js';
import { type Server, runningServer, startServer, stopServer, withSession } from './server.js';

export { EmbeddedDatabaseError } from './error.js';

/** The URLs of the database `tenantry` for each role. They contain passwords: never log them. */
export interface DatabaseUrls {
  readonly superuser: string;
  readonly owner: string;
  readonly app: string;
  readonly operator: string;
}

export interface EmbeddedDatabase extends DatabaseUrls {
  /** True when this call started the server, or took over one whose Node process is dead. */
  readonly startedHere: boolean;
  /**
   * Shuts the server down and waits for its end; safe to call twice. Does nothing when we only attached to the server
   * of another live process: when that process stops it, we lose the database too.
   */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** False trades crash safety for speed, for tests. Default true. */
  readonly durable?: boolean;
  /** Called with each log line. Never gets a password. */
  readonly log?: (line: string) => void;
}

interface Context {
  readonly folder: string;
  readonly durable: boolean;
  readonly log: (line: string) => void;
  readonly packaged: PackagedBinaries;
}

interface Cluster {
  readonly location: string;
  readonly credentials: Credentials;
}

/**
 * Starts the server of this data folder, creating both when they are missing, or attaches to the one that runs.
 *
 * Any number of processes may call this at the same moment. When this process exits without `stop()`, it tells the
 * server to shut down; when it is killed, the next call adopts the server.
 *
 * @throws EmbeddedDatabaseError when the database cannot be started; the message says what to do
 */
export async function startEmbedded(
  dataDir: string,
  options: EmbeddedOptions = {},
): Promise<EmbeddedDatabase> {
  return explained(dataDir, async () => {
    const packaged = await locateBinaries();
    const folder = await openDataFolder(dataDir);
    const log = options.log ?? (() => undefined);
    const context = { folder, durable: options.durable ?? true, log, packaged };
    return withStartLock(folder, async () => startOrAttach(context));
  });
}

/**
 * The URLs of the server that runs on this data folder, for commands that must not start one; undefined when none
 * runs. Creates and changes nothing.
 *
 * @throws EmbeddedDatabaseError when the folder cannot be read, or a running server refuses our password
 */
export async function findEmbedded(dataDir: string): Promise<DatabaseUrls | undefined> {
  return explained(dataDir, async () => {
    const folder = await realpath(dataDir).catch(unless(undefined, 'ENOENT', 'ENOTDIR'));
    if (folder === undefined) return undefined;
    const location = await findCluster(folder);
    const credentials = await readCredentials(folder);
    if (location === undefined || credentials === undefined) return undefined;
    const server = await runningServer(location, credentials.postgres, 10_000);
    return server === undefined ? undefined : urlsOf(server, credentials);
  });
}

async function startOrAttach(context: Context): Promise<EmbeddedDatabase> {
  const existing = await existingCluster(context);
  const running = existing && (await runningServer(existing.location, existing.credentials.postgres));
  if (existing !== undefined && running !== undefined) return join(context, existing, running);

  const account = await accountFor(existing?.location);
  const binaries = await runnableBinaries(context.packaged, context.folder, account);
  const tools = { binaries, account, durable: context.durable };
  if (existing !== undefined && account !== undefined)
    await openToAccount(context.folder, existing.location, account);
  const cluster = existing ?? (await newCluster(context, tools));
  const password = cluster.credentials.postgres;
  const server = await startServer({ ...tools, password, cluster: cluster.location, folder: context.folder });
  context.log(`PostgreSQL ${String(context.packaged.major)} runs on 127.0.0.1:${String(server.port)}`);
  return supervise(context, cluster, server);
}

async function existingCluster({ folder, packaged }: Context): Promise<Cluster | undefined> {
  const location = await findCluster(folder);
  if (location === undefined) return undefined;
  await checkCluster(location, packaged.major);
  const credentials = await readCredentials(folder);
  if (credentials !== undefined) return { location, credentials };
  throw new EmbeddedDatabaseError(
    `${folder} has a database but no credentials.json with its passwords; restore that file, or move ${folder} away to start with an empty database.`,
  );
}

async function newCluster(
  { folder, log }: Context,
  tools: Omit<Parameters<typeof createCluster>[1], 'password'>,
): Promise<Cluster> {
  const credentials = (await readCredentials(folder)) ?? (await createCredentials(folder));
  const location = await createCluster(folder, { ...tools, password: credentials.postgres });
  log(`Created the database folder ${location}`);
  return { location, credentials };
}

/** Attaches to a server with a live Node process, and takes over one whose Node process is dead. */
async function join(context: Context, cluster: Cluster, server: Server): Promise<EmbeddedDatabase> {
  const record = await readSupervision(context.folder);
  const recorded =
    record?.server.pid === server.identity.pid && record.server.started === server.identity.started;
  if (recorded && (await isAlive(record.supervisor))) {
    context.log(`Attached to the database of process ${String(record.supervisor.pid)}`);
    await ensureDatabase(server, cluster.credentials);
    return { ...urlsOf(server, cluster.credentials), startedHere: false, stop: () => Promise.resolve() };
  }
  context.log(`Took over a PostgreSQL that was left running on 127.0.0.1:${String(server.port)}`);
  return supervise(context, cluster, server);
}

/** From here on this process is responsible for the server. */
async function supervise(context: Context, cluster: Cluster, server: Server): Promise<EmbeddedDatabase> {
  const { folder, packaged } = context;
  try {
    await ensureDatabase(server, cluster.credentials);
    const supervisor = await identify(process.pid);
    if (supervisor !== undefined) await writeSupervision(folder, { supervisor, server: server.identity });
  } catch (error) {
    await stopServer(server, cluster.location, packaged.pgCtl);
    throw error;
  }
  const release = stopOnExit(server);
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await stopServer(server, cluster.location, packaged.pgCtl);
    release();
  };
  return {
    ...urlsOf(server, cluster.credentials),
    startedHere: true,
    stop: () => (stopping ??= stop()),
  };
}

/** When this process exits without stop(), it tells the server to stop, but cannot wait for it. */
function stopOnExit(server: Server): () => void {
  const hook = (): void => {
    try {
      process.kill(server.identity.pid, 'SIGINT');
    } catch {
      // The server has already ended.
    }
  };
  process.once('exit', hook);
  return () => process.off('exit', hook);
}

async function ensureDatabase(server: Server, credentials: Credentials): Promise<void> {
  await withSession(server.port, credentials.postgres, async (client) => {
    const { rowCount } = await client.query("select from pg_database where datname = 'tenantry'");
    if (rowCount === 0) await client.query('create database tenantry');
  });
}

function urlsOf({ port }: Server, credentials: Credentials): DatabaseUrls {
  const url = (role: keyof Credentials): string =>
    `postgresql://${role}:${credentials[role]}@127.0.0.1:${String(port)}/tenantry`;
  return {
    superuser: url('postgres'),
    owner: url('tenantry_owner'),
    app: url('tenantry_app'),
    operator: url('tenantry_operator'),
  };
}

/** Turns errors of the file system into a sentence; unexpected errors are passed on. */
async function explained<T>(dataDir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const refusals = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'ENOTDIR', 'EEXIST'];
    if (!(error instanceof Error) || !refusals.includes(errorCode(error) ?? '')) throw error;
    throw new EmbeddedDatabaseError(
      `Tenantry cannot use the data folder ${dataDir} (${error.message}); start it as the user who owns that folder, or set TENANTRY_DATA_DIR to another one.`,
      { cause: error },
    );
  }
}
