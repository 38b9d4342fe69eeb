/** The options of `tenantry tenant`, its exit codes, the tokens of operators, and the completion of shells. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import jwt from 'jsonwebtoken';
import { COMMANDS } from '../../src/cli/commands.js';
import { completed, SCRIPTS } from '../../src/cli/completion-scripts.js';
import { table } from '../../src/cli/output.js';
import { Command } from 'commander';
import { endChildrenAfterAll, runChild } from '../support/child.js';
import { useDatabase } from '../support/database.js';
import { OPERATOR_SECRET, OPERATORS } from '../support/operators.js';
import { insertTenant } from '../support/rows.js';

endChildrenAfterAll();
const database = useDatabase();
let dataDir = '';
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tenantry-commands-'));
});
afterAll(() => rm(dataDir, { recursive: true }));

const environment = () => {
  const { app, operator, contextKey } = database();
  return {
    DATABASE_URL: app,
    DATABASE_OPERATOR_URL: operator,
    TENANTRY_DATA_DIR: dataDir,
    ...(contextKey !== undefined && { CONTEXT_SIGNING_KEY: contextKey }),
  };
};
const tenantry = (...words: string[]) => runChild('src/cli/main.ts', words, environment());

test('lists tenants page by page, and says how to go on', async () => {
  for (let n = 0; n < 5; n++) await insertTenant(database(), `paged-${String(n)}`);
  const seen: string[] = [];
  let after: string[] = [];
  for (;;) {
    const { code, stdout, stderr } = await tenantry(
      'tenant',
      'list',
      '--search',
      'paged',
      '--limit',
      '2',
      ...after,
    );
    expect(code).toBe(0);
    seen.push(
      ...stdout
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { slug: string }).slug),
    );
    const cursor = /^There are more: --after (\S+)$/m.exec(stderr)?.[1];
    if (cursor === undefined) break;
    after = ['--after', cursor];
  }
  expect(seen).toEqual([0, 1, 2, 3, 4].map((n) => `paged-${String(n)}`));
});

test.each([
  [['tenant', 'list', '--search', 'nobody'], 'There are no such tenants.\n'],
  [['jobs', 'list', '--tenant', 'acme', '--task', 'nothing'], 'The tenant acme has no such jobs.\n'],
  [['cell', 'list'], 'There are no cells beside the default one.\n'],
])('an empty list prints no rows, and says so beside them: %j', async (words, told) => {
  expect(await tenantry(...words, '--json')).toMatchObject({ code: 0, stdout: '', stderr: told });
});

describe('exits with', () => {
  test.each<[number, string[], RegExp]>([
    [2, ['tenant', 'suspend'], /missing required argument/],
    [2, ['tenant', 'list', '--status', 'lost'], /Allowed choices are active, suspended/],
    [2, ['tenant', 'list', '--limit', '0'], /whole number from 1 to 100/],
    [2, ['tenant', 'show', 'acme', '--reason', ' '], /A reason is one line/],
    [2, ['token', '--tenant', 'acme'], /'--user' not specified/],
    [2, ['token', '--operator', 'jane', '--tenant', 'acme'], /cannot be used with/],
    [2, ['completion', 'tcsh'], /Allowed choices are bash, zsh, fish/],
    [1, ['tenant', 'show', 'nobody'], /^There is no tenant nobody\.$/m],
    [1, ['token', '--tenant', 'nobody', '--user', 'x'], /^There is no tenant nobody\.$/m],
    [1, ['token', '--tenant', 'acme', '--user', 'x'], /^There is no member x of acme\.$/m],
    [1, ['tenant', 'rename', 'acme'], /Say the new name/],
    [1, ['tenant', 'rename', 'acme', '--slug', 'admin'], /is reserved/],
    [1, ['tenant', 'rename', 'acme', '--slug', 'globex'], /is taken/],
    [1, ['tenant', 'list', '--after', 'nonsense'], /not a cursor/],
    [1, ['token', '--operator', 'jane'], /OPERATOR_JWT_AUDIENCE is missing/],
  ])('%i and a sentence for %j', async (code, words, message) => {
    const ended = await tenantry(...words);
    expect([ended.code, ended.stdout]).toEqual([code, '']);
    expect(ended.stderr).toMatch(message);
  });
});

test('signs a token of an operator', async () => {
  const { code, stdout } = await runChild('src/cli/main.ts', ['token', '--operator', 'jane'], {
    ...environment(),
    ...OPERATORS,
  });
  expect(code).toBe(0);
  expect(jwt.verify(stdout.trim(), OPERATOR_SECRET, { audience: 'tenantry-operators' })).toMatchObject({
    sub: 'jane',
    scope: 'tenants:read tenants:manage tenants:impersonate tenants:erase',
  });
});

test('prints a table for people, without what would control their terminal', () => {
  const at = new Date(0);
  expect(table([{ slug: 'a', name: 'x\u001b[31m', at, none: null, tags: [1] }])).toEqual([
    'slug  name    at                        none  tags',
    'a     x?[31m  1970-01-01T00:00:00.000Z        [1]',
  ]);
  expect(table([])).toEqual([]);
});

describe('the completion', () => {
  const all = async () => {
    const program = new Command('tenantry');
    for (const { description, load } of Object.values(COMMANDS))
      program.addCommand((await load()).description(description));
    return completed(program);
  };
  const has = (shell: string) => spawnSync(shell, ['-c', 'exit 0']).status === 0;
  const script = async (shell: keyof typeof SCRIPTS) => {
    const file = join(dataDir, `completion.${shell}`);
    await writeFile(file, SCRIPTS[shell](await all()));
    return file;
  };

  test('covers every command and every option', async () => {
    const commands = await all();
    expect(commands.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        ...Object.keys(COMMANDS).map((name) => ` ${name}`),
        ' tenant rename',
        ' jobs retry',
      ]),
    );
    const { code, stdout } = await tenantry('completion', 'bash');
    expect([code, stdout]).toEqual([0, SCRIPTS.bash(commands)]);
  });

  test.skipIf(!has('bash')).each<[string, string[], string[]]>([
    ['a command', ['ten'], ['tenant', 'tenantize']],
    ['a command of tenants', ['tenant', 're'], ['rename', 'resume']],
    ['an option', ['tenant', 'suspend', 'acme', '--r'], ['--reason']],
    ['the choice of an option', ['tenant', 'list', '--status', ''], ['active', 'suspended']],
    ['the choice of an argument', ['completion', 'z'], ['zsh']],
    ['nothing else', ['tenant', 'nonsense-'], []],
  ])('in bash completes %s', async (_what, words, expected) => {
    const file = await script('bash');
    const line = ['tenantry', ...words];
    const program = `source ${file}; COMP_WORDS=(${line.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${String(line.length - 1)}; _tenantry; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const found = execFileSync('bash', ['--norc', '-c', program])
      .toString()
      .split('\n')
      .filter((word) => word !== '');
    expect(found.sort()).toEqual(expected);
  });

  test.skipIf(!has('zsh'))('is a script that zsh reads', async () => {
    const file = await script('zsh');
    execFileSync('zsh', [
      '-f',
      '-c',
      `autoload -Uz compinit; compinit -u -d ${dataDir}/dump; source ${file}; whence -w _tenantry`,
    ]);
  });

  test.skipIf(!has('fish'))('in fish completes a command of tenants', async () => {
    const file = await script('fish');
    const found = execFileSync('fish', [
      '--no-config',
      '-c',
      `source ${file}; complete -C 'tenantry tenant ren'`,
    ]).toString();
    expect(found).toMatch(/^rename\t/);
  });
});
