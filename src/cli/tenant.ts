import process from 'node:process';
import { Command, InvalidArgumentError, Option } from 'commander';
import { readConfig } from '../kernel/config/config.js';
import { DEFAULT_PAGE, LARGEST_PAGE, Page } from '../kernel/graphql/connection.js';
import type { Plans } from '../kernel/vocabulary/plan.js';
import type { TenantStatus } from '../kernel/vocabulary/tenant-status.js';
import { readPlans } from '../services/limits/plans.js';
import { renameTenantIn } from '../services/operator/rename-tenant.js';
import type { OperatorConnection } from '../services/operator/operator-connection.js';
import {
  TENANT_ORDERS,
  tenantsOfPageIn,
  type ListedTenant,
  type TenantOrder,
} from '../services/operator/tenant-list.js';
import {
  readTenant,
  resumeTenant,
  setTenantPlan,
  suspendTenant,
  type TenantRow,
} from '../services/operator/tenants.js';
import { asOperatorOf, asOperatorOfCells } from './as-operator.js';
import { reasonOf, reasonOption } from './reason.js';
import { tenantCreateCommand } from './tenant-create.js';
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
    tenantCreateCommand,
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
  await asOperatorOfCells(async (cells) => {
    const { reachable } = await cells.forLists();
    let cursor: string | null | undefined = after;
    do {
      const page: Page = new Page({ first: limit ?? LARGEST_PAGE, after: cursor }, order);
      const rows = await tenantsOfPageIn(reachable, page, { search, status, plan });
      const { nodes, pageInfo } = page.connection<ListedTenant>(rows, () => Promise.resolve(0));
      printRows(
        nodes.map(({ createdAt, ...tenant }) => ({ ...tenant, created_at: createdAt })),
        { json },
        cursor === undefined ? 'There are no such tenants.' : undefined,
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
