/** Exports a tenant into a compressed file, as an operator. */
import { existsSync } from 'node:fs';
import { link, open, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { OperatorConnection } from '../operator/operator-connection.js';
import { findTenant } from '../operator/tenants.js';
import { exportTenant } from './export-tenant.js';
import { TenantLifeError } from './life-error.js';
import type { Disguise, Manifest } from './manifest.js';

export interface FileExport {
  readonly slug: string;
  /** A file that does not exist. */
  readonly output: string;
  readonly disguise: Disguise;
  /** For the audit log of the tenant. */
  readonly reason: string;
}

/**
 * The file has its name when it is complete; what a killed export has left has another one and is replaced.
 *
 * @throws TenantLifeError when the file exists; the errors of the export
 */
export async function exportToFile(
  connection: OperatorConnection,
  { slug, output, disguise, reason }: FileExport,
): Promise<Manifest> {
  const tenant = await findTenant(connection, slug);
  const unfinished = `${output}.part`;
  if (existsSync(output)) throw new TenantLifeError(`${output} exists already.`);
  try {
    await rm(unfinished, { force: true });
    const file = await open(unfinished, 'wx', 0o600).catch(unwritable(output));
    // Who took a copy is in the log. Committed first, so that it holds also when the export is cut off.
    await connection.inTenant(tenant.id, (query) =>
      query("SELECT tenantry.record_audit('tenant.exported', 'Tenant', $1, NULL, $2)", [
        tenant.id,
        { disguise, reason },
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
    throw new TenantLifeError(`${output} cannot be written (${code}).`, { cause: error });
  };
