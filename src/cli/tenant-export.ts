import process from 'node:process';
import { Command } from 'commander';
import { exportToFile } from '../services/lifecycle/export-file.js';
import { asOperator } from './as-operator.js';

interface ExportOptions {
  readonly output: string;
  readonly anonymise?: boolean;
}

/** `tenantry tenant export SLUG --output FILE` writes all rows of a tenant into an archive: docs/tenant-life.md. */
export const tenantExportCommand = (): Command =>
  new Command('export')
    .description('Write all rows of a tenant into an archive (tar.gz)')
    .argument('<slug>')
    .requiredOption('--output <file>', 'a new file')
    .option('--anonymise', 'replace every text, for a copy to develop with')
    .action(async (slug: string, { output, anonymise = false }: ExportOptions) => {
      const disguise = anonymise ? 'texts' : 'none';
      const manifest = await asOperator((connection) => exportToFile(connection, slug, output, disguise));
      const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
      const { snapshot, schemaVersion, tables } = manifest;
      process.stdout.write(
        `${JSON.stringify({ slug, output, rows, tables: tables.length, disguise, schemaVersion, snapshot })}\n`,
      );
    });
