/** Copies what TypeScript does not copy next to the compiled code: the modules' SDL and the plans. */
import { cpSync } from 'node:fs';
import { extname } from 'node:path';

cpSync('src', 'dist', {
  recursive: true,
  filter: (source) => ['', '.graphql', '.json'].includes(extname(source)),
});
