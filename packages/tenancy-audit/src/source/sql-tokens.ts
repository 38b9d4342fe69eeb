/**
 * Splits SQL into tokens for the source rules: comments are removed, strings and dollar-quoted bodies are one token
 * each, and so is each embedded expression. It never fails: unknown characters become symbols. PostgreSQL's lexical
 * rules are in its manual, section 4.1.
 */

export interface SqlToken {
  /** `body` is a dollar-quoted string, `hole` an embedded expression or a placeholder such as `$1`. */
  readonly kind: 'word' | 'string' | 'body' | 'hole' | 'symbol';
  /** A word in lower case, a string without its quotes, a symbol unchanged. */
  readonly text: string;
  /** Where it starts; a string's content starts at `content`. */
  readonly offset: number;
  readonly content: number;
}

/** Replaces an embedded expression in the text of an SQL string; SQL never contains this character. */
export const HOLE = '\uE000';

const PATTERN = new RegExp(
  [
    String.raw`(?<comment>--[^\n]*|\/\*[\s\S]*?\*\/)`,
    String.raw`(?<body>\$(?<tag>[A-Za-z_]\w*)?\$(?<inner>[\s\S]*?)\$\k<tag>\$)`,
    String.raw`(?<string>[eE]?'(?<plain>(?:[^']|'')*)')`,
    String.raw`(?<word>"(?<quoted>[^"]+)"|[A-Za-z_][\w$]*)`,
    String.raw`(?<hole>${HOLE}|\$\d+|\?)`,
    String.raw`(?<symbol>\d+(?:\.\d+)?|::|=>|:=|[^\s])`,
  ].join('|'),
  'g',
);

/** The tokens of a text, in order. */
export function sqlTokens(sql: string): SqlToken[] {
  const tokens: SqlToken[] = [];
  for (const match of sql.matchAll(PATTERN)) {
    const token = tokenOf(match.groups ?? {}, match[0], match.index);
    if (token) tokens.push(token);
  }
  return tokens;
}

function tokenOf(
  groups: Readonly<Record<string, string | undefined>>,
  text: string,
  offset: number,
): SqlToken | undefined {
  const { comment, body, string, word, hole } = groups;
  if (comment !== undefined) return undefined;
  if (body !== undefined) {
    return { kind: 'body', text: groups['inner'] ?? '', offset, content: offset + text.indexOf('$', 1) + 1 };
  }
  if (string !== undefined) {
    return { kind: 'string', text: groups['plain'] ?? '', offset, content: offset + text.indexOf("'") + 1 };
  }
  if (word !== undefined) {
    return { kind: 'word', text: groups['quoted'] ?? word.toLowerCase(), offset, content: offset };
  }
  return { kind: hole === undefined ? 'symbol' : 'hole', text, offset, content: offset };
}
