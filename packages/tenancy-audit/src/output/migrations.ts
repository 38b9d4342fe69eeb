/** Finds the place in a project's SQL files that made an object, for services that show findings beside files. */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

export interface Place {
  /** Relative to the working directory, with forward slashes. */
  readonly file: string;
  readonly line: number;
}

/** @returns the last place that creates, alters or names the object; undefined when no file does */
export type FindPlace = (object: string) => Place | undefined;

/**
 * Reads the SQL files below a folder, in the order of their paths.
 *
 * @throws Error when the folder cannot be read
 */
export async function readMigrations(folder: string): Promise<FindPlace> {
  const names = await readdir(folder, { recursive: true });
  const paths = names.filter((name) => name.endsWith('.sql')).sort();
  const files = await Promise.all(
    paths.map(async (path) => ({
      file: relative(process.cwd(), join(folder, path)).replaceAll('\\', '/'),
      lines: (await readFile(join(folder, path), 'utf8')).split('\n'),
    })),
  );
  return (object) => placeOf(files, object);
}

interface SqlFile {
  readonly file: string;
  readonly lines: readonly string[];
}

/** `public.orders.own` is the policy `own` on `orders`; without it, the table `orders`. */
function placeOf(files: readonly SqlFile[], object: string): Place | undefined {
  const names = object
    .replace(/\(.*$/, '')
    .split('.')
    .map((name) => name.replaceAll('"', ''))
    .slice(1);
  for (const name of names.reverse()) {
    const statement = new RegExp(
      `^\\s*(create|alter|comment|grant)\\b.*(^|[^\\w])"?${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}"?($|[^\\w])`,
      'i',
    );
    for (const { file, lines } of [...files].reverse()) {
      const at = lines.findLastIndex((line) => statement.test(line) && /^\s*create\b/i.test(line));
      const any = at === -1 ? lines.findLastIndex((line) => statement.test(line)) : at;
      if (any !== -1) return { file, line: any + 1 };
    }
  }
  return undefined;
}
