/** Writes the table of docs/isolation-mutants.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';
import type { Notice } from './checks.js';
import type { Mutant, MutantGroup } from './mutant.js';

/** The result of a mutant. */
export interface Outcome {
  readonly mutant: Mutant;
  /** The test or linter rule that noticed. */
  readonly notice: Notice | undefined;
  /** The rules of the audit that noticed; undefined when the audit was not run. */
  readonly rules: readonly string[] | undefined;
  readonly seconds: number;
}

/** Whether something noticed, and all required rules of the audit did. */
export const isNoticed = ({ mutant, notice, rules = [] }: Outcome): boolean =>
  (notice !== undefined || rules.length > 0) && (mutant.audit ?? []).every((rule) => rules.includes(rule));

const BEGIN = /<!-- begin.*?-->/;
const END = /<!-- end.*?-->/;
const HEAD = [
  '| mutant | what is broken | test that noticed | audit | took |',
  '| --- | --- | --- | --- | --- |',
];

/**
 * Writes the table between the marks in the page, whose other text is written by hand. Mutants that were not tried this
 * time keep their rows; rows of deleted mutants are removed.
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
