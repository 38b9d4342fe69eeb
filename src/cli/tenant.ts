import process from 'node:process';
import { Command, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../kernel/config/config-error.js';
import { readConfig } from '../kernel/config/config.js';
import { DEFAULT_PAGE, LARGEST_PAGE, Page } from '../kernel/graphql/connection.js';
import type { Plans } from '../kernel/vocabulary/plan.js';
import type { TenantStatus } from '../kernel/vocabulary/tenant-status.js';
import { readPlans } from '../services/limits/plans.js';
import { createTenantIn } from '../services/operator/cells.js';
import { renameTenantIn } from '../services/operator/rename-tenant.js';
import type { OperatorConnection } from '../services/operator/operator-connection.js';
import {
  TENANT_ORDERS,
  tenantsOfPageIn,
  type ListedTenant,
  type TenantOrder,
} from '../services/operator/tenant-list.js';
import {
  createTenant,
  readTenant,
  refuseUnknownPlan,
  resumeTenant,
  setTenantPlan,
  suspendTenant,
  type TenantRow,
} from '../services/operator/tenants.js';
import { asOperator, asOperatorOf, asOperatorOfCells } from './as-operator.js';
import { reasonOf, reasonOption } from './reason.js';
import { tenantEraseCommand } from './tenant-erase.js';
import { tenantExportCommand } from './tenant-export.js';
import { tenantImportCommand } from './tenant-import.js';
import { printRows } from './output.js';
import { tenantMoveCommand } from './tenant-move.js';
import { topCommand } from './tenant-top.js';
import { usageCommand } from './tenant-usage.js';

/** The options of every command for tenants. */
interface Told {
  readonly json?: boolean;
  readonly reason?: string;
}

interface NewTenantOptions extends Told {
  readonly name: string;
  readonly owner: string;
  readonly email: string;
  readonly plan?: string;
  readonly placement?: 'shared' | 'database';
  readonly cell?: string;
}

interface ListOptions extends Told {
  readonly search?: string;
  readonly status?: TenantStatus;
  readonly plan?: string;
  readonly sort: TenantOrder;
  readonly desc?: boolean;
  readonly limit?: number;
  readonly after?: string;
}

/**
 * `tenantry tenant …` manages tenants, as an operator. Every change, and every look at one tenant, is in the tenant's audit log
 * with its reason.
 */
export const tenantCommand = (): Command => {
  const command = new Command('tenant');
  forOne(command, 'create', 'Create a tenant with its owner')
    .requiredOption('--name <name>', 'the display name')
    .requiredOption('--owner <user id>', 'the founding owner: the sub claim of the identity provider')
    .requiredOption('--email <address>', 'the owner’s e-mail address')
    .option('--plan <name>', 'one of the plans of PLANS_FILE (default: the first of them)')
    .addOption(
      new Option('--placement <kind>', 'in a database with other tenants, or in one of its own').choices([
        'shared',
        'database',
      ]),
    )
    .option('--cell <name>', 'the cell (default: that of DATABASE_URL)')
    .action(async (slug: string, options: NewTenantOptions) => {
      const { name, owner: userId, email } = options;
      const plans = configuredPlans();
      const plan = options.plan ?? plans.smallest.name;
      refuseUnknownPlan(plans, plan);
      const tenant = { slug, name, plan, owner: { userId, email } };
      const reason = reasonOf(options, 'tenant create');
      const { cell, placement = cell === undefined ? undefined : 'shared' } = options;
      if (placement === 'database' && cell === undefined) {
        throw new ConfigError('Say the --cell that is the database of this tenant alone.');
      }
      const created =
        cell === undefined || cell === 'default'
          ? asOperator((connection) => createTenant(connection, tenant, reason))
          : asOperatorOfCells((cells) =>
              createTenantIn(cells, cell, tenant, { reason, alone: placement === 'database' }),
            );
      printRows([await created], options);
    });
  command
    .command('list')
    .description('Print all tenants, one line of JSON each, or a table on a terminal')
    .option('--search <text>', 'only those with this text in the slug or the name')
    .addOption(
      new Option('--status <status>', 'only those with this status').choices(['active', 'suspended']),
    )
    .option('--plan <name>', 'only those with this plan')
    .addOption(new Option('--sort <by>', 'the order').choices(Object.keys(TENANT_ORDERS)).default('slug'))
    .option('--desc', 'in reverse order')
    .option('--limit <number>', `one page of so many tenants, at most ${String(LARGEST_PAGE)}`, parseLimit)
    .option('--after <cursor>', 'the page behind another one, which has told this cursor')
    .option('--json', 'print JSON also on a terminal')
    .action(list);
  forOne(command, 'show', 'Print a tenant').action(async (slug: string, options: Told) => {
    await print(slug, options, (connection) =>
      readTenant(connection, slug, reasonOf(options, 'tenant show')),
    );
  });
  forOne(command, 'plan', 'Move a tenant to another plan, within a second on every server')
    .argument('<plan>', 'one of the plans of PLANS_FILE')
    .action(async (slug: string, plan: string, options: Told) => {
      const plans = configuredPlans();
      const change = { slug, plan, reason: reasonOf(options, 'tenant plan') };
      await print(slug, options, (connection) => setTenantPlan(connection, plans, change));
    });
  forOne(command, 'rename', 'Change the name of a tenant, its slug, or both')
    .argument('[name]', 'the new name')
    .option('--slug <new slug>', 'the new slug; under the former one nobody finds the tenant any more')
    .action(async (slug: string, name: string | undefined, options: Told & { readonly slug?: string }) => {
      const change = { slug, name, newSlug: options.slug, reason: reasonOf(options, 'tenant rename') };
      printRows([await asOperatorOfCells((cells) => renameTenantIn(cells, change))], options);
    });
  forOne(
    command,
    'suspend',
    'Refuse all requests of a tenant, within a second on every server; members read the --reason',
  ).action(async (slug: string, options: Told) => {
    const change = { slug, reason: reasonOf(options, 'tenant suspend'), told: options.reason };
    await print(slug, options, (connection) => suspendTenant(connection, change));
  });
  forOne(command, 'resume', 'Serve a suspended tenant again').action(async (slug: string, options: Told) => {
    await print(slug, options, (connection) =>
      resumeTenant(connection, { slug, reason: reasonOf(options, 'tenant resume') }),
    );
  });
  const others = [
    tenantExportCommand,
    tenantImportCommand,
    tenantMoveCommand,
    tenantEraseCommand,
    usageCommand,
    topCommand,
  ];
  for (const made of others) command.addCommand(made());
  return command;
};

/** A command for one tenant, with the options of all of them. */
const forOne = (command: Command, name: string, description: string): Command =>
  command
    .command(name)
    .description(description)
    .argument('<slug>', 'the subdomain')
    .addOption(reasonOption())
    .option('--json', 'print JSON also on a terminal');

async function print(
  slug: string,
  options: Told,
  work: (connection: OperatorConnection) => Promise<TenantRow>,
): Promise<void> {
  printRows([await asOperatorOf(slug, work)], options);
}

/** Without a limit, all tenants, read page by page. */
async function list({
  search,
  status,
  plan,
  sort,
  desc = false,
  limit,
  after,
  json,
}: ListOptions): Promise<void> {
  const order = { key: TENANT_ORDERS[sort], direction: desc ? ('desc' as const) : ('asc' as const) };
  await asOperatorOfCells(async ({ all }) => {
    let cursor: string | null | undefined = after;
    do {
      const page: Page = new Page({ first: limit ?? LARGEST_PAGE, after: cursor }, order);
      const rows = await tenantsOfPageIn(all, page, { search, status, plan });
      const { nodes, pageInfo } = page.connection<ListedTenant>(rows, () => Promise.resolve(0));
      printRows(
        nodes.map(({ createdAt, ...tenant }) => ({ ...tenant, created_at: createdAt })),
        { json },
      );
      cursor = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    } while (limit === undefined && cursor !== null);
    if (cursor !== null) process.stderr.write(`There are more: --after ${cursor}\n`);
  });
}

const configuredPlans = (): Plans => readPlans(readConfig(process.env, 'command').plansFile);

function parseLimit(value: string): number {
  const limit = Number(value);
  if (Number.isInteger(limit) && limit >= 1 && limit <= LARGEST_PAGE) return limit;
  throw new InvalidArgumentError(
    `It is no whole number from 1 to ${String(LARGEST_PAGE)}, ${String(DEFAULT_PAGE)} for instance.`,
  );
}
