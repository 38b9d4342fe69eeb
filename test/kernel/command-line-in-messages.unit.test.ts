/** The commands in messages work where the program runs: from the sources, and from dist without npm. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { tenantryCommand } from '../../src/kernel/config/command-line.js';

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
