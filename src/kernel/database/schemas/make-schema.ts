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
export async function makeSchema(ownerUrl: string, tenantId: string, isCopy = false): Promise<void> {
  const schema = schemaOf(tenantId);
  const split = splitterFor(new Set(TABLES));
  await withClient(actingAsOwner(ownerUrl), async (client) => {
    // A migration would change the tables meanwhile.
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
  });
}

/** Adds the check that no row of a table is another tenant's. */
export async function addOwnCheck(client: pg.Client, tenantId: string, table: string): Promise<void> {
  await client.query(
    `ALTER TABLE ${pg.escapeIdentifier(schemaOf(tenantId))}.${pg.escapeIdentifier(table)}
     ADD CONSTRAINT ${OWN_CHECK} CHECK (tenant_id = ${pg.escapeLiteral(tenantId.toLowerCase())})`,
  );
}

/** Drops the schema of a tenant that was not created. */
export async function dropSchema(ownerUrl: string, tenantId: string): Promise<void> {
  await withClient(actingAsOwner(ownerUrl), (client) =>
    inTransaction(client, () => client.query('SELECT tenantry.remove_schema($1)', [tenantId])),
  );
}

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
