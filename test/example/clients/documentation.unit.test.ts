/** Proves that docs/clients.md shows the code that the tests run: each block that names a file stands in it, verbatim. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

const BLOCK = /<!-- from (\S+) -->\n+```\w+\n([^]*?)```/g;

const read = (path: string) => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');

const blocks = [...(await read('docs/clients.md')).matchAll(BLOCK)].map(([, file = '', code = '']) => ({
  file,
  code,
}));

test('the page shows how each client is made', () => {
  const files = blocks.map(({ file }) => file);
  for (const file of ['apollo-client.ts', 'urql-client.ts', 'session.ts', 'apollo.test.ts', 'urql.test.ts'])
    expect(files).toContain(`test/example/clients/${file}`);
  expect(files).toContain('codegen.ts');
});

test.each(blocks)('its code from $file is what is there ($code)', async ({ file, code }) => {
  const withoutIndent = (text: string) => text.replaceAll(/^ +/gm, '').trim();
  expect(withoutIndent(await read(file))).toContain(withoutIndent(code));
});
