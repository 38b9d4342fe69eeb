/** A database in which a new migration is tried before it is written. It is dropped at the end. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { MigrationError, messageOf } from '../migration-error.js';
import {
  APP_ROLE,
  OPERATOR_ROLE,
  OWNER_ROLE,
  actingAsOwner,
  withClient,
  withDatabase,
} from '../owner-connection.js';
import { hasTenant, type Model } from './models.js';
import { nameOf } from './script.js';
import { sqlState } from '../../vocabulary/sql-state.js';

/** A scratch database with the present migrations. */
export interface Scratch {
  readonly url: string;
  /** Acts as the owner. */
  readonly client: pg.Client;
}

/**
 * Calls `work` with a database in which `apply` has applied the present migrations.
 *
 * @throws MigrationError when it cannot be created; errors of `work` are passed on
 */
export async function withScratchDatabase<T>(
  ownerUrl: string,
  apply: (url: string) => Promise<unknown>,
  work: (scratch: Scratch) => Promise<T>,
): Promise<T> {
  const database = `tenantry_scratch_${randomUUID().replaceAll('-', '')}`;
  const url = withDatabase(ownerUrl, database);
  await withClient(ownerUrl, (client) =>
    // template0, because a session connected to template1 would block this.
    client.query(`CREATE DATABASE ${database} OWNER ${OWNER_ROLE} TEMPLATE template0`),
  );
  try {
    await apply(url);
    return await withClient(actingAsOwner(url), (client) => work({ url, client }));
  } finally {
    await withClient(actingAsOwner(ownerUrl), (client) => drop(client, database));
  }
}

/** How often a drop is tried, once a second. */
const DROPS = 30;
const INSUFFICIENT_PRIVILEGE = '42501';

/** Only a superuser may end an autovacuum worker. It ends by itself: a scratch database is small. */
async function drop(client: pg.Client, database: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
      return;
    } catch (error) {
      if (sqlState(error) !== INSUFFICIENT_PRIVILEGE || tries === DROPS) throw error;
    }
    await sleep(1_000);
  }
}

/**
 * The tables of these models that exist without tenant_id, although their models have one.
 *
 * @returns the names of the tables
 */
export async function tablesWithoutTheirTenant(
  client: pg.Client,
  models: readonly Model[],
): Promise<string[]> {
  const found: string[] = [];
  for (const model of models.filter(hasTenant)) {
    const { rowCount } = await client.query(
      `SELECT FROM pg_class WHERE oid = to_regclass($1) AND relkind IN ('r', 'p')
         AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'tenant_id' AND NOT attisdropped)`,
      [nameOf(model)],
    );
    if (rowCount === 1) found.push(model.table);
  }
  return found;
}

/** The models whose tables or views do not exist. */
export async function missingRelations(client: pg.Client, models: readonly Model[]): Promise<Model[]> {
  const missing: Model[] = [];
  for (const model of models) {
    const { rows } = await client.query<{ found: boolean }>('SELECT to_regclass($1) IS NOT NULL AS found', [
      nameOf(model),
    ]);
    if (rows[0]?.found === false) missing.push(model);
  }
  return missing;
}

/** Statements that grant the sequences of tables to the roles that may insert into these, and do not have them. */
export async function missingSequenceGrants(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ statement: string }>(
    `SELECT format('GRANT USAGE ON SEQUENCE %s TO %I;', s.oid::regclass, role) AS statement
     FROM pg_depend d
     JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
     JOIN pg_class t ON t.oid = d.refobjid AND t.relnamespace <> 'tenantry'::regnamespace
     CROSS JOIN unnest(ARRAY['${APP_ROLE}', '${OPERATOR_ROLE}']) AS role
     WHERE d.refclassid = 'pg_class'::regclass AND d.deptype = 'a'
       AND has_table_privilege(role, t.oid, 'INSERT') AND NOT has_sequence_privilege(role, s.oid, 'USAGE')
     ORDER BY 1`,
  );
  return rows.map(({ statement }) => statement);
}

/**
 * What is wrong with the tables of a database, one sentence each: conditions of `tenantry.protect` that do not hold,
 * tables of tenants that are not protected, and tables that neither belong to tenants nor are shared.
 */
export async function wrongTables(client: pg.Client, models: readonly Model[]): Promise<string[]> {
  const { rows } = await client.query<Relation>(RELATIONS);
  const byName = new Map(models.map((model) => [`${model.schema ?? 'public'}.${model.table}`, model]));
  const sentences: string[] = [];
  for (const relation of rows) {
    const model = byName.get(`${relation.schema}.${relation.table}`);
    const sentence = relation.scoped
      ? await refusalOf(client, `SELECT tenantry.isolate('${relation.name.replaceAll("'", "''")}')`)
      : faultOf(relation, model);
    if (sentence !== undefined) sentences.push(sentence);
  }
  for (const model of models.filter((each) => !hasTenant(each) && each.shared === undefined)) {
    const { rowCount } = await client.query(
      "SELECT FROM pg_class WHERE oid = to_regclass($1) AND relkind IN ('v', 'm')",
      [nameOf(model)],
    );
    if (rowCount !== 1) continue;
    sentences.push(
      `The view ${model.name} has no tenantId: give it one, or declare it with the line /// @shared before it.`,
    );
  }
  return sentences;
}

interface Relation {
  readonly schema: string;
  readonly table: string;
  /** As SQL writes it. */
  readonly name: string;
  /** Whether it has the isolation policy. */
  readonly scoped: boolean;
  readonly hasTenant: boolean;
  /** Whether the server may read it. */
  readonly granted: boolean;
}

const RELATIONS = `
  SELECT n.nspname AS schema, c.relname AS table, format('%I.%I', n.nspname, c.relname) AS name,
         EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = 'tenant_isolation') AND c.relname <> 'tenants' AS scoped,
         EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant_id' AND NOT attisdropped) AS "hasTenant",
         has_table_privilege('${APP_ROLE}', c.oid, 'SELECT') AS granted
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN ('tenantry', 'pg_catalog', 'information_schema')
    AND n.nspname NOT LIKE 'pg\\_%' AND NOT (n.nspname = 'public' AND c.relname IN ('tenants', '_prisma_migrations'))
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND classid = 'pg_class'::regclass AND deptype = 'e')
  ORDER BY 1, 2`;

function faultOf(
  { name, hasTenant: isTenants, granted }: Relation,
  model: Model | undefined,
): string | undefined {
  if (isTenants) {
    return `${name} has a tenant_id, but is not protected: SELECT tenantry.protect('${name.replaceAll("'", "''")}');`;
  }
  // A table without a model is nothing that the server reads; the audit judges its privileges.
  if (model === undefined || (granted && model.shared !== undefined)) return undefined;
  if (model.shared !== undefined) {
    return `${name} is declared as shared, but the server may not read it: SELECT tenantry.share('${name.replaceAll("'", "''")}');`;
  }
  return (
    `${name} has no tenant_id: give the model ${model.name} a tenantId, or declare that all tenants share its rows, ` +
    'with the line /// @shared before the model (docs/add-a-model.md).'
  );
}

async function refusalOf(client: pg.Client, sql: string): Promise<string | undefined> {
  await client.query('BEGIN');
  try {
    await client.query(sql);
    return undefined;
  } catch (error) {
    return `${messageOf(error)}.`;
  } finally {
    await client.query('ROLLBACK');
  }
}

/** Applies a script as `migrate` would. @throws MigrationError when PostgreSQL refuses it */
export async function tryScript(client: pg.Client, script: string): Promise<void> {
  try {
    await client.query(script);
  } catch (error) {
    throw new MigrationError(`The new migration would fail: ${messageOf(error)}.`, { cause: error });
  }
}
