/** The audit's findings, independent of databases and output formats. */

import { createHash } from 'node:crypto';

/** The severity of a finding, which determines when it must be fixed. */
export type Severity = 'critical' | 'major' | 'minor';

/** The most severe first. */
export const SEVERITIES: readonly Severity[] = ['critical', 'major', 'minor'];

/** When a finding of each severity must be fixed. */
export const DEADLINES: Readonly<Record<Severity, string>> = {
  critical: 'block the release',
  major: 'fix this sprint',
  minor: 'fix within two sprints',
};

/** The description of a rule. Ids: T01… (the database), P01… (live probes), S01… (source code), C01… (Citus). */
export interface Rule {
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  /** Why it matters: what a tenant could see or do. */
  readonly why: string;
}

export interface Finding {
  readonly rule: Rule;
  /** The object: `public.invoices`, `public.invoices.tenant_isolation`, `src/jobs/sync.ts:12`. */
  readonly object: string;
  /** The evidence, with the expression, privilege or count. */
  readonly evidence: string;
  /** The SQL statement(s) that fix it; undefined when a person must decide, then `advice` says what. */
  readonly fix?: string | undefined;
  readonly advice?: string | undefined;
  /** The position in a source tree. */
  readonly location?: { readonly file: string; readonly line: number; readonly column: number } | undefined;
}

/** Something that the audit could not check, and why. Every output format has a section for it. */
export interface NotChecked {
  /** The rule that is incomplete. */
  readonly rule: string;
  readonly object: string;
  readonly reason: string;
}

/**
 * Identifies a finding across runs: the rule and the object; in a source tree the rule, the file and the evidence, so
 * that lines added above do not change it.
 */
export function fingerprintOf({ rule, object, location, evidence }: Finding): string {
  if (!location) return `${rule.id} ${object}`;
  const digest = createHash('sha256').update(evidence).digest('hex').slice(0, 12);
  return `${rule.id} ${location.file} ${digest}`;
}
