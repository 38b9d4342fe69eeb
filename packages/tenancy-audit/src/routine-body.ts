/** The statements and variables of a function. */
import type { DatabaseFunction } from './catalog.js';
import { type Node, everyObject, isObject, parseProcedure, parseStatements, queriesIn } from './sql-parse.js';

interface Body {
  readonly statements: readonly Node[];
  readonly variables: readonly string[];
}

/** The body of a function; undefined when it cannot be parsed. */
export function bodyOf(target: DatabaseFunction): Body | undefined {
  if (target.body === undefined || target.definition === undefined) return undefined;
  if (target.language === 'sql') {
    const statements = parseStatements(target.body);
    return statements && { statements, variables: [] };
  }
  const procedure = parseProcedure(target.definition);
  if (procedure === undefined) return salvaged(target.body);
  const statements = queriesIn(withoutEmptyLoops(procedure)).flatMap(
    (query) => parseStatements(query) ?? parseStatements(`SELECT ${query}`) ?? [],
  );
  const variables: string[] = [];
  everyObject(procedure, ({ refname }) => {
    if (typeof refname === 'string') variables.push(refname);
  });
  return { statements, variables };
}

/** Rows that a loop only counts are shown to nobody: `FOR r IN SELECT … LOOP NULL; END LOOP`. */
function withoutEmptyLoops(tree: unknown): unknown {
  if (Array.isArray(tree)) return (tree as readonly unknown[]).map(withoutEmptyLoops);
  if (!isObject(tree)) return tree;
  return Object.fromEntries(
    Object.entries(tree)
      .filter(
        ([key, loop]) => key !== 'PLpgSQL_stmt_fors' || !isObject(loop) || queriesIn(loop['body']).length > 0,
      )
      .map(([key, value]) => [key, withoutEmptyLoops(value)]),
  );
}

/** The statements of a body that could not be parsed as a whole; undefined when one of them cannot be parsed either. */
function salvaged(body: string): Body | undefined {
  const code = body.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, ' ');
  const texts = [...code.matchAll(/\b(?:select|with|update|delete|perform)\b[^;]*/gi)].map(([text]) =>
    text
      .replace(/^perform\b/i, 'SELECT')
      .replace(/\binto\s+(?:strict\s+)?[\w.]+(?:\s*,\s*[\w.]+)*/i, '')
      .replace(/\)?\s*\b(?:loop|then)\b[\s\S]*$/i, ''),
  );
  const parsed = texts.map(parseStatements);
  if (!parsed.every((statements) => statements !== undefined)) return undefined;
  const declared = [...code.matchAll(/(?:\bdeclare\b|;)\s*(\w+)\s+(?:constant\s+)?[\w.%]+\s*(?=;|:=)/gi)];
  return { statements: parsed.flat(), variables: declared.map(([, name]) => name!) };
}
