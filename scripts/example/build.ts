/** Builds an example of a React application for browsers. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformAsync } from '@babel/core';
import { build as bundle, type Plugin } from 'esbuild';

export const EXAMPLES = ['react-apollo', 'react-urql', 'react-relay'] as const;
export type Example = (typeof EXAMPLES)[number];

const folderOf = (example: Example) => fileURLToPath(new URL(`../../examples/${example}/`, import.meta.url));

/** The page of all examples. It loads the script from `/main.js`. */
export const PAGE = fileURLToPath(new URL('../../examples/index.html', import.meta.url));

/**
 * The script of an example, with everything that it imports.
 *
 * @throws esbuild's error when a part is missing or cannot be parsed
 */
export async function buildExample(example: Example): Promise<string> {
  const { outputFiles } = await bundle({
    entryPoints: [join(folderOf(example), 'main.tsx')],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
    plugins: example === 'react-relay' ? [relayDocuments(folderOf(example))] : [],
    write: false,
  });
  return outputFiles[0]!.text;
}

/** Replaces documents in the source by what Relay's compiler has made of them. */
const relayDocuments = (folder: string): Plugin => ({
  name: 'relay-documents',
  setup(build) {
    build.onLoad({ filter: /\.tsx$/ }, async ({ path }) => {
      const transformed = await transformAsync(await readFile(path, 'utf8'), {
        filename: path,
        babelrc: false,
        configFile: false,
        parserOpts: { plugins: ['typescript', 'jsx'] },
        plugins: [['relay', { artifactDirectory: join(folder, '__generated__'), eagerEsModules: true }]],
      });
      return { contents: transformed?.code ?? '', loader: 'tsx' };
    });
  },
});
