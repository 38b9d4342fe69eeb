/** The report for a terminal of 100 columns. */
import type { AuditReport } from '../audit.js';
import { DEADLINES, SEVERITIES, type Finding } from '../finding.js';

const WIDTH = 100;

export function asTable(report: AuditReport): string {
  const lines: string[] = [];
  for (const severity of SEVERITIES) {
    const findings = report.findings.filter(({ rule }) => rule.severity === severity);
    if (findings.length === 0) continue;
    lines.push(`${severity.toUpperCase()}: ${DEADLINES[severity]}`, '');
    for (const finding of findings) lines.push(...paragraph(finding), '');
  }
  if (report.notChecked.length > 0) {
    lines.push('NOT CHECKED', '');
    for (const { rule, object, reason } of report.notChecked) {
      lines.push(...wrapped(`${rule}  ${object}: ${reason}`, '', '     '));
    }
    lines.push('');
  }
  lines.push(summary(report));
  return `${lines.join('\n')}\n`;
}

function paragraph({ rule, object, evidence, fix, advice }: Finding): readonly string[] {
  return [
    ...wrapped(`${rule.id}  ${object}`, '', '     '),
    ...wrapped(rule.title, '     ', '     '),
    ...wrapped(evidence, '     seen  ', '           '),
    ...wrapped(rule.why, '     why   ', '           '),
    // SQL is for copying: never broken.
    ...(fix === undefined
      ? []
      : fix.split('\n').map((line, at) => `${at === 0 ? '     fix   ' : '           '}${line}`)),
    ...(advice === undefined ? [] : wrapped(advice, '     do    ', '           ')),
  ];
}

function summary({ findings, database, server, relations }: AuditReport): string {
  const counts = SEVERITIES.map(
    (severity) => `${String(findings.filter(({ rule }) => rule.severity === severity).length)} ${severity}`,
  );
  return `${counts.join(', ')} in ${String(relations)} relations of ${database} (PostgreSQL ${server}).`;
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
