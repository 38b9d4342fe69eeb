/** The report as JSON, for programs. */
import type { AuditReport } from '../audit.js';
import { DEADLINES, fingerprintOf, type Finding } from '../finding.js';
import { LIMITS } from '../limits.js';

/** The whole report as indented JSON, accepted findings included. */
export function asJson(report: AuditReport): string {
  const { findings, accepted, ...rest } = report;
  const whole = {
    ...rest,
    findings: findings.map(flat),
    accepted: accepted.map(({ finding, reason, expires }) => ({ ...flat(finding), reason, expires })),
    limits: LIMITS,
  };
  return `${JSON.stringify(whole, null, 2)}\n`;
}

function flat(found: Finding): object {
  const { rule, ...finding } = found;
  return {
    fingerprint: fingerprintOf(found),
    rule: rule.id,
    title: rule.title,
    severity: rule.severity,
    deadline: DEADLINES[rule.severity],
    ...finding,
    why: rule.why,
  };
}
