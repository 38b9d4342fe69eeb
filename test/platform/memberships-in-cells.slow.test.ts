/**
 * The caller's memberships in all cells: each user is told their own, from wherever they ask, and those of nobody else; what a
 * cell says of a tenant that is elsewhere does not count; and a cell that is away keeps nobody from the others.
 */
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { createTenantIn, setCell } from '../../src/services/operator/cells.js';
import { OperatorCells } from '../../src/services/operator/operator-cells.js';
import { CELL, emptied } from '../support/cells.js';
import { useDatabase, type TestDatabase } from '../support/database.js';
import { insertApiKey, insertImpersonation } from '../support/rows.js';
import { addMember } from '../support/tenant-fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { asOperatorOf } from '../support/tenant-life.js';
import { until } from '../support/until.js';
import { userToken } from '../support/user-token.js';

const home = useDatabase();
const cell = useDatabase();
let proxy: TcpProxy;
let server: TestServer;
const WHO = 'user-of-both';

beforeAll(async () => {
  await emptied(cell());
  proxy = await startTcpProxy(cell().app);
  const far = await asOperatorOf(home(), async (one) => {
    await setCell(one, CELL, false);
    return asOperatorOf(cell(), (other) =>
      createTenantIn(
        new OperatorCells(one, new Map([[CELL, other]])),
        CELL,
        {
          slug: 'far',
          name: 'Far',
          plan: 'free',
          owner: { userId: 'owner-far', email: 'owner@far.test' },
        },
        { reason: 'test', alone: false },
      ),
    );
  });
  const member = (database: TestDatabase, slug: string, role: 'admin' | 'viewer') =>
    addMember(database, { slug, userId: WHO, email: `both@${slug}.test`, role });
  await member(home(), 'acme', 'viewer');
  await member(cell(), 'far', 'admin');
  await member(home(), 'globex', 'viewer');
  const env = { CELL_EU2_URL: proxy.through(cell().app) };
  server = await startTestServer({ database: home(), env });
  await Promise.all(server.services.others.map(({ running }) => running.checked));
  const { database } = server.services;
  await until('the server knows the route', () => database.at(far.id) === database.all[1]);
});
afterAll(async () => {
  await server.close();
  await proxy.close();
});
afterEach(() => vi.restoreAllMocks());

interface Me {
  readonly me: {
    readonly memberships: readonly {
      readonly id: string;
      readonly role: string;
      readonly tenant: { readonly slug: string };
    }[];
    readonly hasAllMemberships: boolean;
  };
}

const ME = '{ me { hasAllMemberships memberships { id role tenant { slug } } } }';
const at = (slug: string, sub = WHO) =>
  server.withHeaders({
    authorization: `Bearer ${userToken({ sub, tenant_id: slug, email: `${sub}@x.test` })}`,
  });
const memberships = async (slug: string, sub = WHO) => {
  const { data, errors } = await at(slug, sub).query<Me>(ME);
  expect(errors).toEqual([]);
  return {
    isAll: data.me.hasAllMemberships,
    slugs: data.me.memberships.map(({ role, tenant }) => `${tenant.slug} ${role}`),
    ids: data.me.memberships.map(({ id }) => id),
  };
};
/** Runs `work` while the cell is away. */
async function whileAway(goAway: () => void, work: () => Promise<void>): Promise<void> {
  goAway();
  try {
    await work();
  } finally {
    proxy.restore();
    await until('the cell serves its own tenants again', async () => {
      const { errors } = await at('far').query(ME);
      return errors.length === 0;
    });
  }
}

/** When the cell answers in time. */
const allMemberships = async (slug: string, sub = WHO) => {
  let found = await memberships(slug, sub);
  await until('the cell answers', async () => found.isAll || (found = await memberships(slug, sub)).isAll);
  return found;
};

test.each(['acme', 'globex', 'far'])(
  'a user in %s has those in all cells, the oldest first',
  async (slug) => {
    expect((await allMemberships(slug)).slugs).toEqual(['acme VIEWER', 'far ADMIN', 'globex VIEWER']);
  },
);

test('nobody has those of another user', async () => {
  expect((await allMemberships('far', 'owner-far')).slugs).toEqual(['far OWNER']);
  expect((await allMemberships('acme', 'demo|acme|owner')).slugs).toEqual(['acme OWNER']);
});

test('an API key has none, and neither has an operator who acts as a member', async () => {
  const { key } = await insertApiKey(home(), 'acme', { createdBy: WHO });
  const { credential } = await insertImpersonation(home(), 'acme', { userId: WHO, role: 'viewer' });
  for (const secret of [key, credential]) {
    const { data, errors } = await server.withHeaders({ authorization: `Bearer ${secret}` }).query<Me>(ME);
    expect(errors).toEqual([]);
    expect(data.me).toEqual({ hasAllMemberships: true, memberships: [] });
  }
});

test('what a cell says of a tenant that is not there does not count', async () => {
  const acme = await home().tenantId('acme');
  // Rows that a move has left behind, or that somebody has planted.
  const plant = (database: TestDatabase, id: string, slug: string) =>
    database.asSuperuser(
      `DO $$ BEGIN
        SET LOCAL session_replication_role = replica;
        INSERT INTO tenants (id, slug, name) VALUES ('${id}', '${slug}', 'Planted');
        INSERT INTO memberships (id, tenant_id, user_id, email, role)
          VALUES (gen_random_uuid(), '${id}', '${WHO}', 'x@x.test', 'owner');
      END $$`,
    );
  const remove = (database: TestDatabase, id: string) =>
    database.asSuperuser(
      `DO $$ BEGIN
        SET LOCAL session_replication_role = replica;
        DELETE FROM memberships WHERE tenant_id = '${id}';
        DELETE FROM tenants WHERE id = '${id}';
      END $$`,
    );
  const far = await cell().tenantId('far');
  await plant(cell(), acme, 'acme');
  await plant(home(), far, 'far');
  for (const slug of ['acme', 'far']) {
    expect((await allMemberships(slug)).slugs).toEqual(['acme VIEWER', 'far ADMIN', 'globex VIEWER']);
  }
  await remove(cell(), acme);
  await remove(home(), far);
});

test('a request that does not ask for them sends nothing to other cells', async () => {
  const asked = vi.spyOn(server.services.database.all[1]!, 'forTenant');
  expect((await at('acme').query('{ me { userId role tenant { slug } } }')).errors).toEqual([]);
  expect(asked).not.toHaveBeenCalled();
  await allMemberships('acme');
  expect(asked).toHaveBeenCalled();
  // Bound to the caller, and to no tenant that there is.
  const [{ tenantId, actor }] = asked.mock.calls[0]!;
  expect(actor).toEqual({ type: 'user', id: WHO });
  for (const database of [home(), cell()]) {
    expect(await database.asSuperuser('SELECT FROM tenants WHERE id = $1', [tenantId])).toEqual([]);
  }
});

test('one of another cell is read by its id, by its user only', async () => {
  const { ids } = await allMemberships('acme');
  const NODE = 'query($id: ID!) { node(id: $id) { ... on ViewerMembership { role tenant { slug plan } } } }';
  const { data } = await at('acme').query(NODE, { id: ids[1]! });
  expect(data).toEqual({ node: { role: 'ADMIN', tenant: { slug: 'far', plan: null } } });
  expect((await at('acme', 'demo|acme|owner').query(NODE, { id: ids[1]! })).data).toEqual({ node: null });

  await whileAway(
    () => proxy.refuse(),
    async () => {
      const refused = await at('acme').query(NODE, { id: ids[1]! });
      expect(refused.errors[0]?.extensions.code).toBe('UNAVAILABLE');
      const near = await at('acme').query(NODE, { id: ids[0]! });
      expect(near.data).toMatchObject({ node: { role: 'VIEWER', tenant: { slug: 'acme' } } });
    },
  );
});

test.each([
  ['refuses connections', () => proxy.refuse()],
  ['is silent', () => proxy.silence()],
])('a cell that %s is left out, and that is said', async (_what, goAway) => {
  await allMemberships('acme');
  await whileAway(goAway, async () => {
    const found = await memberships('acme');
    expect(found).toMatchObject({ isAll: false, slugs: ['acme VIEWER', 'globex VIEWER'] });
  });
  expect((await allMemberships('acme')).slugs).toHaveLength(3);
});
