/** Recognises code that creates a database client without a tenant. */
import ts from 'typescript';
import { bare, descendants, importedFrom, lastName, receiver, runsOnLoad } from './syntax.js';

export interface RootClient {
  /** The constructor or function: `PrismaClient`, `drizzle`. */
  readonly maker: string;
  /** The exported name, or `default`; `undefined` when it is not exported. */
  readonly exportedAs: string | undefined;
  readonly node: ts.Node;
}

/** The constructors and functions by package. The project chooses the path of a generated Prisma client. */
const MAKERS: readonly { readonly module: RegExp; readonly maker: RegExp }[] = [
  { module: /^@prisma\/client|prisma/, maker: /^PrismaClient$/ },
  { module: /^pg$/, maker: /^(?:Pool|pg)$/ },
  { module: /^postgres$/, maker: /^/ },
  { module: /^knex$/, maker: /^/ },
  { module: /^drizzle-orm\//, maker: /^drizzle$/ },
  { module: /^kysely$/, maker: /^Kysely$/ },
  { module: /^typeorm$/, maker: /^DataSource$/ },
  { module: /^sequelize/, maker: /^Sequelize$/ },
];

/** The places of a file that make a client. One that is extended at once may be bound there, and is left out. */
export function clientsOf(file: ts.SourceFile): RootClient[] {
  const found: RootClient[] = [];
  for (const node of descendants(file)) {
    const maker = makerOf(file, node);
    if (maker !== undefined && !isExtended(node)) {
      found.push({ maker, exportedAs: exportOf(file, node), node });
    }
  }
  return found;
}

function makerOf(file: ts.SourceFile, node: ts.Node): string | undefined {
  if (!ts.isNewExpression(node) && !ts.isCallExpression(node)) return undefined;
  const name = lastName(node.expression);
  if (name === undefined) return undefined;
  // `new pg.Pool()`: the first name is the import.
  const owner = receiver(node.expression);
  const imported = owner && ts.isIdentifier(owner) ? owner.text : name;
  const module = importedFrom(file, imported);
  if (module === undefined) return undefined;
  if (ts.isNewExpression(node) !== /^[A-Z]/.test(name)) return undefined;
  const known = MAKERS.some((maker) => maker.module.test(module) && maker.maker.test(imported));
  return known && (owner === undefined || name === 'Pool') ? name : undefined;
}

/** `new PrismaClient().$extends(…)` may be bound, so it does not count as unbound. */
function isExtended(node: ts.Node): boolean {
  return ts.isPropertyAccessExpression(node.parent) && node.parent.name.text === '$extends';
}

/** The export with this client, when it is created while the module loads, directly or by a function of the file. */
function exportOf(file: ts.SourceFile, node: ts.Node): string | undefined {
  if (!runsOnLoad(node)) {
    const made = callsOfMaker(file, node);
    return made.map((call) => exportOf(file, call)).find((name) => name !== undefined);
  }
  for (let around = node.parent; !ts.isSourceFile(around); around = around.parent) {
    if (ts.isExportAssignment(around)) return 'default';
    if (ts.isVariableDeclaration(around)) {
      return ts.isIdentifier(around.name) && around.initializer && isItself(around.initializer, node)
        ? exportedName(file, around.name.text)
        : undefined;
    }
  }
  return undefined;
}

/** `const make = () => new Client()`: calls of it while the file loads. */
function callsOfMaker(file: ts.SourceFile, node: ts.Node): ts.Node[] {
  let maker: ts.Node = node.parent;
  while (!ts.isFunctionLike(maker) && !ts.isSourceFile(maker)) maker = maker.parent;
  const named = ts.isFunctionDeclaration(maker) ? maker : maker.parent;
  if (!ts.isFunctionDeclaration(named) && !ts.isVariableDeclaration(named)) return [];
  const name = named.name?.getText();
  return [...descendants(file)].filter(
    (call) => ts.isCallExpression(call) && call.expression.getText() === name && runsOnLoad(call),
  );
}

/** `new Client()`, `cached ?? new Client()`, `cached || new Client()`; not an object that contains the client. */
function isItself(value: ts.Expression, client: ts.Node): boolean {
  const plain = bare(value);
  if (plain === client) return true;
  return ts.isBinaryExpression(plain) && (isItself(plain.right, client) || isItself(plain.left, client));
}

function exportedName(file: ts.SourceFile, name: string): string | undefined {
  for (const statement of file.statements) {
    if (ts.isVariableStatement(statement) && isExported(statement)) {
      const { declarations } = statement.declarationList;
      if (
        declarations.some(
          (declaration) => ts.isIdentifier(declaration.name) && declaration.name.text === name,
        )
      )
        return name;
    }
    if (ts.isExportAssignment(statement)) {
      const value = bare(statement.expression);
      if (ts.isIdentifier(value) && value.text === name) return 'default';
    }
    if (ts.isExportDeclaration(statement) && statement.exportClause && !statement.moduleSpecifier) {
      if (!ts.isNamedExports(statement.exportClause)) continue;
      const element = statement.exportClause.elements.find(
        (candidate) => (candidate.propertyName ?? candidate.name).text === name,
      );
      if (element) return element.name.text;
    }
  }
  return undefined;
}

function isExported(statement: ts.VariableStatement): boolean {
  return statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;
}
