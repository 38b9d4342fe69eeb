/** Archives that were damaged or forged are refused before the first row, or undone as a whole. */
import { createHash } from 'node:crypto';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gunzipSync, gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { filesOf } from '../../src/services/lifecycle/check-archive.js';
import { folderOf, type Manifest } from '../../src/services/lifecycle/manifest.js';
import { tarEnd, tarFile } from '../../src/services/lifecycle/tar.js';
import { useDatabase } from '../support/database.js';
import { sealAll } from '../support/sealed-trails.js';
import {
  createTables,
  exported,
  fillTables,
  imported,
  newTenant,
  useFolder,
} from '../support/tenant-life.js';

const source = useDatabase();
const target = useDatabase();
const file = useFolder();
let manifest: Manifest;

beforeAll(async () => {
  for (const database of [source(), target()]) await createTables(database);
  await fillTables(source(), await newTenant(source(), 'initech'));
  await sealAll(source());
  // So that numbers of the archive are not taken.
  await target().asSuperuser("SELECT setval(pg_get_serial_sequence('crm.contacts', 'id'), 1000)");
  await fillTables(target(), await target().tenantId('acme'));
  manifest = await exported(source(), 'initech', file('good.tar.gz'));
});

const everything = async () => {
  const tables = await target().asSuperuser<{ name: string }>(
    `SELECT format('%I.%I', schemaname, relname) AS name FROM pg_stat_user_tables ORDER BY 1`,
  );
  const rows: Record<string, unknown> = {};
  for (const { name } of tables) {
    const [count] = await target().asSuperuser(
      `SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM ${name} AS t`,
    );
    rows[name] = count;
  }
  return rows;
};

async function refused(path: string, reason: RegExp): Promise<void> {
  const before = await everything();
  await expect(imported(target(), path)).rejects.toThrow(reason);
  expect(await everything()).toEqual(before);
}

/** Writes the archive again with other contents. */
async function forged(
  name: string,
  change: (path: string, text: string) => string | undefined,
  changeManifest: (manifest: Manifest) => void = () => undefined,
): Promise<string> {
  const pieces: Buffer[] = [];
  const hashes = new Map<string, { text: string }>();
  for await (const { name: path, content } of filesOf(file('good.tar.gz'))) {
    if (path === 'manifest.json') continue;
    const text = change(path, content.toString());
    if (text === undefined) continue;
    hashes.set(path.slice(0, path.lastIndexOf('/')), { text });
    pieces.push(...tarFile(path, Buffer.from(text)));
  }
  const copy = structuredClone(manifest);
  // As a forger does who knows the format.
  for (const table of copy.tables) {
    const { text = '' } = hashes.get(folderOf(table)) ?? {};
    Object.assign(table, {
      rows: text.split('\n').length - 1,
      bytes: Buffer.byteLength(text),
      sha256: createHash('sha256').update(text).digest('hex'),
    });
  }
  changeManifest(copy);
  pieces.push(...tarFile('manifest.json', Buffer.from(JSON.stringify(copy))), tarEnd());
  await pipeline(Readable.from(pieces), createGzip(), createWriteStream(file(name)));
  return file(name);
}

const asItIs = (_path: string, text: string) => text;

describe('a damaged archive', () => {
  test('that is cut off', async () => {
    const bytes = readFileSync(file('good.tar.gz'));
    for (const share of [0, 0.3, 0.9]) {
      writeFileSync(file('cut.tar.gz'), bytes.subarray(0, Math.floor(bytes.length * share)));
      await refused(file('cut.tar.gz'), /cannot be read as an archive|is cut off/);
    }
    const plain = gunzipSync(bytes);
    writeFileSync(file('short.tar.gz'), gzipSync(plain.subarray(0, plain.length - 4096)));
    await refused(file('short.tar.gz'), /is cut off/);
  });

  test('of which a byte was changed', async () => {
    const plain = gunzipSync(readFileSync(file('good.tar.gz')));
    const at = plain.indexOf('owner@initech.test');
    plain.write('Owner', at);
    writeFileSync(file('changed.tar.gz'), gzipSync(plain));
    await refused(file('changed.tar.gz'), /is not what the manifest says/);
  });

  test('that is something else', async () => {
    writeFileSync(file('text.tar.gz'), 'text');
    await refused(file('text.tar.gz'), /cannot be read as an archive/);
    writeFileSync(file('zip.tar.gz'), gzipSync(Buffer.alloc(5_000, 'x')));
    await refused(file('zip.tar.gz'), /is not an archive of a tenant/);
    await refused(file('missing.tar.gz'), /cannot be read as an archive \(ENOENT\)/);
  });
});

describe('a forged archive', () => {
  test('whose numbers of rows, columns or files are not those of the manifest', async () => {
    const fewer = await forged('fewer.tar.gz', asItIs, ({ tables }) => {
      tables.find(({ name }) => name === 'memberships')!.rows = 1;
    });
    await refused(fewer, /public\.memberships is not what the manifest says/);
    const extra = await forged('extra.tar.gz', (path, text) =>
      path.includes('memberships') ? text.replace('{', '{"extra":1,') : text,
    );
    await refused(extra, /is not like the others/);
    const unnamed = await forged('unnamed.tar.gz', asItIs, ({ tables }) => {
      tables.splice(
        tables.findIndex(({ name }) => name === 'memberships'),
        1,
      );
    });
    await refused(unnamed, /does not name data\/public\.memberships/);
  });

  test('of another schema', async () => {
    const older = await forged('older.tar.gz', asItIs, (copy) => {
      copy.schemaVersion = '20200101000000_first';
    });
    await refused(
      older,
      /of the schema 20200101000000_first, and this database has \d+_\w+\. Import it where/,
    );
    const column = await forged('column.tar.gz', asItIs, ({ tables }) => {
      tables.find(({ name }) => name === 'events')!.columns[0]!.type = 'text';
    });
    await refused(column, /The columns of crm\.events are not those of this database/);
  });
});

describe('rows that are another tenant’s', () => {
  let foreign: { tenant: string; contact: string };
  beforeAll(async () => {
    const tenant = await target().tenantId('acme');
    const [row] = await target().asSuperuser<{ id: string }>(
      'SELECT id::text FROM crm.contacts WHERE tenant_id = $1',
      [tenant],
    );
    foreign = { tenant, contact: row!.id };
  });

  const NEW = '01900000-0000-7000-8000-00000000beef';
  const asAnother = (text: string) => text.replaceAll(manifest.tenant.id, NEW);
  const forgedAsAnother = (name: string, change: (path: string, text: string) => string | undefined) =>
    forged(
      name,
      (path, text) => change(path, asAnother(text)),
      (copy) => {
        copy.tenant.id = NEW;
        copy.trail = null;
      },
    );
  /** Only the tenant itself and one table. */
  const only = (table: string, change: (text: string) => string) => (path: string, text: string) => {
    if (path.startsWith('data/public.tenants/') || path === 'README.txt') return text;
    return path.startsWith(`data/${table}/`) ? change(text) : undefined;
  };

  test('by their tenant_id', async () => {
    for (const table of ['public.memberships', 'crm.events', 'tenantry.audit_trees']) {
      const path = await forgedAsAnother(
        'tenant.tar.gz',
        only(table, (text) =>
          text.replaceAll(NEW, foreign.tenant).replaceAll(/"user_id":"[^"]+"/g, '"user_id":"new"'),
        ),
      );
      await refused(path, /row-level security|is not the tenant's|duplicate|taken|does not fit/);
    }
  });

  test('because they lead to a row of another tenant', async () => {
    const path = await forgedAsAnother(
      'parent.tar.gz',
      only('crm.Odd%20notes', (text) =>
        text
          .replaceAll(/"contact_id":\d+/g, `"contact_id":${foreign.contact}`)
          .replaceAll(/"id":"01/g, '"id":"02'),
      ),
    );
    await refused(path, /a row of crm\."Odd notes" is not the tenant's/);
  });

  test('because the tenant itself is another one', async () => {
    const path = await forgedAsAnother('itself.tar.gz', (name, text) =>
      name.startsWith('data/public.tenants/') ? text.replace(NEW, foreign.tenant) : undefined,
    );
    await refused(path, /row-level security|is not the tenant's|taken/);
  });
});

test('the server’s role imports nothing', async () => {
  const [allowed] = await target().asSuperuser(
    `SELECT bool_or(has_function_privilege('tenantry_app', p.oid, 'EXECUTE')) AS app FROM pg_proc p
     WHERE pronamespace = 'tenantry'::regnamespace
       AND proname ~ '^(begin_import|import_rows|stage_rows|import_staged|finish_import|start_erasure|erase_rows|erase_circle|finish_erasure|keep_trail|set_erasure|note_external)'`,
  );
  expect(allowed).toEqual({ app: false });
});
