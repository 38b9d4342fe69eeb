import process from 'node:process';
import { Command } from 'commander';
import { signingSecret } from '../kernel/auth/development-secret.js';
import { issueToken } from '../kernel/auth/issue-token.js';
import { readConfig } from '../kernel/config/config.js';
import { findMember } from '../kernel/auth/find-member.js';
import { commandUrls, demand, withDatabase } from './connect.js';

const TWELVE_HOURS_SECONDS = 43_200;

/** `tenantry token --tenant acme --user owner@acme.test` prints only a bearer token. */
export const tokenCommand = (): Command =>
  new Command('token')
    .requiredOption('--tenant <slug or id>', 'the tenant')
    .requiredOption('--user <e-mail or id>', 'the member')
    .action(async ({ tenant, user }: { tenant: string; user: string }) => {
      const config = readConfig();
      const urls = await commandUrls(config);
      const secret = demand(await signingSecret(config), 'JWT_SECRET');
      const member = await withDatabase(urls, (database) => findMember(database, tenant, user));
      const signing = { secret, issuer: config.jwtIssuer, audience: config.jwtAudience };
      process.stdout.write(`${issueToken(member, signing, TWELVE_HOURS_SECONDS)}\n`);
    });
