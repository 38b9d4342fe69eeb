import process from 'node:process';
import { Command } from 'commander';
import { readConfig } from '../config.js';
import { ConfigError } from '../config-error.js';
import { modules } from '../modules.js';
import { seedDemo } from '../operator/demo-seed.js';
import { withOperatorDoor } from '../operator/operator-connection.js';
import { commandUrls, demand, withDatabase } from './connect.js';

/** `tenantry seed` creates the demo tenants. */
export const seedCommand = (): Command =>
  new Command('seed').action(async () => {
    const config = readConfig(process.env, 'command');
    if (config.production) throw new ConfigError('The demo tenants are not for production.');
    const urls = await commandUrls(config);
    const operatorUrl = demand(urls.operator, 'DATABASE_OPERATOR_URL');
    const door = { url: operatorUrl, operator: 'demo-seed', contextKey: urls.contextKey };
    const created = await withDatabase(urls, (database) =>
      withOperatorDoor(door, (opened) => seedDemo(opened, database, modules)),
    );
    process.stderr.write(
      created.length > 0 ? `Created ${created.join(' and ')}.\n` : 'The demo tenants exist already.\n',
    );
  });
