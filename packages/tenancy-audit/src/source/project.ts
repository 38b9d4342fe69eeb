/** Facts about the whole tree: which modules create an unbound database client and which import it. */
import ts from 'typescript';
import { clientsOf, type RootClient } from './root-clients.js';
import type { CodeFile, SqlFile } from './source-rule.js';

export interface Project {
  readonly code: readonly CodeFile[];
  /** Whether the tree binds transactions to tenants anywhere. If not, no client counts as unbound. */
  readonly bindsTenants: boolean;
  /** The folder of a file's program: the nearest one with a package.json, else the whole tree, `''`. */
  packageOf(path: string): string;
  /** The imported file, if it is in the tree. */
  resolveImport(from: string, specifier: string): CodeFile | undefined;
  /** Re-exports of a file: `export { db as client } from './db.js'`, `export * from …`. */
  passedOn(file: CodeFile): readonly PassedOn[];
  /** All places that create a client without a tenant, by file path. */
  readonly rootClients: ReadonlyMap<string, readonly RootClient[]>;
}

export interface PassedOn {
  readonly specifier: string;
  /** The exported name, and the original name; both `undefined` for `export *`. */
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

/** The files of the tree by their possible names in imports. */
interface Stems {
  readonly byStem: ReadonlyMap<string, CodeFile>;
  /** Paths by their last part, so that an alias is not compared with every file. */
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

/** A path without the parts that an import may omit: extension and `/index`. */
function stem(path: string): string {
  return path.replace(/\.(?:[cm]?[jt]sx?)$/, '').replace(/\/index$/, '');
}

/**
 * Resolves relative imports exactly, and path aliases (`@/lib/db`, `~/lib/db`) by the end of the path, if that is
 * unambiguous.
 */
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

/** The names that a file imports, without types. */
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
