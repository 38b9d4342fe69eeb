/** The changes of the Prisma models for converted tables, so that models and migrations agree at the end. */
import type { ForeignKey, Table, UniqueKey } from './catalog.js';
import { isPlain, replacedForeignKeys, replacedKeys } from './keys.js';

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
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
    .join('');
}

/** The lines to change in the Prisma models, for people; field names are the camelCase form of the columns. */
export function modelChanges(
  tables: readonly Table[],
  neighbours: ReadonlyMap<string, Table>,
  entities: ReadonlyMap<string, string>,
): string {
  const keys = replacedForeignKeys(tables, neighbours);
  const models = tables.map((table) => {
    const lines = [
      '+ tenantId String @default(dbgenerated("tenantry.current_tenant()")) @map("tenant_id") @db.Uuid',
      '+ tenant   Tenant @relation(fields: [tenantId], references: [id], onDelete: Restrict, onUpdate: Restrict)',
      ...replacedKeys(table).filter(isPlain).flatMap(keyLines),
      ...keys.filter((key) => key.table === table.name).map(relationLine),
    ];
    return [`model ${entities.get(table.name)!}`, ...lines.map((line) => `  ${line}`)].join('\n');
  });
  const sides = tables.map(({ name }) => `  + ${field(name)} ${entities.get(name)!}[]`);
  return [...models, 'model Tenant', ...sides].join('\n');
}

function keyLines({ columns, primary }: UniqueKey): string[] {
  const fields = columns.flatMap((column) => column ?? []).map(field);
  const [block, attribute] = primary ? ['@@id', '@id'] : ['@@unique', '@unique'];
  const old = fields.length === 1 ? `${fields[0]!} … ${attribute}` : `${block}([${fields.join(', ')}])`;
  return [`- ${old}`, `+ ${block}([tenantId, ${fields.join(', ')}])`];
}

function relationLine({ name, columns, referencedColumns }: ForeignKey): string {
  const fields = ['tenantId', ...columns.map(field)].join(', ');
  const references = ['tenantId', ...referencedColumns.map(field)].join(', ');
  return `~ @relation(fields: [${fields}], references: [${references}], …)   instead of ${name}`;
}

const field = (column: string): string =>
  column.replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
