/** Builds every package of packages/ to its dist, each by its own script `build`. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const packages = fileURLToPath(new URL('../packages', import.meta.url));
for (const name of readdirSync(packages)) {
  const folder = join(packages, name);
  // git leaves a folder behind when it contains build results. Such a folder is not a package.
  if (!existsSync(join(folder, 'package.json'))) continue;
  execFileSync('npm', ['run', '--silent', 'build'], {
    cwd: folder,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
}
