/** Writes the files of vectors/, for other implementations: `npx tsx packages/audit-verifier/test/write-vectors.ts`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { vectors } from './vectors.js';

const folder = new URL('vectors/', import.meta.url);
await mkdir(folder, { recursive: true });
for (const [name, content] of Object.entries(vectors())) await writeFile(new URL(name, folder), content);
