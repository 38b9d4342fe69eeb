/**
 * The report as SARIF 2.1.0 (OASIS), for code scanning. Code scanning needs a file for each result, and database
 * objects have none: they get the artifact `database/<name>`, and their name as a logical location.
 */
import type { AuditReport } from '../audit.js';
import { DEADLINES, fingerprintOf, type Finding, type Rule, type Severity } from '../finding.js';
import { LIMITS } from '../limits.js';
import { ALL_RULES } from '../all-rules.js';
import type { FindPlace } from './migrations.js';

const LEVELS: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  critical: 'error',
  major: 'warning',
  minor: 'note',
};
/** GitHub's severity of security findings, from 0.1 to 10. */
const SCORES: Readonly<Record<Severity, string>> = { critical: '9.5', major: '6.5', minor: '3.0' };

/**
 * The report as SARIF 2.1.0, for services that show findings beside the code.
 *
 * @param place where an object of the database is made, if its migrations are known
 */
export function asSarif(report: AuditReport, place: FindPlace = () => undefined): string {
  const log = {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'tenantry audit', rules: ALL_RULES.map(descriptor) } },
        invocations: [{ executionSuccessful: true, toolExecutionNotifications: notifications(report) }],
        results: [
          ...report.findings.map((finding) => result(report, finding, place)),
          ...report.accepted.map(({ finding, reason, expires }) => ({
            ...result(report, finding, place),
            suppressions: [
              {
                kind: expires === undefined ? 'inSource' : 'external',
                status: 'accepted',
                justification: expires === undefined ? reason : `${reason} (until ${expires})`,
              },
            ],
          })),
        ],
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function descriptor({ id, title, severity, why }: Rule): object {
  return {
    id,
    shortDescription: { text: title },
    fullDescription: { text: why },
    help: { text: `${why} Action: ${DEADLINES[severity]}.` },
    defaultConfiguration: { level: LEVELS[severity] },
    properties: {
      tags: ['security', 'multi-tenancy'],
      precision: 'high',
      'security-severity': SCORES[severity],
    },
  };
}

function result(report: AuditReport, finding: Finding, place: FindPlace): object {
  const { rule, object, evidence, fix, advice } = finding;
  const parts = [
    `${rule.title}: ${object}.`,
    `Seen: ${evidence}.`,
    `Why: ${rule.why}`,
    fix === undefined ? '' : `Fix: ${fix}`,
    advice ?? '',
    `Action: ${DEADLINES[rule.severity]}.`,
  ];
  return {
    ruleId: rule.id,
    ruleIndex: ALL_RULES.findIndex(({ id }) => id === rule.id),
    level: LEVELS[rule.severity],
    message: { text: parts.filter(Boolean).join('\n') },
    locations: [locationOf(report, finding, place)],
    partialFingerprints: { 'tenantry/v1': fingerprintOf(finding) },
    properties: { deadline: DEADLINES[rule.severity], ...(fix === undefined ? {} : { fix }) },
  };
}

function locationOf({ database }: AuditReport, { object, location }: Finding, place: FindPlace): object {
  if (location) {
    const { file, line, column } = location;
    return {
      physicalLocation: {
        artifactLocation: { uri: encodeURI(file) },
        region: { startLine: line, startColumn: column },
      },
    };
  }
  const made = place(object);
  return {
    physicalLocation: {
      artifactLocation: {
        uri: made === undefined ? `database/${encodeURIComponent(database)}` : encodeURI(made.file),
      },
      region: { startLine: made?.line ?? 1 },
    },
    logicalLocations: [{ name: object.split('.').at(-1)!, fullyQualifiedName: object, kind: 'object' }],
  };
}

function notifications({ notChecked, stale, proved }: AuditReport): readonly object[] {
  return [
    ...notChecked.map(({ rule, object, reason }) => ({
      level: 'warning',
      message: { text: `Not checked: ${rule} ${object}: ${reason}` },
      associatedRule: { id: rule },
    })),
    ...stale.map(({ fingerprint }) => ({
      level: 'warning',
      message: { text: `The baseline accepts what is no longer found: ${fingerprint}` },
    })),
    ...[...proved, ...LIMITS].map((text) => ({ level: 'note', message: { text } })),
  ];
}
