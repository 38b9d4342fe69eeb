/**
 * Writes all rows of a tenant into an archive, from one snapshot and in constant memory. What is in it, and what is not, is
 * in docs/tenant-life.md. The caller begins the transaction, which is bound to the tenant and reads one snapshot.
 */
import { createHash, randomBytes } from 'node:crypto';
import { escapeIdentifier } from 'pg';
import { headJson } from 'tenantry-verify';
import type { Sign } from '../../kernel/database/context-signature.js';
import { schemaOf } from '../../kernel/database/schemas/own-schema.js';
import { exportTrail } from '../audit-trail/export-trail.js';
import { headOf, type TrailQuery } from '../audit-trail/trail-rows.js';
import { FORMAT, folderOf, type Disguise, type Manifest, type TableEntry } from './manifest.js';
import { README } from './readme.js';
import { linesOf, PART_BYTES } from './row-lines.js';
import { tarEnd, tarFile } from './tar.js';
import { TenantLifeError } from './life-error.js';
import { isOfTrail, nameOf, walkTables, type LifeQuery, type TenantTable } from './walk.js';

export interface ExportOrder {
  readonly tenantId: string;
  readonly slug: string;
  readonly disguise: Disguise;
  readonly sign: Sign;
  /** Told how many rows were written so far; aborts the export when it throws. */
  readonly onProgress?: (rows: number) => void;
}

/**
 * The bytes of the archive, not compressed. Returns the manifest when all of them are read.
 *
 * @param query in a transaction that is bound to the tenant, at REPEATABLE READ
 * @throws TenantLifeError when a table cannot be placed; the errors of `query`
 */
export async function* exportTenant(query: LifeQuery, order: ExportOrder): AsyncGenerator<Buffer, Manifest> {
  const { tenantId, slug, disguise, onProgress } = order;
  const tables = await exportedTables(query, tenantId);
  const [origin] = await query<{ now: string; snapshot: string; version: string | null }>(`
    SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS now,
      pg_current_snapshot()::text AS snapshot,
      (SELECT max(migration_name) FROM public._prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL) AS version`);
  const key = randomBytes(32);
  const entries: TableEntry[] = [];
  const leftOut: Manifest['leftOut'] = [];
  yield* tarFile('README.txt', Buffer.from(README));
  let total = 0;
  for (const table of tables) {
    const why = reasonToLeaveOut(table, disguise);
    if (why !== undefined) {
      leftOut.push({ table: nameOf(table), why });
      continue;
    }
    const parts = new Parts(folderOf(table));
    for await (const lines of linesOf(query, await openRows(query, table, order, key))) {
      for (const line of lines) {
        yield* parts.add(line);
        onProgress?.(++total);
      }
    }
    yield* parts.end();
    const { schema, name, kind, columns } = table;
    entries.push({
      schema,
      name,
      kind: kind === 'transient' ? kind : null,
      columns: [...columns],
      rows: parts.lines,
      bytes: parts.bytes,
      sha256: parts.hash(),
    });
  }
  const manifest: Manifest = {
    format: FORMAT,
    tenant: { id: tenantId, slug: disguise === 'texts' ? '' : slug },
    exportedAt: origin!.now,
    schemaVersion: origin!.version ?? '',
    snapshot: origin!.snapshot,
    disguise,
    tables: entries,
    leftOut,
    trail: disguise === 'texts' ? null : yield* trailFiles(query, tenantId),
  };
  yield* tarFile('manifest.json', Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
  yield tarEnd();
  return manifest;
}

/**
 * The tables of the walk. Those in the tenant's own schema are named like the tables in `public`, where an import puts
 * their rows.
 *
 * @throws TenantLifeError when a tenant with a schema has rows beside it, which the archive would not have
 */
async function exportedTables(query: LifeQuery, tenantId: string): Promise<readonly TenantTable[]> {
  const own = schemaOf(tenantId);
  // Of a tenant that is being moved, or whose old copy is kept.
  const copies = await query<{ oid: string }>('SELECT oid::text FROM tenantry.copied_tables() AS oid');
  const isCopy = new Set(copies.map(({ oid }) => oid));
  const found = (await walkTables(query, tenantId)).flat().filter(({ oid }) => !isCopy.has(oid));
  const placed = new Set(found.filter(({ schema }) => schema === own).map(({ name }) => name));
  const isBeside = ({ schema, name }: TenantTable) => schema === 'public' && placed.has(name);
  for (const table of found.filter(isBeside)) {
    const [beside] = await query<{ found: boolean }>(
      `SELECT EXISTS (SELECT FROM public.${escapeIdentifier(table.name)} WHERE tenant_id = $1) AS found`,
      [tenantId],
    );
    if (beside!.found) {
      throw new TenantLifeError(`The tenant has a schema of its own, and has rows in ${nameOf(table)} too.`);
    }
  }
  return found
    .filter((table) => !isBeside(table))
    .map((table) => (table.schema === own ? { ...table, schema: 'public' } : table));
}

function reasonToLeaveOut(table: TenantTable, disguise: Disguise): string | undefined {
  if (table.kind === 'derived') return 'its rows are copies, or are computed';
  if (disguise === 'texts' && isOfTrail(table)) return 'the log has what was disguised';
  if (disguise === 'texts' && table.schema === 'tenantry') return 'it is the state of the server';
  return undefined;
}

/** The sealed trail in the form that `tenantry-verify` checks, and its head. */
async function* trailFiles(query: LifeQuery, tenantId: string): AsyncGenerator<Buffer, Manifest['trail']> {
  const trailQuery: TrailQuery = (sql) => query<never>(sql.text, sql.values);
  const head = await headOf(trailQuery, tenantId);
  if (!head) return null;
  const parts = new Parts('audit/trail');
  for await (const text of exportTrail(trailQuery, tenantId)) {
    for (const line of text.split('\n')) if (line !== '') yield* parts.add(line);
  }
  yield* parts.end();
  const json = headJson(head);
  yield* tarFile('audit/head.json', Buffer.from(`${JSON.stringify(json)}\n`));
  return { bytes: parts.bytes, sha256: parts.hash(), head: { ...json } };
}

async function openRows(
  query: LifeQuery,
  table: TenantTable,
  { tenantId, disguise, sign }: ExportOrder,
  key: Buffer,
): Promise<string> {
  const { expires, signature } = sign('open_tenant_rows', tenantId.toLowerCase(), table.oid, disguise);
  const [opened] = await query<{ cursor: string }>(
    'SELECT tenantry.open_tenant_rows($1, $2, $3, $4, $5)::text AS cursor',
    [table.oid, disguise, key, expires, signature],
  );
  return opened!.cursor;
}

/** The files of a folder: lines, in parts. */
class Parts {
  readonly #folder: string;
  readonly #hash = createHash('sha256');
  #number = 0;
  #held: string[] = [];
  #heldLength = 0;
  bytes = 0;
  lines = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  *add(line: string): Generator<Buffer> {
    this.#held.push(line, '\n');
    this.#heldLength += line.length + 1;
    this.lines++;
    if (this.#heldLength >= PART_BYTES) yield* this.end();
  }

  *end(): Generator<Buffer> {
    if (this.#held.length === 0) return;
    const content = Buffer.from(this.#held.join(''));
    this.#held = [];
    this.#heldLength = 0;
    this.#hash.update(content);
    this.bytes += content.length;
    yield* tarFile(`${this.#folder}/${String(++this.#number).padStart(6, '0')}.ndjson`, content);
  }

  hash(): string {
    return this.#hash.digest('hex');
  }
}
