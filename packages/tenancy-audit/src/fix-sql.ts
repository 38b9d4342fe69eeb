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

/** What the migration has already. */
interface Written {
  readonly fixes: Set<string>;
  readonly policies: Set<string>;
  readonly tables: Set<string>;
}

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
  const written: Written = { fixes: new Set(), policies: new Set(), tables: new Set() };
  const blocks = findings.map(({ rule, object, evidence, fix, advice }) => {
    const lines = [comment(`${rule.id} ${object}: ${rule.title}`), comment(`Seen: ${evidence}`)];
    if (advice !== undefined)
      lines.push(comment(fix === undefined ? `To decide: ${advice}` : `Also: ${advice}`));
    if (fix !== undefined) lines.push(statementOf(rule.id, fix, written));
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

/** The statement, unless an earlier one has done the same, or has changed the policies that it relies on. */
function statementOf(rule: string, fix: string, written: Written): string {
  if (written.fixes.has(fix)) return '-- Mended above.';
  const named = [...fix.matchAll(/\b(ALTER|DROP) POLICY (.+?) ON (\S+?)[ ;]/g)].map(
    ([, action, policy, table]) => ({ action, policy: `${policy!} ON ${table!}`, table: table! }),
  );
  // A policy may repeat one that is closed above, and then be the only one left.
  const isRepeat = rule === 'T34' && named.some(({ table }) => written.tables.has(table));
  if (isRepeat || named.some(({ policy }) => written.policies.has(policy))) {
    return '-- A statement above changes this policy: audit again after this migration.';
  }
  written.fixes.add(fix);
  for (const { policy, table } of named) {
    written.policies.add(policy);
    written.tables.add(table);
  }
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
