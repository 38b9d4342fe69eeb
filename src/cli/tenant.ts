import process from 'node:process';
import { Command } from 'commander';
import { readConfig } from '../kernel/config/config.js';
import type { Plans } from '../kernel/vocabulary/plan.js';
import { readPlans } from '../services/limits/plans.js';
import type { OperatorConnection } from '../services/operator/operator-connection.js';
import {
  createTenant,
  findTenant,
  listTenants,
  refuseUnknownPlan,
  setTenantPlan,
  setTenantStatus,
} from '../services/operator/tenants.js';
import { checkUse, readUse } from '../services/operator/usage.js';
import { asOperator } from './as-operator.js';
import { tenantEraseCommand } from './tenant-erase.js';
import { tenantExportCommand } from './tenant-export.js';
import { tenantImportCommand } from './tenant-import.js';

interface NewTenantOptions {
  readonly name: string;
  readonly owner: string;
  readonly email: string;
  readonly plan?: string;
}

interface UsageOptions {
  readonly check?: boolean;
  readonly repair?: boolean;
}

/** `tenantry tenant …` manages tenants, as an operator. Every change is in the tenant's audit log. */
export const tenantCommand = (): Command => {
  const command = new Command('tenant');
  command
    .command('create')
    .description('Create a tenant with its owner')
    .argument('<slug>', 'the subdomain')
    .requiredOption('--name <name>', 'the display name')
    .requiredOption('--owner <user id>', 'the founding owner: the sub claim of the identity provider')
    .requiredOption('--email <address>', 'the owner’s e-mail address')
    .option('--plan <name>', 'one of the plans of PLANS_FILE (default: the first of them)')
    .action(async (slug: string, options: NewTenantOptions) => {
      const { name, owner: userId, email } = options;
      const plans = configuredPlans();
      const plan = options.plan ?? plans.smallest.name;
      refuseUnknownPlan(plans, plan);
      const tenant = { slug, name, plan, owner: { userId, email } };
      print(await asOperator((connection) => createTenant(connection, tenant)));
    });
  command
    .command('list')
    .description('Print all tenants, by slug, one line of JSON each')
    .action(async () => {
      for (const tenant of await asOperator(listTenants)) print(tenant);
    });
  command
    .command('show')
    .description('Print a tenant as JSON')
    .argument('<slug>')
    .action(async (slug: string) => {
      print(await asOperator((connection) => findTenant(connection, slug)));
    });
  command
    .command('plan')
    .description('Move a tenant to another plan, within a second on every server')
    .argument('<slug>')
    .argument('<plan>', 'one of the plans of PLANS_FILE')
    .action(async (slug: string, plan: string) => {
      const plans = configuredPlans();
      print(await asOperator((connection) => setTenantPlan(connection, plans, slug, plan)));
    });
  command
    .command('usage')
    .description('Print what tenants use of each resource that plans limit, one line of JSON each')
    .argument('[slug]', 'default: all tenants')
    .option('--check', 'count the rows, and exit with 1 when a counter is wrong')
    .option('--repair', 'count the rows, and set the counters that are wrong')
    .action(async (slug: string | undefined, options: UsageOptions) => {
      await asOperator((connection) => printUsage(connection, slug, options));
    });
  for (const [name, status, description] of [
    ['suspend', 'suspended', 'Refuse all requests of a tenant, within a second on every server'],
    ['resume', 'active', 'Serve a suspended tenant again'],
  ] as const) {
    command
      .command(name)
      .description(description)
      .argument('<slug>')
      .action(async (slug: string) => {
        print(await asOperator((connection) => setTenantStatus(connection, slug, status)));
      });
  }
  command.addCommand(tenantExportCommand());
  command.addCommand(tenantImportCommand());
  command.addCommand(tenantEraseCommand());
  return command;
};

async function printUsage(
  connection: OperatorConnection,
  slug: string | undefined,
  { check = false, repair = false }: UsageOptions,
): Promise<void> {
  const tenants = slug === undefined ? await listTenants(connection) : [await findTenant(connection, slug)];
  for (const tenant of tenants) {
    if (!check && !repair) {
      for (const counter of await readUse(connection, tenant)) print({ slug: tenant.slug, ...counter });
      continue;
    }
    for (const checked of await checkUse(connection, tenant, { repair })) {
      print(checked);
      if (!repair && checked.used !== checked.rows) process.exitCode = 1;
    }
  }
}

const configuredPlans = (): Plans => readPlans(readConfig(process.env, 'command').plansFile);

/** One line, as JSON. */
function print(row: object): void {
  process.stdout.write(`${JSON.stringify(row)}\n`);
}
