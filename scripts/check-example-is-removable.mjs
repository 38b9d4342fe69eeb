/**
 * Checks that the example can be deleted: on a copy of the working tree, deletes the example domain as the
 * documentation says, generates, type-checks, and runs the tests of the kernel, of the platform and of the packages.
 * Exits with 1, and prints the output of the failed step, when anything still needs the example.
 *
 *   node scripts/check-example-is-removable.mjs [--fast] [--keep]
 *
 * --fast skips the tests that start their own servers and databases; --keep keeps the copy for inspection.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TAKES_LONG = [
  'packages/embedded-postgres/test/embedded.slow.test.ts',
  'test/kernel/start.slow.test.ts',
  'test/kernel/own-database.slow.test.ts',
  'test/kernel/command-line.slow.test.ts',
  'test/kernel/refused-start.slow.test.ts',
  'test/kernel/oidc.slow.test.ts',
];
const OPTIONS = ['--fast', '--keep'];

const options = process.argv.slice(2);
const unknown = options.find((option) => !OPTIONS.includes(option));
if (unknown !== undefined) {
  console.error(`Unknown option ${unknown}. There are ${OPTIONS.join(' and ')}.`);
  process.exit(2);
}

const repository = fileURLToPath(new URL('..', import.meta.url));
const copy = mkdtempSync(join(tmpdir(), 'tenantry-without-example-'));
let failed = true;
try {
  copyWorkingTree();
  const models = deleteExample();
  run('generate', 'npm', ['run', '-s', 'generate']);
  refuseTraces(models);
  run('type-check', 'npm', ['run', '-s', 'typecheck']);
  const left = options.includes('--fast') ? TAKES_LONG.flatMap((file) => ['--exclude', file]) : [];
  run('test', 'node_modules/.bin/vitest', ['run', 'test/kernel', 'test/platform', 'packages', ...left]);
  failed = false;
  console.log('The example can be deleted: everything else works without it.');
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
} finally {
  if (options.includes('--keep')) console.error(`The copy is ${copy}.`);
  else rmSync(copy, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

/** Copies the files that git does not ignore: no build results, secrets or databases. */
function copyWorkingTree() {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: repository,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  for (const file of new Set(listed.split('\0').filter(Boolean))) {
    // git lists a deleted file until its deletion is staged.
    if (!existsSync(join(repository, file))) continue;
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(repository, file), join(copy, file));
  }
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'), 'dir');
}

/**
 * Takes the documented steps, and returns the deleted models. If another step is needed, the rest of this script fails.
 */
function deleteExample() {
  const models = [...read('prisma/example.prisma').matchAll(/^model (\w+)/gm)].map(([, name]) => name);
  const names = models.join('|');
  remove('src/example');
  remove('test/example');
  remove('prisma/example.prisma');
  remove('bench');
  remove('examples');
  remove('packages/dashboard/src/example');
  remove('scripts/example');
  remove('scripts/example.ts');
  for (const migration of named('prisma/migrations', /_example(_quotas)?$/)) remove(migration);
  for (const helper of named('test/support', /^example-.*\.ts$/)) remove(helper);
  edit('the relations on Tenant', 'prisma/platform.prisma', new RegExp(`^ +\\w+ +(${names})\\[\\]\\n`, 'gm'));

  const modules = [...read('src/modules.ts').matchAll(/^import \{ (\w+) \} from '\.\/example\//gm)];
  edit('the imports', 'src/modules.ts', /^import .* from '\.\/example\/.*\n/gm);
  for (const [, module] of modules) edit(`${module}`, 'src/modules.ts', new RegExp(`^ +${module},\\n`, 'gm'));

  const pages = [
    ...read('packages/dashboard/src/pages.ts').matchAll(/^import \{ (.*) \} from '\.\/example\//gm),
  ];
  edit('the imports', 'packages/dashboard/src/pages.ts', /^import .* from '\.\/example\/.*\n/gm);
  for (const page of pages.flatMap(([, names]) => names.split(', '))) {
    edit(page, 'packages/dashboard/src/pages.ts', new RegExp(`^ +${page},\\n`, 'gm'));
  }
  return models;
}

/** Requires that generated files do not contain the example either. */
function refuseTraces(models) {
  const declared = new RegExp(`^(type|input|enum) (${models.join('|')})`, 'm');
  const traces = [
    'schema.graphql',
    'src/generated/graphql.d.ts',
    'src/generated/data-model/index.ts',
    'src/modules.ts',
    'packages/dashboard/src/pages.ts',
    'packages/dashboard/src/generated/graphql.ts',
  ].filter((file) => [declared, /\/example\//].some((trace) => trace.test(read(file))));
  // The triggers that audit and publish have the models' names as arguments.
  const entities = new RegExp(`'(${models.join('|')})'`);
  if (entities.test(read('prisma/kernel.sql'))) traces.push('prisma/kernel.sql');
  if (traces.length > 0) throw new Error(`The example is still in ${traces.join(', ')}.`);
}

function run(step, command, args) {
  console.log(`${step}: ${command} ${args.join(' ')}`);
  // Colours are off: their escape codes make a log hard to search.
  const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined };
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, {
    cwd: copy,
    env,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  if (status === 0) return;
  console.error([stdout, stderr].join('\n'));
  throw new Error(
    `Without the example, "${step}" fails (${error?.message ?? signal ?? `exit status ${status}`}).`,
  );
}

function read(file) {
  return readFileSync(join(copy, file), 'utf8');
}

function remove(file) {
  if (!existsSync(join(copy, file))) throw new Error(`${file} is not there: has the example moved?`);
  rmSync(join(copy, file), { recursive: true });
}

function named(folder, pattern) {
  return readdirSync(join(copy, folder))
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name));
}

/** Removes lines from a file. Fails when there are none, because then this script is outdated. */
function edit(what, file, lines) {
  const before = read(file);
  const after = before.replace(lines, '');
  if (after === before) throw new Error(`${file} does not have ${what} of the example: has it moved?`);
  writeFileSync(join(copy, file), after);
}
