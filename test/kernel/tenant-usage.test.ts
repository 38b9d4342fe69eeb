/** Proves what operators see of counters, and that a repair sets exactly those that are wrong. */
import { expect, test } from 'vitest';
import { withOperatorConnection } from '../../src/services/operator/operator-connection.js';
import { findTenant } from '../../src/services/operator/tenants.js';
import { checkUse, readUse } from '../../src/services/operator/usage.js';
import { useDatabase } from '../support/database.js';

const database = useDatabase();

test('a wrong counter is shown, repaired, and right afterwards', async () => {
  await database().asSuperuser("UPDATE tenantry.resource_usage SET used = 9 WHERE resource = 'members'");
  const { operator: url, contextKey } = database();
  await withOperatorConnection({ url, operator: 'somebody', contextKey }, async (connection) => {
    const acme = await findTenant(connection, 'acme');
    const members = { slug: 'acme', resource: 'members' };
    expect(await readUse(connection, acme)).toContainEqual({ resource: 'members', used: 9 });
    expect(await readUse(connection, acme)).toContainEqual({ resource: 'apiKeys', used: 0 });
    expect(await checkUse(connection, acme, { repair: false })).toContainEqual({
      ...members,
      used: 9,
      rows: 4,
    });
    expect(await checkUse(connection, acme, { repair: true })).toContainEqual({
      ...members,
      used: 9,
      rows: 4,
    });
    expect(await checkUse(connection, acme, { repair: false })).toContainEqual({
      ...members,
      used: 4,
      rows: 4,
    });
    const globex = await findTenant(connection, 'globex');
    expect(await readUse(connection, globex)).toContainEqual({ resource: 'members', used: 9 });
  });
});
