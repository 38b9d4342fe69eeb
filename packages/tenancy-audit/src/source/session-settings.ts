/** Finds SQL statements that set a setting for the session instead of the transaction. */
import { HOLE, sqlTokens, type SqlToken } from './sql-tokens.js';

export interface SessionSetting {
  /** The setting's name as written; `undefined` when it comes from a variable. */
  readonly name: string | undefined;
  readonly offset: number;
  /** The statement as written, for the evidence. */
  readonly written: string;
}

/** The tokens that may precede a statement, in a script or in the body of a function. */
const STATEMENT_STARTS_AFTER = new Set([';', 'begin', 'then', 'else', 'loop', 'do']);

/** Also searches function bodies and the strings of EXECUTE. */
export function sessionSettings(sql: string, base = 0): SessionSetting[] {
  const tokens = sqlTokens(sql);
  return tokens.flatMap((token, index) => {
    if (token.kind === 'body' || isDynamicSql(tokens, index)) {
      return sessionSettings(token.text, base + token.content);
    }
    const found = setStatement(tokens, index) ?? setConfigCall(tokens, index);
    if (!found) return [];
    const end = tokens[found.end];
    const written = sql
      .slice(token.offset, end === undefined ? undefined : end.offset + 1)
      .replaceAll(HOLE, '…');
    return [{ name: found.name, offset: base + token.offset, written: written.replaceAll(/\s+/g, ' ') }];
  });
}

interface Found {
  readonly name: string | undefined;
  /** Index of the last token that belongs to it. */
  readonly end: number;
}

/** `SET [SESSION] a.b = …` at the start of a statement; the SET of UPDATE and of CREATE FUNCTION are elsewhere. */
function setStatement(tokens: readonly SqlToken[], index: number): Found | undefined {
  const before = tokens[index - 1];
  if (!isWord(tokens[index], 'set') || !(before === undefined || STATEMENT_STARTS_AFTER.has(before.text))) {
    return undefined;
  }
  const start = isWord(tokens[index + 1], 'session') ? index + 2 : index + 1;
  const [scope, dot, name, assignment] = tokens.slice(start, start + 4);
  if (scope?.kind === 'word' && dot?.text === '.' && name && assignment && isAssignment(assignment)) {
    return { name: `${scope.text}.${name.text}`, end: start + 4 };
  }
  if (scope?.kind === 'hole' && dot && isAssignment(dot)) return { name: undefined, end: start + 2 };
  return undefined;
}

function isAssignment(token: SqlToken): boolean {
  return token.text === '=' || isWord(token, 'to');
}

/** `set_config(name, value, false)`: the third argument says whether it is local to the transaction. */
function setConfigCall(tokens: readonly SqlToken[], index: number): Found | undefined {
  if (!isWord(tokens[index], 'set_config') || tokens[index + 1]?.text !== '(') return undefined;
  const call = callArguments(tokens, index + 1);
  const [name, , local] = call.arguments;
  const last = local?.at(-1);
  if (last === undefined || !(isWord(last, 'false') || (last.kind === 'string' && /^f/i.test(last.text)))) {
    return undefined;
  }
  const named = name?.find(({ kind }) => kind === 'string')?.text;
  return { name: named === undefined || named.includes(HOLE) ? undefined : named, end: call.end };
}

/** The arguments of a call, each as its tokens; `open` is the index of the opening parenthesis. */
export function callArguments(
  tokens: readonly SqlToken[],
  open: number,
): { arguments: readonly (readonly SqlToken[])[]; end: number } {
  const found: SqlToken[][] = [[]];
  let depth = 0;
  for (let index = open; index < tokens.length; index += 1) {
    const token = tokens[index]!;
    if (token.text === ')' && --depth === 0) return { arguments: found, end: index };
    if (depth === 1 && token.text === ',') found.push([]);
    else if (depth > 0) found.at(-1)!.push(token);
    if (token.text === '(') depth += 1;
  }
  return { arguments: found, end: tokens.length - 1 };
}

/** A string after EXECUTE, or the first argument of format(): a dynamic statement. */
function isDynamicSql(tokens: readonly SqlToken[], index: number): boolean {
  if (tokens[index]?.kind !== 'string') return false;
  return (
    isWord(tokens[index - 1], 'execute') ||
    (tokens[index - 1]?.text === '(' && isWord(tokens[index - 2], 'format'))
  );
}

function isWord(token: SqlToken | undefined, text: string): boolean {
  return token?.kind === 'word' && token.text === text;
}
