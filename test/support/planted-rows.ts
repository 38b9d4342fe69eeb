/**
 * A row in each of a tenant's tables with a canary in every column: a text, a number, an id, a time that stands nowhere
 * else. It reads the catalog, so that a table or a column that is added later is planted as well.
 */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { lootValue, newMark, type LootValue } from 'tenantry-attack';
import { sqlState } from '../../src/kernel/vocabulary/sql-state.js';
import type { TestDatabase } from './database.js';

interface Column {
  readonly name: string;
  readonly type: string;
}

/** Columns whose values the server itself reads as names of its own. */
const KEPT: Readonly<Record<string, unknown>> = { permissions: ['members:read'], action: 'thing.happened' };

/** Puts them there, as the superuser and past all triggers. */
export async function plantRows(database: TestDatabase, slug: string): Promise<void> {
  const tenantId = await database.tenantId(slug);
  const client = new pg.Client({ connectionString: database.superuser });
  await client.connect();
  try {
    await client.query('SET session_replication_role = replica');
    for (const [table, columns] of await tablesOf(client)) {
      await insertPlanted(client, { table, columns, tenantId });
    }
    await client.query(
      'UPDATE tenants SET name = $2, plan = $3, billing_email = $4, settings = $5 WHERE id = $1',
      [tenantId, newMark(), newMark(), `${newMark()}@example.com`, JSON.stringify({ text: newMark() })],
    );
  } finally {
    await client.end();
  }
}

async function tablesOf(client: pg.Client): Promise<Map<string, Column[]>> {
  const { rows } = await client.query<{ table: string; name: string; type: string }>(`
    SELECT table_name AS table, column_name AS name, udt_name AS type FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name IN
      (SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'tenant_id')
    ORDER BY table_name, ordinal_position`);
  const tables = new Map<string, Column[]>();
  for (const { table, ...column } of rows) tables.set(table, [...(tables.get(table) ?? []), column]);
  return tables;
}

interface PlantedTable {
  readonly table: string;
  readonly columns: readonly Column[];
  readonly tenantId: string;
}

/** A constraint that admits no canary is given what it admits, column by column. */
async function insertPlanted(client: pg.Client, { table, columns, tenantId }: PlantedTable): Promise<void> {
  const values = new Map<string, unknown>();
  for (const { name, type } of columns) {
    const parent =
      type === 'uuid' && name.endsWith('_id') ? await parentOf(client, name, tenantId) : undefined;
    values.set(name, name === 'tenant_id' ? tenantId : (parent ?? KEPT[name] ?? canary(name, type)));
  }
  const names = columns.map(({ name }) => `"${name}"`).join(', ');
  const parameters = columns.map((_, n) => `$${String(n + 1)}`).join(', ');
  for (let attempt = 0; ; attempt++) {
    try {
      await client.query(`INSERT INTO "${table}" (${names}) VALUES (${parameters})`, [...values.values()]);
      return;
    } catch (error) {
      if (sqlState(error) !== '23514' || attempt > columns.length) throw error;
      await satisfy(client, (error as pg.DatabaseError).constraint!, values);
    }
  }
}

/** The row of the same tenant that a foreign key may point at, by its name: `conversation_id`. */
async function parentOf(client: pg.Client, column: string, tenantId: string): Promise<string | undefined> {
  const parent = `${column.slice(0, -'_id'.length)}s`;
  const { rows } = await client.query('SELECT 1 FROM information_schema.tables WHERE table_name = $1', [
    parent,
  ]);
  if (rows.length === 0 || parent === 'tenants') return undefined;
  const found = await client.query<{ id: string }>(
    `SELECT id FROM "${parent}" WHERE tenant_id = $1 ORDER BY id DESC LIMIT 1`,
    [tenantId],
  );
  return found.rows[0]?.id;
}

let seconds = 0;

function canary(name: string, type: string): unknown {
  switch (type) {
    case 'uuid':
      return crypto.randomUUID();
    case 'int4':
    case 'int8':
      return 1_000_000 + Math.floor(Math.random() * 9e8);
    case 'bool':
      return true;
    case 'timestamptz':
      return new Date(Date.UTC(2031, 1, 3, 4, 5, ++seconds, 617)).toISOString();
    case 'json':
    case 'jsonb':
      return JSON.stringify({ text: newMark() });
    case '_text':
      return [newMark()];
    default:
      return name.includes('email') ? `${newMark()}@example.com` : newMark();
  }
}

async function satisfy(client: pg.Client, constraint: string, values: Map<string, unknown>): Promise<void> {
  const { rows } = await client.query<{ rule: string; columns: string[] }>(
    `SELECT pg_get_constraintdef(c.oid) AS rule, array_agg(a.attname::text) AS columns FROM pg_constraint AS c
     JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
     WHERE c.conname = $1 GROUP BY c.oid`,
    [constraint],
  );
  const { rule, columns } = rows[0]!;
  const column = columns.at(-1)!;
  const listed = [...rule.matchAll(/'([^']+)'::text/g)].at(-1)?.[1];
  if (rule.includes('{64}')) values.set(column, createHash('sha256').update(newMark()).digest('hex'));
  else if (rule.includes('length(')) values.set(column, newMark().slice(-12));
  else values.set(column, rule.includes('ARRAY[') ? listed : null);
}

/** Everything that a tenant has in the database, whatever of it the API shows. */
export async function rowValues(database: TestDatabase, slug: string): Promise<LootValue[]> {
  const tenantId = await database.tenantId(slug);
  const tables = await tenantTables(database);
  const values: LootValue[] = [];
  for (const { name, key } of tables) {
    const rows = await database.asSuperuser<{ row: object }>(
      `SELECT to_jsonb(t) AS row FROM "${name}" AS t WHERE "${key}" = $1`,
      [tenantId],
    );
    for (const { row } of rows) {
      const planted = JSON.stringify(row).includes('canary');
      for (const [column, value] of Object.entries(row)) note(`${name}.${column}`, value, planted, values);
    }
  }
  return values;
}

function note(at: string, value: unknown, planted: boolean, values: LootValue[]): void {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) note(at, inner, planted, values);
  } else if (typeof value === 'string' || typeof value === 'number') {
    values.push({ ...lootValue(at, value, /\.(id|\w+_id)$/.test(at)), ...(planted && { planted }) });
  }
}

/** Changes with every change of a tenant's rows. */
export async function rowsDigest(database: TestDatabase, slug: string): Promise<string> {
  const parts = (await tenantTables(database)).map(
    ({ name, key }) =>
      `(SELECT coalesce(sum(hashtextextended(t::text, 0)), 0) FROM "${name}" AS t WHERE "${key}" = $1)`,
  );
  const [row] = await database.asSuperuser<{ digest: string }>(
    `SELECT concat_ws(' ', ${parts.join(', ')}) AS digest`,
    [await database.tenantId(slug)],
  );
  return row!.digest;
}

const tenantTables = (database: TestDatabase): Promise<{ name: string; key: string }[]> =>
  database.asSuperuser(
    `SELECT table_name::text AS name, column_name::text AS key FROM information_schema.columns
     WHERE table_schema = 'public' AND (column_name = 'tenant_id' OR (table_name = 'tenants' AND column_name = 'id'))
     ORDER BY table_name`,
  );
