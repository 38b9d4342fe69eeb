/** A copy of the working tree for mutants. The tree itself is never changed. */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { breakingSql, edit, type Edit, type Mutant } from './mutant.js';

/** A mutant no longer fits the code, so it proves nothing. */
export class FallenBehind extends Error {
  override readonly name = 'FallenBehind';
}

export class WorkingCopy {
  private constructor(readonly folder: string) {}

  /** Copies the tracked and untracked files of `repository` that git does not ignore, and links its packages. */
  static of(repository: string): WorkingCopy {
    const folder = mkdtempSync(join(tmpdir(), 'tenantry-mutant-'));
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: repository,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    for (const file of new Set(listed.split('\0').filter(Boolean))) {
      // git lists a deleted file until its deletion is staged.
      if (!existsSync(join(repository, file))) continue;
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      cpSync(join(repository, file), join(folder, file));
    }
    symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'), 'dir');
    return new WorkingCopy(folder);
  }

  /**
   * Makes a mutant.
   *
   * @returns how to undo it
   * @throws FallenBehind when an edit does not fit; nothing is changed then
   */
  make(mutant: Mutant): () => void {
    const before = new Map<string, string>();
    const after = new Map<string, string>();
    for (const each of editsOf(mutant)) {
      const { file } = each;
      if (!before.has(file)) before.set(file, this.read(mutant, file));
      after.set(file, applied(mutant, each, after.get(file) ?? before.get(file)!));
    }
    for (const [file, text] of after) writeFileSync(join(this.folder, file), text);
    return () => {
      for (const [file, text] of before) writeFileSync(join(this.folder, file), text);
    };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private read({ name }: Mutant, file: string): string {
    const path = join(this.folder, file);
    if (!existsSync(path)) throw new FallenBehind(`${name}: there is no ${file}`);
    return readFileSync(path, 'utf8');
  }
}

function applied({ name }: Mutant, { file, find, replace }: Edit, text: string): string {
  const [head, tail, ...more] = text.split(find);
  if (head === undefined || tail === undefined || more.length > 0) {
    throw new FallenBehind(
      `${name}: ${file} has this ${tail === undefined ? 'nowhere' : 'several times'}: ${find}`,
    );
  }
  return [head, replace, tail].join('');
}

const SETUP = 'test/support/global-setup.ts';
const TEMPLATE_IS_READY = 'await database.close();';

/** The edits of a mutant. A mutant of the database changes the finished template, which every test file clones. */
function editsOf(mutant: Mutant): readonly Edit[] {
  const sql = breakingSql(mutant);
  const edits = mutant.edits ?? [];
  if (sql === undefined) return edits;
  const breaking = `${TEMPLATE_IS_READY}
  const { default: pg } = await import('pg');
  const breaking = new pg.Client({ connectionString: urls.superuser });
  await breaking.connect();
  await breaking.query(${JSON.stringify(`BEGIN; ${sql}; COMMIT`)});
  await breaking.end();`;
  return [...edits, edit(SETUP, TEMPLATE_IS_READY, breaking)];
}
