/**
 * Completes a generated migration with calls of `tenantry.protect`, which Prisma's models cannot express. New
 * tenant-scoped tables are always protected, and tables without a tenant cause a warning.
 */
import type { SchemaContainer } from '@prisma/schema-engine-wasm';

/** The required parts of a Prisma model. */
interface Model {
  readonly name: string;
  readonly table: string;
  readonly columns: ReadonlySet<string>;
}

const STRING = String.raw`"(?:\\.|[^"\\])*"`;
const COMMENT = String.raw`//[^\n]*|/\*[\s\S]*?\*/`;

/**
 * Adds to the script: before it, a warning for each statement that loses data; after it, statements that remove what a
 * dropped table leaves behind, and for each created table a `tenantry.protect`, or a warning when it has no tenant_id.
 * `protect` comes last because it inspects the keys.
 */
export function completeScript(script: string, schema: readonly SchemaContainer[]): string {
  const parts = [...losses(script), script.trim(), ...leftovers(script), ...protections(script, schema)];
  return `${parts.join('\n')}\n`;
}

/**
 * Drops the functions that `tenantry.make_searchable` created for dropped tables. PostgreSQL does not drop them with
 * the table.
 */
function leftovers(script: string): string[] {
  const dropped = [...script.matchAll(/^DROP TABLE (?:"public"\.)?"((?:[^"]|"")+)"/gm)].map(([, name = '']) =>
    identifier(`candidates_of_${name.replaceAll('""', '"')}`),
  );
  if (dropped.length === 0) return [];
  return ['', '-- Search.', ...dropped.map((name) => `DROP FUNCTION IF EXISTS tenantry.${name}(text);`)];
}

function losses(script: string): string[] {
  const lines = script.split('\n').filter((line) => !line.startsWith('--'));
  const losing = lines.filter((line) => /\b(DROP TABLE|DROP COLUMN|SET DATA TYPE|DROP TYPE)\b/.test(line));
  if (losing.length === 0) return [];
  return [
    '-- WARNING: this loses or rewrites data. Check it before it is applied:',
    ...losing.map(quoted),
    '',
  ];
}

function quoted(line: string): string {
  return `--   ${line.trim()}`;
}

function protections(script: string, schema: readonly SchemaContainer[]): string[] {
  const tables = createdTables(script);
  if (tables.length === 0) return [];
  const models = new Map(modelsOf(schema).map((model) => [model.table, model]));
  const lines = tables.map((table) => protection(table, models.get(table.at(-1) ?? '')));
  return ['', '-- Row-level security, the audit trigger, and grants.', ...lines];
}

function protection(table: readonly string[], model: Model | undefined): string {
  const name = table.map(identifier).join('.');
  if (model?.columns.has('tenant_id') === true) {
    return `SELECT tenantry.protect(${literal(name)}, ${literal(model.name)});`;
  }
  return (
    `-- WARNING: ${name} has no tenant_id: row-level security does not isolate its rows, and tenantry_app has no right ` +
    'to it. Give its model a tenantId, or write its policies and grants here.'
  );
}

/** The names (with their schema, if given) of the tables that a script creates, in order. */
function createdTables(script: string): string[][] {
  const created = /^CREATE TABLE ((?:"(?:[^"]|"")+"\.)?"(?:[^"]|"")+")/gm;
  return [...script.matchAll(created)].map(([, reference = '']) =>
    [...reference.matchAll(/"((?:[^"]|"")+)"/g)].map(([, part = '']) => part.replaceAll('""', '"')),
  );
}

/** The names of the models, by their tables. */
export function modelNames(schema: readonly SchemaContainer[]): Map<string, string> {
  return new Map(modelsOf(schema).map(({ table, name }) => [table, name]));
}

/** The models of these files, by their database names. */
function modelsOf(schema: readonly SchemaContainer[]): Model[] {
  const block = new RegExp(String.raw`\bmodel\s+(\w+)\s*\{((?:${STRING}|[^{}"])*)\}`, 'g');
  return schema.flatMap(({ content }) =>
    [...withoutComments(content).matchAll(block)].map(([, name = '', body = '']) => modelOf(name, body)),
  );
}

function modelOf(name: string, body: string): Model {
  const fields = [...body.matchAll(/^[ \t]*(\w+)[ \t]+\w[^\n]*/gm)];
  return {
    name,
    table: mappedTo('@@map', body) ?? name,
    columns: new Set(fields.map(([line, field = '']) => mappedTo('@map', line) ?? field)),
  };
}

function mappedTo(attribute: '@map' | '@@map', text: string): string | undefined {
  return new RegExp(String.raw`(?<!@)${attribute}\(\s*(?:name:\s*)?"([^"]+)"`).exec(text)?.[1];
}

// A string may contain text that looks like a comment, such as a URL, so strings are matched too, and kept.
function withoutComments(source: string): string {
  return source.replaceAll(
    new RegExp(`(${STRING})|${COMMENT}`, 'g'),
    (_match, string?: string) => string ?? '',
  );
}

// Inside a regclass literal an unquoted name is folded to lower case.
function identifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
