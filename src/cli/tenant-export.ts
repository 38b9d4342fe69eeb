import { existsSync } from 'node:fs';
import { link, open, rm } from 'node:fs/promises';
import process from 'node:process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { Command } from 'commander';
import { ConfigError } from '../kernel/config/config-error.js';
import { exportTenant } from '../services/lifecycle/export-tenant.js';
import type { Disguise, Manifest } from '../services/lifecycle/manifest.js';
import type { OperatorConnection } from '../services/operator/operator-connection.js';
import { findTenant } from '../services/operator/tenants.js';
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
      const manifest = await asOperator((connection) => writeExport(connection, slug, output, disguise));
      const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
      const { snapshot, schemaVersion, tables } = manifest;
      process.stdout.write(
        `${JSON.stringify({ slug, output, rows, tables: tables.length, disguise, schemaVersion, snapshot })}\n`,
      );
    });

/**
 * The file has its name when it is complete; what a killed export has left has another one and is replaced.
 *
 * @throws ConfigError when the file exists; the errors of the export
 */
async function writeExport(
  connection: OperatorConnection,
  slug: string,
  output: string,
  disguise: Disguise,
): Promise<Manifest> {
  const tenant = await findTenant(connection, slug);
  const unfinished = `${output}.part`;
  if (existsSync(output)) throw new ConfigError(`${output} exists already.`);
  try {
    await rm(unfinished, { force: true });
    const file = await open(unfinished, 'wx', 0o600).catch(unwritable(output));
    // Who took a copy is in the log. Committed first, so that it holds also when the export is cut off.
    await connection.inTenant(tenant.id, (query) =>
      query("SELECT tenantry.record_audit('tenant.exported', 'Tenant', $1, NULL, $2)", [
        tenant.id,
        { disguise },
      ]),
    );
    const manifest = await connection.inTenant(
      tenant.id,
      async (query) => {
        let result: Manifest | undefined;
        const order = { tenantId: tenant.id, slug: tenant.slug, disguise, sign: connection.sign };
        async function* pieces(): AsyncGenerator<Buffer> {
          result = yield* exportTenant(query, order);
        }
        await pipeline(Readable.from(pieces()), createGzip(), file.createWriteStream({ flush: true }));
        return result!;
      },
      { snapshot: true, statementTimeoutMs: 0 },
    );
    // Unlike a new name, a link replaces no file.
    await link(unfinished, output).catch(unwritable(output));
    return manifest;
  } finally {
    await rm(unfinished, { force: true });
  }
}

const unwritable =
  (output: string) =>
  (error: unknown): never => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new ConfigError(`${output} cannot be written (${code}).`, { cause: error });
  };
