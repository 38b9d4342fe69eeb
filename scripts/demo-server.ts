import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

const PORT = 41_931;

/**
 * Starts a demo server with a database of its own and the operators' door open, and stops it after `work`.
 *
 * @throws Error when the server ends before it is running
 */
export async function withDemoServer(work: (url: string) => Promise<void>): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tenantry-demo-'));
  const server = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
    env: {
      ...process.env,
      PORT: String(PORT),
      HOST: '127.0.0.1',
      TENANTRY_DATA_DIR: dataDir,
      OPERATOR_JWT_AUDIENCE: 'tenantry-operators',
      OPERATOR_JWT_SECRET: randomBytes(32).toString('base64url'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(server, 'exit');
  try {
    let isRunning = false;
    for await (const chunk of server.stdout) {
      isRunning = String(chunk).includes('Tenantry is running');
      if (isRunning) break;
    }
    if (!isRunning) throw new Error('The demo server did not start.');
    server.stdout.resume();
    await work(`http://127.0.0.1:${String(PORT)}`);
  } finally {
    server.kill('SIGTERM');
    await ended;
    await rm(dataDir, { recursive: true, force: true });
  }
}
