/** What the rules know of the whole tree: which modules make an unbound database client and who imports it. */
import ts from 'typescript';
import { clientsOf, type RootClient } from './root-clients.js';
import type { CodeFile, SqlFile } from './source-rule.js';

export interface Project {
  readonly code: readonly CodeFile[];
  /** Whether anything in the tree binds a transaction to a tenant. Where nothing does, no client is "unbound". */
  readonly bindsTenants: boolean;
  /** The folder of the program that a file belongs to: the nearest with a package.json, else the whole tree, `''`. */
  packageOf(path: string): string;
  /** The file that an import names, when it is one of the tree. */
  resolveImport(from: string, specifier: string): CodeFile | undefined;
  /** What a file exports without having made it: `export { db as client } from './db.js'`, `export * from …`. */
  passedOn(file: CodeFile): readonly PassedOn[];
  /** Every place that makes a client without a tenant, by the path of its file. */
  readonly rootClients: ReadonlyMap<string, readonly RootClient[]>;
}

export interface PassedOn {
  readonly specifier: string;
  /** The name it is exported under, and the one it has at its origin; both `undefined` for `export *`. */
  readonly name: string | undefined;
  readonly source: string | undefined;
}

const BINDING = /set_config\s*\(|\bset\s+local\s+["\w]+\.["\w]+|\btenantry\.bind\s*\(/i;

/** @param packages the folders that hold a package.json */
export function createProject(
  code: readonly CodeFile[],
  sql: readonly SqlFile[],
  packages: readonly string[] = [],
): Project {
  const files = stemsOf(code);
  const innermost = [...packages].sort((one, other) => other.length - one.length);
  return {
    code,
    packageOf: (path) => innermost.find((folder) => path.startsWith(`${folder}/`)) ?? '',
    bindsTenants:
      code.some((file) => file.sql.some(({ text }) => BINDING.test(text))) ||
      sql.some(({ text }) => BINDING.test(text)),
    resolveImport: (from, specifier) => resolveImport(files, from, specifier),
    passedOn,
    rootClients: new Map(code.map((file) => [file.path, clientsOf(file.ast)])),
  };
}

/** The files of the tree by what an import may name them with. */
interface Stems {
  readonly byStem: ReadonlyMap<string, CodeFile>;
  /** Stems by their last part, so that an alias need not be held against every file. */
  readonly byName: ReadonlyMap<string, readonly string[]>;
}

function stemsOf(code: readonly CodeFile[]): Stems {
  const byStem = new Map(code.map((file) => [stem(file.path), file]));
  const byName = new Map<string, string[]>();
  for (const path of byStem.keys()) {
    const found = byName.get(nameOf(path));
    if (found) found.push(path);
    else byName.set(nameOf(path), [path]);
  }
  return { byStem, byName };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** A path without what an import may leave out: extension and `/index`. */
function stem(path: string): string {
  return path.replace(/\.(?:[cm]?[jt]sx?)$/, '').replace(/\/index$/, '');
}

/** Relative imports exactly; a path alias (`@/lib/db`, `~/lib/db`) by the end of the path, where that is unambiguous. */
function resolveImport({ byStem, byName }: Stems, from: string, specifier: string): CodeFile | undefined {
  if (specifier.startsWith('.')) return byStem.get(stem(join(from, specifier)));
  const alias = /^(?:[@~#]\/|[@~#](?=\w+\/)|src\/)(.+)$/.exec(specifier);
  if (!alias?.[1]) return undefined;
  const tail = stem(alias[1]);
  const candidates = byName.get(nameOf(tail))?.filter((path) => path === tail || path.endsWith(`/${tail}`));
  return candidates?.length === 1 ? byStem.get(candidates[0]!) : undefined;
}

function join(from: string, specifier: string): string {
  const segments = from.split('/').slice(0, -1);
  for (const segment of specifier.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '.') segments.push(segment);
  }
  return segments.join('/');
}

function passedOn(file: CodeFile): PassedOn[] {
  return file.ast.statements.filter(ts.isExportDeclaration).flatMap((statement): PassedOn[] => {
    const from = statement.moduleSpecifier;
    if (!from || !ts.isStringLiteral(from) || statement.isTypeOnly) return [];
    const specifier = from.text;
    if (!statement.exportClause) return [{ specifier, name: undefined, source: undefined }];
    if (!ts.isNamedExports(statement.exportClause)) return [];
    return statement.exportClause.elements.map((element) => ({
      specifier,
      name: element.name.text,
      source: (element.propertyName ?? element.name).text,
    }));
  });
}

/** The names that a file takes from others by `import`, types aside. */
export function importsOf(
  file: CodeFile,
): readonly { readonly name: string; readonly specifier: string; readonly node: ts.Node }[] {
  return file.ast.statements.filter(ts.isImportDeclaration).flatMap((statement) => {
    const clause = statement.importClause;
    if (!clause || clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return [];
    if (!ts.isStringLiteral(statement.moduleSpecifier)) return [];
    const specifier = statement.moduleSpecifier.text;
    const named = clause.namedBindings;
    return [
      ...(clause.name ? [{ name: 'default', specifier, node: clause.name }] : []),
      ...(named && ts.isNamedImports(named)
        ? named.elements
            .filter(({ isTypeOnly }) => !isTypeOnly)
            .map((element) => ({
              name: (element.propertyName ?? element.name).text,
              specifier,
              node: element,
            }))
        : []),
    ];
  });
}
