/** The report as JSON, for programs. */
import type { AuditReport } from '../audit.js';
import { DEADLINES } from '../finding.js';

export function asJson(report: AuditReport): string {
  const { findings, ...rest } = report;
  return `${JSON.stringify(
    {
      ...rest,
      findings: findings.map(({ rule, ...finding }) => ({
        rule: rule.id,
        title: rule.title,
        severity: rule.severity,
        deadline: DEADLINES[rule.severity],
        why: rule.why,
        ...finding,
      })),
    },
    null,
    2,
  )}\n`;
}
