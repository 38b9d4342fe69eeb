/**
 * The report for a terminal of 100 columns: by severity, then by rule, so that text common to many tables is printed
 * once.
 */
import type { AuditReport } from '../audit.js';
import { DEADLINES, SEVERITIES, type Finding, type NotChecked, type Rule } from '../finding.js';
import { LIMITS } from '../limits.js';
import { list } from '../sql-text.js';

const WIDTH = 100;
const INDENT = '     ';

/**
 * The report for a terminal: how many findings each rule has, then the findings, the most severe first.
 *
 * @param all prints every finding; otherwise those of a rule after the eighth are only named
 */
export function asTable(report: AuditReport, { all = false }: { readonly all?: boolean } = {}): string {
  const lines: string[] = [...overview(report)];
  for (const severity of SEVERITIES) {
    const findings = report.findings.filter(({ rule }) => rule.severity === severity);
    if (findings.length === 0) continue;
    lines.push(`${severity.toUpperCase()}: ${DEADLINES[severity]}`, '');
    for (const [rule, ofRule] of byRule(findings)) lines.push(...section(rule, ofRule, all), '');
  }
  lines.push(
    ...remarks(
      'ACCEPTED',
      report.accepted.map(
        ({ finding, reason, expires }) =>
          `${finding.rule.id}  ${finding.object}: ${reason}${expires === undefined ? '' : ` (until ${expires})`}`,
      ),
    ),
    ...remarks(
      'NO LONGER FOUND: take these out of the baseline',
      report.stale.map(({ fingerprint, reason }) => `${fingerprint}: ${reason}`),
    ),
    ...remarks('PROVED', report.proved),
    ...remarks(
      'NOT CHECKED',
      unchecked(report).map(({ rule, object, reason }) => `${rule}  ${object}: ${reason}`),
    ),
    ...remarks('LIMITS', LIMITS),
    ...wrapped(summary(report), '', ''),
  );
  return printable(`${lines.join('\n')}\n`);
}

/** Names in a database may contain control sequences of the terminal. */
export const printable = (text: string): string => text.replace(/[^\P{Cc}\n]/gu, '\uFFFD');

/** The findings of each rule, in order. */
export function byRule(findings: readonly Finding[]): readonly (readonly [Rule, readonly Finding[]])[] {
  const groups = new Map<Rule, Finding[]>();
  for (const finding of findings) groups.set(finding.rule, [...(groups.get(finding.rule) ?? []), finding]);
  return [...groups];
}

/** One line for each rule with findings. */
function overview({ findings }: AuditReport): readonly string[] {
  if (findings.length === 0) return [];
  const rows = byRule(findings).map(
    ([{ id, severity, title }, { length }]) =>
      `${String(length).padStart(5)}  ${severity.padEnd(8)}  ${id}  ${title}`,
  );
  return [
    'FINDINGS',
    '',
    ...rows.map((row) => (row.length > WIDTH ? `${row.slice(0, WIDTH - 1)}…` : row)),
    '',
  ];
}

const MOST = 8;

function section(rule: Rule, findings: readonly Finding[], all: boolean): readonly string[] {
  const groups = alike(findings);
  const shown = all || groups.length <= MOST ? groups : groups.slice(0, MOST);
  const folded = groups.slice(shown.length).flat();
  return [
    ...wrapped(`${rule.id}  ${rule.title}`, '', INDENT),
    ...wrapped(rule.why, INDENT, INDENT),
    ...shown.flatMap((group) => ['', ...paragraph(group, all)]),
    ...(folded.length === 0
      ? []
      : [
          '',
          ...wrapped(
            `and ${String(folded.length)} more (--all shows them): ${list(
              folded.map(({ object }) => object),
              MOST,
            )}`,
            INDENT,
            INDENT,
          ),
        ]),
  ];
}

/** Findings of one rule with the same text for several objects. */
export function alike(findings: readonly Finding[]): readonly (readonly Finding[])[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    groups.set(finding.evidence, [...(groups.get(finding.evidence) ?? []), finding]);
  }
  return [...groups.values()];
}

function paragraph(group: readonly Finding[], all: boolean): readonly string[] {
  const { evidence } = group[0]!;
  const statements = [...new Set(group.flatMap(({ fix }) => fix ?? []))];
  const fixes = (all ? statements : statements.slice(0, MOST))
    .flatMap((fix) => fix.split('\n'))
    .filter(Boolean);
  const left = all ? 0 : statements.length - MOST;
  if (left > 0) fixes.push(`-- and ${String(left)} more: --fix-sql prints all of them`);
  const objects = group.map(({ object }) => object);
  const advices = [...new Set(group.flatMap(({ advice }) => advice ?? []))];
  const labelled = (label: string, text: string): readonly string[] =>
    wrapped(text, `${INDENT}${label.padEnd(6)}`, `${INDENT}      `);
  return [
    ...(all || objects.length <= MOST
      ? objects.map((object) => `${INDENT}${object}`)
      : wrapped(list(objects, MOST), INDENT, INDENT)),
    ...labelled('seen', evidence),
    // SQL is never wrapped, so that it can be copied.
    ...fixes.map((line, at) => `${INDENT}${(at === 0 ? 'fix' : '').padEnd(6)}${line}`),
    ...advices.flatMap((advice) => labelled('do', advice)),
  ];
}

/** Groups what was not checked by its reason. */
export function unchecked({ notChecked }: AuditReport): readonly NotChecked[] {
  const groups = new Map<string, NotChecked[]>();
  for (const each of notChecked) {
    const key = `${each.rule} ${each.reason}`;
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()].map((group) => ({
    ...group[0]!,
    object: list(group.map(({ object }) => object)),
  }));
}

function remarks(title: string, texts: readonly string[]): readonly string[] {
  if (texts.length === 0) return [];
  return [title, '', ...texts.flatMap((text) => wrapped(text, '', INDENT)), ''];
}

/** One sentence: how many findings of each severity, in what. */
export function summary({ findings, accepted, database, server, relations }: AuditReport): string {
  const counts = SEVERITIES.map(
    (severity) => `${String(findings.filter(({ rule }) => rule.severity === severity).length)} ${severity}`,
  );
  const also = accepted.length > 0 ? ` (and ${String(accepted.length)} accepted)` : '';
  return `${counts.join(', ')}${also} in ${String(relations)} relations of ${database} (PostgreSQL ${server}).`;
}

function wrapped(text: string, first: string, next: string): readonly string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(/\s+/)) {
    if (!empty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = next;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line];
}
