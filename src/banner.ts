import process from 'node:process';
import { issueToken } from './kernel/auth/issue-token.js';
import { tenantryCommand } from './kernel/config/command-line.js';
import type { Config } from './kernel/config/config.js';
import type { Database } from './kernel/tenancy/database.js';
import { findMember } from './kernel/auth/find-member.js';

const ONE_DAY_SECONDS = 86_400;
const SHOWN = [
  { tenant: 'acme', user: 'owner@acme.test' },
  { tenant: 'acme', user: 'viewer@acme.test' },
  { tenant: 'globex', user: 'member@globex.test' },
];

/**
 * Prints the server's addresses and tokens of the demo users. Not in production.
 *
 * @param server `embedded`: the embedded database, whose URL for the server's role is printed with its password. It
 *   accepts connections from this machine only.
 */
export async function printBanner(server: {
  readonly port: number;
  readonly config: Config;
  readonly secret: string | undefined;
  readonly database: Database;
  readonly embedded: { readonly app: string } | undefined;
}): Promise<void> {
  const { port, config, secret, database, embedded } = server;
  const lines = [
    '',
    '  Tenantry is running.',
    '',
    `  GraphQL    http://localhost:${port}/graphql`,
    `  GraphiQL   http://localhost:${port}/graphiql`,
    `  Dashboard  http://localhost:${port}/app`,
    ...(config.operatorDoor ? [`  Operators  http://localhost:${port}/operator`] : []),
    ...(embedded ? [`  PostgreSQL ${embedded.app}`] : []),
    '',
  ];
  if (secret !== undefined) {
    const signing = { secret, issuer: config.jwtIssuer, audience: config.jwtAudience };
    for (const { tenant, user } of SHOWN) {
      const member = await findMember(database, tenant, user).catch(() => undefined);
      if (member) lines.push(`  ${user}`, `  Bearer ${issueToken(member, signing, ONE_DAY_SECONDS)}`, '');
    }
    lines.push(`  More tokens: ${tenantryCommand('token --tenant acme --user admin@acme.test')}`, '');
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}
