/** Copies the modules' SDL, which TypeScript does not copy, next to the compiled modules. */
import { cpSync } from 'node:fs';
import { extname } from 'node:path';

cpSync('src', 'dist', {
  recursive: true,
  filter: (source) => extname(source) === '' || extname(source) === '.graphql',
});
