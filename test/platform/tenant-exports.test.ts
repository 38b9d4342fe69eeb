/** Exports of a tenant through the API: who gets one, what is in it, how it is downloaded, and when that is refused. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkArchive } from '../../src/services/lifecycle/check-archive.js';
import { downloadUrl } from '../../src/services/lifecycle/download-links.js';
import { tenantExportModule } from '../../src/platform/tenant-export/index.js';
import { useKeyClients } from '../support/key-clients.js';
import { insertApiKey, insertTenantExport } from '../support/rows.js';
import { runJobs } from '../support/run-jobs.js';
import { KEYS } from '../support/sealed-trails.js';
import { useServer, type TestClient } from '../support/server.js';
import { textOf, useFolder } from '../support/tenant-life.js';

const server = useServer();
const keyOf = useKeyClients(server);
const file = useFolder();
const write = tenantExportModule.jobs!['tenant-export.write']!;

interface Export {
  readonly id: string;
  readonly status: string;
  readonly size: string | null;
  readonly sha256: string | null;
  readonly rows: string | null;
  readonly failure: string | null;
}

const FIELDS = 'id status size sha256 rows failure';
const REQUEST = `mutation ($anonymise: Boolean) { requestTenantExport(input: { anonymise: $anonymise }) { export { ${FIELDS} } } }`;
const LINK = 'mutation ($id: ID!) { linkTenantExport(input: { id: $id }) { url expiresAt } }';

let owner: TestClient;
beforeAll(async () => {
  owner = await server().as('owner', 'acme');
  await insertApiKey(server().database, 'acme');
});

const requested = async (anonymise = false) =>
  (await owner.query<{ requestTenantExport: { export: Export } }>(REQUEST, { anonymise })).data
    .requestTenantExport.export;
const listed = async () =>
  (await owner.query<{ exports: { nodes: Export[] } }>(`{ exports(first: 1) { nodes { ${FIELDS} } } }`)).data
    .exports.nodes[0]!;
const written = async (anonymise = false): Promise<Export> => {
  await requested(anonymise);
  expect(await runJobs(server(), 'acme', 'tenant-export.write', write)).toBe(1);
  return listed();
};
const linkOf = async (id: string, client = owner) =>
  client.query<{ linkTenantExport: { url: string; expiresAt: string } }>(LINK, { id });
const download = async (id: string, headers: Record<string, string> = {}) =>
  fetch(server().url + (await linkOf(id)).data.linkTenantExport.url, { headers });
const codeOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { errors: { extensions: { code: string } }[] }).errors[0]!.extensions.code;

describe('an export', () => {
  test('is written by a job, downloaded whole or in parts, and recorded', async () => {
    expect((await requested()).status).toBe('PENDING');
    expect((await requested()).id).toBe((await requested()).id);
    const done = await written();
    expect(done).toMatchObject({ status: 'READY', failure: null });
    const response = await download(done.id);
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('private, no-store');
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(done.sha256);
    expect(String(bytes.length)).toBe(done.size);
    const parts = await Promise.all(
      ['bytes=0-99', 'bytes=100-'].map((range) => download(done.id, { range })),
    );
    expect(parts.map(({ status }) => status)).toEqual([206, 206]);
    expect(parts[0]!.headers.get('content-range')).toBe(`bytes 0-99/${String(bytes.length)}`);
    const joined = await Promise.all(parts.map(async (part) => Buffer.from(await part.arrayBuffer())));
    expect(Buffer.concat(joined).equals(bytes)).toBe(true);
    const last = await download(done.id, { range: 'bytes=-10' });
    expect(Buffer.from(await last.arrayBuffer()).equals(bytes.subarray(-10))).toBe(true);
    expect((await download(done.id, { range: `bytes=${String(bytes.length)}-` })).status).toBe(416);
    const [recorded] = await server().database.asSuperuser(
      `SELECT count(*) FILTER (WHERE action = 'tenant_export.created')::int AS requested,
         count(*) FILTER (WHERE action = 'tenant_export.linked' AND actor = 'demo|acme|owner')::int AS linked,
         count(*) FILTER (WHERE action = 'tenant_export.downloaded' AND actor = 'demo|acme|owner')::int AS downloaded
       FROM audit_log WHERE entity_id IN ($1, 'x')`,
      [done.id],
    );
    expect(recorded).toEqual({ requested: 1, linked: 5, downloaded: 4 });
  });

  test('has the rows of the tenant alone, and no secret', async () => {
    const done = await written();
    await writeFile(file('api.tar.gz'), Buffer.from(await (await download(done.id)).arrayBuffer()));
    const { manifest } = await checkArchive(file('api.tar.gz'));
    expect(manifest).toMatchObject({ tenant: { slug: 'acme' }, disguise: 'secrets' });
    expect(manifest.leftOut.map(({ table }) => table)).toContain('public.tenant_export_chunks');
    const globex = await server().database.tenantId('globex');
    const [key] = await server().database.asSuperuser<{ key_hash: string }>('SELECT key_hash FROM api_keys');
    for (const { schema, name } of manifest.tables) {
      const text = await textOf(file('api.tar.gz'), schema, name);
      expect(text).not.toContain(globex);
      expect(text).not.toContain(key!.key_hash);
    }
    expect(await textOf(file('api.tar.gz'), 'public', 'api_keys')).toMatch(/"key_hash":"[0-9a-f]{64}"/);
  });

  test('to develop with has no address', async () => {
    const done = await written(true);
    await writeFile(file('anonymous.tar.gz'), Buffer.from(await (await download(done.id)).arrayBuffer()));
    expect(await textOf(file('anonymous.tar.gz'), 'public', 'memberships')).not.toContain('acme.test');
  });

  test('that an earlier attempt has begun is begun anew', async () => {
    const { id } = await requested();
    const [tenant] = [await server().database.tenantId('acme')];
    for (const number of [0, 1]) {
      await server().database.asSuperuser(
        "INSERT INTO tenant_export_chunks (tenant_id, export_id, number, bytes) VALUES ($1, $2, $3, 'left')",
        [tenant, id, number],
      );
    }
    const done = await written();
    expect(Buffer.from(await (await download(done.id)).arrayBuffer()).length).toBe(Number(done.size));
  });

  test('says why it is not written when a table cannot be placed, and the table is not named', async () => {
    await server().database.asSuperuser('CREATE TABLE public.loose (text text)');
    await requested();
    await expect(written()).rejects.toThrow('A table of the database could not be read.');
    await server().database.asSuperuser('DROP TABLE public.loose');
    expect(await listed()).toMatchObject({
      status: 'FAILED',
      failure: expect.stringMatching(/^A table/) as string,
    });
    // What the job has left would be run by the next test.
    await server().database.asSuperuser("DELETE FROM tenantry.jobs WHERE task = 'tenant-export.write'");
  });

  test('has the room that the plan allows', async () => {
    const { database } = server();
    await database.asSuperuser(`INSERT INTO tenantry.plans VALUES ('free', true, '{"exportStorage": 0}')
      ON CONFLICT (name) DO UPDATE SET quotas = '{"exportStorage": 0}'`);
    await expect(written()).rejects.toThrow('The plan allows 0 exportStorage');
    expect((await listed()).status).toBe('FAILED');
    await database.asSuperuser('DELETE FROM tenantry.plans');
    await database.asSuperuser("DELETE FROM tenantry.jobs WHERE task = 'tenant-export.write'");
  });
});

describe('nobody gets', () => {
  test('an export without the permission, or with an API key', async () => {
    const admin = await (await server().as('admin', 'acme')).query(REQUEST);
    expect(admin.errors[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', requires: 'tenant:export' });
    const key = await (await keyOf('tenant:export')).query(REQUEST);
    expect(key.errors[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', requires: 'user' });
  });

  test('a link to an export of another tenant, or to one that is not ready', async () => {
    const { database } = server();
    const foreign = await insertTenantExport(database, 'globex');
    expect((await linkOf(foreign)).errors[0]?.extensions.code).toBe('NOT_FOUND');
    const failed = await insertTenantExport(database, 'acme', { status: 'failed' });
    expect((await linkOf(failed)).errors[0]?.extensions.code).toBe('CONFLICT');
  });
});

describe('a download is refused', () => {
  const signed = async (change: object = {}) => {
    const { database } = server();
    return downloadUrl(
      {
        tenantId: await database.tenantId('acme'),
        exportId: await insertTenantExport(database, 'acme'),
        userId: 'demo|acme|owner',
        expires: Date.now() + 60_000,
        ...change,
      },
      KEYS,
    );
  };
  const path = '/tenant-exports/download';

  test('but not with a good link', async () => {
    expect(await (await fetch(server().url + (await signed()))).text()).toBe('no archive');
  });

  test.each<[string, () => Promise<string>]>([
    ['without a link', async () => path],
    ['with two links', async () => `${await signed()}&link=x`],
    ['with a link that is none', async () => `${path}?link=a.b.c`],
    ['with a link that has expired', () => signed({ expires: Date.now() - 1 })],
    ['with a link that expires later than any link does', () => signed({ expires: Date.now() + 7_300_000 })],
    ['with a link that was changed', async () => (await signed()).replace(/\.[^.]{6}([^.]*)$/, '.AAAAAA$1')],
    [
      'of an archive of another tenant',
      async () => signed({ exportId: await insertTenantExport(server().database, 'globex') }),
    ],
    [
      'of an archive that is not ready',
      async () =>
        signed({ exportId: await insertTenantExport(server().database, 'acme', { status: 'failed' }) }),
    ],
  ])('%s', async (_how, url) => {
    const response = await fetch(server().url + (await url()));
    expect([response.status, await codeOf(response)]).toEqual([404, 'NOT_FOUND']);
  });

  test.each<[string, () => Promise<object>]>([
    ['of a member without the permission', async () => ({ userId: 'demo|acme|admin' })],
    ['of nobody', async () => ({ userId: 'nobody' })],
    ['in another tenant', async () => ({ tenantId: await server().database.tenantId('globex') })],
  ])('%s', async (_whose, change) => {
    const response = await fetch(server().url + (await signed(await change())));
    expect([response.status, await codeOf(response)]).toEqual([403, 'FORBIDDEN']);
  });
});
