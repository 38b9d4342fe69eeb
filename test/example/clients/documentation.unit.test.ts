/**
 * Proves that docs/clients.md and docs/subscriptions.md show the code that the tests run: each block that names a file
 * stands in it, verbatim.
 */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

const BLOCK = /<!-- from (\S+) -->\n+```\w+\n([^]*?)```/g;

const read = (path: string) => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');

const blocksOf = async (page: string) =>
  [...(await read(page)).matchAll(BLOCK)].map(([, file = '', code = '']) => ({ file, code }));

const blocks = await blocksOf('docs/clients.md');
const ofSubscriptions = await blocksOf('docs/subscriptions.md');

test('the page shows how each client is made', () => {
  const files = blocks.map(({ file }) => file);
  for (const file of ['apollo-client.ts', 'urql-client.ts', 'session.ts', 'apollo.test.ts', 'urql.test.ts'])
    expect(files).toContain(`test/example/clients/${file}`);
  expect(files).toContain('codegen.ts');
});

test('the page of subscriptions shows both clients', () => {
  expect(ofSubscriptions.map(({ file }) => file)).toEqual([
    'test/example/clients/subscription-client.ts',
    'test/example/clients/stream-client.ts',
  ]);
});

test.each([...blocks, ...ofSubscriptions])(
  'its code from $file is what is there ($code)',
  async ({ file, code }) => {
    const withoutIndent = (text: string) => text.replaceAll(/^ +/gm, '').trim();
    expect(withoutIndent(await read(file))).toContain(withoutIndent(code));
  },
);
