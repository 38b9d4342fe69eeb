/** Writes docs/isolation-mutants.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';
import type { Notice } from './checks.js';
import type { Mutant } from './mutant.js';

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

/** Puts the table between the marks in the page, whose other words are written by hand. */
export async function writeTable(
  page: URL,
  groups: readonly { readonly title: string; readonly outcomes: readonly Outcome[] }[],
): Promise<void> {
  const all = groups.flatMap(({ outcomes }) => outcomes);
  const minutes = all.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
  const summary = `${String(all.length)} mutants, ${String(all.filter(isNoticed).length)} noticed, in ${minutes.toFixed(1)} minutes; the audit was asked about ${String(all.filter(({ rules }) => rules).length)} of them and noticed ${String(all.filter(({ rules }) => rules?.length).length)}.`;
  const table = [summary, ...groups.map(({ title, outcomes }) => section(title, outcomes))].join('\n\n');
  const text = readFileSync(page, 'utf8').replace(
    /(<!-- begin.*?-->)[^]*(<!-- end.*?-->)/,
    (_all, begin: string, end: string) => [begin, table, end].join('\n\n'),
  );
  writeFileSync(page, await format(text, { parser: 'markdown', printWidth: 110 }));
}

function section(title: string, outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ mutant, notice, rules, seconds }) => {
    const by = notice ? `${notice.by}${notice.atStart ? ' (at the start)' : ''}` : 'nobody';
    const cells = [
      `\`${mutant.name}\``,
      mutant.breaks,
      by,
      rules ? rules.join(', ') || 'no rule' : '–',
      `${seconds.toFixed(0)} s`,
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [
    `### ${title}`,
    '',
    '| mutant | what is broken | test that noticed | audit | took |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
