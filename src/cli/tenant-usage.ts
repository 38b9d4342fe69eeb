import process from 'node:process';
import { Command } from 'commander';
import type { OperatorConnection } from '../services/operator/operator-connection.js';
import { findTenant, listTenants } from '../services/operator/tenants.js';
import { checkUse, readUse } from '../services/operator/usage.js';
import { asOperatorOf, inEachCell } from './as-operator.js';
import { printRows } from './output.js';
import { reasonOf, reasonOption, type Reasoned } from './reason.js';

interface UsageOptions extends Reasoned {
  readonly check?: boolean;
  readonly repair?: boolean;
  readonly json?: boolean;
}

/** `tenantry tenant usage` prints the counters of tenants, and repairs them. */
export const usageCommand = (): Command =>
  new Command('usage')
    .description('Print what tenants use of each resource that plans limit, one line of JSON each')
    .argument('[slug]', 'default: all tenants')
    .option('--check', 'count the rows, and exit with 1 when a counter is wrong')
    .option('--repair', 'count the rows, and set the counters that are wrong')
    .addOption(reasonOption())
    .option('--json', 'print JSON also on a terminal')
    .action(async (slug: string | undefined, options: UsageOptions) => {
      if (slug === undefined) await inEachCell((connection) => printUsage(connection, undefined, options));
      else await asOperatorOf(slug, (connection) => printUsage(connection, slug, options));
    });

async function printUsage(
  connection: OperatorConnection,
  slug: string | undefined,
  options: UsageOptions,
): Promise<void> {
  const { check = false, repair = false, json } = options;
  const tenants = slug === undefined ? await listTenants(connection) : [await findTenant(connection, slug)];
  if (tenants.length === 0) process.stderr.write('There are no tenants.\n');
  const reason = reasonOf(options, 'tenant usage');
  for (const tenant of tenants) {
    // A list of all tenants is in no audit log, unless it changes something.
    if (slug !== undefined || repair) {
      const action = repair ? 'usage_repaired' : 'usage_read';
      await connection.acting(tenant.id, { action, reason }, () => Promise.resolve());
    }
    if (!check && !repair) {
      const counters = await readUse(connection, tenant);
      printRows(
        counters.map((counter) => ({ slug: tenant.slug, ...counter })),
        { json },
      );
      continue;
    }
    const checked = await checkUse(connection, tenant, { repair });
    printRows(checked, { json });
    if (!repair && checked.some(({ used, rows }) => used !== rows)) process.exitCode = 1;
  }
}
