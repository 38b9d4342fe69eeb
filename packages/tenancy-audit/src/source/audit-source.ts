/**
 * Audits application code: reads and parses a tree of TypeScript, JavaScript and SQL, and applies every rule. It runs
 * no code and resolves no types: rules use syntax, imports and names.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ts from 'typescript';
import type { Finding, NotChecked, Rule } from '../finding.js';
import { listSourceFiles } from './files.js';
import { createProject } from './project.js';
import { SOURCE_RULES } from './rules/index.js';
import type { CodeFile, Sighting, SqlFile } from './source-rule.js';
import { sqlTextsOf } from './sql-text.js';
import { suppressionAt } from './suppressions.js';
import { tenantWords, type TenantNames } from './tenant-words.js';

export interface SourceReport {
  readonly findings: readonly Finding[];
  /** Findings accepted by a comment in the code, with its reason. */
  readonly suppressed: readonly { readonly finding: Finding; readonly reason: string }[];
  readonly notChecked: readonly NotChecked[];
  readonly filesRead: number;
}

/** @throws Error when the folder or a file in it cannot be read */
export async function auditSource(directory: string, names: TenantNames): Promise<SourceReport> {
  const files = await listSourceFiles(directory);
  const read = async (path: string) => ({ path, text: await readFile(join(directory, path), 'utf8') });
  const code = await Promise.all(files.code.map(read));
  const sql = await Promise.all(files.sql.map(read));
  const report = checkSources(code, sql, names, files.packages);
  const unread = [...files.unread].map(([extension, count]) => ({
    rule: 'S01',
    object: `${String(count)} ${extension} file${count === 1 ? '' : 's'}`,
    reason: 'only TypeScript, JavaScript and SQL are read',
  }));
  const tests = { rule: 'S01', object: `${String(files.tests)} test files`, reason: 'tests are left out' };
  return {
    ...report,
    notChecked: [...report.notChecked, ...unread, ...(files.tests > 0 ? [tests] : [])],
  };
}

interface TextFile {
  readonly path: string;
  readonly text: string;
}

/** The same for files already in memory; `packages` are the folders with a package.json. */
export function checkSources(
  code: readonly TextFile[],
  sql: readonly SqlFile[],
  names: TenantNames,
  packages: readonly string[] = [],
): SourceReport {
  const words = tenantWords(names);
  const parsed = code.map(parse);
  const project = createProject(parsed, sql, packages);
  const texts = new Map([...code, ...sql].map(({ path, text }) => [path, text.split('\n')]));
  const found = SOURCE_RULES.flatMap((rule) => [
    ...parsed.flatMap((file) =>
      (rule.checkCode?.(file, project, words) ?? []).map((sighting) =>
        toFinding(rule, file.path, file.ast.text, sighting),
      ),
    ),
    ...sql.flatMap((file) =>
      (rule.checkSql?.(file, project, words) ?? []).map((sighting) =>
        toFinding(rule, file.path, file.text, sighting),
      ),
    ),
  ]);
  return {
    ...sortedBySuppression(distinct(found), texts),
    notChecked: parsed.filter(hasSyntaxErrors).map(({ path }) => ({
      rule: 'S01',
      object: path,
      reason: 'it has syntax errors, so that parts of it may have been missed',
    })),
    filesRead: code.length + sql.length,
  };
}

function parse({ path, text }: TextFile): CodeFile {
  const ast = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, scriptKind(path));
  return { path, ast, sql: sqlTextsOf(ast) };
}

/** JavaScript may contain JSX with any extension; in TypeScript, a cast in angle brackets looks like JSX. */
function scriptKind(path: string): ts.ScriptKind {
  if (path.endsWith('.tsx')) return ts.ScriptKind.TSX;
  return /\.[cm]?ts$/.test(path) ? ts.ScriptKind.TS : ts.ScriptKind.JSX;
}

/** The parser stores its errors on the tree, but its types do not have them. */
function hasSyntaxErrors({ ast }: CodeFile): boolean {
  return 'parseDiagnostics' in ast && Array.isArray(ast.parseDiagnostics) && ast.parseDiagnostics.length > 0;
}

function toFinding(rule: Rule, file: string, text: string, { offset, evidence, advice }: Sighting): Finding {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  const column = offset - (before.lastIndexOf('\n') + 1) + 1;
  const { id, title, severity, why } = rule;
  return {
    rule: { id, title, severity, why },
    object: `${file}:${String(line)}`,
    evidence,
    advice,
    location: { file, line, column },
  };
}

/** A constant used in several statements is one finding. */
function distinct(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ rule, object, location }) => {
    const place = `${rule.id} ${object}:${String(location?.column)}`;
    return !seen.has(place) && seen.add(place);
  });
}

function sortedBySuppression(
  found: readonly Finding[],
  texts: ReadonlyMap<string, readonly string[]>,
): Pick<SourceReport, 'findings' | 'suppressed'> {
  const findings: Finding[] = [];
  const suppressed: { finding: Finding; reason: string }[] = [];
  for (const finding of found) {
    const { file, line } = finding.location ?? { file: '', line: 0 };
    const suppression = suppressionAt(texts.get(file) ?? [], line, finding.rule.id);
    if (suppression === undefined) findings.push(finding);
    else if (suppression.reason === '') {
      findings.push({
        ...finding,
        evidence: `${finding.evidence} (the comment that ignores it gives no reason)`,
      });
    } else suppressed.push({ finding, reason: suppression.reason });
  }
  return { findings, suppressed };
}
