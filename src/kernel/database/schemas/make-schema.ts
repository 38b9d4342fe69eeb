/**
 * Makes and drops the schema of a tenant, as the owner of the objects. All or nothing: a schema that exists has all tables of
 * the application, each like the one in `public`, and holds rows of its tenant only.
 */
import pg from 'pg';
import { MigrationError } from '../migration-error.js';
import { lockMigrations } from '../migration/way-back.js';
import { actingAsOwner, APP_ROLE, OPERATOR_ROLE, withClient } from '../owner-connection.js';
import { schemaOf } from './own-schema.js';
import { splitterFor } from './placed-sql.js';
import { differencesOf, OWN_CHECK, readParts, refuseObstacles, sentenceOf, TABLES } from './structure.js';

/** How long a statement waits for a lock, and so how long it can hold up others. */
export const LOCK_MS = 800;

/**
 * Makes the schema of a tenant. Call it before the tenant is created.
 *
 * @param isCopy whether it is for the copy of a tenant that is moved into it; then servers may not use it yet
 * @throws MigrationError when the database cannot be reached, or has tables that cannot be copied; the errors of the database
 */
export const makeSchema = (ownerUrl: string, tenantId: string, isCopy = false): Promise<void> =>
  withSchema(ownerUrl, tenantId, () => Promise.resolve(), isCopy);

/**
 * The same, and then `create`, which creates the tenant. Nothing is left of the schema when that fails. A process that is ended
 * in between leaves a schema without a tenant, for {@link removeOrphans}.
 *
 * @throws as `makeSchema`; what `create` throws
 */
export async function withSchema<Result>(
  ownerUrl: string,
  tenantId: string,
  create: () => Promise<Result>,
  isCopy = false,
): Promise<Result> {
  const schema = schemaOf(tenantId);
  const split = splitterFor(new Set(TABLES));
  return withClient(actingAsOwner(ownerUrl), async (client) => {
    // A migration would change the tables meanwhile. It is held until the tenant is there, so that nobody takes the schema for
    // one that was left behind; it ends with the session.
    await lockMigrations(client);
    await inTransaction(client, async () => {
      await refuseObstacles(client);
      const shared = await readParts(client, 'public');
      const quoted = pg.escapeIdentifier(schema);
      await client.query(`CREATE SCHEMA ${quoted}`);
      await client.query(`GRANT USAGE ON SCHEMA ${quoted} TO ${OPERATOR_ROLE}`);
      if (!isCopy) await client.query(`GRANT USAGE ON SCHEMA ${quoted} TO ${APP_ROLE}`);
      for (const { sql } of shared) await client.query(split(sql).join(quoted));
      for (const table of TABLES) await addOwnCheck(client, tenantId, table);
      const problem = sentenceOf(differencesOf(shared, await readParts(client, schema), schema));
      if (problem !== undefined)
        throw new MigrationError(`The schema ${schema} is not like public: ${problem}`);
      await client.query(
        `SELECT tenantry.${isCopy ? 'note_copy' : 'record_schema'}($1, (
           SELECT max(migration_name COLLATE "C") FROM public._prisma_migrations
           WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL
         ))`,
        [tenantId],
      );
    });
    try {
      return await create();
    } catch (error) {
      await removeSchema(client, tenantId);
      throw error;
    }
  });
}

/** Adds the check that no row of a table is another tenant's. */
export async function addOwnCheck(client: pg.Client, tenantId: string, table: string): Promise<void> {
  await client.query(
    `ALTER TABLE ${pg.escapeIdentifier(schemaOf(tenantId))}.${pg.escapeIdentifier(table)}
     ADD CONSTRAINT ${OWN_CHECK} CHECK (tenant_id = ${pg.escapeLiteral(tenantId.toLowerCase())})`,
  );
}

const removeSchema = (client: pg.Client, tenantId: string): Promise<unknown> =>
  inTransaction(client, () => client.query('SELECT tenantry.remove_schema($1)', [tenantId]));

/** A schema whose tenant does not exist. */
export interface Orphan {
  readonly schema: string;
  /** Whether it was removed; one in which rows were ever written is not. */
  readonly removed: boolean;
}

/**
 * Removes the schemas without a tenant that a process has left behind which was ended between making a schema and creating its
 * tenant. One that is being made, moved or erased is none of them.
 *
 * @throws MigrationError when the database cannot be reached
 */
export async function removeOrphans(ownerUrl: string): Promise<Orphan[]> {
  return withClient(actingAsOwner(ownerUrl), async (client) => {
    if ((await orphansIn(client)).length === 0) return [];
    // Waits for the processes that are about to create a tenant.
    await lockMigrations(client);
    const orphans = await orphansIn(client);
    for (const { subject, removed } of orphans) if (removed) await removeSchema(client, subject);
    return orphans.map(({ subject, removed }) => ({ schema: schemaOf(subject), removed }));
  });
}

/** Tables without a page have never had a row. Counting would find none in any case: row-level security holds for the owner. */
const orphansIn = async (client: pg.Client) =>
  (
    await client.query<{ subject: string; removed: boolean }>(
      `SELECT s.subject::text, NOT EXISTS (
         SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = tenantry.schema_of(s.subject) AND c.relkind = 'r' AND pg_relation_size(c.oid) > 0
       ) AS removed
       FROM tenantry.schemas s
       WHERE NOT EXISTS (SELECT FROM public.tenants t WHERE t.id = s.subject)
         AND NOT EXISTS (SELECT FROM tenantry.moves m WHERE m.subject = s.subject)
         AND NOT EXISTS (SELECT FROM tenantry.erasures e WHERE e.subject = s.subject)
       ORDER BY s.subject`,
    )
  ).rows;

/** Runs `work` in a transaction that waits briefly for its locks. */
export async function inTransaction<Result>(client: pg.Client, work: () => Promise<Result>): Promise<Result> {
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL lock_timeout = ${String(LOCK_MS)}`);
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
