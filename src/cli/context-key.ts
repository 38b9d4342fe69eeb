import process from 'node:process';
import { Command } from 'commander';
import { readConfig } from '../kernel/config/config.js';
import { ConfigError } from '../kernel/config/config-error.js';
import {
  fingerprintOf,
  listContextKeys,
  revokeContextKey,
} from '../kernel/database/preparation/context-keys.js';
import { commandUrls, demand } from './connect.js';

/** `tenantry context-key …` lists and revokes the keys that sign contexts; `tenantry migrate` adds one. */
export const contextKeyCommand = (): Command => {
  const command = new Command('context-key');
  command
    .command('list')
    .description('One line per key the database accepts: its fingerprint, since when, and whether it is ours')
    .action(async () => {
      const { owner, contextKey } = await commandUrls(readConfig(process.env, 'command'));
      const ours = contextKey === undefined ? undefined : fingerprintOf(contextKey);
      const keys = await listContextKeys(demand(owner, 'DATABASE_OWNER_URL'));
      if (keys.length === 0)
        process.stderr.write('There are no keys: the database takes unsigned contexts.\n');
      for (const { fingerprint, addedAt } of keys) {
        const mark = fingerprint === ours ? ' CONTEXT_SIGNING_KEY' : '';
        process.stdout.write(`${fingerprint} ${addedAt.toISOString()}${mark}\n`);
      }
    });
  command
    .command('revoke')
    .description('Refuse what is signed with a key, from now on')
    .argument('<fingerprint>', 'as listed')
    .option('--unsigned', 'also when it is the last: the database takes unsigned contexts then')
    .action(async (fingerprint: string, { unsigned = false }: { unsigned?: boolean }) => {
      const { owner } = await commandUrls(readConfig(process.env, 'command'));
      const url = demand(owner, 'DATABASE_OWNER_URL');
      const keys = await listContextKeys(url);
      if (keys.length === 1 && keys[0]?.fingerprint === fingerprint && !unsigned) {
        throw new ConfigError(
          'This is the only key: without it contexts are not signed. Say --unsigned if that is what you want.',
        );
      }
      await revokeContextKey(url, fingerprint);
      process.stderr.write(`Revoked ${fingerprint}.\n`);
    });
  return command;
};
