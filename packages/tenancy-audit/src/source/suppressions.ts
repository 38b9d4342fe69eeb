/**
 * Accepts findings by comments in the code: `// tenantry-audit-ignore S03: reason` (`--` in SQL) on the line of the
 * finding or on the comment lines directly above it. Without a reason a comment accepts nothing.
 */

export interface Suppression {
  readonly rules: readonly string[];
  readonly reason: string;
}

const COMMENT =
  /(?:\/\/|\/\*|\*|--|\{\/\*)\s*tenantry-audit-ignore\s+(?<rules>S\d\d(?:\s*,\s*S\d\d)*)\s*(?::\s*(?<reason>.*?))?\s*(?:\*\/\}?)?\s*$/;
const COMMENT_LINE = /^\s*(?:\/\/|\/\*|\*|--|\{\/\*)/;

/** The suppression that covers a rule on a line (counted from 1), with an empty reason when it has none. */
export function suppressionAt(lines: readonly string[], line: number, rule: string): Suppression | undefined {
  for (let index = line - 1; index >= 0; index -= 1) {
    const text = lines[index] ?? '';
    if (index < line - 1 && !COMMENT_LINE.test(text)) return undefined;
    const { rules, reason } = COMMENT.exec(text)?.groups ?? {};
    const named = rules?.split(',').map((name) => name.trim()) ?? [];
    if (named.includes(rule)) return { rules: named, reason: reason ?? '' };
  }
  return undefined;
}
