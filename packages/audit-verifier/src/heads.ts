/** The heads in a file that has grown for long: line by line, so that memory grows with the number of tenants only. */
import { open } from 'node:fs/promises';
import { headOf, isJson } from './parse.js';
import type { Seal } from './seal.js';

/** The most characters of a head that is printed over several lines. */
const LONGEST_HEAD = 10_000;

/**
 * The newest head of each tenant, by the tenant's id, of lines with one head each, or with one head over all of them.
 *
 * @throws FormatError when there is something else
 */
export async function newestHeads(lines: AsyncIterable<string>): Promise<ReadonlyMap<string, Seal>> {
  const heads = new Map<string, Seal>();
  const add = (text: string) => {
    const head = headOf(text);
    if ((heads.get(head.tenant)?.number ?? 0) <= head.number) heads.set(head.tenant, head);
  };
  let begun = '';
  for await (const line of lines) {
    if (line.trim() === '') continue;
    const text = begun + line;
    // Only the first head can be printed over several lines.
    const continues = heads.size === 0 && text.length < LONGEST_HEAD && !isJson(text);
    if (continues) {
      begun = `${text}\n`;
    } else {
      add(text);
      begun = '';
    }
  }
  if (begun !== '') add(begun);
  return heads;
}

/** @throws as `newestHeads` does, and the errors of reading a file */
export async function newestHeadsOfFile(path: string): Promise<ReadonlyMap<string, Seal>> {
  const file = await open(path);
  try {
    return await newestHeads(file.readLines());
  } finally {
    await file.close();
  }
}
