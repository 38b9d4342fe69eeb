import { withOperatorConnection } from '../../src/services/operator/operator-connection.js';
import { createTenant, type TenantRow } from '../../src/services/operator/tenants.js';
import type { TestDatabase } from './database.js';

/** Creates a tenant for a test. Its owner is `owner|<slug>`, owner@<slug>.test. */
export async function createTestTenant(database: TestDatabase, slug: string): Promise<TenantRow> {
  const owner = { userId: `owner|${slug}`, email: `owner@${slug}.test` };
  const { operator: url, contextKey } = database;
  return withOperatorConnection({ url, operator: 'test', contextKey }, (connection) =>
    createTenant(connection, { slug, name: slug, owner }),
  );
}

/** Makes a user a member of a tenant, directly in the database. */
export async function addMember(
  database: TestDatabase,
  member: { readonly slug: string; readonly userId: string; readonly email: string; readonly role: string },
): Promise<void> {
  await database.asSuperuser(
    'INSERT INTO memberships (tenant_id, user_id, email, role) SELECT id, $2, $3, $4 FROM tenants WHERE slug = $1',
    [member.slug, member.userId, member.email, member.role],
  );
}
