import { userInfo } from 'node:os';
import process from 'node:process';
import { Command } from 'commander';
import { readConfig } from '../kernel/config/config.js';
import { withOperatorConnection, type OperatorConnection } from '../services/operator/operator-connection.js';
import {
  createTenant,
  findTenant,
  listTenants,
  setTenantStatus,
  type TenantRow,
} from '../services/operator/tenants.js';
import { commandUrls, demand } from './connect.js';

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
    .action(async (slug: string, options: { name: string; owner: string; email: string }) => {
      const owner = { userId: options.owner, email: options.email };
      print(await asOperator((connection) => createTenant(connection, { slug, name: options.name, owner })));
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
  return command;
};

async function asOperator<Result>(
  work: (connection: OperatorConnection) => Promise<Result>,
): Promise<Result> {
  const { operator, contextKey } = await commandUrls(readConfig(process.env, 'command'));
  const url = demand(operator, 'DATABASE_OPERATOR_URL');
  return withOperatorConnection({ url, operator: operatorName(), contextKey }, work);
}

/** The actor in the audit log: the user of this machine. In a container the uid may have no name. */
function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${String(process.getuid?.())}`;
  }
}

/** One tenant per line, as JSON. */
function print(tenant: TenantRow): void {
  process.stdout.write(`${JSON.stringify(tenant)}\n`);
}
