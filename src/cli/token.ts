import process from 'node:process';
import { Command, Option } from 'commander';
import { signingSecret } from '../kernel/auth/development-secret.js';
import { issueOperatorToken, issueToken } from '../kernel/auth/issue-token.js';
import { ConfigError } from '../kernel/config/config-error.js';
import { readConfig, type Config } from '../kernel/config/config.js';
import { findMember } from '../kernel/auth/find-member.js';
import { OPERATOR_PERMISSIONS } from '../services/operator/operator-context.js';
import { isId } from '../kernel/vocabulary/id.js';
import { cellOfSlug, cellOfTenant } from '../services/operator/operator-cells.js';
import { asOperator } from './as-operator.js';
import { commandUrls, demand, withDatabase, type CommandUrls } from './connect.js';

const TWELVE_HOURS_SECONDS = 43_200;

interface TokenOptions {
  readonly tenant?: string;
  readonly user?: string;
  readonly operator?: string;
}

/**
 * `tenantry token --tenant acme --user owner@acme.test` prints only a bearer token; with `--operator jane@example.com` it is one
 * for the operators' door, with all permissions there.
 */
export const tokenCommand = (): Command =>
  new Command('token')
    .option('--tenant <slug or id>', 'the tenant')
    .option('--user <e-mail or id>', 'the member')
    .addOption(
      new Option('--operator <name>', 'an operator instead (needs OPERATOR_JWT_SECRET)').conflicts([
        'tenant',
        'user',
      ]),
    )
    .action(async ({ tenant, user, operator }: TokenOptions, command: Command) => {
      const config = readConfig();
      if (operator !== undefined) {
        print(operatorToken(config, operator));
        return;
      }
      if (tenant === undefined || user === undefined) {
        command.error(`error: required option '--${tenant === undefined ? 'tenant' : 'user'}' not specified`);
      }
      const urls = await urlsOfTenant(config, tenant);
      const secret = demand(await signingSecret(config), 'JWT_SECRET');
      const member = await withDatabase(urls, (database) => findMember(database, tenant, user));
      const signing = { secret, issuer: config.jwtIssuer, audience: config.jwtAudience };
      print(issueToken(member, signing, TWELVE_HOURS_SECONDS));
    });

/** Those of the cell of a tenant, which only operators can look up. */
async function urlsOfTenant(
  config: Config,
  tenant: string,
): Promise<Pick<CommandUrls, 'app' | 'contextKey'>> {
  const home = await commandUrls(config);
  if (config.cells.length === 0) return home;
  const name = await asOperator((connection) =>
    isId(tenant) ? cellOfTenant(connection, tenant) : cellOfSlug(connection, tenant),
  );
  const cell = config.cells.find((each) => each.name === name);
  return cell ? { app: cell.url, contextKey: home.contextKey } : home;
}

/** @throws ConfigError when the door is closed, or has no secret of its own */
function operatorToken({ operatorDoor }: Config, name: string): string {
  if (!operatorDoor)
    throw new ConfigError('OPERATOR_JWT_AUDIENCE is missing: the operators’ door is closed.');
  const { issuer, audience } = operatorDoor;
  const secret = demand(operatorDoor.secret, 'OPERATOR_JWT_SECRET');
  return issueOperatorToken(
    { name, scope: OPERATOR_PERMISSIONS.join(' ') },
    { secret, issuer, audience },
    TWELVE_HOURS_SECONDS,
  );
}

const print = (token: string): void => void process.stdout.write(`${token}\n`);
