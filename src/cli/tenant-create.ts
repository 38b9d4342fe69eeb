import process from 'node:process';
import { Command, Option } from 'commander';
import { cellVariable } from '../kernel/config/cells.js';
import { ConfigError } from '../kernel/config/config-error.js';
import { readConfig } from '../kernel/config/config.js';
import { withSchema } from '../kernel/database/schemas/make-schema.js';
import { schemaOf } from '../kernel/database/schemas/own-schema.js';
import { readPlans } from '../services/limits/plans.js';
import { createTenantIn, newId } from '../services/operator/cells.js';
import {
  createTenant,
  refuseUnknownPlan,
  type NewTenant,
  type TenantRow,
} from '../services/operator/tenants.js';
import { asOperator, asOperatorOfCells } from './as-operator.js';
import { commandUrls, demand } from './connect.js';
import { printRows } from './output.js';
import { reasonOf, reasonOption, type Reasoned } from './reason.js';

export const PLACEMENTS = ['shared', 'schema', 'database'] as const;

interface CreateOptions extends Reasoned {
  readonly name: string;
  readonly owner: string;
  readonly email: string;
  readonly plan?: string;
  readonly placement?: (typeof PLACEMENTS)[number];
  readonly cell?: string;
  readonly json?: boolean;
}

/** `tenantry tenant create SLUG` creates a tenant: in the tables of all, in a schema of its own, or in a database of its own. */
export const tenantCreateCommand = (): Command =>
  new Command('create')
    .description('Create a tenant with its owner')
    .argument('<slug>', 'the subdomain')
    .requiredOption('--name <name>', 'the display name')
    .requiredOption('--owner <user id>', 'the founding owner: the sub claim of the identity provider')
    .requiredOption('--email <address>', 'the owner’s e-mail address')
    .option('--plan <name>', 'one of the plans of PLANS_FILE (default: the first of them)')
    .addOption(
      new Option(
        '--placement <kind>',
        'where its data is: with that of others, in a schema or in a database of its own',
      ).choices(PLACEMENTS),
    )
    .option('--cell <name>', 'the cell (default: that of DATABASE_URL)')
    .addOption(reasonOption())
    .option('--json', 'print JSON also on a terminal')
    .action(async (slug: string, options: CreateOptions) => {
      const { name, owner: userId, email, placement } = options;
      const config = readConfig(process.env, 'command');
      const plans = readPlans(config.plansFile);
      const plan = options.plan ?? plans.smallest.name;
      refuseUnknownPlan(plans, plan);
      const tenant = { slug, name, plan, owner: { userId, email } };
      const reason = reasonOf(options, 'tenant create');
      const cell = options.cell === 'default' ? undefined : options.cell;
      if (placement === 'database' && cell === undefined) {
        throw new ConfigError('Say the --cell that is the database of this tenant alone.');
      }
      const create = (made: NewTenant): Promise<TenantRow> =>
        cell === undefined
          ? asOperator((home) => createTenant(home, made, reason))
          : asOperatorOfCells((cells) =>
              createTenantIn(cells, cell, made, { reason, alone: placement === 'database' }),
            );
      printRows(
        [await (placement === 'schema' ? inOwnSchema(cell, tenant, create) : create(tenant))],
        options,
      );
    });

/** Creates the tenant in a schema of its own, which is made first, so that nobody finds the tenant without it. */
async function inOwnSchema(
  cell: string | undefined,
  tenant: NewTenant,
  create: (tenant: NewTenant) => Promise<TenantRow>,
): Promise<TenantRow & { readonly schema: string }> {
  const owner = await ownerOf(cell);
  const id = await asOperator(newId);
  const created = await withSchema(owner, id, () => create({ ...tenant, id }));
  return { ...created, schema: schemaOf(id) };
}

/** The URL of the owner of a cell's objects. @throws ConfigError when it is not configured */
export async function ownerOf(name: string | undefined): Promise<string> {
  const config = readConfig(process.env, 'command');
  if (name === undefined) return demand((await commandUrls(config)).owner, 'DATABASE_OWNER_URL');
  const cell = config.cells.find((each) => each.name === name);
  return demand(cell?.ownerUrl, cellVariable(name, 'OWNER'));
}
