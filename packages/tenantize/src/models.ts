/** The changes of the Prisma models for converted tables, so that models and migrations agree at the end. */
import type { ForeignKey, Table, UniqueKey } from './catalog.js';
import { isPlain, type Names, replacedForeignKeys, replacedKeys } from './keys.js';
import { isPrismaName } from './sql.js';

/**
 * The names of the tables in the audit log: those of their models, else the table's name in the singular, like in
 * `tenantry.protect`.
 *
 * @param models the names of the models, by their tables
 */
export function entityNames(
  tables: readonly Table[],
  models: ReadonlyMap<string, string>,
): Map<string, string> {
  return new Map(tables.map(({ name }) => [name, models.get(name) ?? singular(name)]));
}

function singular(table: string): string {
  const stem = table.endsWith('ies') ? `${table.slice(0, -3)}y` : table.replace(/([^s])s$/, '$1');
  return stem
    .split('_')
    .map((word) => word.slice(0, 1).toUpperCase() + tail(word))
    .join('');
}

// `orderLine` is two words; `ORDER` is one in capitals.
function tail(word: string): string {
  return word === word.toUpperCase() ? word.slice(1).toLowerCase() : word.slice(1);
}

/** The lines to change in the Prisma models, for people; field names are the camelCase form of the columns. */
export function modelChanges(
  tables: readonly Table[],
  neighbours: ReadonlyMap<string, Table>,
  entities: ReadonlyMap<string, string>,
  names: Names,
): string {
  const keys = replacedForeignKeys(tables, neighbours);
  const models = tables.map((table) => {
    const lines = [
      '+ tenantId String @default(dbgenerated("tenantry.current_tenant()")) @map("tenant_id") @db.Uuid',
      `+ tenant   Tenant @relation(fields: [tenantId], references: [id], onDelete: Restrict, onUpdate: Restrict${mapOf(
        names.tenants.get(table)!,
        table.name,
        ['tenant_id'],
        'fkey',
      )})`,
      ...replacedKeys(table)
        .filter(isPlain)
        .flatMap((key) => keyLines(table, key, names.indexes.get(key)!)),
      ...keys
        .filter((key) => key.table === table.name)
        .map((key) => relationLine(key, names.foreignKeys.get(key)!)),
    ];
    return [`model ${entities.get(table.name)!}`, ...lines.map((line) => `  ${line}`)].join('\n');
  });
  const sides = tables.map(({ name }) => `  + ${field(name)} ${entities.get(name)!}[]`);
  return [...models, 'model Tenant', ...sides].join('\n');
}

function keyLines(table: Table, { columns, primary }: UniqueKey, index: string): string[] {
  const named = ['tenant_id', ...columns.flatMap((column) => column ?? [])];
  const map = primary ? '' : mapOf(index, table.name, named, 'key');
  const fields = columns.flatMap((column) => column ?? []).map(field);
  const [block, attribute] = primary ? ['@@id', '@id'] : ['@@unique', '@unique'];
  const old = fields.length === 1 ? `${fields[0]!} … ${attribute}` : `${block}([${fields.join(', ')}])`;
  return [`- ${old}`, `+ ${block}([tenantId, ${fields.join(', ')}]${map})`];
}

function relationLine({ name, table, columns, referencedColumns }: ForeignKey, scoped: string): string {
  const map = mapOf(scoped, table, ['tenant_id', ...columns], 'fkey');
  const fields = ['tenantId', ...columns.map(field)].join(', ');
  const references = ['tenantId', ...referencedColumns.map(field)].join(', ');
  return `~ @relation(fields: [${fields}], references: [${references}], …${map})   instead of ${name}`;
}

const mapOf = (name: string, table: string, columns: readonly string[], suffix: 'key' | 'fkey'): string =>
  isPrismaName(name, table, columns, suffix) ? '' : `, map: "${name}"`;

const field = (column: string): string =>
  column.replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
