/** Copies what TypeScript does not copy next to the compiled code: the modules' SDL, the plans, and the built dashboard. */
import { cpSync } from 'node:fs';
import { extname } from 'node:path';

cpSync('src', 'dist', {
  recursive: true,
  filter: (source) => ['', '.graphql', '.json'].includes(extname(source)),
});
cpSync('packages/dashboard/dist', 'dist/dashboard', { recursive: true });
