/**
 * Proves that refused mutations, new addresses of API keys and credentials at another tenant's host are recorded in the
 * audit log of the caller's own tenant, once each.
 */
import { expect, test } from 'vitest';
import { bearer, claims, ME } from '../support/authentication.js';
import { parseBody, rawPost } from '../support/raw-request.js';
import { insertApiKey } from '../support/rows.js';
import { startTestServer, useServer, type TestServer } from '../support/server.js';
import { socketClient } from '../support/socket-requests.js';

const ON = { AUDIT_ACCESS: 'true' };
const server = useServer({ env: ON });

interface Entry {
  readonly slug: string;
  readonly actor: string;
  readonly actor_type: string;
  readonly action: string;
  readonly entity: string;
  readonly entity_id: string | null;
  readonly new_value: unknown;
  readonly request_id: string;
}

const ACTIONS = ['access.mutation_refused', 'access.tenant_mismatch', 'api_key.used_from_new_address'];

/** What `work` adds to the audit logs of all tenants, when the entries are written. */
async function recorded(work: () => Promise<unknown>, at: TestServer = server()): Promise<Entry[]> {
  const read = (known: readonly string[]) =>
    server().database.asSuperuser<Entry>(
      `SELECT t.slug, a.actor, a.actor_type, a.action, a.entity, a.entity_id, a.new_value, a.request_id
       FROM audit_log a JOIN tenants t ON t.id = a.tenant_id
       WHERE a.action = ANY ($1) AND a.id <> ALL ($2) ORDER BY a.id`,
      [ACTIONS, known],
    );
  const before = await server().database.asSuperuser<{ id: string }>('SELECT id FROM audit_log');
  await work();
  await at.services.accessRecords.close();
  return read(before.map(({ id }) => id));
}

const INVITE =
  'mutation { invited: inviteMember(input: { email: "guest@example.test", role: VIEWER }) { invitation { id } } }';

test('a mutation that is refused for a missing permission, with its name, and once', async () => {
  const viewer = await server().as('viewer', 'acme');
  const ids: (string | null)[] = [];
  const entries = await recorded(async () => {
    for (let round = 0; round < 3; round++) {
      const { errors, headers } = await viewer.query(INVITE);
      expect(errors[0]?.extensions.code).toBe('FORBIDDEN');
      ids.push(headers.get('x-request-id'));
    }
  });
  expect(entries).toEqual([
    {
      slug: 'acme',
      actor: 'demo|acme|viewer',
      actor_type: 'user',
      action: 'access.mutation_refused',
      entity: 'Access',
      entity_id: null,
      new_value: { mutation: 'inviteMember', requires: 'users:manage' },
      request_id: ids[0],
    },
  ]);
});

test('the same over WebSocket, in the tenant of the caller', async () => {
  const { token } = await server().as('viewer', 'globex');
  const entries = await recorded(async () => {
    const client = await socketClient(server(), token);
    await client.ask({ query: INVITE });
    client.socket.close();
  });
  expect(entries).toMatchObject([{ slug: 'globex', actor: 'demo|globex|viewer', action: ACTIONS[0] }]);
});

test('no query, and no mutation that failed for another reason', async () => {
  const [viewer, owner] = [await server().as('viewer', 'acme'), await server().as('owner', 'acme')];
  const entries = await recorded(async () => {
    expect((await viewer.query('{ auditLog(first: 1) { nodes { id } } }')).errors).toHaveLength(1);
    const failed = await owner.query(
      'mutation { removeMember(input: { id: "mem_unknown" }) { member { id } } }',
    );
    expect(failed.errors).toHaveLength(1);
  });
  expect(entries).toEqual([]);
});

const address = 'X-Forwarded-For';
const useKey = (key: string, from: string | undefined, at: TestServer) =>
  at
    .withHeaders({ authorization: `Bearer ${key}`, ...(from !== undefined && { [address]: from }) })
    .query('{ me { userId } }');

test('the addresses from which an API key is used, once each, and again by no other server', async () => {
  const { id, key } = await insertApiKey(server().database, 'acme');
  const behind = { ...ON, TRUSTED_PROXIES: '127.0.0.1' };
  const first = await startTestServer({ database: server().database, env: behind });
  const second = await startTestServer({ database: server().database, env: behind });
  const froms = ['192.0.2.7', '192.0.2.7', '2001:db8:1:2:3::4', '2001:db8:1:2:ffff::1', '192.0.2.8'];
  const entries = await recorded(async () => {
    for (const from of froms) expect((await useKey(key, from, first)).errors).toEqual([]);
  }, first);
  const entry = {
    slug: 'acme',
    actor: id,
    actor_type: 'api_key',
    action: 'api_key.used_from_new_address',
    entity: 'ApiKey',
    entity_id: id,
  };
  // They are written at the same time.
  expect(entries.map(({ new_value }) => JSON.stringify(new_value)).sort()).toEqual([
    '{"address":"192.0.2.7"}',
    '{"address":"192.0.2.8"}',
    '{"address":"2001:db8:1:2::/64"}',
  ]);
  expect(entries[0]).toMatchObject(entry);
  expect(
    await recorded(async () => {
      for (const from of froms) await useKey(key, from, second);
    }, second),
  ).toEqual([]);
  await first.close();
  await second.close();
});

test('an address that a client only claims is not one', async () => {
  const { key } = await insertApiKey(server().database, 'acme');
  const entries = await recorded(async () => {
    for (const from of ['192.0.2.1', '192.0.2.2', undefined]) await useKey(key, from, server());
  });
  expect(entries.map(({ new_value }) => new_value)).toEqual([{ address: '127.0.0.1' }]);
});

test('the address of an API key over WebSocket', async () => {
  const { id, key } = await insertApiKey(server().database, 'acme');
  const entries = await recorded(async () => (await socketClient(server(), key)).socket.close());
  expect(entries).toMatchObject([{ entity_id: id, new_value: { address: '127.0.0.1' } }]);
});

const atGlobex = (authorization: string) => {
  const url = new URL('/graphql', server().url);
  return rawPost(url.href, { body: ME, authorization, host: `globex.localhost:${url.port}` });
};

test('a credential at the host of another tenant is recorded in its own tenant alone', async () => {
  const { id, key } = await insertApiKey(server().database, 'acme');
  const own = bearer(claims({ sub: 'demo|acme|owner', tenant_id: 'acme' }));
  const entries = await recorded(async () => {
    for (const authorization of [own, own, `Bearer ${key}`]) {
      const answer = await atGlobex(authorization);
      expect(parseBody(answer).errors).toMatchObject([{ extensions: { code: 'TENANT_MISMATCH' } }]);
    }
  });
  const entry = {
    slug: 'acme',
    action: 'access.tenant_mismatch',
    entity: 'Access',
    new_value: { host: 'globex' },
  };
  // Two credentials at the same time: the order of their entries is not determined.
  expect(entries).toHaveLength(2);
  expect(entries).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ ...entry, actor: 'demo|acme|owner', actor_type: 'user' }),
      expect.objectContaining({ ...entry, actor: id, actor_type: 'api_key' }),
    ]),
  );
});

test('a user who names a tenant without being its member writes into no log', async () => {
  const entries = await recorded(async () => {
    const answer = await atGlobex(bearer(claims({ sub: 'demo|globex|owner', tenant_id: 'acme' })));
    expect(parseBody(answer).errors).toMatchObject([{ extensions: { code: 'TENANT_MISMATCH' } }]);
  });
  expect(entries).toEqual([]);
});

test('owners see what was recorded', async () => {
  const viewer = await server().as('viewer', 'acme');
  await recorded(() => viewer.query('mutation { revokeApiKey(input: { id: "key_x" }) { apiKey { id } } }'));
  const owner = await server().as('owner', 'acme');
  const { data, errors } = await owner.query(
    '{ auditLog(first: 1, filter: { action: "access.mutation_refused" }) { nodes { actor newValue } } }',
  );
  expect(errors).toEqual([]);
  expect(data).toEqual({
    auditLog: {
      nodes: [
        { actor: 'demo|acme|viewer', newValue: { mutation: 'revokeApiKey', requires: 'settings:manage' } },
      ],
    },
  });
});

test('nothing, if the configuration says so', async () => {
  const silent = await startTestServer({ database: server().database, env: { AUDIT_ACCESS: 'false' } });
  const { key } = await insertApiKey(server().database, 'acme');
  const viewer = await silent.as('viewer', 'acme');
  const entries = await recorded(async () => {
    await viewer.query(INVITE);
    await useKey(key, undefined, silent);
  }, silent);
  expect(entries).toEqual([]);
  await silent.close();
});
