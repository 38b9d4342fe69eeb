/** Downloads of the audit log by link: who gets one, what it contains, and when it is refused. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { TrustedKeys, verifyExport } from 'tenantry-verify';
import { exportUrl } from '../../src/services/audit-trail/export-links.js';
import { connected } from '../support/demo-tenants.js';
import { useKeyClients } from '../support/key-clients.js';
import { insertMembership } from '../support/rows.js';
import { KEYS, headIn, makeEntries, sealAll } from '../support/sealed-trails.js';
import { startTestServer, useServer, type TestClient } from '../support/server.js';
import { until } from '../support/until.js';

const server = useServer();
const withoutKeys = useServer({ sealKeys: null });
const keyOf = useKeyClients(server);

const EXPORT = `mutation ($format: AuditExportFormat! = NDJSON) {
  exportAuditLog(input: { format: $format }) { url expiresAt } }`;
interface Exported {
  readonly exportAuditLog: { readonly url: string; readonly expiresAt: string };
}

const owner = () => server().as('owner', 'acme');
const linkOf = async (client: TestClient, format = 'NDJSON') =>
  (await client.query<Exported>(EXPORT, { format })).data.exportAuditLog;
const download = (url: string) => fetch(server().url + url);
const codeOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { errors: { extensions: { code: string } }[] }).errors[0]!.extensions.code;

beforeAll(async () => {
  await makeEntries(server().database, 'acme', 3);
  await sealAll(server().database);
});

const recorded = (action: string) =>
  server().database.asSuperuser<{ actor: string; new_value: object }>(
    'SELECT actor, new_value FROM audit_log WHERE action = $1 ORDER BY id',
    [action],
  );

describe('an export', () => {
  test('verifies, and is recorded when it is asked for and when it is downloaded', async () => {
    const { database } = server();
    const head = await headIn(database, 'acme');
    const { url, expiresAt } = await linkOf(await owner());
    expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now());
    const response = await download(url);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/x-ndjson']);
    expect(response.headers.get('cache-control')).toBe('private, no-store');
    expect(response.headers.get('content-disposition')).toMatch(
      /^attachment; filename="audit-log-acme-[\d-]{10}\.ndjson"$/,
    );
    const lines = (await response.text()).trimEnd().split('\n');
    const keys = TrustedKeys.fromPem(KEYS.publicPem);
    expect(await verifyExport(lines, { keys, head })).toMatchObject({ intact: true, entries: head.size });
    const entry = { actor: 'demo|acme|owner', new_value: { format: 'ndjson' } };
    expect(await recorded('audit_log.export_requested')).toEqual([entry]);
    expect(await recorded('audit_log.exported')).toEqual([entry]);
  });

  test('is a table for spreadsheets, if that is wanted', async () => {
    const response = await download((await linkOf(await owner(), 'CSV')).url);
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
    const [header, ...lines] = (await response.text()).trimEnd().split('\r\n');
    expect(header).toMatch(/^position,id,createdAt,/);
    expect(lines).toHaveLength((await headIn(server().database, 'acme')).size);
  });

  test('has nothing of another tenant', async () => {
    const text = await (await download((await linkOf(await owner())).url)).text();
    expect(text).not.toContain(await server().database.tenantId('globex'));
  });
});

describe('no link gets', () => {
  test('who lacks the permission, and no API key', async () => {
    const admin = await (await server().as('admin', 'acme')).query(EXPORT);
    expect(admin.errors[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', requires: 'audit:export' });
    const key = await (await keyOf('audit:export')).query(EXPORT);
    expect(key.errors[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', requires: 'user' });
  });

  test('who asks a server that does not seal', async () => {
    const { errors } = await (await withoutKeys().as('owner', 'acme')).query(EXPORT);
    expect(errors[0]?.extensions.code).toBe('UNAVAILABLE');
  });
});

describe('a download is refused', () => {
  const signed = async (change: object = {}) =>
    exportUrl(
      {
        tenantId: await server().database.tenantId('acme'),
        userId: 'demo|acme|owner',
        format: 'csv',
        expires: Date.now() + 60_000,
        ...change,
      },
      KEYS,
    );

  test.each<[string, () => Promise<string>]>([
    ['without a link', async () => '/audit-log/export'],
    ['with two links', async () => `${await signed()}&link=x`],
    ['with a link that has expired', () => signed({ expires: Date.now() - 1 })],
    ['with a link that expires later than any link does', () => signed({ expires: Date.now() + 3_600_000 })],
    ['with a link that was changed', async () => (await signed()).replace(/\.[^.]{6}([^.]*)$/, '.AAAAAA$1')],
  ])('%s', async (_how, url) => {
    const response = await download(await url());
    expect([response.status, await codeOf(response)]).toEqual([404, 'NOT_FOUND']);
  });

  test.each<[string, () => Promise<object>]>([
    ['of a member without the permission', async () => ({ userId: 'demo|acme|admin' })],
    ['of nobody', async () => ({ userId: 'nobody' })],
    ['in another tenant', async () => ({ tenantId: await server().database.tenantId('globex') })],
  ])('%s', async (_whose, change) => {
    const response = await download(await signed(await change()));
    expect([response.status, await codeOf(response)]).toEqual([403, 'FORBIDDEN']);
  });

  test('after the member was removed', async () => {
    const { database } = server();
    await insertMembership(database, 'acme', { userId: 'idp|leaver', role: 'owner' });
    const url = await signed({ userId: 'idp|leaver' });
    expect((await download(url)).status).toBe(200);
    await database.asSuperuser("DELETE FROM memberships WHERE user_id = 'idp|leaver'");
    await until('the server has heard of it', async () => (await download(url)).status === 403);
  });
});

test('a download whose client has gone is over, also before its first piece is there', async () => {
  const { database, url } = server();
  const link = (await linkOf(await owner())).url;
  const downloads = () => recorded('audit_log.exported');
  const before = (await downloads()).length;
  await connected(database.superuser, async (holder) => {
    await holder.query('BEGIN; LOCK TABLE audit_log IN SHARE ROW EXCLUSIVE MODE');
    const client = connect(Number(new URL(url).port), new URL(url).hostname);
    client.write(`GET ${link} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await until('the download waits for the log', async () => {
      const { rows } = await holder.query(
        'SELECT FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())',
      );
      return rows.length > 0;
    });
    const closed = once(client, 'close');
    client.destroy();
    await closed;
    // The server has noticed it when it answers later connections.
    expect((await fetch(`${url}/audit-log/export`)).status).toBe(404);
    await holder.query('COMMIT');
  });
  await until('the download has begun', async () => (await downloads()).length > before);
  await until('another one is answered', async () => (await download(link)).status === 200);
});

test('an address may ask for few downloads only', async () => {
  const few = await startTestServer({
    database: server().database,
    env: { ANONYMOUS_REQUESTS_PER_MINUTE: '2' },
  });
  const { url } = await linkOf(await few.as('owner', 'acme'));
  const statuses: number[] = [];
  for (let each = 0; each < 3; each++) {
    const response = await fetch(few.url + url);
    await response.text();
    statuses.push(response.status);
  }
  expect(statuses).toEqual([200, 200, 429]);
  await few.close();
});

test('reading the log is recorded, if the configuration says so', async () => {
  const recording = await startTestServer({ database: server().database, env: { AUDIT_READS: 'true' } });
  const READ = '{ auditLog(first: 1, filter: { action: "test.happened" }) { nodes { id } } }';
  await (await owner()).query(READ);
  expect(await recorded('audit_log.read')).toEqual([]);
  const { errors } = await (await recording.as('owner', 'acme')).query(READ);
  expect(errors).toEqual([]);
  expect(await recorded('audit_log.read')).toEqual([
    { actor: 'demo|acme|owner', new_value: { first: 1, filter: { action: 'test.happened' } } },
  ]);
  await recording.close();
});

test('so is reading an entry by its id', async () => {
  const recording = await startTestServer({
    database: server().database,
    env: { AUDIT_READS: 'true', FEDERATION: 'true' },
  });
  const { data } = await (
    await owner()
  ).query<{ auditLog: { nodes: { id: string }[] } }>('{ auditLog(first: 1) { nodes { id } } }');
  const { id } = data.auditLog.nodes[0]!;
  const reader = await recording.as('owner', 'acme');
  for (const read of [
    'query ($id: ID!) { node(id: $id) { ... on AuditEntry { newValue } } }',
    'query ($id: ID!) { nodes(ids: [$id]) { ... on AuditEntry { newValue } } }',
  ]) {
    expect((await reader.query(read, { id })).errors).toEqual([]);
  }
  const entities =
    'query ($of: [_Any!]!) { _entities(representations: $of) { ... on AuditEntry { newValue } } }';
  expect((await reader.query(entities, { of: [{ __typename: 'AuditEntry', id }] })).errors).toEqual([]);
  const reads = await recorded('audit_log.read');
  expect(reads.map(({ new_value }) => new_value).slice(-3)).toEqual([1, 2, 3].map(() => ({ ids: [id] })));
  await recording.close();
});
