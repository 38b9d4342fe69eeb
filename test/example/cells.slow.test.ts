/**
 * Tenants of two cells behind one server: each is served from its own database by every door, and a wrong route finds nothing
 * and writes nothing.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { forgetTenant, placeTenant, rebuildDirectory } from '../../src/services/operator/cells.js';
import { CELL, useCells } from '../support/cells.js';
import type { TestDatabase } from '../support/database.js';
import { askOperators, operatorToken } from '../support/operators.js';
import { userToken } from '../support/user-token.js';
import { until } from '../support/until.js';

const cells = useCells();
const ME = '{ me { userId tenant { slug } memberships { tenant { slug } } } }';
const CREATE = `mutation($body: String!) {
  createConversation(input: { body: $body, subject: "s" }) { conversation { id body } } }`;
const LIST = '{ conversations(first: 50) { nodes { body } } }';
let far: string;

const owner = (slug: string) => {
  const token = userToken({ sub: `owner-${slug}`, tenant_id: slug, email: `owner@${slug}.test` });
  return cells().server.withHeaders({ authorization: `Bearer ${token}` });
};

beforeAll(async () => {
  far = await cells().create('far');
});

describe('A tenant of another cell', () => {
  test('is served from it, over HTTP, and nothing of it is in the default cell', async () => {
    const { data, errors } = await owner('far').query(CREATE, { body: 'in the cell' });
    expect(errors).toEqual([]);
    expect(data).toMatchObject({ createConversation: { conversation: { body: 'in the cell' } } });
    const { cell, home } = cells();
    const sql = 'SELECT body FROM conversations WHERE tenant_id = $1';
    expect(await cell.asSuperuser(sql, [far])).toEqual([{ body: 'in the cell' }]);
    expect(await home.asSuperuser(sql, [far])).toEqual([]);
    expect((await owner('far').query(ME)).data).toMatchObject({ me: { tenant: { slug: 'far' } } });
  });

  test('does not see tenants of the default cell, which do not see it', async () => {
    const near = await cells().server.as('owner', 'acme');
    await near.query(CREATE, { body: 'in the default cell' });
    const listed = JSON.stringify((await owner('far').query(LIST)).data);
    expect(listed).toContain('in the cell');
    expect(listed).not.toContain('in the default cell');
    expect(JSON.stringify((await near.query(LIST)).data)).not.toContain('in the cell');
  });

  test('has API keys that name it, and older ones that do not', async () => {
    const { data } = await owner('far').query<{ createApiKey: { secret: string } }>(
      'mutation { createApiKey(input: { name: "k", permissions: [CONVERSATIONS_READ] }) { secret } }',
    );
    const { secret } = data.createApiKey;
    expect(secret).toMatch(/^tk_[\w-]{43}\.[\w-]{22}$/);
    const by = (key: string) => cells().server.withHeaders({ authorization: `Bearer ${key}` });
    expect(JSON.stringify((await by(secret).query(LIST)).data)).toContain('in the cell');

    // A key that names another tenant is another key.
    const acme = Buffer.from((await cells().home.tenantId('acme')).replaceAll('-', ''), 'hex').toString(
      'base64url',
    );
    expect((await by(`${secret.slice(0, -22)}${acme}`).query(LIST)).status).toBe(401);

    const { createHash } = await import('node:crypto');
    const old = `tk_${'o'.repeat(43)}`;
    await cells().cell.asSuperuser('UPDATE api_keys SET key_hash = $1 WHERE tenant_id = $2', [
      createHash('sha256').update(old).digest('hex'),
      far,
    ]);
    expect(JSON.stringify((await by(old).query(LIST)).data)).toContain('in the cell');
  });

  test('is in the operators’ lists, and is worked on in its cell', async () => {
    const ask = <Data>(document: string) =>
      askOperators<Data>(cells().server, document, { token: operatorToken() });
    const { data } = await ask('{ tenants(first: 50) { nodes { slug } totalCount } }');
    expect(data).toEqual({
      tenants: { nodes: [{ slug: 'acme' }, { slug: 'far' }, { slug: 'globex' }], totalCount: 3 },
    });
    const pages = await ask<{ tenants: { nodes: object[]; pageInfo: { endCursor: string } } }>(
      '{ tenants(first: 2) { nodes { slug } pageInfo { endCursor hasNextPage } } }',
    );
    expect(pages.data.tenants.nodes).toEqual([{ slug: 'acme' }, { slug: 'far' }]);
    const shown = await ask(
      '{ tenant(slug: "far", reason: "look") { slug cell jobs { id } usage { used } } }',
    );
    expect(shown.errors).toEqual([]);
    expect(shown.data).toMatchObject({ tenant: { slug: 'far', cell: CELL } });
    const near = await ask('{ tenant(slug: "acme", reason: "look") { cell } }');
    expect(near.data).toEqual({ tenant: { cell: 'default' } });
    expect(
      await cells().cell.asSuperuser(
        "SELECT 1 AS found FROM audit_log WHERE tenant_id = $1 AND action = 'operator.tenant_read' LIMIT 1",
        [far],
      ),
    ).toEqual([{ found: 1 }]);
  });

  test('is counted in its cell, and the others in theirs', async () => {
    expect((await owner('far').query(LIST)).errors).toEqual([]);
    expect((await (await cells().server.as('owner', 'acme')).query(LIST)).errors).toEqual([]);
    const { usageWriter, others } = cells().server.services;
    // The default cell's first: it leaves what is not its own.
    for (const writer of [usageWriter, ...others.map((each) => each.usageWriter)]) {
      expect(await writer.write()).toBe(true);
    }
    const countedIn = async (database: TestDatabase) =>
      (
        await database.asSuperuser<{ slug: string }>(
          'SELECT DISTINCT slug FROM tenantry.tenant_usage u JOIN tenants t ON t.id = u.tenant_id WHERE requests > 0 ORDER BY 1',
        )
      ).map(({ slug }) => slug);
    expect(await countedIn(cells().cell)).toEqual(['far']);
    expect(await countedIn(cells().home)).toEqual(['acme']);
  });

  test('is created there by operators, unless the cell is drained, unknown or away', async () => {
    const create = async (slug: string, cell: string | undefined) => {
      const input = { slug, name: slug, ownerUserId: 'u', ownerEmail: 'u@x.test', cell, reason: 'new' };
      const { data, errors } = await askOperators<{ createTenant: { tenant: object } | null }>(
        cells().server,
        'mutation($input: CreateTenantInput!) { createTenant(input: $input) { tenant { slug cell } } }',
        { variables: { input } },
      );
      return errors[0]?.extensions.code ?? data.createTenant?.tenant;
    };
    expect(await create('made', CELL)).toEqual({ slug: 'made', cell: CELL });
    expect(await create('near', 'default')).toEqual({ slug: 'near', cell: 'default' });
    expect(await create('nearer', undefined)).toEqual({ slug: 'nearer', cell: 'default' });
    expect(await create('acme', CELL)).toBe('CONFLICT');
    expect(await create('made', undefined)).toBe('CONFLICT');
    expect(await create('lost', 'nowhere')).toBe('NOT_FOUND');
    const { setCell } = await import('../../src/services/operator/cells.js');
    await cells().asOperators(({ home }) => setCell(home, CELL, true));
    expect(await create('late', CELL)).toBe('CONFLICT');
    await cells().asOperators(({ home }) => setCell(home, CELL, false));
    // Known in the directory, and not to this server.
    await cells().asOperators(({ home }) => setCell(home, 'us8', false));
    expect(await create('far-away', 'us8')).toBe('UNAVAILABLE');
    await cells().home.asSuperuser("DELETE FROM tenantry.cells WHERE name = 'us8'");
    expect(await create('far-away', CELL)).toEqual({ slug: 'far-away', cell: CELL });

    const { erased } = await import('../support/tenant-life.js');
    const { cell, home } = cells();
    for (const slug of ['made', 'far-away']) {
      const id = await cell.tenantId(slug);
      await erased(cell, id);
      await cells().asOperators(({ home: directory }) => forgetTenant(directory, id, CELL));
    }
    for (const slug of ['near', 'nearer']) await erased(home, await home.tenantId(slug));
  });

  test('keeps its slug from tenants of other cells', async () => {
    await expect(
      cells().asOperators(async ({ home }) => {
        const { createTenant } = await import('../../src/services/operator/tenants.js');
        return createTenant(home, { slug: 'far', name: 'x', owner: { userId: 'u', email: 'u@x.test' } });
      }),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(cells().create('acme')).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

describe('A wrong directory', () => {
  const fromDirectory = async (slug: string, id: string, cell: string | null) => {
    await cells().asOperators(({ home }) => placeTenant(home, { id, slug }, cell));
    await until('the server knows the route', () => routeOf(id) === (cell === null ? 0 : 1));
  };
  /** The number of the cell; undefined when the server does not know it. */
  const routeOf = (id: string): number | undefined => {
    const { database } = cells().server.services;
    try {
      return database.all.indexOf(database.at(id));
    } catch {
      return undefined;
    }
  };

  test('finds nothing and writes nothing', async () => {
    const acme = await cells().home.tenantId('acme');
    const near = await cells().server.as('owner', 'acme');
    await cells().home.asSuperuser('DELETE FROM tenantry.directory WHERE subject = $1', [acme]);
    await cells().asOperators(({ home }) => placeTenant(home, { id: acme, slug: 'acme' }, CELL));
    const { database } = cells().server.services;
    await until('the server knows the route', () => database.at(acme) !== database.all[0]);
    try {
      expect((await near.query(LIST)).errors[0]?.extensions.code).toBe('TENANT_NOT_FOUND');
      expect((await near.query(CREATE, { body: 'lost' })).errors[0]?.extensions.code).toBe(
        'TENANT_NOT_FOUND',
      );
      // Also when the access was decided before the route went wrong.
      const db = database.forTenant({ tenantId: acme, actor: { type: 'user', id: 'u' }, requestId: 'r' });
      expect(await db.conversation.findMany()).toEqual([]);
      await expect(
        db.conversation.create({ data: { body: 'lost', subject: 's', userId: 'u' } }),
      ).rejects.toBeDefined();
      expect(
        await cells().cell.asSuperuser('SELECT 1 FROM conversations WHERE tenant_id = $1', [acme]),
      ).toEqual([]);
    } finally {
      await fromDirectory('acme', acme, null);
    }
    expect((await near.query(LIST)).errors).toEqual([]);
  });

  test('that names a cell which the server does not know is UNAVAILABLE, for its tenants only', async () => {
    await cells().asOperators(({ home }) => home.query('SELECT tenantry.set_cell($1, false)', ['us9']));
    await cells().asOperators(({ home }) => placeTenant(home, { id: far, slug: 'far' }, 'us9'));
    await until('the server knows the route', () => routeOf(far) === undefined);
    const refused = await owner('far').query(LIST);
    expect([refused.status, refused.errors[0]?.extensions.code]).toEqual([503, 'UNAVAILABLE']);
    expect((await (await cells().server.as('owner', 'acme')).query(LIST)).errors).toEqual([]);
    await fromDirectory('far', far, CELL);
    expect((await owner('far').query(LIST)).errors).toEqual([]);
  });

  test('forgets a tenant that is gone, and its slug is the next one’s', async () => {
    const gone = '0199e7a5-0000-7000-8000-00000000000a';
    await fromDirectory('reused', gone, CELL);
    await cells().asOperators(({ home }) => forgetTenant(home, gone, CELL));
    expect(
      await cells().home.asSuperuser('SELECT 1 FROM tenantry.directory WHERE subject = $1', [gone]),
    ).toEqual([]);
    await cells().asOperators(async ({ home }) => {
      const { createTenant } = await import('../../src/services/operator/tenants.js');
      const next = { userId: 'owner-reused', email: 'owner@reused.test' };
      return createTenant(home, { slug: 'reused', name: 'Reused', plan: 'free', owner: next });
    });
    await until(
      'the new tenant is found',
      async () => (await owner('reused').query(LIST)).errors.length === 0,
    );
    // The other entries were read again.
    expect(routeOf(far)).toBe(1);
    expect((await owner('far').query(LIST)).errors).toEqual([]);
  });

  test('is rebuilt from what the cells have, as often as one likes', async () => {
    await cells().home.asSuperuser('UPDATE tenantry.directory SET slug = $1 WHERE subject = $2', [
      'wrong',
      far,
    ]);
    const rebuild = () =>
      cells().asOperators((all) => rebuildDirectory(all.home, new Map([[CELL, all.named(CELL)]])));
    expect(await rebuild()).toMatchObject({ tenants: 1, placed: 1 });
    expect(await rebuild()).toEqual({ tenants: 1, placed: 0, removed: 0 });
    await until('it is served again', async () => (await owner('far').query(LIST)).errors.length === 0);
  });
});
