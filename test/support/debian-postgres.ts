/**
 * A PostgreSQL server from Debian's packages, which include pg_dump and pg_restore. The embedded server has neither,
 * and pg_dump refuses servers that are newer than itself.
 */
import { execFile, spawn } from 'node:child_process';
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

  const port = await freePort();
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off'];
  const args = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
  const server = spawn(join(bin, 'postgres'), args, { ...account, cwd: folder, stdio: 'ignore' });
  const ended = new Promise((resolve) => server.once('close', resolve));
  const stop = async (): Promise<void> => {
    server.kill('SIGINT');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const urlOf = (database: string): string =>
    `postgresql://postgres:${PASSWORD}@127.0.0.1:${String(port)}/${database}`;
  try {
    await until(
      'PostgreSQL answers',
      () => connected(urlOf('postgres'), () => Promise.resolve(true)).catch(() => false),
      20_000,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    urlOf,
    run: async (program, ...more) => (await run(join(bin, program), [...more])).stdout,
    stop,
  };
}

/** The folder of the programs of the newest installed major version. */
function newestPackage(): string | undefined {
  const versions = existsSync(PACKAGES) ? readdirSync(PACKAGES) : [];
  return versions
    .sort((one, other) => Number(other) - Number(one))
    .map((version) => join(PACKAGES, version, 'bin'))
    .find((bin) =>
      ['postgres', 'initdb', 'pg_dump', 'pg_restore'].every((name) => existsSync(join(bin, name))),
    );
}
