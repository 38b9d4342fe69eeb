/** The servers that are compared, and how each is started and stopped. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync, truncateSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BENCH, nodeBinary, TENANTRY_ROOT } from './places.js';

export type ContestantName = 'tenantry' | 'postgraphile' | 'recipe' | 'handwritten';

export interface Contestant {
  readonly name: ContestantName;
  readonly title: string;
  readonly program: string;
  readonly folder: string;
}

const peer = (name: ContestantName, title: string): Contestant => ({
  name,
  title,
  program: join(BENCH, `dist/peers/${name}.js`),
  folder: BENCH,
});

export const CONTESTANTS: readonly Contestant[] = [
  { name: 'tenantry', title: 'Tenantry', program: 'dist/main.js', folder: TENANTRY_ROOT },
  peer('postgraphile', 'PostGraphile'),
  peer('recipe', 'Apollo + shield + Prisma RLS extension'),
  peer('handwritten', 'hand-written SQL'),
];

/** The size of each contestant's connection pool: Tenantry's default. */
export const POOL_SIZE = 10;

export interface Running {
  readonly contestant: Contestant;
  readonly pid: number;
  readonly origin: string;
  /** Empties the file that the server's output is written to. */
  forgetLog(): void;
  readonly stop: () => Promise<void>;
}

export interface StartOptions {
  readonly databaseUrl: string;
  readonly secret: string;
  /** The key that Tenantry signs contexts with. Without it, contexts are not signed. */
  readonly contextKey?: string | undefined;
  /** A program that runs Node, with its options, such as `valgrind`. */
  readonly command?: readonly string[];
  /** Variables of the environment in addition. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Arguments of Node itself. */
  readonly nodeArguments?: readonly string[] | undefined;
}

/** Starts the process of a contestant. It may not accept requests yet: {@link firstAnswer} waits for that. */
export async function start(
  contestant: Contestant,
  options: StartOptions,
): Promise<Running & { child: ChildProcess }> {
  const port = await freePort();
  const log = join(BENCH, '.data', `${contestant.name}.log`);
  const output = openSync(log, 'a');
  truncateSync(log);
  const node = [nodeBinary(), ...(options.nodeArguments ?? []), contestant.program];
  const [command = '', ...rest] = [...(options.command ?? []), ...node];
  const child = spawn(command, rest, {
    cwd: contestant.folder,
    stdio: ['ignore', output, output],
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: String(port),
      DATABASE_URL: options.databaseUrl,
      DATABASE_POOL_SIZE: String(POOL_SIZE),
      JWT_SECRET: options.secret,
      // The load is more than a plan would allow; the limits count it all the same.
      PLANS_FILE: join(BENCH, 'plans.json'),
      // No load balancer has to notice the shutdown, so the server need not wait for one.
      DRAIN_SECONDS: '0',
      ...(options.contextKey !== undefined && { CONTEXT_SIGNING_KEY: options.contextKey }),
      ...options.environment,
      PRISMA_CLIENT: join(TENANTRY_ROOT, 'dist/generated/prisma/client.js'),
    },
  });
  closeSync(output);
  if (child.pid === undefined) throw new Error(`${contestant.name} could not be started.`);
  const ended = (code: number | null, signal: string | null) =>
    console.error(`${contestant.name} has ended by itself: ${code ?? signal}`);
  child.once('exit', ended);
  return {
    contestant,
    child,
    pid: child.pid,
    origin: `http://127.0.0.1:${port}`,
    forgetLog: () => truncateSync(log),
    stop: () => {
      child.off('exit', ended);
      return stop(child);
    },
  };
}

/**
 * Repeats a request until the contestant answers it with 200, and returns that answer.
 *
 * @throws Error when the process ends first, or after five minutes
 */
export async function firstAnswer(
  { origin, contestant, child }: Running & { child: ChildProcess },
  request: { readonly token: string; readonly body: string },
): Promise<unknown> {
  // A server takes minutes to start under valgrind.
  const deadline = Date.now() + 300_000;
  for (;;) {
    const response = await ask(origin, request).catch(() => undefined);
    if (response?.status === 200) return response.json();
    const problem = response ? `${response.status} ${await response.text()}` : 'nothing';
    if (child.exitCode !== null || Date.now() > deadline) {
      throw new Error(`${contestant.name} does not answer (${problem}): see .data/${contestant.name}.log`);
    }
    await delay(5);
  }
}

/** Sends one request. Any status resolves; the promise rejects when there is no answer. */
export function ask(
  origin: string,
  { token, body }: { readonly token: string; readonly body: string },
): Promise<Response> {
  return fetch(`${origin}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      authorization: `Bearer ${token}`,
    },
    body,
  });
}

/** Ends a process: SIGTERM first, and SIGKILL after five seconds. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const impatience = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await exited;
  clearTimeout(impatience);
}

/** Returns a port of 127.0.0.1 that no process listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('There is no free port.');
  return address.port;
}
