/**
 * An export, an import or an erasure as a process, for tests that kill it: it says when it has begun. In small batches and
 * with many rows, so that there is something to interrupt.
 */
import process from 'node:process';
import { eraseTenant } from '../../src/services/lifecycle/erase-tenant.js';
import { exportToFile } from '../../src/services/lifecycle/export-file.js';
import { importTenant } from '../../src/services/lifecycle/import-tenant.js';
import { withOperatorConnection } from '../../src/services/operator/operator-connection.js';

const { DATABASE_OPERATOR_URL: url = '', CONTEXT_SIGNING_KEY: contextKey } = process.env;
const [what, tenant = '', file = ''] = process.argv.slice(2);

await withOperatorConnection({ url, operator: 'tester', contextKey }, async (connection) => {
  process.stdout.write('it has begun\n');
  if (what === 'export')
    await exportToFile(connection, { slug: tenant, output: file, disguise: 'none', reason: 'test' });
  else if (what === 'import')
    await importTenant(connection, { file, slug: tenant, newIds: false, reason: 'test' });
  else {
    const order = { tenantId: tenant, stores: [], keepTrail: false, keys: undefined, batch: 50 };
    await eraseTenant(connection, order);
  }
});
