/** Which names a spliced expression brings into a statement's text, unless it has been made harmless before. */
import ts from 'typescript';
import { bare, descendants, lastName } from './syntax.js';

/** Functions that quote, check or convert what they get. */
const HARMLESS =
  /escape|quote|ident|literal|format|uuid|valid|assert|check|^(?:Number|BigInt|parseInt|parseFloat)$/i;

/** Names of things that are SQL themselves, or a part of the schema, rather than a value. */
const SQL_PART =
  /(?:column|field|table|sql|clause|filter|condition|where|predicate|policy|fragment|placeholder)s?$/i;

/** The names whose value becomes part of the text. */
export function splicedNames(expression: ts.Expression): string[] {
  const value = bare(expression);
  if (ts.isConditionalExpression(value)) {
    return [...splicedNames(value.whenTrue), ...splicedNames(value.whenFalse)];
  }
  if (ts.isBinaryExpression(value)) return [...splicedNames(value.left), ...splicedNames(value.right)];
  if (ts.isTemplateExpression(value)) {
    return value.templateSpans.flatMap((span) => splicedNames(span.expression));
  }
  if (ts.isCallExpression(value)) return namesOfCall(value);
  if (ts.isIdentifier(value) || ts.isPropertyAccessExpression(value) || ts.isElementAccessExpression(value)) {
    const name = value.getText();
    return SQL_PART.test(name) || isConstantName(name) || isChecked(value) ? [] : [name];
  }
  return [];
}

/** `ids.map((_, i) => `$${i}`).join()` writes placeholders; `escape(x)` quotes; of others the receiver and arguments count. */
function namesOfCall(call: ts.CallExpression): string[] {
  const name = lastName(call.expression);
  if (name !== undefined && HARMLESS.test(name)) return [];
  if (writesPlaceholders(call)) return [];
  const callee = bare(call.expression);
  return [
    ...(ts.isPropertyAccessExpression(callee) ? splicedNames(callee.expression) : []),
    ...call.arguments.flatMap(splicedNames),
  ];
}

function writesPlaceholders(call: ts.CallExpression): boolean {
  for (const node of descendants(call)) {
    if (ts.isStringLiteralLike(node) && /^(?:\$|\?|:)/.test(node.text)) return true;
    if (ts.isTemplateHead(node) && /(?:^|\()\$$/.test(node.text)) return true;
  }
  return false;
}

/** `TENANT_COLUMN`: by its name a constant of the program. */
function isConstantName(name: string): boolean {
  return /^[A-Z][A-Z0-9_]*$/.test(name);
}

/** Whether the same function hands the value to something that checks it: `if (!isUuid(tenantId)) throw …`. */
function isChecked(value: ts.Expression): boolean {
  const name = value.getText();
  let scope: ts.Node = value;
  while (!ts.isSourceFile(scope) && !ts.isFunctionLike(scope)) scope = scope.parent;
  for (const node of descendants(scope)) {
    if (!ts.isCallExpression(node) || !node.arguments.some((argument) => argument.getText() === name))
      continue;
    const callee = lastName(node.expression);
    if (callee !== undefined && (callee === 'test' || callee === 'parse' || HARMLESS.test(callee)))
      return true;
  }
  return false;
}
