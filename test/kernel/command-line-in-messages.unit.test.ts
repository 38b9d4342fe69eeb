/** The commands in messages work where the program runs: from the sources, and from dist without npm. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { tenantryCommand } from '../../src/kernel/config/command-line.js';

/** The lines of text files that match, by file: each with its path. */
async function linesWith(pattern: RegExp, folders: readonly string[], files: RegExp): Promise<string[]> {
  const found: string[] = [];
  for (const folder of folders) {
    for (const name of await readdir(folder, { recursive: true })) {
      const path = join(folder, name);
      if (!files.test(name) || /node_modules|generated|\bdist\b/.test(path)) continue;
      const lines = (await readFile(path, 'utf8')).split('\n');
      found.push(...lines.filter((line) => pattern.test(line)).map((line) => `${path}: ${line.trim()}`));
    }
  }
  return found;
}

const FILE = 'kernel/config/command-line';

test('from the sources it is the script of package.json', () => {
  expect(tenantryCommand('migrate --status')).toBe('npm run -s tenantry -- migrate --status');
});

test('from dist it is the compiled command, as the working directory sees it', async () => {
  const dist = join(await mkdtemp(join(tmpdir(), 'tenantry-dist-')), 'dist');
  try {
    const source = await readFile(`src/${FILE}.ts`, 'utf8');
    const { outputText } = ts.transpileModule(source, { compilerOptions: { module: ts.ModuleKind.ESNext } });
    const compiled = join(dist, `${FILE}.js`);
    await mkdir(dirname(compiled), { recursive: true });
    await writeFile(join(dist, '../package.json'), '{"type":"module"}');
    await writeFile(compiled, outputText);
    const built = (await import(pathToFileURL(compiled).href)) as { tenantryCommand: typeof tenantryCommand };
    expect(built.tenantryCommand('migrate')).toBe(
      `node ${relative(process.cwd(), join(dist, 'cli/main.js'))} migrate`,
    );
  } finally {
    await rm(dirname(dist), { recursive: true });
  }
});

test('no message names the script of package.json by itself, which dist does not have', async () => {
  const messages = await linesWith(/^(?!\s*(\/?\*|\/\/)).*npm run (-s )?tenantry/, ['src'], /\.ts$/);
  expect(messages.filter((line) => !line.startsWith(`src/${FILE}.ts`))).toEqual([]);
});

test('nothing sends its reader to a package of this repository in a registry, where somebody else could have its name', async () => {
  expect(await linesWith(/npx tenantry/, ['docs', 'packages', 'src'], /\.(md|ts|graphql)$/)).toEqual([]);
});
