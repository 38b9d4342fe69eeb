import process from 'node:process';
import { Command } from 'commander';
import { importTenant } from '../services/lifecycle/import-tenant.js';
import { asOperator } from './as-operator.js';

interface ImportOptions {
  readonly as?: string;
  readonly newIds?: boolean;
}

/** `tenantry tenant import FILE` imports an archive, all or nothing: docs/tenant-life.md. */
export const tenantImportCommand = (): Command =>
  new Command('import')
    .description('Import the archive of a tenant, all or nothing')
    .argument('<file>')
    .option('--as <slug>', 'another slug than that of the archive')
    .option('--new-ids', 'give every row another id and replace secrets: for a copy beside the tenant itself')
    .action(async (file: string, { as: slug, newIds = false }: ImportOptions) => {
      const imported = await asOperator((connection) => importTenant(connection, { file, slug, newIds }));
      const { tenant, rows, leftOut } = imported;
      process.stdout.write(`${JSON.stringify({ ...tenant, rows, leftOut })}\n`);
    });
