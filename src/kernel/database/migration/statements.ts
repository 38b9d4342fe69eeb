/**
 * Splits an SQL script into statements, to find its commands and whether it ends transactions. A parser of PostgreSQL's
 * grammar would be more exact, but is a megabyte that production does not need.
 */

/** A statement without its comments, literals and function bodies. */
export interface Statement {
  /** Its unquoted words in lower case, in order. */
  readonly words: readonly string[];
}

/** PostgreSQL's lexical rules (manual, section 4.1). Block comments nest, and are removed separately. */
const TOKEN = new RegExp(
  [
    String.raw`--[^\n]*`,
    // A string with escapes; a string; a quoted name; a dollar-quoted string.
    String.raw`\b[eE]'(?:[^'\\]|\\[\s\S]|'')*'`,
    String.raw`'(?:[^']|'')*'`,
    String.raw`"(?:[^"]|"")*"`,
    String.raw`(?<![\w$])\$(?<tag>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[\s\S]*?\$\k<tag>\$`,
    String.raw`(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`,
    String.raw`(?<end>;)`,
    // The start of a literal or a comment without an end.
    String.raw`(?<open>['"]|/\*|\$(?:[A-Za-z_]\w*)?\$)`,
  ].join('|'),
  'g',
);

/**
 * The statements of a script, in order. Undefined when a literal or a comment in it has no end.
 *
 * The body of a SQL-standard function (BEGIN ATOMIC … END) is split at its semicolons too.
 */
export function statementsIn(script: string): readonly Statement[] | undefined {
  const text = withoutBlockComments(script);
  if (text === undefined) return undefined;
  const statements: Statement[] = [];
  let words: string[] = [];
  for (const { groups = {} } of text.matchAll(TOKEN)) {
    if (groups['open'] !== undefined) return undefined;
    if (groups['word'] !== undefined) words.push(groups['word'].toLowerCase());
    if (groups['end'] === undefined) continue;
    if (words.length > 0) statements.push({ words });
    words = [];
  }
  return words.length > 0 ? [...statements, { words }] : statements;
}

/** A regular expression cannot count nested comments; it only finds the start of a comment outside of literals. */
function withoutBlockComments(script: string): string | undefined {
  const opening = new RegExp(TOKEN.source, 'g');
  let text = script;
  for (let match = opening.exec(text); match !== null; match = opening.exec(text)) {
    if (match[0] !== '/*') continue;
    const end = endOfComment(text, match.index);
    if (end === undefined) return undefined;
    text = `${text.slice(0, match.index)} ${text.slice(end)}`;
    opening.lastIndex = match.index;
  }
  return text;
}

function endOfComment(text: string, start: number): number | undefined {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = start;
  let depth = 0;
  for (let mark = marks.exec(text); mark !== null; mark = marks.exec(text)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return undefined;
}
