/** What the audit says: a rule, and what was found to break it. Nothing here knows a database or an output format. */

import { createHash } from 'node:crypto';

/** How bad it is, and with it by when it has to be mended. */
export type Severity = 'critical' | 'major' | 'minor';

/** From the worst to the mildest. */
export const SEVERITIES: readonly Severity[] = ['critical', 'major', 'minor'];

/** By when a finding of each severity has to be mended. */
export const DEADLINES: Readonly<Record<Severity, string>> = {
  critical: 'block the release',
  major: 'fix this sprint',
  minor: 'fix within two sprints',
};

/** What a rule says of itself. Ids: T01…T41 (the database), S01… (source code), P01… (live probes). */
export interface Rule {
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  /** Why it matters: what a tenant could see or do. */
  readonly why: string;
}

export interface Finding {
  readonly rule: Rule;
  /** What it is about: `public.invoices`, `public.invoices.tenant_isolation`, `src/jobs/sync.ts:12`. */
  readonly object: string;
  /** What was seen, with the expression, privilege or count itself. */
  readonly evidence: string;
  /** The statement(s) that mend it, as SQL; undefined where a person must decide, then `advice` says what. */
  readonly fix?: string | undefined;
  readonly advice?: string | undefined;
  /** Where it stands, in a source tree. */
  readonly location?: { readonly file: string; readonly line: number; readonly column: number } | undefined;
}

/** Something the audit could not look at, and why. Never silent: every output format has a section for it. */
export interface NotChecked {
  /** The rule that is incomplete for it. */
  readonly rule: string;
  readonly object: string;
  readonly reason: string;
}

/**
 * What a finding is known by from one run to the next: the rule and the object; in a source tree the rule, the file and
 * what was seen, so that it survives lines being added above it.
 */
export function fingerprintOf({ rule, object, location, evidence }: Finding): string {
  if (!location) return `${rule.id} ${object}`;
  const digest = createHash('sha256').update(evidence).digest('hex').slice(0, 12);
  return `${rule.id} ${location.file} ${digest}`;
}
