/** The report as Markdown, for a pull request or a wiki. */
import type { AuditReport } from '../audit.js';
import { DEADLINES, SEVERITIES, type Finding } from '../finding.js';
import { LIMITS } from '../limits.js';
import { byRule, summary, unchecked } from './table.js';

/** The report as a Markdown document. Nothing that comes from the database is read as markup. */
export function asMarkdown(report: AuditReport): string {
  const lines = ['# Tenancy audit', '', text(summary(report)), ''];
  for (const severity of SEVERITIES) {
    const findings = report.findings.filter(({ rule }) => rule.severity === severity);
    if (findings.length === 0) continue;
    lines.push(`## ${severity[0]!.toUpperCase()}${severity.slice(1)}: ${DEADLINES[severity]}`, '');
    for (const [rule, ofRule] of byRule(findings)) {
      lines.push(`### ${rule.id} ${text(rule.title)}`, '', text(rule.why), '', ...ofRule.flatMap(item), '');
    }
  }
  lines.push(
    ...section(
      'Accepted',
      report.accepted.map(
        ({ finding: { rule, object }, reason, expires }) =>
          `${rule.id} ${code(object)}: ${text(reason)}${expires === undefined ? '' : ` (until ${expires})`}`,
      ),
    ),
    ...section(
      'No longer found',
      report.stale.map(({ fingerprint, reason }) => `${code(fingerprint)}: ${text(reason)}`),
    ),
    ...section('Proved', report.proved.map(text)),
    ...section(
      'Not checked',
      unchecked(report).map(({ rule, object, reason }) => `${rule} ${code(object)}: ${text(reason)}`),
    ),
    ...section('Limits', LIMITS),
  );
  return `${lines.join('\n').trimEnd()}\n`;
}

function item({ object, evidence, fix, advice }: Finding): readonly string[] {
  return [
    `- ${code(object)}: ${text(evidence)}`,
    ...(advice === undefined ? [] : ['', `  ${text(advice)}`]),
    ...(fix === undefined || fix === ''
      ? []
      : ['', '  ```sql', ...fix.split('\n').map((line) => `  ${line}`), '  ```']),
    '',
  ];
}

function section(title: string, items: readonly string[]): readonly string[] {
  return items.length === 0 ? [] : [`## ${title}`, '', ...items.map((each) => `- ${each}`), ''];
}

/** Escapes names and expressions of the database. */
function text(plain: string): string {
  return plain.replace(/[\\`*_[\]<>|#]/g, '\\$&').replace(/\s+/g, ' ');
}

function code(name: string): string {
  return `\`${name.replaceAll('`', "'")}\``;
}
