/**
 * Finds the SQL in a program: strings and templates that look like a statement, and whether their values are sent as
 * parameters or concatenated into the text.
 */
import ts from 'typescript';
import { HOLE } from './sql-tokens.js';
import { bare, descendants, lastName, resolved } from './syntax.js';

export interface SqlText {
  /** The statement, with the character HOLE for every embedded expression. */
  readonly text: string;
  /** The embedded expressions, in order. */
  readonly values: readonly ts.Expression[];
  /** Whether they become part of the statement's text; otherwise they are sent as parameters. */
  readonly splices: boolean;
  /** The method or tag that gets the text, `$queryRawUnsafe` or `sql`; `undefined` for a string outside of a call. */
  readonly sentBy: string | undefined;
  /** The position of the string. */
  readonly node: ts.Node;
  /** The position in the file of a character of `text`. */
  offsetOf(index: number): number;
}

/** Tags that turn `${…}` into parameters. */
const PARAMETER_TAGS = new Set(['sql', 'SQL', '$queryRaw', '$executeRaw', 'join', 'query']);

/** Methods whose first argument is sent to the database unchanged. */
export const SENDING_METHODS = new Set([
  'query', 'execute', 'exec', 'raw', 'unsafe', 'queryRaw', 'executeRaw', 'queryRawUnsafe', 'executeRawUnsafe',
  '$queryRaw', '$executeRaw', '$queryRawUnsafe', '$executeRawUnsafe', 'executeSql', 'any', 'many', 'one', 'none',
  'oneOrNone', 'manyOrNone', 'literal',
]); // prettier-ignore

const STATEMENT =
  /^\s*(--[^\n]*\n\s*)*(select|insert\s+into|update|delete\s+from|with|set|call|do|begin|alter|create|drop|truncate|copy|merge|lock|refresh|grant|revoke|explain|declare|execute)\b/i;

/** Whether a string looks like the start of a statement. */
export function looksLikeSql(text: string): boolean {
  return STATEMENT.test(text);
}

/** Every text of a file that reads like a statement, in order; the parts of a longer text are not told again. */
export function sqlTextsOf(file: ts.SourceFile): SqlText[] {
  const found: SqlText[] = [];
  const covered = new Set<ts.Node>();
  for (const node of descendants(file)) {
    if (covered.has(node)) continue;
    const text = ts.isTaggedTemplateExpression(node)
      ? taggedText(node)
      : ts.isCallExpression(node)
        ? sentText(node)
        : looseText(node);
    if (!text) continue;
    found.push(text);
    covered.add(text.node);
    if (ts.isTaggedTemplateExpression(node)) covered.add(node.template);
    if (ts.isBinaryExpression(text.node)) for (const part of descendants(text.node)) covered.add(part);
  }
  // A string in a variable is found at its position and at the call; the call has more information.
  const sent = new Set(found.filter(({ sentBy }) => sentBy !== undefined).map(({ node }) => node));
  return found.filter(({ node, sentBy }) => sentBy !== undefined || !sent.has(node));
}

function taggedText(node: ts.TaggedTemplateExpression): SqlText | undefined {
  const tag = lastName(ts.isCallExpression(node.tag) ? node.tag.expression : node.tag);
  if (tag === undefined || !PARAMETER_TAGS.has(tag)) return undefined;
  return sqlText(pieces(node.template), tag, node, false);
}

function sentText(call: ts.CallExpression): SqlText | undefined {
  const method = lastName(call.expression);
  const [first] = call.arguments;
  if (method === undefined || first === undefined || !SENDING_METHODS.has(method)) return undefined;
  const argument = textProperty(resolved(first)) ?? first;
  const string = resolved(argument);
  if (!isStringBuilding(string)) return undefined;
  const text = sqlText(pieces(string), method, string, true);
  return looksLikeSql(text.text) ? text : undefined;
}

/** pg accepts `{ text, values }`, others `{ sql, … }`. */
function textProperty(argument: ts.Expression): ts.Expression | undefined {
  if (!ts.isObjectLiteralExpression(argument)) return undefined;
  for (const property of argument.properties) {
    if (!ts.isPropertyAssignment(property) || !ts.isIdentifier(property.name)) continue;
    if (property.name.text === 'text' || property.name.text === 'sql') return property.initializer;
  }
  return undefined;
}

function looseText(node: ts.Node): SqlText | undefined {
  if (!ts.isStringLiteralLike(node) && !ts.isTemplateExpression(node)) return undefined;
  // The message of an error may look like a statement.
  if (ts.isTaggedTemplateExpression(node.parent) || ts.isNewExpression(node.parent)) return undefined;
  const text = sqlText(pieces(node), undefined, node, true);
  return looksLikeSql(text.text) ? text : undefined;
}

function isStringBuilding(node: ts.Expression): boolean {
  if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) return true;
  return isConcatenation(node) && (isStringBuilding(bare(node.left)) || isStringBuilding(bare(node.right)));
}

function isConcatenation(node: ts.Expression): node is ts.BinaryExpression {
  return ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken;
}

/** Text with its position in the file, or an embedded expression. */
type Piece = { readonly text: string; readonly offset: number } | ts.Expression;

function isText(piece: Piece): piece is Extract<Piece, { text: string; offset: number }> {
  return 'offset' in piece;
}

/** The parts of a string, with constants of the file replaced by their values. */
function pieces(node: ts.Expression): Piece[] {
  const value = resolved(node);
  if (ts.isStringLiteralLike(value)) return [{ text: value.text, offset: value.getStart() + 1 }];
  if (ts.isNumericLiteral(value) || value.kind === ts.SyntaxKind.FalseKeyword) {
    return [{ text: value.getText(), offset: value.getStart() }];
  }
  if (ts.isTemplateExpression(value)) {
    return [
      { text: value.head.text, offset: value.head.getStart() + 1 },
      ...value.templateSpans.flatMap(({ expression, literal }) => [
        ...pieces(expression),
        { text: literal.text, offset: literal.getStart() + 1 },
      ]),
    ];
  }
  if (isConcatenation(value) && isStringBuilding(value))
    return [...pieces(value.left), ...pieces(value.right)];
  return [bare(node)];
}

function sqlText(
  parts: readonly Piece[],
  sentBy: string | undefined,
  node: ts.Node,
  splices: boolean,
): SqlText {
  const runs: { index: number; offset: number }[] = [];
  let text = '';
  for (const part of parts) {
    runs.push({ index: text.length, offset: isText(part) ? part.offset : part.getStart() });
    text += isText(part) ? part.text : HOLE;
  }
  return {
    text,
    values: parts.filter((part): part is ts.Expression => !isText(part)),
    splices,
    sentBy,
    node,
    offsetOf: (index) => {
      const run = runs.findLast((candidate) => candidate.index <= index);
      return run === undefined ? node.getStart() : run.offset + (index - run.index);
    },
  };
}
