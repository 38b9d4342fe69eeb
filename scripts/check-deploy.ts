/**
 * Checks the files of deploy/ without a container runtime: each against its schema, and the Dockerfile by running its
 * steps in a folder. The result runs as another user, on files that this user cannot change: it must migrate a
 * database, serve requests, report healthy, and drain. Run it as root, because only root can start a process as another
 * user.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { startEmbedded } from '@tenantry/embedded-postgres';
import { buildImage, type Image } from './check-deploy/image.js';
import { schemaProblems } from './check-deploy/schemas.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Debian's user nobody, who owns no file here. */
const NOBODY = 65_534;

const problems = await schemaProblems(join(ROOT, 'deploy'));
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.error('The files of deploy/ agree with their schemas.');

const scratch = await mkdtemp(join(tmpdir(), 'tenantry-image-'));
const database = await startEmbedded(join(scratch, 'database'), { durable: false });
try {
  const image = await buildImage(join(ROOT, 'deploy/Dockerfile'), ROOT, join(scratch, 'stages'));
  if (image.user === undefined) throw new Error('The image runs as root.');
  // The other user must be able to read the folder. The database's folder stays private.
  await chmod(scratch, 0o711);
  const secrets = join(scratch, 'secrets');
  await mkdir(secrets);
  const port = await freePort();
  const secretFile = async (variable: string, secret: string) => {
    const file = join(secrets, variable);
    await writeFile(
      file,
      `${secret}
`,
    );
    return { [`${variable}_FILE`]: file };
  };
  const databaseUrl = await secretFile('DATABASE_URL', database.app);
  const owner = await secretFile('DATABASE_OWNER_URL', database.superuser);
  const operator = await secretFile('DATABASE_OPERATOR_URL', database.operator);
  const secret = await secretFile('JWT_SECRET', randomBytes(48).toString('base64'));
  const migrate = ['node', 'dist/cli/main.js', 'migrate'];
  await expectExit(inContainer(image, migrate, { ...databaseUrl, ...owner, ...operator }), 0);
  const server = inContainer(image, image.command, { ...databaseUrl, ...secret, PORT: String(port) });
  const ended = once(server, 'exit');
  await until(async () => (await expectAnswer(`http://127.0.0.1:${port}/readyz`)) === 200);
  await expectExit(inContainer(image, image.healthCheck, { PORT: String(port) }), 0);
  server.kill('SIGTERM');
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`The server ended with ${String(code)} after SIGTERM.`);
  await expectExit(inContainer(image, image.healthCheck, { PORT: String(port) }), 1);
  console.error(
    'The image migrates, serves, is healthy and drains, as another user on files it cannot change.',
  );
} finally {
  await database.stop();
  await rm(scratch, { recursive: true, force: true });
}
// Prisma's migration engine leaves a running timer.
process.exit();

/** Starts a process like a container: without our environment, as another user. */
function inContainer({ folder, env }: Image, command: readonly string[], more: Record<string, string>) {
  const [program, ...words] = command as [string, ...string[]];
  return spawn(program === 'node' ? process.execPath : program, words, {
    cwd: folder,
    env: { ...env, ...more },
    uid: NOBODY,
    gid: NOBODY,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

async function expectExit(child: ReturnType<typeof spawn>, expected: number): Promise<void> {
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== expected) {
    throw new Error(`${child.spawnargs.join(' ')} ended with ${String(code)}, not ${String(expected)}.`);
  }
}

async function expectAnswer(url: string): Promise<number | undefined> {
  return fetch(url).then(
    ({ status }) => status,
    () => undefined,
  );
}

async function until(happened: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await happened())) {
    if (Date.now() > deadline) throw new Error('The server is not ready after a minute.');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
