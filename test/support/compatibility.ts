/** Reads the figures of docs/compatibility.md, which the tests compare with their own. */
import { readFileSync } from 'node:fs';

const rows = readFileSync(new URL('../../docs/compatibility.md', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

export interface Figures {
  /** For example `58 of 61`. */
  readonly tenantry: string;
  readonly apollo: string;
  readonly yoga: string;
}

/** The figures of a suite. Its row begins with the name of its package. */
export function documentedFigures(suite: string): Figures {
  const [, tenantry, apollo, yoga] = rows.find(([name]) => name === `\`${suite}\``) ?? [];
  if (tenantry === undefined || apollo === undefined || yoga === undefined) {
    throw new Error(`docs/compatibility.md has no row of \`${suite}\` with three figures`);
  }
  return { tenantry, apollo, yoga };
}

/** The exceptions of a suite, as pairs of id and name. Their rows begin with suite and id. */
export const documentedExceptions = (suite: string): (readonly [id: string, name: string])[] =>
  rows.flatMap(([first = '', name = '']) => {
    const [, of, id] = /^`(\S+)` `(\w+)`$/.exec(first) ?? [];
    return of === suite && id !== undefined ? [[id, name] as const] : [];
  });
