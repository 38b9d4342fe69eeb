/**
 * Writes statements for a tenant with a schema of its own: wherever a table of the application is named in `public`, the
 * name of the schema takes the place of `public`. Names without a schema stay as they are, and are found by search_path.
 *
 * A statement that may name such a table in a way that is not understood here is refused, and nothing of it is sent. It
 * would read or write the table in `public`, where the tenant has no rows.
 */
import { LRUCache } from 'lru-cache';
import { escapeIdentifier } from 'pg';
import { MODELS } from '../../../generated/data-model/index.js';
import { applicationTables } from '../../vocabulary/data-model.js';
import { OWN_SCHEMA } from './own-schema.js';

/** A statement names a table of the application in a way that cannot be rewritten. */
export class UnplacedStatementError extends Error {
  override readonly name = 'UnplacedStatementError';

  constructor(what: string) {
    super(
      `the statement ${what}. The tenant has a schema of its own: name tables without a schema (docs/schemas.md)`,
    );
  }
}

const SHARED = 'public';
const SCHEMA_IN_LITERAL = /\btenant_[0-9a-f]{32}\b/i;

/** PostgreSQL's lexical rules (manual, section 4.1), with standard_conforming_strings. Block comments nest. */
const TOKEN = new RegExp(
  [
    String.raw`(?<space>\s+|--[^\n]*)`,
    String.raw`(?<comment>/\*)`,
    // Names with escapes, which may be any name.
    String.raw`(?<escaped>\b[uU]&")`,
    String.raw`(?<literal>\b[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|(?<![\w$])\$(?<tag>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[\s\S]*?\$\k<tag>\$)`,
    String.raw`(?<quoted>"(?:[^"]|"")*")`,
    String.raw`(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`,
    String.raw`(?<open>['"])`,
    String.raw`(?<other>[\s\S])`,
  ].join('|'),
  'gy',
);

/** A statement of a script, with its names: unquoted ones in lower case, quoted ones as they are. */
export interface ScriptStatement {
  readonly sql: string;
  readonly names: readonly string[];
  /** Its literals and the bodies of its functions and blocks. */
  readonly literals: readonly string[];
}

/** The statements of a script. @throws UnplacedStatementError when a literal or a comment has no end */
export function statementsOf(script: string): readonly ScriptStatement[] {
  const statements: ScriptStatement[] = [];
  let start = 0;
  let names: string[] = [];
  let literals: string[] = [];
  const end = (at: number): void => {
    if (names.length > 0) statements.push({ sql: script.slice(start, at).trim(), names, literals });
    [start, names, literals] = [at + 1, [], []];
  };
  for (const { at, name, literal, other } of tokensOf(script)) {
    if (name !== undefined) names.push(name);
    else if (literal !== undefined) literals.push(literal);
    else if (other === ';') end(at);
  }
  end(script.length);
  return statements;
}

interface Token {
  readonly at: number;
  readonly until: number;
  /** As PostgreSQL reads it. */
  readonly name?: string | undefined;
  readonly literal?: string | undefined;
  readonly other?: string | undefined;
}

/** The tokens that count. @throws UnplacedStatementError for names with escapes, and what has no end */
function* tokensOf(sql: string): Generator<Token> {
  const token = new RegExp(TOKEN.source, TOKEN.flags);
  for (let match = token.exec(sql); match !== null; match = token.exec(sql)) {
    const { space, comment, escaped, literal, quoted, word, open, other } = match.groups!;
    if (space !== undefined) continue;
    if (comment !== undefined) {
      token.lastIndex = endOfComment(sql, match.index);
      continue;
    }
    if (escaped !== undefined) throw new UnplacedStatementError('has a name with escapes');
    if (open !== undefined) throw new UnplacedStatementError('has a literal without an end');
    yield { at: match.index, until: token.lastIndex, name: nameOf(quoted, word), literal, other };
  }
}

/** Returns the pieces of a statement between which the schema stands. @throws UnplacedStatementError */
export type SplitStatement = (sql: string) => readonly string[];

/** Splits statements at the schema of each of these tables. */
export function splitterFor(tables: ReadonlySet<string>): SplitStatement {
  const inLiteral = new RegExp(
    String.raw`\b${SHARED}"*\s*\.\s*"*(?:${[...tables].map(escapeRegExp).join('|')})(?![\w$])`,
    'i',
  );
  return (sql) => {
    const pieces: string[] = [];
    let from = 0;
    /** The last three tokens that count: a name, its start and end. */
    let schema: { readonly start: number; readonly end: number; readonly isPart: boolean } | undefined;
    let isDot = false;
    for (const { at, until, name, literal, other } of tokensOf(sql)) {
      if (literal !== undefined && tables.size > 0 && inLiteral.test(literal)) {
        throw new UnplacedStatementError('names a table of the application in a literal');
      }
      if (literal !== undefined && SCHEMA_IN_LITERAL.test(literal)) {
        throw new UnplacedStatementError('names the schema of a tenant');
      }
      if (name !== undefined) {
        if (isDot && schema && tables.has(name)) {
          if (schema.isPart) throw new UnplacedStatementError('names a table behind a database');
          pieces.push(sql.slice(from, schema.start));
          from = schema.end;
        }
        if (OWN_SCHEMA.test(name)) throw new UnplacedStatementError('names the schema of a tenant');
        schema = name === SHARED ? { start: at, end: until, isPart: isDot } : undefined;
        isDot = false;
        continue;
      }
      isDot = other === '.';
      if (!isDot) schema = undefined;
    }
    return [...pieces, sql.slice(from)];
  };
}

/** The text of a name, as PostgreSQL reads it. */
function nameOf(quoted: string | undefined, word: string | undefined): string | undefined {
  if (quoted !== undefined) return quoted.slice(1, -1).replaceAll('""', '"');
  return word?.toLowerCase();
}

function endOfComment(sql: string, start: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = start;
  let depth = 0;
  for (let mark = marks.exec(sql); mark !== null; mark = marks.exec(sql)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  throw new UnplacedStatementError('has a comment without an end');
}

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

const split = splitterFor(applicationTables(MODELS));

/** The pieces of statements by their text, which does not depend on the tenant. */
const known = new LRUCache<string, readonly string[]>({
  maxSize: 4_000_000,
  maxEntrySize: 100_000,
  sizeCalculation: (_pieces, sql) => 2 * sql.length + 200,
});

/** The statement for the tables in this schema. @throws UnplacedStatementError */
export function inSchema(sql: string, schema: string): string {
  let pieces = known.get(sql);
  if (!pieces) {
    pieces = split(sql);
    known.set(sql, pieces);
  }
  return pieces.length === 1 ? sql : pieces.join(escapeIdentifier(schema));
}
