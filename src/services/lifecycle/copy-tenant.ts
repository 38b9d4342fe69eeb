/**
 * Copies a tenant from one cell to another by the code of archives: every table that the catalog has, with the same ids and
 * seals. The copy is read again in the transaction that writes it, and compared with what was read from the source.
 */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { OperatorConnection, OperatorQuery } from '../operator/operator-connection.js';
import type { TenantRow } from '../operator/tenants.js';
import { exportTenant } from './export-tenant.js';
import { importTenant } from './import-tenant.js';
import { TenantLifeError } from './life-error.js';
import type { Manifest } from './manifest.js';
import { nameOf } from './walk.js';

/**
 * Copies a tenant that nobody writes to another cell, all or nothing.
 *
 * @param beforeCommit called at the end of the transaction that writes the copy
 * @throws TenantLifeError when the cells do not fit, or the copy is not equal; the errors of the databases
 */
export async function copyTenant(
  source: OperatorConnection,
  target: OperatorConnection,
  tenant: TenantRow,
  beforeCommit: (query: OperatorQuery, id: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-move-'));
  try {
    const file = join(folder, 'tenant.tar.gz');
    const original = await source.inTenant(
      tenant.id,
      async (query) => ({
        manifest: await write(query, source, tenant, createWriteStream(file, { mode: 0o600, flags: 'wx' })),
        trail: await digestOfTrail(query, tenant.id),
      }),
      { snapshot: true, statementTimeoutMs: 0 },
    );
    await importTenant(target, {
      file,
      newIds: false,
      reason: '',
      arriving: async (query, id) => {
        const copied = await write(
          query,
          target,
          tenant,
          new Writable({ write: (_chunk, _encoding, done) => done() }),
        );
        const trail = await digestOfTrail(query, id);
        refuseDifferences(original, { manifest: copied, trail });
        await beforeCommit(query, id);
      },
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes the archive of a tenant. */
async function write(
  query: OperatorQuery,
  { sign }: OperatorConnection,
  { id: tenantId, slug }: TenantRow,
  into: Writable,
): Promise<Manifest> {
  let manifest: Manifest | undefined;
  async function* bytes(): AsyncGenerator<Buffer> {
    manifest = yield* exportTenant(query, { tenantId, slug, disguise: 'none', sign });
  }
  await pipeline(Readable.from(bytes()), createGzip({ level: 1 }), into);
  return manifest!;
}

interface Compared {
  readonly manifest: Manifest;
  readonly trail: string;
}

/** Not compared by their files: what is not moved, and the audit log, whose rows have numbers of their database's transactions. */
const OTHERWISE = new Set(['public.audit_log', 'public.tenant_exports']);

/** @throws TenantLifeError when a table, or the sealed trail, is not what it was */
function refuseDifferences(one: Compared, other: Compared): void {
  const hashes = ({ manifest: { tables, trail } }: Compared) =>
    new Map([
      ...tables
        .filter((table) => !OTHERWISE.has(nameOf(table)))
        .map((table) => [nameOf(table), `${String(table.rows)} ${table.sha256}`] as const),
      ['the sealed trail', trail?.sha256 ?? ''] as const,
    ]);
  const [before, after] = [
    hashes(one).set('public.audit_log', one.trail),
    hashes(other).set('public.audit_log', other.trail),
  ];
  const different = [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => before.get(name) !== after.get(name),
  );
  if (different.length === 0) return;
  throw new TenantLifeError(`The copy is not equal in ${different.join(', ')}: nothing was moved.`);
}

/** The number and the content of all entries of the audit log, without the numbers of transactions. */
async function digestOfTrail(query: OperatorQuery, tenantId: string): Promise<string> {
  const hash = createHash('sha256');
  let rows = 0;
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const found = await query<{ id: string; digest: string }>(
      `SELECT e.id::text AS id, md5((to_jsonb(e) - 'tx')::text) AS digest FROM public.audit_log e
       WHERE e.tenant_id = $1 AND e.id > $2::uuid ORDER BY e.id LIMIT 5000`,
      [tenantId, after],
    );
    for (const { digest } of found) hash.update(digest);
    rows += found.length;
    if (found.length === 0) return `${String(rows)} ${hash.digest('hex')}`;
    after = found.at(-1)!.id;
  }
}
