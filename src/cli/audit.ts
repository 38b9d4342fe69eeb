import process from 'node:process';
import type { Command } from 'commander';
import type { KnownDatabase } from 'tenantry-audit/command';
import { readConfig } from '../config.js';
import { addressOf } from '../database/owner-connection.js';
import { developmentPackage } from '../development-package.js';
import { createSign, signContext } from '../tenancy/context-signature.js';
import { commandUrls } from './connect.js';

/**
 * `tenantry audit` is `tenantry-audit` (packages/tenancy-audit), which audits our own database when no other is given.
 *
 * @throws {ConfigError} when that package is not installed
 */
export async function auditCommand(): Promise<Command> {
  const audit = await developmentPackage(
    import('tenantry-audit/command'),
    'The audit is not installed with the server: run `npx tenantry-audit postgresql://…` anywhere, or run `npm ci` ' +
      'without --omit=dev (and `npm run build`, where dist is run).',
  );
  return audit.auditCommand('audit', ownDatabase);
}

/** The owner may look at rows that the application's role must not see, and what that role is called is known. */
async function ownDatabase(): Promise<KnownDatabase> {
  const { app, owner, contextKey } = await commandUrls(readConfig(process.env, 'command'));
  const sign = createSign(contextKey);
  return {
    url: owner ?? app,
    applicationUrl: app,
    appRoles: [addressOf(app).user],
    sign: (context) => signContext(sign, context),
  };
}
