/**
 * Process functions: distinguishes the same process from a reused pid, and runs PostgreSQL's programs as another user
 * without our environment.
 */
import { execFile, spawn } from 'node:child_process';
import { readFile, readlink, realpath } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

/** Identifies a process later: its pid alone may then belong to another program. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Its start time: opaque, only for comparison, safe in a file name. Empty if the system does not tell. */
  readonly started: string;
}

/** The operating-system user that PostgreSQL's programs run as when we are root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

/** The outcome of a program; if it could not be started, `ok` is false and the output says why. */
export interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

/** The process with this pid; undefined when there is none, or only a zombie. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  if (!answersSignals(pid)) return undefined;
  if (process.platform === 'linux') return identifyOnLinux(pid);
  if (process.platform === 'win32') return { pid, started: '' };
  return { pid, started: fileSafe(await askPs(pid, 'lstart')) };
}

/** Whether exactly this process, not a later one with the same number, is still alive. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const now = await identify(identity.pid);
  return now?.started === identity.started;
}

/**
 * Whether this live process is a PostgreSQL server on this data folder. If the system does not tell (the folder: only
 * Linux does; the program: not on Windows), the answer is yes, and the login that follows decides.
 */
export async function servesFolder(pid: number, folder: string): Promise<boolean> {
  if (process.platform === 'win32') return true;
  if (process.platform !== 'linux') return (await askPs(pid, 'comm')).includes('postgres');
  try {
    const workingFolder = await readlink(`/proc/${String(pid)}/cwd`);
    const program = await readFile(`/proc/${String(pid)}/comm`, 'utf8');
    // A postmaster enters its data folder before it writes postmaster.pid, and never leaves it.
    return program.trim() === 'postgres' && workingFolder === (await realpath(folder));
  } catch {
    // It has ended, or belongs to another user whose processes we may not read; we could read a server of ours.
    return false;
  }
}

/** The environment of PostgreSQL's programs: no PG* variables, no secrets, no locale. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const inherited = process.platform === 'win32' ? ['PATH', 'SystemRoot', 'SystemDrive', 'TEMP', 'TMP'] : [];
  const environment: NodeJS.ProcessEnv = { LC_ALL: 'C', TZ: 'UTC' };
  for (const name of inherited) environment[name] = process.env[name];
  return environment;
}

/** A working folder that every account can use; ours may be closed to the account. */
export function neutralFolder(): string {
  return path.parse(process.cwd()).root;
}

/** Runs a program to its end, as `account` when given. Never rejects: errors are in the outcome. */
export async function run(file: string, args: readonly string[], account?: Account): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      ...credentialsOf(account),
      env: cleanEnvironment(),
      cwd: neutralFolder(),
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output += chunk.toString('utf8');
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', (error) => {
      resolve({ ok: false, output: error.message });
    });
    child.once('close', (code) => {
      resolve({ ok: code === 0, output: output.trim() });
    });
  });
}

/** The spawn options that make a child run as this account (libuv also drops root's supplementary groups). */
export function credentialsOf(account: Account | undefined): { uid: number; gid: number } | undefined {
  return account === undefined ? undefined : { uid: account.uid, gid: account.gid };
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // The process exists, but belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function identifyOnLinux(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  // The second field is the program's name in parentheses, which may contain blanks and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0] ?? '';
  if (state === 'Z' || state === 'X') return undefined;
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return { pid, started: fileSafe(`${boot.slice(0, 8)}-${fields[19] ?? ''}`) };
}

async function askPs(pid: number, column: string): Promise<string> {
  const asked = promisify(execFile)('ps', ['-o', `${column}=`, '-p', String(pid)]);
  return asked.then(
    ({ stdout }) => stdout,
    () => '',
  );
}

function fileSafe(text: string): string {
  return text.trim().replaceAll(/[^0-9a-z]+/gi, '-');
}
