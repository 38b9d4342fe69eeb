/** Tenants of a test's database that have a schema of their own. */
import { OWNER_ROLE } from '../../src/kernel/database/owner-connection.js';
import { makeSchema } from '../../src/kernel/database/schemas/make-schema.js';
import { schemaOf } from '../../src/kernel/database/schemas/own-schema.js';
import { TABLES } from '../../src/kernel/database/schemas/structure.js';
import { newId } from '../../src/services/operator/cells.js';
import { createTenant } from '../../src/services/operator/tenants.js';
import { afterAll, beforeAll } from 'vitest';
import { useDatabase, type TestDatabase } from './database.js';
import { startTestServer, type TestServer, type TestServerOptions } from './server.js';
import { asOperatorOf } from './tenant-life.js';

/** Makes the schema of a tenant, which a clone's owner may not make yet. */
export async function makeTestSchema(database: TestDatabase, tenantId: string): Promise<string> {
  await database.asSuperuser(`GRANT CREATE ON DATABASE ${database.name} TO ${OWNER_ROLE}`);
  await makeSchema(database.superuser, tenantId);
  return schemaOf(tenantId);
}

/** Creates a tenant in a schema of its own, with the owner `owner-<slug>`. @returns its id */
export async function createPlaced(database: TestDatabase, slug: string): Promise<string> {
  return asOperatorOf(database, async (connection) => {
    const id = await newId(connection);
    await makeTestSchema(database, id);
    const owner = { userId: `owner-${slug}`, email: `owner@${slug}.test` };
    await createTenant(connection, { id, slug, name: slug, plan: 'free', owner });
    return id;
  });
}

/** Gives a tenant of the template a schema of its own, with the rows that it has. */
export async function placeExisting(database: TestDatabase, slug: string): Promise<string> {
  const id = await database.tenantId(slug);
  const schema = await makeTestSchema(database, id);
  const statements = TABLES.flatMap((table) => [
    `INSERT INTO ${schema}.${table} SELECT * FROM public.${table} WHERE tenant_id = '${id}'`,
    `DELETE FROM public.${table} WHERE tenant_id = '${id}'`,
  ]);
  // Without triggers, because nothing of the tenant changes.
  await database.asSuperuser(`DO $$ BEGIN
    SET LOCAL session_replication_role = replica; ${statements.join('; ')}; END $$`);
  return schema;
}

/** Starts a server in whose database these tenants of the template have schemas. Call it at the top level. */
export function useServerOfSchemas(
  slugs: readonly string[],
  options: TestServerOptions = {},
): () => TestServer {
  const database = useDatabase();
  let server: TestServer | undefined;
  beforeAll(async () => {
    for (const slug of slugs) await placeExisting(database(), slug);
    server = await startTestServer({ ...options, database: database() });
  });
  afterAll(() => server?.close());
  return () => server!;
}
