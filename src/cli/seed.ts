import process from 'node:process';
import { Command } from 'commander';
import { readConfig } from '../kernel/config/config.js';
import { ConfigError } from '../kernel/config/config-error.js';
import { modules } from '../modules.js';
import { readPlans } from '../services/limits/plans.js';
import { seedDemo } from '../services/operator/demo-seed.js';
import { withOperatorConnection } from '../services/operator/operator-connection.js';
import { commandUrls, demand, withDatabase } from './connect.js';

/** `tenantry seed` creates the demo tenants. */
export const seedCommand = (): Command =>
  new Command('seed').action(async () => {
    const config = readConfig(process.env, 'command');
    if (config.production) throw new ConfigError('The demo tenants are not for production.');
    const plan = readPlans(config.plansFile).smallest.name;
    const urls = await commandUrls(config);
    const operatorUrl = demand(urls.operator, 'DATABASE_OPERATOR_URL');
    const connection = { url: operatorUrl, operator: 'demo-seed', contextKey: urls.contextKey };
    const created = await withDatabase(urls, (database) =>
      withOperatorConnection(connection, (opened) => seedDemo(opened, database, modules, plan)),
    );
    process.stderr.write(
      created.length > 0 ? `Created ${created.join(' and ')}.\n` : 'The demo tenants exist already.\n',
    );
  });
