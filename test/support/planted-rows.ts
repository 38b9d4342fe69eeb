/**
 * Plants a row in each of a tenant's tables with a canary in every column: a text, number, id or time that occurs
 * nowhere else. It reads the catalog, so tables and columns that are added later are covered.
 */
import pg from 'pg';
import { lootValue, newMark, type LootValue } from 'tenantry-attack';
import { insertAnyRow, NoRowError, type Query } from './any-rows.js';
import type { TestDatabase } from './database.js';
import { insertJob } from './rows.js';

/** Values for columns whose texts the server interprets. */
const KEPT: Readonly<Record<string, unknown>> = {
  permissions: ['members:read'],
  action: 'thing.happened',
  events: ['thing.happened'],
};

/**
 * Inserts the rows as the superuser, with triggers disabled.
 *
 * @returns the tables in which no row could be planted, each with the reason
 */
export async function plantRows(database: TestDatabase, slug: string): Promise<string[]> {
  const tenantId = await database.tenantId(slug);
  const client = new pg.Client({ connectionString: database.superuser });
  await client.connect();
  const query: Query = async <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
    (await client.query<Row>(sql, [...values])).rows;
  const failures: string[] = [];
  try {
    await client.query('SET session_replication_role = replica');
    for (const { schema, name, key } of await tenantTables(database)) {
      if (key !== 'tenant_id' || schema !== 'public') continue;
      try {
        await insertAnyRow(query, { table: name, tenantId, values: KEPT });
      } catch (error) {
        if (!(error instanceof NoRowError)) throw error;
        failures.push(error.message);
      }
    }
    await insertJob(database, slug, {
      task: newMark(),
      // The word user occurs in every answer BAD_USER_INPUT.
      actorType: 'operator',
      actor: newMark(),
      requestId: newMark(),
      lastError: newMark(),
    });
    await client.query(
      'UPDATE tenants SET name = $2, plan = $3, billing_email = $4, settings = $5 WHERE id = $1',
      [tenantId, newMark(), newMark(), `${newMark()}@example.com`, JSON.stringify({ text: newMark() })],
    );
    return failures;
  } finally {
    await client.end();
  }
}

/** Every value in the rows of a tenant, whether the API shows it or not. */
export async function rowValues(database: TestDatabase, slug: string): Promise<LootValue[]> {
  const tenantId = await database.tenantId(slug);
  const tables = await tenantTables(database);
  const values: LootValue[] = [];
  for (const { schema, name, key } of tables) {
    const rows = await database.asSuperuser<{ row: object }>(
      `SELECT to_jsonb(t) AS row FROM "${schema}"."${name}" AS t WHERE "${key}" = $1`,
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
    values.push({
      ...lootValue(at, value, /\.(id|\w+_id)$/.test(at) ? 'ID' : ''),
      ...(planted && { planted }),
    });
  }
}

/** A digest that changes with every change of a tenant's rows. */
export async function rowsDigest(database: TestDatabase, slug: string): Promise<string> {
  const parts = (await tenantTables(database)).map(
    ({ schema, name, key }) =>
      `(SELECT coalesce(sum(hashtextextended(t::text, 0)), 0) FROM "${schema}"."${name}" AS t WHERE "${key}" = $1)`,
  );
  const [row] = await database.asSuperuser<{ digest: string }>(
    `SELECT concat_ws(' ', ${parts.join(', ')}) AS digest`,
    [await database.tenantId(slug)],
  );
  return row!.digest;
}

/** Those of modules, and the kernel's table of jobs, which the API shows. */
const tenantTables = (database: TestDatabase): Promise<{ schema: string; name: string; key: string }[]> =>
  database.asSuperuser(
    `SELECT table_schema::text AS schema, table_name::text AS name, column_name::text AS key
     FROM information_schema.columns
     WHERE (table_schema = 'public' OR (table_schema, table_name) = ('tenantry', 'jobs'))
       AND (column_name = 'tenant_id' OR (table_name = 'tenants' AND column_name = 'id'))
     ORDER BY table_name`,
  );
