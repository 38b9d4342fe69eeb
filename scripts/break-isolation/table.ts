/** Writes the table of docs/isolation-mutants.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';
import type { Notice } from './checks.js';
import type { Mutant, MutantGroup } from './mutant.js';

/** What became of a mutant. */
export interface Outcome {
  readonly mutant: Mutant;
  /** Who noticed among tests and linter. */
  readonly notice: Notice | undefined;
  /** The rules of the audit that noticed; undefined where there was nothing for it to see. */
  readonly rules: readonly string[] | undefined;
  readonly seconds: number;
}

/** Somebody has noticed, and so have all rules of the audit that have to. */
export const isNoticed = ({ mutant, notice, rules = [] }: Outcome): boolean =>
  (notice !== undefined || rules.length > 0) && (mutant.audit ?? []).every((rule) => rules.includes(rule));

const BEGIN = /<!-- begin.*?-->/;
const END = /<!-- end.*?-->/;
const HEAD = [
  '| mutant | what is broken | test that noticed | audit | took |',
  '| --- | --- | --- | --- | --- |',
];

/**
 * Puts the table between the marks in the page; the words around it are written by hand. Mutants that were not made this
 * time keep their rows, and those that are no longer there lose them.
 */
export async function writeTable(
  page: URL,
  groups: readonly MutantGroup[],
  outcomes: readonly Outcome[],
): Promise<void> {
  const text = readFileSync(page, 'utf8');
  const rows = new Map([...text.matchAll(/^\| `([a-z-]+)` .*$/gm)].map(([row, name]) => [name!, row]));
  for (const outcome of outcomes) rows.set(outcome.mutant.name, rowOf(outcome));
  const sections = groups.map(({ title, mutants }) =>
    [`### ${title}`, '', ...HEAD, ...mutants.flatMap(({ name }) => rows.get(name) ?? [])].join('\n'),
  );
  const [before, after] = [text.split(BEGIN)[0]!, text.split(END)[1]!];
  const marks = [BEGIN, END].map((mark) => mark.exec(text)?.[0] ?? '');
  const written = [before.trim(), marks[0], ...sections, marks[1], after.trim()].join('\n\n');
  writeFileSync(page, await format(written, { parser: 'markdown', printWidth: 110 }));
}

function rowOf({ mutant, notice, rules, seconds }: Outcome): string {
  const by = notice ? `${notice.by}${notice.atStart ? ' (at the start)' : ''}` : 'none';
  const audit = rules ? rules.join(', ') || 'none' : '–';
  const cells = [`\`${mutant.name}\``, mutant.breaks, by, audit, `${String(seconds)} s`];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
