/**
 * Findings that were accepted with a reason until a day. Entries that have expired or match no finding are reported.
 */
import { z } from 'zod';
import { fingerprintOf, type Finding } from './finding.js';

const entry = z.strictObject({
  /** `fingerprint` of the JSON output: `T14 public.lines.lines_order_id_fkey`. */
  fingerprint: z.string().min(1),
  reason: z.string().trim().min(1, 'a reason is required'),
  /** The last day on which it is accepted. */
  expires: z.iso.date('a date is required, such as 2027-03-31'),
});
const file = z.strictObject({ accepted: z.array(entry) });

export type Acceptance = z.infer<typeof entry>;

/** The findings after applying a baseline. */
export interface Judged {
  /** Findings that are not accepted, or no longer accepted. */
  readonly findings: readonly Finding[];
  readonly accepted: readonly { readonly finding: Finding; readonly acceptance: Acceptance }[];
  /** Entries without a finding. */
  readonly stale: readonly Acceptance[];
}

/** The file is not a valid baseline. */
export class BaselineError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BaselineError';
  }
}

/** @throws BaselineError when it is not JSON of this shape, with the position */
export function parseBaseline(text: string): readonly Acceptance[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new BaselineError('The baseline is no JSON.');
  }
  const parsed = file.safeParse(json);
  if (!parsed.success)
    throw new BaselineError(`The baseline is not valid:\n${z.prettifyError(parsed.error)}`);
  return parsed.data.accepted;
}

/** @param today as 2026-11-21 */
export function judge(findings: readonly Finding[], baseline: readonly Acceptance[], today: string): Judged {
  const open: Finding[] = [];
  const accepted: { finding: Finding; acceptance: Acceptance }[] = [];
  const acceptances = new Map(baseline.map((each) => [each.fingerprint, each]));
  const matched = new Set<string>();
  for (const finding of findings) {
    const fingerprint = fingerprintOf(finding);
    const acceptance = acceptances.get(fingerprint);
    if (acceptance) matched.add(fingerprint);
    if (!acceptance) open.push(finding);
    else if (acceptance.expires >= today) accepted.push({ finding, acceptance });
    else {
      const ended = `it was accepted until ${acceptance.expires} (${acceptance.reason})`;
      open.push({ ...finding, evidence: `${finding.evidence}; ${ended}` });
    }
  }
  return { findings: open, accepted, stale: baseline.filter(({ fingerprint }) => !matched.has(fingerprint)) };
}

const DAYS = 90;

/**
 * A baseline that accepts all findings of a report. Entries that were accepted keep their reason and their day; new ones
 * end after 90 days and ask for a reason.
 */
export function baselineFor(
  report: {
    readonly findings: readonly Finding[];
    readonly accepted: readonly {
      readonly finding: Finding;
      readonly reason: string;
      readonly expires?: string | undefined;
    }[];
  },
  today: string,
): string {
  const end = new Date(Date.parse(today) + DAYS * 86_400_000).toISOString().slice(0, 10);
  const kept = report.accepted.flatMap(({ finding, reason, expires }) =>
    // What a comment in the code accepts needs no entry.
    expires === undefined ? [] : [{ fingerprint: fingerprintOf(finding), reason, expires }],
  );
  const added = report.findings.map((finding) => ({
    fingerprint: fingerprintOf(finding),
    reason: 'found when the baseline was written: say why it is accepted',
    expires: end,
  }));
  const unique = new Map([...added, ...kept].map((each) => [each.fingerprint, each]));
  const accepted = [...unique.values()].sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1));
  return `${JSON.stringify({ accepted }, null, 2)}\n`;
}
