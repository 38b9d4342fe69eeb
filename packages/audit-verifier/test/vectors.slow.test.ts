/** The committed vectors, and the command with them: compiled as `npm pack` compiles it, and run as users run it. */
import { execFile, execFileSync } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { createRequire } from 'node:module';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sha256 } from '../src/index.js';
import { vectors } from './vectors.js';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const vector = (name: string): string => join(PACKAGE, 'test/vectors', name);
const textOf = (name: string): Promise<string> => readFile(vector(name), 'utf8');

test.each(Object.keys(vectors()))('%s is what this version makes', async (name) => {
  expect(await textOf(name)).toBe(vectors()[name]);
});

test('the parts follow from the specification alone', async () => {
  const parts = JSON.parse(await textOf('parts.json')) as {
    commitments: { path: string; value: string; salt: string; commitment: string }[];
    seals: { bytes: string; hash: string }[];
  };
  const T = (text: string) => {
    const bytes = Buffer.from(text, 'utf8');
    return Buffer.concat([Buffer.from(bytes.length.toString(16).padStart(8, '0'), 'hex'), bytes]);
  };
  for (const { path, value, salt, commitment } of parts.commitments) {
    const bytes = Buffer.concat([Buffer.of(0x10), Buffer.from(salt, 'hex'), T(path), T(value)]);
    expect(sha256(bytes).toString('hex')).toBe(commitment);
  }
  const head = JSON.parse(await textOf('head.json')) as { signature: string };
  const last = Buffer.from(parts.seals.at(-1)!.bytes, 'hex');
  const key = createPublicKey(await textOf('public.pem'));
  expect(verify(null, last, key, Buffer.from(head.signature, 'hex'))).toBe(true);
  expect(last.includes(Buffer.from(parts.seals.at(-2)!.hash, 'hex'))).toBe(true);
});

describe('the command', () => {
  let folder: string;
  let command: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenantry-verify-'));
    const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
    execFileSync(process.execPath, [
      compiler,
      '-p',
      join(PACKAGE, 'tsconfig.build.json'),
      '--outDir',
      join(folder, 'dist'),
    ]);
    // Away from node_modules: it needs nothing but Node.
    await writeFile(join(folder, 'package.json'), await readFile(join(PACKAGE, 'package.json')));
    command = join(folder, 'dist/main.js');
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function run(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [command, ...args], {
        cwd: folder,
      });
      return { code: 0, stdout, stderr };
    } catch (error) {
      return error as { code: number; stdout: string; stderr: string };
    }
  }
  const keys = ['--key', vector('public.pem'), '--key', vector('older.pem')];

  test('finds the export intact', async () => {
    expect(await run(vector('export.ndjson'), '--head', vector('head.json'), ...keys)).toEqual({
      code: 0,
      stdout: 'intact  7 entries, 1 of them with deleted values, in 3 seals until 2026-11-29T08:00:06.500Z\n',
      stderr: '',
    });
  });

  test('finds the export from a cut on intact', async () => {
    expect(await run(vector('export-from-cut.ndjson'), '--head', vector('head.json'), ...keys)).toMatchObject(
      {
        code: 0,
        stdout:
          'intact  7 entries, 0 of them with deleted values, the first 3 dropped, in 3 seals until 2026-11-29T08:00:06.500Z\n',
      },
    );
  });

  test('says that without a head the end may have been cut off', async () => {
    const { code, stderr } = await run(vector('export.ndjson'), ...keys);
    expect([code, stderr]).toEqual([0, expect.stringContaining('Without --head') as string]);
  });

  test('finds a changed export broken, and prints it as JSON', async () => {
    const changed = join(folder, 'changed.ndjson');
    await writeFile(changed, (await textOf('export.ndjson')).replace('report.run', 'report.ran'));
    const { code, stdout } = await run(changed, '--json', '--head', vector('head.json'), ...keys);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ intact: false, broken: { defect: 'changed' } });
    expect((await run(changed, ...keys)).stdout).toMatch(/^BROKEN {2}changed: .* Entry 0199e7a5-/);
  });

  test('does not call an export broken that may have been made before the head', async () => {
    const short = join(folder, 'short.ndjson');
    const lines = (await textOf('export.ndjson')).split('\n');
    const second = lines.findIndex((line) => line.startsWith('{"seal"') && line.includes('"number":2,'));
    await writeFile(short, `${lines.slice(0, second + 1).join('\n')}\n`);
    expect(await run(short, '--head', vector('head.json'), ...keys)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /^SHORT {3}cut: The trail ends with seal 2 and has 4 entries; the given head is seal 3 of .* contains 7\..*made before this head/,
      ) as string,
    });
  });

  test('finds the proof good, and not with another key', async () => {
    const good = await run('--proof', vector('proof.json'), '--head', vector('head.json'), ...keys);
    expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('is entry 3 of 7') as string });
    const other = await run('--proof', vector('proof.json'), '--key', vector('older.pem'));
    expect(other).toMatchObject({ code: 1, stdout: expect.stringMatching(/^BROKEN/) as string });
  });

  test.each<[string, readonly string[], number, string]>([
    ['without arguments', [], 2, 'name one export'],
    ['without a key', ['x.ndjson'], 2, '--key is missing'],
    ['with an unknown option', ['--x'], 2, "Unknown option '--x'"],
    ['with a missing file', ['x.ndjson', ...keys], 1, 'x.ndjson cannot be read (ENOENT)'],
    [
      'with a key that is none',
      [vector('export.ndjson'), '--key', vector('head.json')],
      1,
      'no public key in PEM',
    ],
  ])('%s says what is wrong', async (_how, args, code, message) => {
    const result = await run(...args);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(message);
  });
});
