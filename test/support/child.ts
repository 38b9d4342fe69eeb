/** Runs the server and the command line as processes. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { compiled } from './compiled.js';

const repository = fileURLToPath(new URL('../..', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Child {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly ended: Promise<Ended>;
  /** Waits for the first match of `pattern` in the output of the process, including its earlier output. */
  says(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
  /** Sends SIGINT to the process group, as a terminal does for Ctrl-C. */
  interrupt(): void;
}

const running = new Set<Child>();

/** Ends processes that a failed test left running. Call it at the top level. */
export function endChildrenAfterAll(): void {
  afterAll(async () => {
    for (const child of running) child.kill('SIGKILL');
    await Promise.all([...running].map(({ ended }) => ended));
  });
}

/**
 * Starts a script with this environment and only a few variables of ours, such as PATH.
 *
 * @param how `compiled`: compiled beforehand, as in production; `as npm start`: by `node --import tsx <script> …`, as
 * in development
 */
export function startChild(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  how: 'compiled' | 'as npm start' = 'compiled',
): Child {
  const inherited = Object.fromEntries(
    ['PATH', 'HOME', 'TMPDIR', 'LANG', 'USER'].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const command = how === 'compiled' ? [compiled(script)] : ['--import', 'tsx', script];
  const started = spawn(process.execPath, [...command, ...args], {
    cwd: repository,
    // Ignores a local .env file, and does not wait for a load balancer before the server stops.
    env: { ...inherited, ENV_FILE: '/dev/null', DRAIN_SECONDS: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // The child gets its own process group, so that `interrupt` does not reach this process.
    detached: true,
  });
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of [...listeners]) listener();
  };
  started.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    tell();
  });
  started.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    tell();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    started.once('error', reject);
    started.once('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal, stdout, stderr });
      tell();
    });
  });
  const child: Child = {
    pid: started.pid ?? 0,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    ended,
    says: (pattern, timeoutMs = 100_000) =>
      new Promise((resolve, reject) => {
        const stopWaiting = () => {
          clearTimeout(timer);
          listeners.delete(look);
        };
        const fail = (why: string) => {
          stopWaiting();
          reject(new Error(`${why} instead of ${String(pattern)}:\n${stdout}\n${stderr}`));
        };
        const look = () => {
          const found = pattern.exec(`${stdout}\n${stderr}`);
          if (found) {
            stopWaiting();
            resolve(found);
          } else if (!running.has(child)) {
            fail('the process ended');
          }
        };
        const timer = setTimeout(() => fail('the process was silent'), timeoutMs);
        listeners.add(look);
        look();
      }),
    kill: (signal) => void started.kill(signal),
    interrupt: () => void process.kill(-(started.pid ?? 0), 'SIGINT'),
  };
  running.add(child);
  return child;
}

/** Runs a command until it ends. */
export const runChild = (script: string, args: readonly string[], env: Readonly<Record<string, string>>) =>
  startChild(script, args, env).ended;
