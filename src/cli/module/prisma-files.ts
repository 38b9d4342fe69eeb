/** Finds a model in the text of the Prisma files, and adds the other sides of its relations. */
import { basename } from 'node:path';
import { readSchema } from '../../kernel/database/migration/folder.js';
import type { FileChanges } from './file-changes.js';
import { ModuleError } from './module-error.js';
import { namesOf } from './plan.js';

export interface ModelFile {
  readonly path: string;
  readonly content: string;
}

/** The lines of a model or view between its braces. */
const bodyOf = (content: string, model: string): string | undefined =>
  new RegExp(`^(?:model|view)[ \\t]+${model}[ \\t]*\\{[^\\n]*\\n([^]*?)^\\}`, 'm').exec(content)?.[1];

/** The database's name of a model's table. */
const tableOf = (model: string, body: string): string =>
  /^[ \t]*@@map\((?:name:[ \t]*)?"([^"]+)"/m.exec(body)?.[1] ?? model;

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
 * Adds the opposite relation fields that models lack, as Prisma requires: of every model, because Prisma takes all of them
 * or none. Writes the files at once.
 *
 * @returns the added fields
 * @throws ModuleError when a field cannot be added
 */
export async function addOtherSides(prismaFolder: string, changes: FileChanges): Promise<readonly string[]> {
  const added: string[] = [];
  for (const { content } of await readSchema(prismaFolder)) {
    for (const [, model] of content.matchAll(/^(?:model|view)[ \t]+(\w+)/gm)) {
      added.push(...(await addOtherSidesOf(prismaFolder, model!, bodyOf(content, model!) ?? '', changes)));
    }
  }
  return added;
}

async function addOtherSidesOf(
  prismaFolder: string,
  model: string,
  declared: string,
  changes: FileChanges,
): Promise<readonly string[]> {
  const relations = [...declared.matchAll(/^[ \t]*\w+[ \t]+(\w+)\??[ \t]+@relation\((.*fields:.*)$/gm)];
  const { many: field } = namesOf(model, tableOf(model, declared));
  const added: string[] = [];
  for (const target of new Set(relations.map(([, name]) => name!))) {
    const file = (await readSchema(prismaFolder)).find(
      ({ content }) => bodyOf(content, target) !== undefined,
    );
    const body = file && bodyOf(file.content, target);
    if (body === undefined)
      throw new ModuleError(`${model} leads to a model ${target} that no file in prisma/ has.`);
    if (new RegExp(`^[ \\t]*\\w+[ \\t]+${model}(\\[\\]|\\?)(?!.*fields:)`, 'm').test(body)) continue;
    const [first, second] = relations.filter(([, name]) => name === target);
    if (second) {
      throw new ModuleError(
        `${model} has more than one relation to ${target}: write their other sides in ${target} yourself, each with the name of its relation.`,
      );
    }
    if (new RegExp(`^[ \\t]*${field}[ \\t]`, 'm').test(body)) {
      throw new ModuleError(
        `${target} has another field ${field}: write the other side of ${model}’s relation yourself.`,
      );
    }
    const name = /^(?:.*\bname:)?[ \t]*("[^"]+")/.exec(first![2]!)?.[1];
    const type = `${model}[]${name === undefined ? '' : ` @relation(${name})`}`;
    await changes.write(
      file!.path,
      file!.content.replace(body, () => withField(body, field, type)),
    );
    added.push(`${target}.${field}`);
  }
  return added;
}

/** Adds the field after the last one, with the same alignment. */
function withField(body: string, field: string, type: string): string {
  const lines = body.split('\n');
  const last = lines.findLastIndex((line) => /^ *[a-z]\w* +\w/.test(line));
  const [, indent = '  ', name = '', gap = ' '] = /^( *)(\w+)( +)/.exec(lines[last] ?? '') ?? [];
  lines.splice(last + 1, 0, `${indent}${field.padEnd(name.length + gap.length - 1)} ${type}`);
  return lines.join('\n');
}
