/**
 * Cuts a script of SQL into statements, as far as one has to know which commands it has and whether it ends transactions.
 * A parser of PostgreSQL's grammar would know more; it is a megabyte that a server in production does not need.
 */

/** A statement without its comments, literals and function bodies. */
export interface Statement {
  /** Its words outside of quotation marks, in lower case, in order. */
  readonly words: readonly string[];
}

/** PostgreSQL's lexical rules: its manual, section 4.1. Block comments nest, and are skipped by themselves. */
const TOKEN = new RegExp(
  [
    String.raw`--[^\n]*`,
    // A string with escapes; a string; a quoted name; a string in dollar signs.
    String.raw`\b[eE]'(?:[^'\\]|\\[\s\S]|'')*'`,
    String.raw`'(?:[^']|'')*'`,
    String.raw`"(?:[^"]|"")*"`,
    String.raw`(?<![\w$])\$(?<tag>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[\s\S]*?\$\k<tag>\$`,
    String.raw`(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`,
    String.raw`(?<end>;)`,
    // What begins a literal or a comment and does not end it.
    String.raw`(?<open>['"]|/\*|\$(?:[A-Za-z_]\w*)?\$)`,
  ].join('|'),
  'g',
);

/**
 * The statements of a script, in order. Undefined when a literal or a comment in it has no end.
 *
 * The body of a SQL-standard function (BEGIN ATOMIC … END) is cut at its semicolons, like anything else.
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

/** A regular expression cannot count how deep comments are nested; it finds where one begins that is no part of a literal. */
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
