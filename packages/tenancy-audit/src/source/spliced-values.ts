/**
 * Finds the names whose values a concatenated expression puts into a statement's text, unless they were quoted or
 * checked.
 */
import ts from 'typescript';
import { bare, descendants, lastName, resolved } from './syntax.js';

/** Functions that quote, check or convert their arguments. */
const HARMLESS =
  /escape|quote|ident|literal|format|uuid|valid|assert|check|safe|sanitiz|slug|toISOString|^is(?:Finite|Integer|SafeInteger|NaN)$|^(?:Number|BigInt|parseInt|parseFloat)$/i;

/** Names of SQL text or of parts of the schema, not of values. */
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
    // A constant that was put together first has the values of its parts.
    const whole = resolved(value);
    if (whole !== value && (ts.isTemplateExpression(whole) || ts.isBinaryExpression(whole))) {
      return splicedNames(whole);
    }
    return SQL_PART.test(name) || isFixed(value) || isChecked(value) ? [] : [name];
  }
  return [];
}

/**
 * `ids.map((_, i) => `$${i}`).join()` writes placeholders; `escape(x)` quotes; for other calls the receiver and
 * arguments count.
 */
function namesOfCall(call: ts.CallExpression): string[] {
  const name = lastName(call.expression);
  if (name !== undefined && HARMLESS.test(name)) return [];
  if (writesPlaceholders(call) || isFixed(call)) return [];
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

/**
 * Whether an expression is always text of the program, independent of input: literals, constants of literals, a look-up
 * in a constant table, results of harmless functions, and lists of placeholders.
 */
function isFixed(expression: ts.Expression, depth = 0): boolean {
  const value = resolved(expression);
  const fixed = (part: ts.Expression): boolean => depth < 8 && isFixed(part, depth + 1);
  if (ts.isStringLiteralLike(value) || ts.isNumericLiteral(value)) return true;
  if (ts.isConditionalExpression(value)) return fixed(value.whenTrue) && fixed(value.whenFalse);
  if (ts.isBinaryExpression(value)) return fixed(value.left) && fixed(value.right);
  if (ts.isTemplateExpression(value)) return isFixedTemplate(value, fixed);
  if (ts.isElementAccessExpression(value)) return isConstantName(value.expression.getText());
  if (ts.isCallExpression(value)) return isFixedCall(value, fixed);
  return isConstantName(value.getText()) || isStaticLiteral(value);
}

/** Every part is constant, or is the number of a placeholder: `$${position + 1}`. */
function isFixedTemplate(template: ts.TemplateExpression, fixed: (part: ts.Expression) => boolean): boolean {
  const before = [template.head, ...template.templateSpans.map(({ literal }) => literal)];
  return template.templateSpans.every(
    ({ expression }, index) => before[index]!.text.endsWith('$') || fixed(expression),
  );
}

/** `quoteName(x)`, and `keys.map(() => fixed)` with or without `.join(', ')`. */
function isFixedCall(call: ts.CallExpression, fixed: (part: ts.Expression) => boolean): boolean {
  const name = lastName(call.expression);
  if (name !== undefined && HARMLESS.test(name)) return true;
  const callee = bare(call.expression);
  if (!ts.isPropertyAccessExpression(callee)) return false;
  const [argument] = call.arguments;
  if (name === 'join') return fixed(callee.expression) && (argument === undefined || fixed(argument));
  if (name !== 'map' || argument === undefined) return false;
  const results = resultsOf(bare(argument));
  return results.length > 0 && results.every(fixed);
}

/** The returned expression of an inline function. */
function resultsOf(callback: ts.Expression): ts.Expression[] {
  if (!ts.isArrowFunction(callback) && !ts.isFunctionExpression(callback)) return [];
  if (!ts.isBlock(callback.body)) return [callback.body];
  return [...descendants(callback.body)].flatMap((node) =>
    ts.isReturnStatement(node) && node.expression ? [node.expression] : [],
  );
}

/** `Scheduler.timeoutMs`, if the class has `static readonly timeoutMs = 20_000`. */
function isStaticLiteral(value: ts.Expression): boolean {
  if (!ts.isPropertyAccessExpression(value) || !ts.isIdentifier(value.expression)) return false;
  const owner = value.expression.text;
  return value
    .getSourceFile()
    .statements.some(
      (statement) =>
        ts.isClassDeclaration(statement) &&
        statement.name?.text === owner &&
        statement.members.some(
          (member) =>
            ts.isPropertyDeclaration(member) &&
            member.name.getText() === value.name.text &&
            member.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ReadonlyKeyword) === true &&
            member.initializer !== undefined &&
            (ts.isNumericLiteral(member.initializer) || ts.isStringLiteralLike(member.initializer)),
        ),
    );
}

/** `TENANT_COLUMN`: a constant, judging by its name. */
function isConstantName(name: string): boolean {
  return /^[A-Z][A-Z0-9_]*$/.test(name);
}

/** Whether the same function passes the value to a check: `if (!isUuid(tenantId)) throw …`. */
function isChecked(value: ts.Expression): boolean {
  const name = value.getText();
  let scope: ts.Node = value;
  while (!ts.isSourceFile(scope) && !ts.isFunctionLike(scope)) scope = scope.parent;
  for (const node of descendants(scope)) {
    if (!ts.isCallExpression(node) || !node.arguments.some((argument) => argument.getText() === name))
      continue;
    const callee = lastName(node.expression);
    if (callee !== undefined && (/^(?:test|parse|has|includes)$/.test(callee) || HARMLESS.test(callee)))
      return true;
  }
  return false;
}
