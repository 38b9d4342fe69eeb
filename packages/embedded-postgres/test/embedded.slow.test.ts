/** Tests of the embedded PostgreSQL with real servers. Each test has its own folders and removes them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  realpath,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { accountFor } from '../src/account.js';
import { locateBinaries, runnableBinaries } from '../src/binaries.js';
import { run } from '../src/process.js';
import { type EmbeddedDatabase, EmbeddedDatabaseError, findEmbedded, startEmbedded } from '../src/index.js';

const asRoot = process.getuid?.() === 0;
const home = fileURLToPath(new URL('..', import.meta.url));
const elsewhere = z.object({ startedHere: z.boolean(), url: z.string() });
type Elsewhere = z.infer<typeof elsewhere>;
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  // In reverse order, so that servers stop before their folders are removed.
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A data folder that does not exist yet, with a blank in its path. Its parent folder has the given mode. */
async function dataFolder(parentMode = 0o755): Promise<string> {
  const parent = await mkdtemp(path.join(await realpath(tmpdir()), 'tenantry embedded '));
  cleanups.push(() => rm(parent, { recursive: true, force: true }));
  await chmod(parent, parentMode);
  return path.join(parent, '.tenantry');
}

async function start(folder: string, log: string[] = []): Promise<EmbeddedDatabase> {
  const database = await startEmbedded(folder, { durable: false, log: (line) => log.push(line) });
  cleanups.push(() => database.stop());
  return database;
}

async function query(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  try {
    const result = await client.query<{ value: unknown }>(sql);
    return result.rows[0]?.value;
  } finally {
    await client.end();
  }
}

/** Starts the database in another Node process, which reports what it got and runs until it is killed. */
function startElsewhere(folder: string): {
  child: ChildProcess;
  told: Promise<Elsewhere>;
} {
  const script = `
    const { startEmbedded } = await import('./src/index.ts');
    const database = await startEmbedded(process.argv[1], { durable: false });
    console.log(JSON.stringify({ startedHere: database.startedHere, url: database.superuser }));
    setInterval(() => undefined, 60_000);`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', script, folder];
  const child = spawn(process.execPath, args, { cwd: home, stdio: ['ignore', 'pipe', 'inherit'] });
  cleanups.push(() => kill(child));
  return { child, told: answerOf(child) };
}

async function answerOf({ stdout }: { stdout: Readable }): Promise<Elsewhere> {
  const data: unknown[] = await once(stdout, 'data');
  return elsewhere.parse(JSON.parse(String(data[0])));
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** The process id in postmaster.pid of the cluster, whose folder the database reports. */
async function serverPid(database: EmbeddedDatabase): Promise<number> {
  const cluster = String(
    await query(database.superuser, "select current_setting('data_directory') as value"),
  );
  return Number.parseInt(await readFile(path.join(cluster, 'postmaster.pid'), 'utf8'), 10);
}

/** Creates a folder that looks like a complete cluster, except to PostgreSQL. */
async function pretendCluster(folder: string): Promise<string> {
  const cluster = path.join(folder, 'pg');
  for (const name of ['base', 'global', 'pg_wal']) await mkdir(path.join(cluster, name), { recursive: true });
  await writeFile(path.join(cluster, 'PG_VERSION'), '18\n');
  await writeFile(path.join(cluster, 'global/pg_control'), Buffer.alloc(8192));
  for (const name of ['postgresql.conf', 'pg_hba.conf']) await writeFile(path.join(cluster, name), '');
  return cluster;
}

describe('the embedded database', () => {
  it('keeps its data over a restart, and its passwords secret', async () => {
    const folder = await dataFolder();
    const log: string[] = [];
    const first = await start(folder, log);
    expect(first.startedHere).toBe(true);
    await query(first.superuser, 'create table kept as select 42 as value');
    await first.stop();
    await first.stop();
    expect(await findEmbedded(folder)).toBeUndefined();

    const second = await start(folder, log);
    expect(second.startedHere).toBe(true);
    expect(await query(second.superuser, 'select value from kept')).toBe(42);

    const text = await readFile(path.join(folder, 'credentials.json'), 'utf8');
    const passwords = text.match(/[\w-]{32}/g) ?? [];
    expect(passwords).toHaveLength(4);
    const told = log.join('\n') + (await readFile(path.join(folder, 'postgres.log'), 'utf8'));
    for (const secret of passwords) expect(told).not.toContain(secret);
    const names = await readdir(folder);
    const open = await Promise.all(
      names.map(async (name) => (await stat(path.join(folder, name))).mode & 0o077),
    );
    expect(open).toEqual(names.map(() => 0));
    // When we run as root, the server runs as another user, which must be able to traverse the folder but not to list
    // it.
    expect((await stat(folder)).mode & 0o777).toBe(asRoot ? 0o711 : 0o700);
    expect(names.filter((name) => /^(pg\.init|starting_)|tmp$/.test(name))).toEqual([]);
  });

  it('listens on this machine only, asks for a password, and does not inherit our environment', async () => {
    process.env['PGOPTIONS'] = '-c work_mem=66MB';
    process.env['PGDATABASE'] = 'elsewhere';
    cleanups.push(() => {
      delete process.env['PGOPTIONS'];
      delete process.env['PGDATABASE'];
      return Promise.resolve();
    });
    const database = await start(await dataFolder());
    delete process.env['PGOPTIONS'];
    const setting = async (name: string): Promise<unknown> =>
      query(database.superuser, `select current_setting('${name}') as value`);
    expect(await setting('listen_addresses')).toBe('127.0.0.1');
    expect(await setting('unix_socket_directories')).toBe('');
    expect(await setting('max_connections')).toBe('300');
    expect(await setting('fsync')).toBe('off');
    expect(await setting('lc_messages')).toBe('C');
    expect(await query(database.superuser, 'select current_database() as value')).toBe('tenantry');
    expect(await query(database.superuser, "select lower('ÄÉ') as value")).toBe('äé');
    const stranger = new URL(database.superuser);
    stranger.password = 'wrong';
    await expect(query(stranger.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    // The server has its own process group, so Ctrl-C in the terminal does not reach it.
    const pid = await serverPid(database);
    expect(() => process.kill(-pid, 0)).not.toThrow();
    if (process.platform === 'linux') {
      const environment = await readFile(`/proc/${String(pid)}/environ`, 'utf8');
      expect(environment.split('\0').map((entry) => entry.split('=')[0])).not.toContain('PGOPTIONS');
      expect(environment).not.toContain('PATH=');
    }
  });

  it('can be used by a second caller, which cannot stop it', async () => {
    const folder = await dataFolder();
    const first = await start(folder);
    const second = await start(folder);
    expect(second).toMatchObject({ startedHere: false, superuser: first.superuser, app: first.app });
    await second.stop();
    expect(await query(first.superuser, 'select 1 as value')).toBe(1);
    const found = await findEmbedded(folder);
    expect(found).toEqual({
      superuser: first.superuser,
      owner: first.owner,
      app: first.app,
      operator: first.operator,
    });
    expect(new URL(found?.operator ?? '')).toMatchObject({
      username: 'tenantry_operator',
      pathname: '/tenantry',
    });
  });

  it('is taken over when the process that started it was killed', async () => {
    const folder = await dataFolder();
    const { child, told } = startElsewhere(folder);
    const { startedHere, url } = await told;
    expect(startedHere).toBe(true);
    const attached = await start(folder);
    expect(attached.startedHere).toBe(false);

    await kill(child);
    const adopted = await start(folder);
    expect(adopted).toMatchObject({ startedHere: true, superuser: url });
    await adopted.stop();
    await expect(query(url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await findEmbedded(folder)).toBeUndefined();
  });

  it('is started once when several callers start it at the same time', async () => {
    const folder = await dataFolder();
    const others = [startElsewhere(folder), startElsewhere(folder)];
    // This process also starts it, twice at once, as soon as the others have begun.
    const results = [...others.map(({ told }) => told), start(folder), start(folder)];
    const all = await Promise.all(results);
    expect(all.filter(({ startedHere }) => startedHere)).toHaveLength(1);
    const urls = all.map((one) => ('url' in one ? one.url : one.superuser));
    expect(new Set(urls).size).toBe(1);
    await Promise.all(others.map(({ child }) => kill(child)));
    const last = await start(folder);
    expect(await query(last.superuser, 'select 1 as value')).toBe(1);
    // One of the handles of this process may now own the server, and only its stop() has an effect. The cleanup calls
    // them all.
  });

  it.each([
    ['a program that took over the number', () => String(process.ppid)],
    ['a process that is dead', (pid: number) => String(pid)],
    ['nothing at all', () => ''],
  ])('starts over a stale postmaster.pid that names %s', async (_what, staleNumber) => {
    const folder = await dataFolder();
    const first = await start(folder);
    await query(first.superuser, 'create table kept as select 42 as value');
    await query(first.superuser, 'checkpoint');
    const lockFile = path.join(folder, 'pg/postmaster.pid');
    const text = await readFile(lockFile, 'utf8');
    const pid = await serverPid(first);
    process.kill(pid, 'SIGKILL');
    await first.stop();
    const stale = staleNumber(pid);
    await writeFile(lockFile, stale === '' ? '' : text.replace(String(pid), stale));
    expect(await findEmbedded(folder)).toBeUndefined();
    const second = await start(folder);
    expect(second.startedHere).toBe(true);
    expect(await query(second.superuser, 'select value from kept')).toBe(42);
  });

  it.each([
    [
      'an empty folder',
      /not a complete PostgreSQL data folder \(PG_VERSION/,
      (pgData: string) => empty(pgData),
    ],
    [
      'no control file',
      /global\/pg_control is missing/,
      (pgData: string) => rm(path.join(pgData, 'global/pg_control')),
    ],
    [
      'a truncated control file',
      /global\/pg_control is truncated/,
      (pgData: string) => writeFile(path.join(pgData, 'global/pg_control'), 'x'),
    ],
    [
      'another major version',
      /made by PostgreSQL 16, but this installation brings PostgreSQL 18/,
      (pgData: string) => writeFile(path.join(pgData, 'PG_VERSION'), '16\n'),
    ],
    ['no passwords', /no credentials\.json/, () => Promise.resolve()],
    [
      'damaged passwords',
      /credentials\.json is damaged/,
      (pgData: string) => writeFile(path.join(pgData, '../credentials.json'), '{"postgres": "'),
    ],
    [
      'a lost cluster',
      /is gone; put it back/,
      (pgData: string) => writeFile(path.join(pgData, '../cluster-location'), '/nowhere/pg\n'),
    ],
  ])('says in one sentence what is wrong with %s, and deletes nothing', async (_what, sentence, damage) => {
    const folder = await dataFolder();
    const cluster = await pretendCluster(folder);
    await damage(cluster);
    const before = (await readdir(folder, { recursive: true })).length;
    const error: unknown = await startEmbedded(folder).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(EmbeddedDatabaseError);
    expect(String(error)).toMatch(sentence);
    expect(String(error)).not.toContain('\n');
    expect(
      (await readdir(folder, { recursive: true })).filter((name) => name !== '.tenantry-data'),
    ).toHaveLength(before);
  });

  it('reports the last log lines of a server that exits', async () => {
    const folder = await dataFolder();
    const first = await start(folder);
    await first.stop();
    await writeFile(path.join(folder, 'pg/postgresql.auto.conf'), "shared_buffers = 'plenty'\n");
    await expect(startEmbedded(folder)).rejects.toThrow(
      /did not start[^]*invalid value for parameter "shared_buffers"/,
    );
  });

  it('removes what a start that was killed during initdb left', async () => {
    const folder = await dataFolder();
    await mkdir(path.join(folder, 'pg.init-00000000/global'), { recursive: true });
    await writeFile(path.join(folder, 'pg.init-00000000.password'), 'x');
    await writeFile(path.join(folder, 'starting_999999_never_00000000'), '');
    await start(folder);
    const names = await readdir(folder);
    expect(names.filter((name) => /^(pg\.init|starting_)/.test(name))).toEqual([]);
  });
});

describe('a checkout that other users cannot enter', () => {
  it('gets a cluster that the server can reach, and finds it again', async () => {
    const folder = await dataFolder(0o700);
    cleanups.push(() => removeOutside(folder));
    const first = await start(folder);
    const place = String(await query(first.superuser, "select current_setting('data_directory') as value"));
    expect(place.startsWith(asRoot ? '/var/lib/tenantry/' : path.join(folder, 'pg'))).toBe(true);
    expect((await stat(place)).mode & 0o777).toBe(0o700);
    expect((await stat(place)).uid === 0).toBe(false);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(path.dirname(folder))).mode & 0o777).toBe(0o700);
    await query(first.superuser, 'create table kept as select 42 as value');
    await first.stop();

    const second = await start(folder);
    expect(await query(second.superuser, 'select value from kept')).toBe(42);
    expect(await findEmbedded(folder)).toMatchObject({ app: second.app });
    await second.stop();
  });

  it('gets binaries that the server can run, with repaired links and modes', async () => {
    const folder = await dataFolder(0o700);
    const closed = path.join(path.dirname(folder), 'package');
    const original = await locateBinaries();
    // The package without symbolic links, as npm leaves it with --ignore-scripts.
    const filter = async (source: string): Promise<boolean> => !(await lstat(source)).isSymbolicLink();
    await cp(original.native, path.join(closed, 'native'), { recursive: true, filter });
    await mkdir(folder);
    const moved = (file: string): string => path.join(closed, 'native', path.relative(original.native, file));
    const packaged = {
      ...original,
      native: path.join(closed, 'native'),
      initdb: moved(original.initdb),
      postgres: moved(original.postgres),
      pgCtl: moved(original.pgCtl),
      version: `test-${path.basename(path.dirname(folder)).slice(-6)}`,
    };
    await chmod(packaged.postgres, 0o644);
    cleanups.push(() =>
      rm(`/var/lib/tenantry/postgres-${packaged.version}`, { recursive: true, force: true }),
    );

    const account = await accountFor(undefined);
    expect(account === undefined).toBe(!asRoot);
    const binaries = await runnableBinaries(packaged, folder, account);
    expect(binaries.initdb.startsWith(asRoot ? '/var/lib/tenantry/' : closed)).toBe(true);
    expect(await run(binaries.postgres, ['--version'], account)).toMatchObject({ ok: true });
    expect(await runnableBinaries(packaged, folder, account)).toMatchObject({ postgres: binaries.postgres });
  });

  it('never has its folders opened to other users', async () => {
    const folder = path.dirname(await dataFolder(0o700));
    await writeFile(path.join(folder, 'diary.txt'), 'dear diary');
    cleanups.push(() => removeOutside(folder));
    const database = await start(folder);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect(await query(database.superuser, 'select 1 as value')).toBe(1);
    await database.stop();
  });
});

async function empty(folder: string): Promise<void> {
  await rm(folder, { recursive: true });
  await mkdir(folder);
}

/** As root, the cluster of a closed checkout is outside the folder that the test removes. */
async function removeOutside(folder: string): Promise<void> {
  const place = await readFile(path.join(folder, 'cluster-location'), 'utf8').catch(() => '');
  if (place.startsWith('/var/lib/tenantry/')) await rm(place.trim(), { recursive: true, force: true });
}
