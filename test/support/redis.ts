/** A Redis of a test's own, which it may kill, freeze and start again with its data. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './unprivileged.js';
import { until } from './until.js';

export interface TestRedis {
  readonly url: string;
  /** Ends it at once; its data stays. */
  kill(): Promise<void>;
  /** Starts it unless it runs. */
  start(): Promise<void>;
  /** It keeps its connections, and answers nothing until {@link thaw}. */
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
}

/** Needs Debian's redis-server. It is not running yet. */
export async function createTestRedis(): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-redis-'));
  const port = await freePort();
  let running: ChildProcess | undefined;
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes'];
  const kill = async () => {
    const child = running;
    running = undefined;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return {
    url: `redis://127.0.0.1:${String(port)}`,
    kill,
    async start() {
      if (running) return;
      const child = spawn('redis-server', [...options, '--save', ''], { stdio: 'ignore' });
      let failure: unknown;
      child.on('error', (error) => (failure = error));
      running = child;
      await until('Redis answers', async () => {
        if (failure !== undefined || child.exitCode !== null)
          throw new Error('redis-server has ended', { cause: failure });
        return answers(port);
      });
    },
    freeze: () => void running?.kill('SIGSTOP'),
    thaw: () => void running?.kill('SIGCONT'),
    async close() {
      await kill();
      await rm(folder, { recursive: true });
    },
  };
}

/** While it reads its data it answers an error. */
const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.on('data', (data) => {
      socket.destroy();
      resolve(data.toString().startsWith('+PONG'));
    });
    socket.on('error', () => resolve(false));
  });
