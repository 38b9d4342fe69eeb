/**
 * Compiles the Relay documents of the example, for `npm run generate`. Does nothing when the example has been deleted.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../examples/react-relay', import.meta.url));
const compiler = join(
  dirname(createRequire(import.meta.url).resolve('relay-compiler/package.json')),
  'cli.js',
);
if (existsSync(folder)) {
  execFileSync(process.execPath, [compiler, 'relay.config.json', '--output', 'quiet-with-errors'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
