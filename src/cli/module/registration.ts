/** Registers a new module in the server and in the rules of imports between folders. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileChanges } from './file-changes.js';
import { ModuleError } from './module-error.js';
import type { ModulePlan } from './plan.js';

/**
 * @param root the folder of the checkout
 * @returns the changed files
 * @throws ModuleError when a file has an unexpected form; the module must then be registered by hand
 */
export async function register(
  root: string,
  { one, area, file }: ModulePlan,
  changes: FileChanges,
): Promise<string[]> {
  const modules = 'src/modules.ts';
  await edit(root, modules, changes, (text) => {
    const line = `import { ${one}Module } from './${area}/${file}/index.js';\n`;
    const imports = text.lastIndexOf('\nimport ');
    const end = text.indexOf('\n', imports + 1) + 1;
    const list = text.lastIndexOf('];');
    if (imports < 0 || list < 0) return undefined;
    return `${text.slice(0, end)}${line}${text.slice(end, list)}  ${one}Module,\n${text.slice(list)}`;
  });
  const borders = '.dependency-cruiser.cjs';
  const isNew = await edit(root, borders, changes, (text) => {
    const [whole, names = ''] = /^const DOMAINS = \[(.*)\];$/m.exec(text) ?? [];
    if (whole === undefined) return undefined;
    return names.includes(`'${area}'`) ? text : text.replace(whole, `const DOMAINS = [${names}, '${area}'];`);
  });
  return [modules, ...(isNew ? [borders] : [])];
}

async function edit(
  root: string,
  file: string,
  changes: FileChanges,
  change: (text: string) => string | undefined,
): Promise<boolean> {
  const path = join(root, file);
  const before = await readFile(path, 'utf8');
  const after = change(before);
  if (after === undefined)
    throw new ModuleError(`${file} is not as expected: register the module there yourself.`);
  if (after !== before) await changes.write(path, after);
  return after !== before;
}
