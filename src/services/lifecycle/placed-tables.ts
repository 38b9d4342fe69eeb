/** The tables whose rows a move copies, as both sides have them. */
import { tenantryCommand } from '../../kernel/config/command-line.js';
import type { OperatorConnection } from '../operator/operator-connection.js';
import { schemaOf } from '../../kernel/database/schemas/own-schema.js';
import { TenantLifeError } from './life-error.js';
import { nameOf, walkTables, type TableGroup, type TenantTable } from './walk.js';

/** A table of both sides. */
export interface PlacedTable {
  readonly name: string;
  readonly here: TenantTable;
  readonly there: TenantTable;
  /** By which a row is found again; null when the table has no such columns. */
  readonly key: readonly string[] | null;
}

/** The archives of the tenant that it has asked for: their bytes are copies of rows, and are not moved. */
const ARCHIVES = 'public.tenant_exports';
const SHARED = 'public';

/** The tables that are copied, parents first. @throws TenantLifeError when the cells differ */
export async function placedTables(
  source: OperatorConnection,
  target: OperatorConnection,
): Promise<readonly (readonly PlacedTable[])[]> {
  const isMoved = (table: TenantTable) => table.kind !== 'derived' && nameOf(table) !== ARCHIVES;
  const [here, there] = [
    // A tenant with a schema of its own is not moved to another cell.
    await walkTables(source.query, null),
    await walkTables(target.query, null),
  ];
  const versions = [await schemaVersion(source), await schemaVersion(target)];
  if (versions[0] !== versions[1]) {
    throw new TenantLifeError(
      `The cells have other schemas, ${versions.join(' and ')}: run \`${tenantryCommand('migrate')}\`.`,
    );
  }
  const known = new Map(there.flat().map((table) => [nameOf(table), table]));
  const keys = await keysOf(source, here);
  return here.map((group) =>
    group.filter(isMoved).map((table) => {
      const name = nameOf(table);
      const other = known.get(name);
      if (!other || JSON.stringify(other.columns) !== JSON.stringify(table.columns)) {
        throw new TenantLifeError(`The other cell has no table ${name}, or it has other columns there.`);
      }
      return { name, here: table, there: other, key: keys.get(table.oid) ?? null };
    }),
  );
}

/**
 * The tables of the application, in `public` and in the schema of the tenant, parents first.
 *
 * @param intoSchema whether the copy is in the schema
 * @throws TenantLifeError when they differ
 */
export async function ownTables(
  connection: OperatorConnection,
  tenantId: string,
  intoSchema: boolean,
): Promise<readonly (readonly PlacedTable[])[]> {
  const walked = await walkTables(connection.query, tenantId);
  const inSchema = (schema: string) =>
    new Map(walked.flat().flatMap((table) => (table.schema === schema ? [[table.name, table]] : [])));
  const [own, shared] = [inSchema(schemaOf(tenantId)), inSchema(SHARED)];
  const here = intoSchema ? shared : own;
  const keys = await keysOf(connection, walked);
  return walked.map((group) =>
    group.flatMap((table) => {
      const there = (intoSchema ? own : shared).get(table.name);
      if (here.get(table.name) !== table || !own.has(table.name)) return [];
      if (JSON.stringify(there?.columns) !== JSON.stringify(table.columns)) {
        throw new TenantLifeError(
          `The schema of the tenant has other columns in ${table.name} than public: run \`${tenantryCommand('migrate')}\`.`,
        );
      }
      return [
        { name: `${SHARED}.${table.name}`, here: table, there: there!, key: keys.get(table.oid) ?? null },
      ];
    }),
  );
}

async function schemaVersion({ query }: OperatorConnection): Promise<string> {
  const [schema] = await query<{ version: string | null }>(
    'SELECT max(migration_name) AS version FROM public._prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  );
  return String(schema!.version);
}

async function keysOf(
  { query }: OperatorConnection,
  groups: readonly TableGroup[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await query<{ oid: string; key: readonly string[] }>(
    'SELECT oid::text, tenantry.key_columns(oid)::text[] AS key FROM unnest($1::oid[]) AS oid WHERE tenantry.key_columns(oid) IS NOT NULL',
    [groups.flat().map(({ oid }) => oid)],
  );
  return new Map(rows.map(({ oid, key }) => [oid, key]));
}
