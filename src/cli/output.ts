/** How commands print rows: one line of JSON each for programs, a table for people. */
import process from 'node:process';

/**
 * The rows as lines of JSON, unless they are for a terminal and `json` is not wanted.
 *
 * @param whenEmpty the sentence on stderr when there are no rows; stdout then stays empty
 */
export function printRows(
  rows: readonly object[],
  { json = false }: { readonly json?: boolean | undefined },
  whenEmpty?: string,
): void {
  if (rows.length === 0 && whenEmpty !== undefined) process.stderr.write(`${whenEmpty}\n`);
  const lines = json || !process.stdout.isTTY ? rows.map((row) => JSON.stringify(row)) : table(rows);
  for (const line of lines) process.stdout.write(`${line}\n`);
}

/** The rows in columns, under the names of the first row. */
export function table(rows: readonly object[]): string[] {
  const [first] = rows;
  if (!first) return [];
  const names = Object.keys(first);
  const cells = [
    names,
    ...rows.map((row) => names.map((name) => cell((row as Record<string, unknown>)[name]))),
  ];
  const widths = names.map((_name, at) => Math.max(...cells.map((line) => line[at]!.length)));
  return cells.map((line) =>
    line
      .map((text, at) => text.padEnd(widths[at]!))
      .join('  ')
      .trimEnd(),
  );
}

/** Characters that would control the terminal are shown as `?`. */
function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text =
    value instanceof Date ? value.toISOString() : typeof value === 'string' ? value : JSON.stringify(value);
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
}
