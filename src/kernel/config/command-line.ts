/** The commands that messages tell people to run. */
import { relative } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** Here the sources run. The script `tenantry` of package.json needs the development tools, as they do. */
const isSource = import.meta.url.endsWith('.ts');

/**
 * A command of `tenantry`, as it works where this program runs: from the sources, or from dist, where neither npm nor the
 * development tools may be installed.
 *
 * @param words what follows: `migrate --status`
 */
export function tenantryCommand(words: string): string {
  if (isSource) return `npm run -s tenantry -- ${words}`;
  const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
  return `node ${relative(process.cwd(), main)} ${words}`;
}
