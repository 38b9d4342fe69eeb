/** Finds a model in the text of the Prisma files, and adds the other sides of its relations. */
import { basename } from 'node:path';
import { readSchema } from '../../kernel/database/migration/folder.js';
import type { FileChanges } from './file-changes.js';
import { ModuleError } from './module-error.js';

export interface ModelFile {
  readonly path: string;
  readonly content: string;
}

/** The lines of a model between its braces. */
const bodyOf = (content: string, model: string): string | undefined =>
  new RegExp(`^model ${model} \\{\\n([^]*?)^\\}`, 'm').exec(content)?.[1];

/** @throws ModuleError when no Prisma file has the model */
export async function findModel(prismaFolder: string, model: string): Promise<ModelFile & { area: string }> {
  const files = await readSchema(prismaFolder);
  const found = files.find(({ content }) => bodyOf(content, model) !== undefined);
  if (!found) {
    throw new ModuleError(`No file in prisma/ has a model ${model}: write it first (docs/add-a-model.md).`);
  }
  return { ...found, area: basename(found.path, '.prisma') };
}

/**
 * Adds the opposite relation field to each model that `model` references, as Prisma requires. Writes the files at once.
 *
 * @param field the name of the new field: `invoices`
 * @returns the added fields
 */
export async function addOtherSides(
  prismaFolder: string,
  model: string,
  field: string,
  changes: FileChanges,
): Promise<readonly string[]> {
  const before = await readSchema(prismaFolder);
  const declared =
    before.map(({ content }) => bodyOf(content, model)).find((body) => body !== undefined) ?? '';
  const targets = [...declared.matchAll(/^ *\w+ +(\w+)\??[ \t]+@relation\(/gm)].map(([, target]) => target!);
  const added: string[] = [];
  for (const target of new Set(targets)) {
    const file = (await readSchema(prismaFolder)).find(
      ({ content }) => bodyOf(content, target) !== undefined,
    );
    const body = file && bodyOf(file.content, target);
    if (body === undefined)
      throw new ModuleError(`${model} leads to a model ${target} that no file in prisma/ has.`);
    if (new RegExp(`^ *\\w+ +${model}(\\[\\]|\\?)`, 'm').test(body)) continue;
    if (new RegExp(`^ *${field} `, 'm').test(body)) {
      throw new ModuleError(
        `${target} has another field ${field}: write the other side of ${model}’s relation yourself.`,
      );
    }
    await changes.write(file!.path, file!.content.replace(body, withField(body, `${field} ${model}[]`)));
    added.push(`${target}.${field}`);
  }
  return added;
}

/** Adds the field after the last one, with the same alignment. */
function withField(body: string, field: string): string {
  const lines = body.split('\n');
  const last = lines.findLastIndex((line) => /^ *[a-z]\w* +\w/.test(line));
  const [, indent = '  ', name = '', gap = ' '] = /^( *)(\w+)( +)/.exec(lines[last] ?? '') ?? [];
  const [ownName = '', type = ''] = field.split(' ');
  lines.splice(last + 1, 0, `${indent}${ownName.padEnd(name.length + gap.length - 1)} ${type}`);
  return lines.join('\n');
}
