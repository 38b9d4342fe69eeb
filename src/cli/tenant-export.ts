import { Command } from 'commander';
import { exportToFile } from '../services/lifecycle/export-file.js';
import { asOperatorOf } from './as-operator.js';
import { printRows } from './output.js';
import { reasonOf, reasonOption, type Reasoned } from './reason.js';

interface ExportOptions extends Reasoned {
  readonly output: string;
  readonly anonymise?: boolean;
  readonly json?: boolean;
}

/** `tenantry tenant export SLUG --output FILE` writes all rows of a tenant into an archive: docs/tenant-life.md. */
export const tenantExportCommand = (): Command =>
  new Command('export')
    .description('Write all rows of a tenant into an archive (tar.gz)')
    .argument('<slug>')
    .requiredOption('--output <file>', 'a new file')
    .option('--anonymise', 'replace every text, for a copy to develop with')
    .addOption(reasonOption())
    .option('--json', 'print JSON also on a terminal')
    .action(async (slug: string, options: ExportOptions) => {
      const { output, anonymise = false, json } = options;
      const reason = reasonOf(options, 'tenant export');
      const disguise = anonymise ? 'texts' : 'none';
      const manifest = await asOperatorOf(slug, (connection) =>
        exportToFile(connection, { slug, output, disguise, reason }),
      );
      const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
      const { snapshot, schemaVersion, tables } = manifest;
      printRows([{ slug, output, rows, tables: tables.length, disguise, schemaVersion, snapshot }], { json });
    });
