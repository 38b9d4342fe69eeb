/**
 * The findings as a migration: every fixing statement once, in executable order, and decisions for a person as
 * comments.
 */
import type { AuditReport } from './audit.js';
import type { Finding } from './finding.js';

/** Columns before the keys over them, keys before the policies, privileges at the end. */
const ORDER = [
  'T16',
  'T17',
  'T11',
  'T15',
  'T14',
  'T41',
  'T40',
  'T30',
  'T01',
  'T20',
  'T21',
  'T04',
  'T05',
  'T06',
  'T12',
  'T09',
  'T07',
  'T08',
];

/** A text to be read before it is run; it has no statement when there is nothing that SQL can fix. */
export function asMigration(report: AuditReport): string {
  const rank = ({ rule }: Finding): number => {
    const at = ORDER.indexOf(rule.id);
    return at === -1 ? ORDER.length : at;
  };
  // SQL does not fix findings in source code.
  const findings = report.findings
    .filter(({ location }) => location === undefined)
    .sort((a, b) => rank(a) - rank(b));
  const written = new Set<string>();
  const blocks = findings.map(({ rule, object, evidence, fix, advice }) => {
    const lines = [comment(`${rule.id} ${object}: ${rule.title}`), comment(`Seen: ${evidence}`)];
    if (advice !== undefined)
      lines.push(comment(fix === undefined ? `To decide: ${advice}` : `Also: ${advice}`));
    if (fix !== undefined) lines.push(statementOf(fix, written));
    return lines.join('\n');
  });
  const head = [
    comment(
      `What \`tenantry audit\` proposes for the database ${report.database}. Read each statement before you run`,
    ),
    '-- it: some take a lock, some take away what an application may be using, and what changes a role changes it in all',
    '-- databases of the server. Then audit again.',
  ];
  return `${[head.join('\n'), ...(blocks.length > 0 ? blocks : ['-- Nothing was found.'])].join('\n\n')}\n`;
}

/** The statement, unless an earlier one has done the same or changed the same policy. */
function statementOf(fix: string, written: Set<string>): string {
  const target = /^ALTER POLICY .+? ON \S+/.exec(fix)?.[0] ?? fix;
  if (written.has(target)) {
    return target === fix
      ? '-- Mended above.'
      : '-- A statement above changes this policy: audit again after this migration.';
  }
  written.add(target);
  if (!fix.includes(' CONCURRENTLY ')) return fix;
  const remark =
    '-- On a large table, run it by hand before this migration, with CONCURRENTLY and IF NOT EXISTS.';
  return `${remark}\n${fix.replaceAll(' CONCURRENTLY ', ' ')}`;
}

/** Names may contain line breaks, which must not end a comment. */
function comment(text: string): string {
  return text
    .split(/\r\n|\n|\r/)
    .map((line) => `-- ${line}`)
    .join('\n');
}
