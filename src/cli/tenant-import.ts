import { Command } from 'commander';
import { importTenantIn } from '../services/lifecycle/import-tenant-in.js';
import { asOperatorOfCells, demandCell } from './as-operator.js';
import { printRows } from './output.js';
import { reasonOf, reasonOption, type Reasoned } from './reason.js';

interface ImportOptions extends Reasoned {
  readonly as?: string;
  readonly newIds?: boolean;
  readonly cell?: string;
  readonly json?: boolean;
}

/** `tenantry tenant import FILE` imports an archive, all or nothing: docs/tenant-life.md. */
export const tenantImportCommand = (): Command =>
  new Command('import')
    .description('Import the archive of a tenant, all or nothing')
    .argument('<file>')
    .option('--as <slug>', 'another slug than that of the archive')
    .option('--new-ids', 'give every row another id and replace secrets: for a copy beside the tenant itself')
    .option('--cell <name>', 'into this cell, instead of the default one')
    .addOption(reasonOption())
    .option('--json', 'print JSON also on a terminal')
    .action(async (file: string, options: ImportOptions) => {
      const { as: slug, newIds = false, cell, json } = options;
      const reason = reasonOf(options, 'tenant import');
      if (cell !== undefined) demandCell(cell);
      const imported = await asOperatorOfCells((cells) =>
        importTenantIn(cells, cell, { file, slug, newIds, reason }),
      );
      const { tenant, rows, leftOut } = imported;
      printRows([{ ...tenant, rows, leftOut }], { json });
    });
