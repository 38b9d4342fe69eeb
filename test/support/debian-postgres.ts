/**
 * A PostgreSQL server from Debian's packages, which include pg_dump and pg_restore. The embedded server has neither,
 * and pg_dump refuses servers that are newer than itself.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { connected } from './demo-tenants.js';
import { freePort, unprivilegedAccount } from './unprivileged.js';
import { until } from './until.js';

const PACKAGES = '/usr/lib/postgresql';
const PASSWORD = 'of-a-test-server';

export interface DebianPostgres {
  /** The superuser's URL for a database of this server. */
  urlOf(database: string): string;
  /** Runs the program. Rejects with its output when it fails. */
  run(program: 'pg_dump' | 'pg_restore' | 'pg_dumpall', ...args: readonly string[]): Promise<string>;
  /** Starts a streaming replica of this server, with its data as of now. */
  startReplica(): Promise<DebianReplica>;
  stop(): Promise<void>;
}

/** A streaming replica. Stop it before its primary. */
export interface DebianReplica {
  /** The same URL at the replica. */
  urlOf(primaryUrl: string): string;
  /** Ends it at once, like a crash. */
  kill(): Promise<void>;
  /** Starts it again after {@link kill}. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Whether to skip the tests that need it: when it is not installed, with a message. Never in CI, where they fail
 * instead.
 */
export function withoutDebianPostgres(): boolean {
  if (newestPackage() !== undefined || process.env['CI'] !== undefined) return false;
  process.stderr.write(
    'There is no pg_dump with its server, so these tests are left out: apt-get install postgresql\n',
  );
  return true;
}

/** Starts a new, empty server with fsync off. */
export async function startDebianPostgres(): Promise<DebianPostgres> {
  const bin = newestPackage();
  if (bin === undefined) throw new Error(`there is no PostgreSQL in ${PACKAGES}: apt-get install postgresql`);
  const account = await unprivilegedAccount();
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-debian-'));
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, PASSWORD);
  if (account) for (const path of [folder, passwordFile]) await chown(path, account.uid, account.gid);
  const run = promisify(execFile);
  const data = join(folder, 'data');
  const initdb = ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`];
  await run(join(bin, 'initdb'), [...initdb, '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'], {
    ...account,
    cwd: folder,
  });

  const server = new Server(bin, data, await freePort(), account);
  const urlOf = (database: string): string =>
    `postgresql://postgres:${PASSWORD}@127.0.0.1:${String(server.port)}/${database}`;
  const stop = async (): Promise<void> => {
    await server.end('SIGINT');
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await server.start(urlOf('postgres'));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    urlOf,
    run: async (program, ...more) => (await run(join(bin, program), [...more])).stdout,
    async startReplica() {
      const copy = await mkdtemp(join(folder, 'replica-'));
      if (account) await chown(copy, account.uid, account.gid);
      const replica = new Server(bin, copy, await freePort(), account);
      // With -R it finds its primary when it starts.
      await run(
        join(bin, 'pg_basebackup'),
        ['-d', urlOf('postgres'), '-D', copy, '-R', '-X', 'stream', '-c', 'fast'],
        {
          ...account,
          cwd: folder,
        },
      );
      const urlOfReplica = (primaryUrl: string): string => {
        const url = new URL(primaryUrl);
        url.port = String(replica.port);
        return url.href;
      };
      const start = () => replica.start(urlOfReplica(urlOf('postgres')));
      await start();
      return {
        urlOf: urlOfReplica,
        start,
        kill: () => replica.end('SIGQUIT'),
        stop: () => replica.end('SIGINT'),
      };
    },
    stop,
  };
}

type Account = Awaited<ReturnType<typeof unprivilegedAccount>>;

/** A process of PostgreSQL, with fsync off. */
class Server {
  #process: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly bin: string,
    private readonly data: string,
    readonly port: number,
    private readonly account: Account,
  ) {}

  /** @param url the superuser's URL, to see when it answers */
  async start(url: string): Promise<void> {
    const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off'];
    const args = ['-D', this.data, '-p', String(this.port), ...settings.flatMap((each) => ['-c', each])];
    const server = spawn(join(this.bin, 'postgres'), args, {
      ...this.account,
      cwd: this.data,
      stdio: 'ignore',
    });
    this.#process = server;
    this.#ended = new Promise((resolve) => server.once('close', resolve));
    await until(
      'PostgreSQL answers',
      () => connected(url, () => Promise.resolve(true)).catch(() => false),
      60_000,
    );
  }

  async end(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    this.#process?.kill(signal);
    await this.#ended;
    this.#process = undefined;
  }
}

/** The folder of the programs of the newest installed major version. */
function newestPackage(): string | undefined {
  const versions = existsSync(PACKAGES) ? readdirSync(PACKAGES) : [];
  return versions
    .sort((one, other) => Number(other) - Number(one))
    .map((version) => join(PACKAGES, version, 'bin'))
    .find((bin) =>
      ['postgres', 'initdb', 'pg_dump', 'pg_restore', 'pg_basebackup'].every((name) =>
        existsSync(join(bin, name)),
      ),
    );
}
