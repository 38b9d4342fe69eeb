/** Changes of files that are made completely or not at all. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Remembers what it replaces, so that all changes can be undone. */
export class FileChanges {
  /** The contents before the first change; undefined for a new file. */
  readonly #before = new Map<string, string | undefined>();
  readonly #folders: string[] = [];

  async write(path: string, content: string): Promise<void> {
    if (!this.#before.has(path)) this.#before.set(path, await contentOf(path));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }

  /** A folder that did not exist before. It is removed when the changes are undone. */
  created(folder: string): void {
    this.#folders.push(folder);
  }

  /** Restores the changed files, and removes the new ones. Empty folders may remain. */
  async undo(): Promise<void> {
    for (const [path, content] of this.#before) {
      if (content === undefined) await rm(path, { force: true });
      else await writeFile(path, content);
    }
    for (const folder of this.#folders) await rm(folder, { recursive: true, force: true });
  }
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
