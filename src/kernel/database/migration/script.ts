/**
 * Completes a generated migration with what Prisma's models cannot express: `tenantry.protect` for tables of tenants,
 * `tenantry.share` for tables and views that all tenants share, and the grants on new schemas.
 */
import { hasTenant, type Model } from './models.js';

/**
 * Adds to the script: before it, a warning for each statement that loses data; after it, statements that remove what a
 * dropped table leaves behind, and for each created table a `tenantry.protect` or `tenantry.share`. These come last,
 * because they inspect the keys.
 */
export function completeScript(script: string, models: readonly Model[]): string {
  const parts = [
    ...losses(script),
    ...(script.trim() === '' ? [] : [script.trim()]),
    ...leftovers(script),
    ...schemas(script),
    ...protections(script, models),
  ];
  return `${parts.join('\n')}\n`;
}

/**
 * Creates a view of the Prisma schema that no migration creates. Prisma does not know what it selects, so it selects no
 * row, with columns of the right names and types.
 */
export function viewSkeleton(view: Model): string {
  const name = nameOf(view);
  const columns = view.columns.map((column) => `  NULL::${column.type} AS ${identifier(column.name)}`);
  return [
    `-- TODO: replace this SELECT by that of ${view.name}. With security_invoker, row-level security holds its reader.`,
    `CREATE VIEW ${name} WITH (security_invoker = true) AS SELECT`,
    columns.join(',\n'),
    'WHERE false;',
    `SELECT tenantry.share(${literal(name)});`,
  ].join('\n');
}

/** The name of a model's table for SQL. */
export const nameOf = ({ schema, table }: Pick<Model, 'schema' | 'table'>): string =>
  [...(schema === undefined ? [] : [schema]), table].map(identifier).join('.');

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

function schemas(script: string): string[] {
  const created = [...script.matchAll(/^CREATE SCHEMA (?:IF NOT EXISTS )?"((?:[^"]|"")+)"/gm)];
  if (created.length === 0) return [];
  return [
    '',
    '-- The server may use the new schemas.',
    ...created.map(
      ([, name = '']) =>
        `GRANT USAGE ON SCHEMA ${identifier(name.replaceAll('""', '"'))} TO tenantry_app, tenantry_operator;`,
    ),
  ];
}

function protections(script: string, models: readonly Model[]): string[] {
  const lines = createdTables(script).flatMap(([schema, table]) => {
    const model = models.find(
      (each) => each.table === table && (each.schema ?? 'public') === (schema ?? 'public'),
    );
    return model === undefined ? [joinTable(schema, table)] : protection(model);
  });
  return lines.length === 0 ? [] : ['', '-- Row-level security, the audit trigger, and grants.', ...lines];
}

/**
 * Prisma makes a table without a model for a relation of many to many. Only models with a key of one column can have such
 * a relation, and these belong to no tenant.
 */
const joinTable = (schema: string | undefined, table: string): string =>
  `SELECT tenantry.share(${literal([...(schema === undefined ? [] : [schema]), table].map(identifier).join('.'))});`;

function protection(model: Model): string[] {
  const name = literal(nameOf(model));
  if (hasTenant(model)) return [`SELECT tenantry.protect(${name}, ${literal(model.name)});`];
  if (model.shared === undefined) return [];
  return [`SELECT tenantry.share(${name}${model.shared === 'writable' ? ', writable => true' : ''});`];
}

/** The names of the tables that a script creates, each with its schema, if given, in order. */
function createdTables(script: string): (readonly [schema: string | undefined, table: string])[] {
  const created = /^CREATE TABLE (?:"((?:[^"]|"")+)"\.)?"((?:[^"]|"")+)"/gm;
  return [...script.matchAll(created)].map(([, schema, table = '']) => [
    schema?.replaceAll('""', '"'),
    table.replaceAll('""', '"'),
  ]);
}

// Inside a regclass literal an unquoted name is folded to lower case.
function identifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** A text as SQL. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
