/** A cell that is away: its tenants are answered UNAVAILABLE, all others are served, and it comes back by itself. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { placeTenant, setCell } from '../../src/services/operator/cells.js';
import { seedDemo } from '../../src/services/operator/demo-seed.js';
import { useDatabase } from '../support/database.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { asOperatorOf, erased } from '../support/tenant-life.js';
import { userToken } from '../support/user-token.js';
import { until } from '../support/until.js';

const database = useDatabase();
const GLOBEX = '01a00000-0000-7000-8000-000000000002';
const AWAY = '01a00000-0000-7000-8000-000000000001';
let server: TestServer;

beforeAll(async () => {
  await asOperatorOf(database(), async (connection) => {
    await setCell(connection, 'away', false);
    await placeTenant(connection, { id: AWAY, slug: 'nobody' }, 'away');
  });
  server = await startTestServer({
    database: database(),
    // No server listens on this port.
    env: { CELL_AWAY_URL: 'postgresql://tenantry_app:x@127.0.0.1:1/nowhere' },
  });
});
afterAll(() => server.close());

test('a demo tenant that is there is not made again', async () => {
  const opened = server.services.database;
  await asOperatorOf(database(), async (connection) => {
    await erased(database(), await database().tenantId('globex'));
    await placeTenant(connection, { id: GLOBEX, slug: 'globex' }, 'away');
    expect(await seedDemo(connection, opened, [])).toEqual([]);
  });
});

const ME = '{ me { tenant { slug } } }';

test('its tenants are answered UNAVAILABLE, by their slug, their id and their keys', async () => {
  for (const named of ['nobody', AWAY]) {
    const token = userToken({ sub: 'u', tenant_id: named, email: 'u@nobody.test' });
    const refused = await server.withHeaders({ authorization: `Bearer ${token}` }).query(ME);
    expect([refused.status, refused.errors[0]?.extensions.code]).toEqual([503, 'UNAVAILABLE']);
  }
  const hint = Buffer.from(AWAY.replaceAll('-', ''), 'hex').toString('base64url');
  const key = `tk_${'k'.repeat(43)}.${hint}`;
  const refused = await server.withHeaders({ authorization: `Bearer ${key}` }).query(ME);
  expect([refused.status, refused.errors[0]?.extensions.code]).toEqual([503, 'UNAVAILABLE']);
});

test('the others are served, and the server is ready', async () => {
  expect((await (await server.as('owner', 'acme')).query(ME)).data).toEqual({
    me: { tenant: { slug: 'acme' } },
  });
  await expect.poll(async () => (await fetch(`${server.url}/readyz`)).status).toBe(200);
});

test('a problem says which cell it is, without its URL', async () => {
  await until('the cell was looked for', () =>
    server.warnings.some((each) => each.includes('the cell away')),
  );
  expect(server.warnings.join(' ')).not.toContain('tenantry_app:x');
});
