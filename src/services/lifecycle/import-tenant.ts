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
import { isOfTrail, nameOf, walkTables, type TableGroup, type TenantTable } from './walk.js';

export interface ImportOrder {
  readonly file: string;
  /** Default: that of the archive. */
  readonly slug?: string | undefined;
  /** Whether all ids become others, and secrets are replaced: for a copy beside the tenant itself. */
  readonly newIds: boolean;
  /** For the audit log of the tenant. */
  readonly reason: string;
  /** Called before the first row is written, with the id and the slug that the tenant will have; may refuse it. */
  readonly claim?: ((tenant: Pick<TenantRow, 'id' | 'slug'>) => Promise<void>) | undefined;
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
  await order.claim?.({ id, slug });
  try {
    const rows = await connection.inTenant(
      id,
      async (query) => {
        await query('SELECT tenantry.begin_import()');
        const hash = createHash('sha256');
        const rows = new Map<PlannedTable, number>();
        // Tables that refer to each other wait until all of them are read.
        let waiting: readonly PlannedTable[] = [];
        const insertWaiting = async () => {
          if (waiting.length === 0) return;
          const columns = waiting.map(({ entry }) => entry.columns.map(({ name }) => name));
          await query('SELECT tenantry.import_staged($1, $2, $3, $4)', [
            waiting.map(({ table }) => table.oid),
            JSON.stringify(columns),
            key,
            slug,
          ]);
          waiting = [];
        };
        for await (const { name, content } of filesOf(order.file, (piece) => hash.update(piece))) {
          const planned = plan.tables.get(name.slice(0, name.lastIndexOf('/')));
          if (!planned?.waitsWith.some((other) => waiting.includes(other))) await insertWaiting();
          if (!planned) continue;
          const { table, entry, waitsWith } = planned;
          const lines = linesOf(content);
          rows.set(planned, (rows.get(planned) ?? 0) + lines.length);
          if (waitsWith.length > 0) {
            await query('SELECT tenantry.stage_rows($1, $2)', [table.oid, lines]);
            waiting = waitsWith;
          } else {
            const columns = entry.columns.map(({ name }) => name);
            await query('SELECT tenantry.import_rows($1, $2, $3, $4, $5)', [
              table.oid,
              columns,
              lines,
              key,
              slug,
            ]);
          }
        }
        if (hash.digest('hex') !== sha256) throw new TenantLifeError('The archive was changed meanwhile.');
        await query('SELECT tenantry.finish_import($1, $2)', [
          [...rows.keys()].map(({ table }) => table.oid),
          [...rows.values()],
        ]);
        const imported = [...rows.values()].reduce((sum, each) => sum + each, 0);
        // Not the id of the tenant that was copied: an erasure would find it here.
        const about = { archive: sha256, rows: imported, new_ids: order.newIds, reason: order.reason };
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
  /** The tables of its group, itself included, when their rows refer to each other; else none. */
  readonly waitsWith: readonly PlannedTable[];
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
  const groups = await walkTables(query, null);
  const here = new Map(groups.flatMap((group) => group.map((table) => [nameOf(table), { table, group }])));
  const waits = new Map<TableGroup, PlannedTable[]>();
  const tables = new Map<string, PlannedTable>();
  const leftOut: string[] = [];
  for (const entry of manifest.tables) {
    const found = here.get(nameOf(entry));
    if (!found) {
      if (entry.rows > 0) throw new TenantLifeError(`This database has no table ${nameOf(entry)}.`);
      continue;
    }
    const { table, group } = found;
    if (JSON.stringify(table.columns) !== JSON.stringify(entry.columns)) {
      throw new TenantLifeError(`The columns of ${nameOf(entry)} are not those of this database.`);
    }
    if (table.kind !== null || (newIds && isOfTrail(table))) {
      if (entry.rows > 0) leftOut.push(nameOf(entry));
      continue;
    }
    const waitsWith = waits.get(group) ?? [];
    waits.set(group, waitsWith);
    const planned = { table, entry, waitsWith };
    if (group.length > 1 || table.isSelfReferring) waitsWith.push(planned);
    tables.set(folderOf(entry), planned);
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
