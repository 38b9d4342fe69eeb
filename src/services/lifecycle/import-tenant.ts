/**
 * Imports an archive of a tenant, all or nothing: everything is checked before the first row, and all rows are inserted in
 * one transaction. Ids stay what they are, or all become others.
 */
import { createHash, randomBytes } from 'node:crypto';
import { sqlState } from '../../kernel/vocabulary/sql-state.js';
import type { OperatorConnection } from '../operator/operator-connection.js';
import { findTenant, type TenantRow } from '../operator/tenants.js';
import { checkArchive, filesOf, linesOf } from './check-archive.js';
import { TenantLifeError } from './life-error.js';
import { folderOf, type Manifest, type TableEntry } from './manifest.js';
import { isOfTrail, nameOf, walkTables, type TenantTable } from './walk.js';

export interface ImportOrder {
  readonly file: string;
  /** Default: that of the archive. */
  readonly slug?: string | undefined;
  /** Whether all ids become others, and secrets are replaced: for a copy beside the tenant itself. */
  readonly newIds: boolean;
}

export interface Imported {
  readonly tenant: TenantRow;
  readonly rows: number;
  /** Tables of the archive that were not imported. */
  readonly leftOut: readonly string[];
}

const UNIQUE_VIOLATION = '23505';
const CHECK_VIOLATION = '23514';
const FOREIGN_KEY_VIOLATION = '23503';

/**
 * @throws TenantLifeError when the archive is damaged, of another schema, or does not fit into this database; then nothing
 * was imported
 */
export async function importTenant(connection: OperatorConnection, order: ImportOrder): Promise<Imported> {
  const { manifest, sha256 } = await checkArchive(order.file);
  const plan = await planOf(connection, manifest, order);
  const slug = order.slug ?? manifest.tenant.slug;
  if (slug === '') {
    throw new TenantLifeError('The archive does not say how the tenant is called: name it with --as.');
  }
  const key = order.newIds ? randomBytes(32) : null;
  const [ids] = await connection.query<{ id: string }>('SELECT tenantry.derived_id($1, $2) AS id', [
    manifest.tenant.id,
    key,
  ]);
  const { id } = ids!;
  try {
    const rows = await connection.inTenant(
      id,
      async (query) => {
        await query('SELECT tenantry.begin_import()');
        const hash = createHash('sha256');
        let imported = 0;
        let waiting: PlannedTable | undefined;
        const insert = async (table: PlannedTable, lines: readonly string[] | null) => {
          const columns = table.entry.columns.map(({ name }) => name);
          const [done] = await query<{ rows: number }>(
            'SELECT tenantry.import_rows($1, $2, $3, $4, $5, $6)::float8 AS rows',
            [table.table.oid, columns, lines, table.table.isSelfReferring, key, slug],
          );
          return done!.rows;
        };
        for await (const { name, content } of filesOf(order.file, (piece) => hash.update(piece))) {
          const table = plan.tables.get(name.slice(0, name.lastIndexOf('/')));
          if (waiting && waiting !== table) {
            await insert(waiting, null);
            waiting = undefined;
          }
          if (!table) continue;
          imported += await insert(table, linesOf(content));
          if (table.table.isSelfReferring) waiting = table;
        }
        if (hash.digest('hex') !== sha256) throw new TenantLifeError('The archive was changed meanwhile.');
        await query('SELECT tenantry.finish_import()');
        // Not the id of the tenant that was copied: an erasure would find it here.
        const about = { archive: sha256, rows: imported, new_ids: order.newIds };
        await query("SELECT tenantry.record_audit('tenant.imported', 'Tenant', $1, NULL, $2)", [id, about]);
        return imported;
      },
      { statementTimeoutMs: 0 },
    );
    return { tenant: await findTenant(connection, slug), rows, leftOut: plan.leftOut };
  } catch (error) {
    throw explained(error, slug);
  }
}

interface PlannedTable {
  readonly table: TenantTable;
  readonly entry: TableEntry;
}

interface Plan {
  /** By their folder. */
  readonly tables: ReadonlyMap<string, PlannedTable>;
  readonly leftOut: readonly string[];
}

/** Compares the archive with this database. @throws TenantLifeError when it does not fit */
async function planOf(
  { query }: OperatorConnection,
  manifest: Manifest,
  { newIds }: ImportOrder,
): Promise<Plan> {
  const [schema] = await query<{ version: string | null }>(
    'SELECT max(migration_name) AS version FROM public._prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  );
  if (schema!.version !== manifest.schemaVersion) {
    throw new TenantLifeError(
      `The archive is of the schema ${manifest.schemaVersion}, and this database has ${String(schema!.version)}. ` +
        'Import it where the schema is the same, migrate that database, and export the tenant there.',
    );
  }
  const here = new Map((await walkTables(query)).flat().map((table) => [nameOf(table), table]));
  const tables = new Map<string, PlannedTable>();
  const leftOut: string[] = [];
  for (const entry of manifest.tables) {
    const table = here.get(nameOf(entry));
    if (!table) {
      if (entry.rows > 0) throw new TenantLifeError(`This database has no table ${nameOf(entry)}.`);
      continue;
    }
    if (JSON.stringify(table.columns) !== JSON.stringify(entry.columns)) {
      throw new TenantLifeError(`The columns of ${nameOf(entry)} are not those of this database.`);
    }
    if (table.kind !== null || (newIds && isOfTrail(table))) {
      if (entry.rows > 0) leftOut.push(nameOf(entry));
    } else tables.set(folderOf(entry), { table, entry });
  }
  return { tables, leftOut };
}

function explained(error: unknown, slug: string): unknown {
  const detail = error instanceof Error ? error.message : String(error);
  switch (sqlState(error)) {
    case UNIQUE_VIOLATION:
      return new TenantLifeError(
        detail.includes('tenants_slug_key')
          ? `The slug ${slug} is taken: give another one with --as.`
          : `The ids are taken, so this tenant is here already (${detail}): --new-ids makes a copy.`,
        { cause: error },
      );
    case CHECK_VIOLATION:
    case FOREIGN_KEY_VIOLATION:
      return new TenantLifeError(`A row of the archive does not fit into this database (${detail}).`, {
        cause: error,
      });
    default:
      return error;
  }
}
