/** Helpers for syntax trees, used by several source rules. */
import ts from 'typescript';

/** Every node of a tree, parents before children. */
export function* descendants(node: ts.Node): Generator<ts.Node> {
  const pending: ts.Node[] = [node];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    yield next;
    const children: ts.Node[] = [];
    ts.forEachChild(next, (child) => void children.push(child));
    pending.push(...children.reverse());
  }
}

/** The expression without parentheses, casts, `!` and `await`. */
export function bare(node: ts.Expression): ts.Expression {
  if (
    ts.isParenthesizedExpression(node) ||
    ts.isAsExpression(node) ||
    ts.isSatisfiesExpression(node) ||
    ts.isNonNullExpression(node) ||
    ts.isAwaitExpression(node)
  ) {
    return bare(node.expression);
  }
  return node;
}

/** The last name of a callee: `query` of `this.pool.query`, `sql` of `sql`. */
export function lastName(node: ts.Expression): string | undefined {
  const callee = bare(node);
  if (ts.isIdentifier(callee)) return callee.text;
  return ts.isPropertyAccessExpression(callee) ? callee.name.text : undefined;
}

/** The receiver of a call: `this.pool` of `this.pool.query(…)`. */
export function receiver(node: ts.Expression): ts.Expression | undefined {
  const callee = bare(node);
  return ts.isPropertyAccessExpression(callee) ? bare(callee.expression) : undefined;
}

/** The declaration of an identifier's variable, in the innermost block around it. */
export function variableOf(identifier: ts.Identifier): ts.VariableDeclaration | undefined {
  let scope: ts.Node = identifier;
  while (!ts.isSourceFile(scope)) {
    scope = scope.parent;
    const found = declaredIn(scope, identifier.text);
    if (found !== undefined) return found === 'parameter' ? undefined : found;
  }
  return undefined;
}

function declaredIn(scope: ts.Node, name: string): ts.VariableDeclaration | 'parameter' | undefined {
  if (ts.isFunctionLike(scope)) {
    return scope.parameters.some((parameter) => boundNames(parameter.name).includes(name))
      ? 'parameter'
      : undefined;
  }
  if (!ts.isBlock(scope) && !ts.isSourceFile(scope) && !ts.isCaseOrDefaultClause(scope)) return undefined;
  return scope.statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => [...declarationList.declarations])
    .find((declaration) => ts.isIdentifier(declaration.name) && declaration.name.text === name);
}

/** The names that a parameter or a declaration introduces, including destructured ones. */
export function boundNames(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) => (ts.isBindingElement(element) ? boundNames(element.name) : []));
}

/** The value of a named `const`, or the expression itself. */
export function resolved(node: ts.Expression): ts.Expression {
  const value = bare(node);
  if (!ts.isIdentifier(value)) return value;
  const declaration = variableOf(value);
  if (declaration?.initializer === undefined) return value;
  return (declaration.parent.flags & ts.NodeFlags.Const) === 0 ? value : resolved(declaration.initializer);
}

/** Whether code runs when the module is loaded, once for all requests, and not in a function call. */
export function runsOnLoad(node: ts.Node): boolean {
  for (let around = node.parent; !ts.isSourceFile(around); around = around.parent) {
    if (ts.isFunctionLike(around) || ts.isClassStaticBlockDeclaration(around)) return false;
    if (ts.isPropertyDeclaration(around)) return isStatic(around);
  }
  return true;
}

function isStatic(node: ts.PropertyDeclaration): boolean {
  return node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword) ?? false;
}

/** The module from which this file imports a name. */
export function importedFrom(file: ts.SourceFile, name: string): string | undefined {
  for (const statement of file.statements) {
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) continue;
    const clause = statement.importClause;
    const named = clause?.namedBindings;
    const names = [
      clause?.name?.text,
      ...(named === undefined
        ? []
        : ts.isNamespaceImport(named)
          ? [named.name.text]
          : named.elements.map((element) => element.name.text)),
    ];
    if (names.includes(name)) return statement.moduleSpecifier.text;
  }
  return undefined;
}
