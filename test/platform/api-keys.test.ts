/**
 * Proves that an API key is what its maker allowed and no more: in its own tenant, with permissions its creator still
 * has, until it expires, is revoked or its creator leaves, on every server within a second; that it cannot multiply or
 * make members; that whatever is wrong with a key looks the same; and that neither key nor hash can be read anywhere.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi, type MockInstance } from 'vitest';
import type { Role } from '../../src/kernel/vocabulary/permissions.js';
import { recordApiKeyUse } from '../../src/kernel/auth/api-key-use.js';
import { endChildrenAfterAll, startChild } from '../support/child.js';
import { boundAndUndone, connected, contextOf, refusalOf } from '../support/demo-tenants.js';
import { stateOf, useMutations, whatTheAnswerTells } from '../support/mutations.js';
import { parseBody, rawPost } from '../support/raw-request.js';
import {
  auditRows,
  insertApiKey,
  insertInvitation,
  insertMembership,
  insertTenant,
} from '../support/rows.js';
import { startTestServer, TEST_SECRET, useServer, type Answer, type TestServer } from '../support/server.js';
import { transactionsAmong, watchStatements } from '../support/statements.js';
import { until } from '../support/until.js';

const statements = watchStatements();
const server = useServer();
let replica: TestServer;
let lookUps: MockInstance;
beforeAll(async () => {
  replica = await startTestServer({ database: server().database });
  lookUps = vi.spyOn(server().services.database, 'query');
});
afterAll(() => replica.close());
endChildrenAfterAll();

const TABLES = ['tenants', 'memberships', 'invitations', 'api_keys'];
const { run, succeed, refused } = useMutations(server, TABLES);

const KEY = 'id name prefix permissions status createdBy createdAt expiresAt revokedAt lastUsedAt';
const CREATED = `secret apiKey { ${KEY} }`;
const MISSING = '01900000-0000-7000-8000-000000000000';
const ME = '{ me { userId email role permissions tenant { slug } memberships { role } } }';
/** Less than the 30 seconds after which a change of access is found out without being heard of. */
const SOON = { timeout: 10_000, interval: 20 };

interface Created {
  readonly secret: string;
  readonly apiKey: {
    id: string;
    name: string;
    prefix: string;
    permissions: string[];
    status: string;
    expiresAt: string | null;
  };
}

async function create(permissions: string[], input: object = {}, caller = {}): Promise<Created> {
  const { payload } = await succeed<Created>(
    'createApiKey',
    CREATED,
    { name: 'a key', permissions, ...input },
    caller,
  );
  return payload;
}

const ask = <Data = Record<string, unknown>>(
  key: string,
  query: string,
  at: TestServer = server(),
): Promise<Answer<Data>> => at.withHeaders({ authorization: `Bearer ${key}` }).query<Data>(query);

const refusalOfKey = async (key: string, at = server()) => {
  const { status, errors, text, headers } = await ask(key, ME, at);
  return { status, code: errors[0]?.extensions.code, text, challenge: headers.get('www-authenticate') };
};

const permissionsOf = async (key: string, at = server()) =>
  (await ask<{ me: { permissions: string[] } }>(key, '{ me { permissions } }', at)).data.me.permissions;

const rowOf = async (id: string) => {
  const [row] = await server().database.asSuperuser<{
    key_hash: string;
    revoked_at: Date | null;
    last_used_at: Date | null;
  }>('SELECT * FROM api_keys WHERE id = $1', [id]);
  return row!;
};

/** A tenant with an owner and a second member. */
async function tenantWith(role: Role) {
  const { database } = server();
  const slug = `keys-${randomUUID()}`;
  await insertTenant(database, slug);
  const second = { userId: `second|${slug}`, email: `second@${slug}.test` };
  await insertMembership(database, slug, { role: 'owner', userId: `o|${slug}`, email: `o@${slug}.test` });
  const membershipId = await insertMembership(database, slug, { role, ...second });
  return {
    slug,
    membershipId,
    userId: second.userId,
    owner: { user: `o@${slug}.test`, tenant: slug },
    second: { user: second.email, tenant: slug },
  };
}

describe('createApiKey', () => {
  test('answers with the key, this once, and records what it is but not the key', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const { payload, entries } = await succeed<Created>(
      'createApiKey',
      CREATED,
      { name: 'Billing export', permissions: ['MEMBERS_READ', 'AUDIT_READ', 'MEMBERS_READ'], expiresAt },
      { user: 'admin' },
    );
    const { secret, apiKey } = payload;
    expect(secret).toMatch(/^tk_[A-Za-z0-9_-]{43}$/);
    expect(apiKey).toMatchObject({
      name: 'Billing export',
      prefix: secret.slice(0, 10),
      permissions: ['AUDIT_READ', 'MEMBERS_READ'],
      status: 'ACTIVE',
      createdBy: 'demo|acme|admin',
      expiresAt,
      revokedAt: null,
      lastUsedAt: null,
    });
    expect((await rowOf(apiKey.id)).key_hash).toBe(createHash('sha256').update(secret).digest('hex'));
    expect(entries).toMatchObject([
      {
        action: 'api_key.created',
        entity: 'ApiKey',
        entity_id: apiKey.id,
        actor: 'demo|acme|admin',
        new_value: { name: 'Billing export', permissions: ['audit:read', 'members:read'] },
      },
    ]);
    expect(entries[0]?.new_value).not.toHaveProperty('key_hash');
    expect(JSON.stringify(await stateOf(server().database, TABLES))).not.toContain(secret);
  });

  test('never makes the same key twice', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => create(['MEMBERS_READ'])));
    expect(new Set(made.map(({ secret }) => secret)).size).toBe(8);
    expect(new Set(made.map(({ apiKey }) => apiKey.id)).size).toBe(8);
  });

  test('gives no permission that the creator lacks', async () => {
    for (const permissions of [['BILLING_MANAGE'], ['MEMBERS_READ', 'BILLING_MANAGE', 'AUDIT_READ']]) {
      const input = { name: 'more than mine', permissions };
      expect(await refused('createApiKey', CREATED, input, { user: 'admin' })).toEqual({
        code: 'FORBIDDEN',
        requires: 'billing:manage',
      });
    }
    await create(['BILLING_MANAGE']);
  });

  test.each(['member', 'viewer'])('is refused to a %s', async (user) => {
    const input = { name: 'mine', permissions: ['MEMBERS_READ'] };
    expect(await refused('createApiKey', CREATED, input, { user })).toEqual({
      code: 'FORBIDDEN',
      requires: 'settings:manage',
    });
  });

  test.each([
    ['no permissions', { permissions: [] }, 'input.permissions'],
    ['an empty name', { name: '' }, 'input.name'],
    ['a name of 101 characters', { name: 'x'.repeat(101) }, 'input.name'],
    ['a NUL in the name', { name: 'a\u0000' }, 'input.name'],
    ['an expiry in the past', { expiresAt: '2024-01-01T00:00:00Z' }, 'input.expiresAt'],
  ])('is refused with %s', async (_name, wrong, field) => {
    const input = { name: 'a key', permissions: ['MEMBERS_READ'], ...wrong };
    expect(await refused('createApiKey', CREATED, input)).toEqual({ code: 'BAD_USER_INPUT', field });
  });

  test.each([['members:read'], ['EVERYTHING'], ['*'], [null]])(
    'is refused with the permission %j',
    async (permission) => {
      const { status, errors } = await run('createApiKey', CREATED, {
        name: 'a key',
        permissions: [permission],
      });
      expect(status).toBe(400);
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    },
  );

  test('waits for a removal of the creator that is under way, and leaves no key behind', async () => {
    const { database } = server();
    const { membershipId, second, userId } = await tenantWith('admin');
    // The server knows them, and lets them in.
    await create(['MEMBERS_READ'], {}, second);
    const answer = await connected(database.superuser, async (client) => {
      await client.query('BEGIN');
      await client.query('DELETE FROM memberships WHERE id = $1', [membershipId]);
      const late = run('createApiKey', CREATED, { name: 'late', permissions: ['MEMBERS_READ'] }, second);
      await until('the mutation waits', async () => {
        const waiting = await database.asSuperuser(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
             AND application_name = 'tenantry'`,
        );
        return waiting.length > 0;
      });
      await client.query('COMMIT');
      return late;
    });
    expect(answer.errors[0]?.extensions).toEqual({ code: 'FORBIDDEN', requires: 'settings:manage' });
    const keys = await database.asSuperuser<{ alive: boolean }>(
      'SELECT revoked_at IS NULL AS alive FROM api_keys WHERE created_by = $1',
      [userId],
    );
    expect(keys).toEqual([{ alive: false }]);
  });
});

describe('a key', () => {
  test('is a viewer with its own permissions, and neither role, address nor membership', async () => {
    const { secret, apiKey } = await create(['MEMBERS_READ', 'AUDIT_READ']);
    const { status, data, errors } = await ask(secret, ME);
    expect(errors).toEqual([]);
    expect(status).toBe(200);
    expect(data).toEqual({
      me: {
        userId: apiKey.id,
        email: null,
        role: null,
        permissions: ['AUDIT_READ', 'MEMBERS_READ'],
        tenant: { slug: 'acme' },
        memberships: [],
      },
    });
  });

  test('does what its permissions allow, under its own name', async () => {
    const { secret, apiKey } = await create(['SETTINGS_MANAGE', 'AUDIT_READ']);
    const { errors } = await ask(
      secret,
      'mutation { updateTenant(input: { settings: { by: "a key" } }) { tenant { id } } }',
    );
    expect(errors).toEqual([]);
    const { data } = await ask<{ auditLog: { nodes: object[] } }>(
      secret,
      `{ auditLog(filter: { actor: "${apiKey.id}" }) { nodes { actor actorType action } } }`,
    );
    expect(data.auditLog.nodes).toEqual([
      { actor: apiKey.id, actorType: 'API_KEY', action: 'tenant.updated' },
    ]);
  });

  test('does nothing that its permissions do not allow', async () => {
    const { secret } = await create(['MEMBERS_READ']);
    const before = await stateOf(server().database, TABLES);
    for (const [query, requires] of [
      ['{ auditLog { totalCount } }', 'audit:read'],
      ['{ apiKeys { totalCount } }', 'settings:manage'],
      ['{ invitations { totalCount } }', 'users:manage'],
      ['{ members { nodes { email } } }', 'users:manage'],
      ['{ tenant { plan } }', 'billing:manage'],
      ['mutation { updateTenant(input: { name: "Mine" }) { tenant { id } } }', 'settings:manage'],
      ['mutation { changePlan(input: { plan: "free" }) { tenant { id } } }', 'billing:manage'],
    ] as const) {
      const { errors } = await ask(secret, query);
      expect(errors[0]?.extensions).toEqual({ code: 'FORBIDDEN', requires });
    }
    expect(await stateOf(server().database, TABLES)).toEqual(before);
  });

  test('sees in the audit log only what it may see elsewhere', async () => {
    const { apiKey } = await create(['MEMBERS_READ'], { name: 'to be seen' });
    const { secret } = await create(['AUDIT_READ']);
    const { text } = await ask(
      secret,
      `{ auditLog(filter: { entityId: "${apiKey.id}" }) { nodes { action newValue } } }`,
    );
    expect(text).toContain('api_key.created');
    expect(text).not.toContain('to be seen');
  });

  test('may hold every permission, and yet make neither members nor keys', async () => {
    const { database } = server();
    const { secret } = await create([
      'MEMBERS_READ',
      'USERS_MANAGE',
      'SETTINGS_MANAGE',
      'AUDIT_READ',
      'BILLING_MANAGE',
    ]);
    const membershipId = await insertMembership(database, 'acme');
    const invitation = await insertInvitation(database, 'acme');
    const other = await insertApiKey(database, 'acme');
    const before = await stateOf(database, TABLES);
    for (const mutation of [
      `inviteMember(input: { email: "a@new.test", role: VIEWER }) { emailSent }`,
      `revokeInvitation(input: { id: "${invitation.id}" }) { invitation { id } }`,
      `acceptInvitation(input: { token: "${invitation.token}" }) { membership { id } }`,
      `changeMemberRole(input: { membershipId: "${membershipId}", role: OWNER }) { membership { id } }`,
      `removeMember(input: { membershipId: "${membershipId}" }) { deletedId }`,
      `createApiKey(input: { name: "child", permissions: [MEMBERS_READ] }) { secret }`,
      `revokeApiKey(input: { id: "${other.id}" }) { apiKey { id } }`,
    ]) {
      const { errors } = await ask(secret, `mutation { ${mutation} }`);
      expect(errors).toHaveLength(1);
      expect(errors[0]?.extensions).toEqual({ code: 'FORBIDDEN', requires: 'user' });
    }
    expect(await stateOf(database, TABLES)).toEqual(before);
    // It may look, though.
    const { errors } = await ask(secret, '{ invitations { totalCount } apiKeys { totalCount } }');
    expect(errors).toEqual([]);
  });

  test('names its tenant by itself, and opens no other', async () => {
    const { secret } = await create(['MEMBERS_READ']);
    const at = async (host: string) => {
      const answer = await rawPost(`${server().url}/graphql`, {
        host,
        authorization: `Bearer ${secret}`,
        body: JSON.stringify({ query: '{ me { tenant { slug } } }' }),
      });
      return { status: answer.status, body: parseBody(answer), text: answer.text };
    };
    for (const host of ['acme.localhost', 'ACME.localhost.', 'localhost', 'elsewhere.test']) {
      expect((await at(host)).body.data).toEqual({ me: { tenant: { slug: 'acme' } } });
    }
    const foreign = await at('globex.localhost');
    expect(foreign).toMatchObject({
      status: 403,
      body: { errors: [{ extensions: { code: 'TENANT_MISMATCH' } }] },
    });
    // Nor does it tell whether there is such a tenant.
    expect((await at('no-such-tenant.localhost')).text).toBe(foreign.text);
  });

  test('sees the rows of its tenant, and of no other', async () => {
    const globex = await insertMembership(server().database, 'globex', { email: 'secret@globex.test' });
    const { secret } = await create(['MEMBERS_READ', 'USERS_MANAGE']);
    const { text } = await ask(secret, '{ members(first: 100) { nodes { id userId email } } }');
    expect(text).toContain('owner@acme.test');
    expect(text).not.toContain('globex');
    expect(text).not.toContain(globex);
  });
});

describe('a key that is not valid', () => {
  test('is refused in the same words, whatever is wrong with it', async () => {
    const { database } = server();
    const { slug, second, membershipId } = await tenantWith('admin');
    const orphaned = await create(['MEMBERS_READ'], {}, second);
    await database.asSuperuser('DELETE FROM memberships WHERE id = $1', [membershipId]);
    const valid = await insertApiKey(database, 'acme');
    const unknown = `tk_${randomBytes(32).toString('base64url')}`;
    const keys = {
      unknown,
      revoked: (await insertApiKey(database, 'acme', { revokedAt: '2024-01-01' })).key,
      expired: (await insertApiKey(database, 'acme', { expiresAt: '2024-01-01' })).key,
      'of a member who left': orphaned.secret,
      'of somebody who never was a member': (
        await insertApiKey(database, slug, { createdBy: 'demo|acme|owner' })
      ).key,
      'cut off': valid.key.slice(0, -1),
      'with more behind it': `${valid.key}x`,
      'with another last character': valid.key.slice(0, -1) + (valid.key.endsWith('A') ? 'B' : 'A'),
      'in another case': `tk_${valid.key.slice(3).toUpperCase()}`,
      'the mark alone': 'tk_',
      'the id of a key': `tk_${valid.id}`,
      'the hash of a key': `tk_${(await rowOf(valid.id)).key_hash}`,
      'a pattern': `tk_${'%'.repeat(43)}`,
      'a long one': `tk_${'a'.repeat(8_000)}`,
    };
    const first = await refusalOfKey(unknown);
    expect(first).toMatchObject({ status: 401, code: 'UNAUTHENTICATED', challenge: 'Bearer' });
    for (const [what, key] of Object.entries(keys)) {
      // Once for the database's answer, once more for one that was kept.
      expect(await refusalOfKey(key), what).toEqual(first);
      expect(await refusalOfKey(key), what).toEqual(first);
    }
    expect((await refusalOfKey(valid.key)).status).toBe(200);
  });

  test('asks the database nothing when it cannot be one', async () => {
    lookUps.mockClear();
    for (const key of ['tk_', `tk_${'a'.repeat(42)}`, `tk_${'a'.repeat(44)}`, `tk_${'ä'.repeat(43)}`]) {
      await refusalOfKey(key).catch(() => undefined);
    }
    expect(lookUps).not.toHaveBeenCalled();
  });

  test('has no chance with the hash in place of the key', async () => {
    const { id, key } = await insertApiKey(server().database, 'acme');
    const { key_hash } = await rowOf(id);
    expect(key_hash).not.toBe(key);
    for (const credential of [key_hash, `tk_${key_hash.slice(0, 43)}`]) {
      expect((await refusalOfKey(credential)).status).toBe(401);
    }
  });
});

describe('what a key may do', () => {
  test('shrinks with the role of its creator, within a second, on every server', async () => {
    const { membershipId, owner, second } = await tenantWith('owner');
    const { secret } = await create(['BILLING_MANAGE', 'USERS_MANAGE', 'MEMBERS_READ'], {}, second);
    for (const at of [server(), replica]) {
      expect(await permissionsOf(secret, at)).toEqual(['BILLING_MANAGE', 'MEMBERS_READ', 'USERS_MANAGE']);
    }
    const expectEverywhere = (permissions: string[]) =>
      expect
        .poll(() => Promise.all([server(), replica].map((at) => permissionsOf(secret, at))), SOON)
        .toEqual([permissions, permissions]);
    const become = (role: string) =>
      succeed('changeMemberRole', 'membership { role }', { membershipId, role }, owner);
    await become('ADMIN');
    await expectEverywhere(['MEMBERS_READ', 'USERS_MANAGE']);
    await become('VIEWER');
    await expectEverywhere(['MEMBERS_READ']);
    const { errors } = await ask(secret, '{ members { nodes { email } } }');
    expect(errors[0]?.extensions).toEqual({ code: 'FORBIDDEN', requires: 'users:manage' });
  });

  test('does not grow with it', async () => {
    const { membershipId, owner, second } = await tenantWith('admin');
    const { secret } = await create(['MEMBERS_READ'], {}, second);
    await succeed('changeMemberRole', 'membership { role }', { membershipId, role: 'OWNER' }, owner);
    for (const at of [server(), replica]) expect(await permissionsOf(secret, at)).toEqual(['MEMBERS_READ']);
  });

  test('ends when its creator leaves, for good, and the log says so', async () => {
    const { slug, membershipId, owner, second, userId } = await tenantWith('admin');
    const { secret, apiKey } = await create(['MEMBERS_READ'], {}, second);
    const others = await create(['MEMBERS_READ'], {}, owner);
    for (const at of [server(), replica]) expect((await refusalOfKey(secret, at)).status).toBe(200);
    const { entries } = await succeed('removeMember', 'deletedId', { membershipId }, owner);
    expect(entries.map(({ action }) => action).sort()).toEqual(['api_key.updated', 'membership.deleted']);
    const refusedEverywhere = () =>
      Promise.all([server(), replica].map(async (at) => (await refusalOfKey(secret, at)).status));
    await expect.poll(refusedEverywhere, SOON).toEqual([401, 401]);
    // They come back: their key does not.
    await insertMembership(server().database, slug, { role: 'owner', userId });
    expect(await refusedEverywhere()).toEqual([401, 401]);
    expect((await rowOf(apiKey.id)).revoked_at).not.toBeNull();
    expect((await refusalOfKey(others.secret)).status).toBe(200);
  });

  test('ends when its creator’s membership passes to somebody else', async () => {
    const { membershipId, second } = await tenantWith('admin');
    const { secret } = await create(['MEMBERS_READ'], {}, second);
    await ask(secret, ME);
    await server().database.asSuperuser("UPDATE memberships SET user_id = 'heir' WHERE id = $1", [
      membershipId,
    ]);
    await expect.poll(async () => (await refusalOfKey(secret)).status, SOON).toBe(401);
  });

  test('pauses while the tenant is suspended', async () => {
    const { slug, owner } = await tenantWith('viewer');
    const { secret } = await create(['MEMBERS_READ'], {}, owner);
    const codes = () =>
      Promise.all([server(), replica].map(async (at) => (await refusalOfKey(secret, at)).code));
    expect(await codes()).toEqual([undefined, undefined]);
    const become = (status: string) =>
      server().database.asSuperuser('UPDATE tenants SET status = $2 WHERE slug = $1', [slug, status]);
    await become('suspended');
    await expect.poll(codes, SOON).toEqual(['TENANT_SUSPENDED', 'TENANT_SUSPENDED']);
    await become('active');
    await expect.poll(codes, SOON).toEqual([undefined, undefined]);
  });
});

describe('what is known of a key', () => {
  const asked = () =>
    lookUps.mock.calls.filter(([sql]) => String(sql).includes('tenantry.resolve_api_key')).length;

  /** Asks until the answer comes from the cache: the listener may have just connected. */
  const untilKept = (key: string) =>
    until('the key is kept', async () => {
      await ask(key, '{ me { userId } }');
      const before = asked();
      await ask(key, '{ me { userId } }');
      return asked() === before;
    });

  test('is kept, so that the database is not asked with each request', async () => {
    const { key } = await insertApiKey(server().database, 'acme');
    await untilKept(key);
    const before = asked();
    for (let round = 0; round < 5; round++) expect((await refusalOfKey(key)).status).toBe(200);
    expect(asked()).toBe(before);
  });

  test('is kept of a key that is none, until there is invalidations of keys or members', async () => {
    const { key: any } = await insertApiKey(server().database, 'acme');
    await untilKept(any);
    const key = `tk_${randomBytes(32).toString('base64url')}`;
    const before = asked();
    for (let round = 0; round < 3; round++) expect((await refusalOfKey(key)).status).toBe(401);
    expect(asked()).toBe(before + 1);
    await insertApiKey(server().database, 'globex');
    await until('it is asked for again', async () => {
      await refusalOfKey(key);
      return asked() > before + 1;
    });
  });

  test('does not outlive its expiry', async () => {
    const expiresAt = new Date(Date.now() + 5_000);
    const { key } = await insertApiKey(server().database, 'acme', { expiresAt: expiresAt.toISOString() });
    await untilKept(key);
    const before = asked();
    let lastAccepted = 0;
    await until('the key has expired', async () => {
      const sent = Date.now();
      const { status } = await refusalOfKey(key);
      if (status === 200) lastAccepted = sent;
      return status === 401;
    });
    // It was believed from the cache to the end, and not a moment longer.
    expect(asked()).toBe(before);
    expect(lastAccepted).toBeGreaterThan(0);
    expect(lastAccepted).toBeLessThan(expiresAt.getTime());
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt.getTime());
  });

  test('ends with its revocation, on every server, within a second', async () => {
    const { secret, apiKey } = await create(['MEMBERS_READ']);
    await untilKept(secret);
    expect((await refusalOfKey(secret, replica)).status).toBe(200);
    await succeed('revokeApiKey', 'apiKey { id }', { id: apiKey.id });
    await expect
      .poll(
        () => Promise.all([server(), replica].map(async (at) => (await refusalOfKey(secret, at)).status)),
        SOON,
      )
      .toEqual([401, 401]);
  });

  test('changes with what a database administrator does', async () => {
    const { database } = server();
    for (const change of [
      "UPDATE api_keys SET permissions = '{}' WHERE id = $1",
      "UPDATE api_keys SET expires_at = '2024-01-01' WHERE id = $1",
      'DELETE FROM api_keys WHERE id = $1',
    ]) {
      const { id, key } = await insertApiKey(database, 'acme', { permissions: ['audit:read'] });
      await untilKept(key);
      const query = '{ auditLog(first: 1) { nodes { id } } }';
      expect((await ask(key, query)).errors).toEqual([]);
      await database.asSuperuser(change, [id]);
      await expect.poll(async () => (await ask(key, query)).errors.length, SOON).toBe(1);
    }
  });
});

describe('revokeApiKey', () => {
  const selection = `apiKey { ${KEY} }`;

  test('ends the key, records it, and may be repeated', async () => {
    const { apiKey } = await create(['MEMBERS_READ']);
    const first = await succeed<{ apiKey: { status: string; revokedAt: string } }>(
      'revokeApiKey',
      selection,
      { id: apiKey.id },
      { user: 'admin' },
    );
    expect(first.payload.apiKey.status).toBe('REVOKED');
    expect(first.entries).toMatchObject([
      {
        action: 'api_key.updated',
        entity_id: apiKey.id,
        actor: 'demo|acme|admin',
        old_value: { revoked_at: null },
      },
    ]);
    const second = await succeed('revokeApiKey', selection, { id: apiKey.id });
    expect(second.payload).toEqual(first.payload);
    expect(second.entries).toEqual([]);
  });

  test('answers alike whether it is of another tenant, of nobody or no id at all', async () => {
    const foreign = await insertApiKey(server().database, 'globex');
    const answers = [];
    for (const id of [foreign.id, MISSING, foreign.key, '', 'a\u0000', "' OR true --"]) {
      answers.push(whatTheAnswerTells(await run('revokeApiKey', selection, { id })));
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(JSON.stringify(answers[0])).toContain('NOT_FOUND');
    expect((await refusalOfKey(foreign.key)).status).toBe(200);
  });
});

describe('when a key was last used', () => {
  const lastUse = async (id: string) => (await rowOf(id)).last_used_at?.getTime() ?? 0;

  test('is written when the server stops, not with each request, and not into the audit log', async () => {
    const { database } = server();
    const stopping = await startTestServer({ database });
    const { id, key } = await insertApiKey(database, 'acme');
    const log = await auditRows(database, 'acme');
    const before = Date.now();
    const sent = await statements.during(async () => {
      for (let round = 0; round < 5; round++) await ask(key, '{ me { userId } }', stopping);
    });
    expect(sent.filter((sql) => /UPDATE/i.test(sql))).toEqual([]);
    expect(transactionsAmong(sent)).toBe(0);
    expect(await lastUse(id)).toBe(0);
    const after = Date.now();
    await stopping.close();
    expect(await lastUse(id)).toBeGreaterThanOrEqual(before);
    expect(await lastUse(id)).toBeLessThanOrEqual(after);
    expect(await auditRows(database, 'acme')).toEqual(log);
    const owner = await server().as('owner', 'acme');
    const { data } = await owner.query<{ apiKeys: { nodes: { id: string; lastUsedAt: string | null }[] } }>(
      '{ apiKeys(first: 100) { nodes { id lastUsedAt } } }',
    );
    const listed = data.apiKeys.nodes.find((each) => each.id === id)?.lastUsedAt;
    expect(Date.parse(listed ?? '')).toBe(await lastUse(id));
  });

  test('is not a change that other servers must hear of', async () => {
    const { database } = server();
    const { id, key } = await insertApiKey(database, 'acme');
    const heard: string[] = [];
    await connected(database.app, async (client) => {
      client.on('notification', ({ payload = '' }) => heard.push(payload));
      await client.query('LISTEN tenantry_access');
      const use = recordApiKeyUse(server().services.database, () => undefined);
      use.record({ tenantId: await database.tenantId('acme'), apiKeyId: id });
      await use.close();
      await database.asSuperuser('SELECT pg_notify($1, $2)', ['tenantry_access', 'the end']);
      await until('the end is heard', () => heard.includes('the end'));
    });
    expect(await lastUse(id)).toBeGreaterThan(0);
    expect(heard.filter((payload) => payload.includes('tenantId'))).toEqual([]);
    expect((await refusalOfKey(key)).status).toBe(200);
  });

  test('is written once for many uses and many keys, in one statement for each tenant', async () => {
    const { database } = server();
    const keys = await Promise.all(
      ['acme', 'acme', 'acme', 'globex'].map(async (tenant) => ({
        tenantId: await database.tenantId(tenant),
        apiKeyId: (await insertApiKey(database, tenant)).id,
      })),
    );
    const use = recordApiKeyUse(server().services.database, () => undefined, 50);
    const sent = await statements.during(async () => {
      for (let round = 0; round < 100; round++) for (const key of keys) use.record(key);
      await until('the keys are written', async () => {
        const times = await Promise.all(keys.map(({ apiKeyId }) => lastUse(apiKeyId)));
        return times.every((time) => time > 0);
      });
      await use.close();
    });
    expect(sent.filter((sql) => sql.includes('UPDATE public.api_keys'))).toHaveLength(2);
  });

  test('is the latest of all servers, and never earlier than before', async () => {
    const { database } = server();
    const { id } = await insertApiKey(database, 'acme');
    const later = new Date(Date.now() + 60_000);
    await database.asSuperuser('UPDATE api_keys SET last_used_at = $2 WHERE id = $1', [id, later]);
    const use = recordApiKeyUse(server().services.database, () => undefined);
    use.record({ tenantId: await database.tenantId('acme'), apiKeyId: id });
    await use.close();
    expect(await lastUse(id)).toBe(later.getTime());
  });

  test('is not lost when the database cannot be written, nor is the other tenant’s', async () => {
    const { database } = server();
    const [acme, globex] = await Promise.all([database.tenantId('acme'), database.tenantId('globex')]);
    const [mine, theirs] = [await insertApiKey(database, 'acme'), await insertApiKey(database, 'globex')];
    const problems: string[] = [];
    let failing = true;
    const use = recordApiKeyUse(
      {
        forTenant: (context) => {
          if (failing && context.tenantId === acme) throw new Error('gone');
          return server().services.database.forTenant(context);
        },
      },
      (problem) => problems.push(problem),
      50,
    );
    const before = Date.now();
    use.record({ tenantId: acme, apiKeyId: mine.id });
    use.record({ tenantId: globex, apiKeyId: theirs.id });
    const after = Date.now();
    await until('it has failed', () => problems.length > 0);
    await until('the other is written', async () => (await lastUse(theirs.id)) > 0);
    expect(await lastUse(mine.id)).toBe(0);
    failing = false;
    await use.close();
    expect(await lastUse(mine.id)).toBeGreaterThanOrEqual(before);
    expect(await lastUse(mine.id)).toBeLessThanOrEqual(after);
  });

  test('is written for the key’s own tenant only', async () => {
    const { database } = server();
    const { id } = await insertApiKey(database, 'globex');
    const use = recordApiKeyUse(server().services.database, () => undefined);
    use.record({ tenantId: await database.tenantId('acme'), apiKeyId: id });
    await use.close();
    expect(await lastUse(id)).toBe(0);
  });
});

describe('keys and hashes', () => {
  test('are readable in no field, and not in the audit log', async () => {
    const { secret, apiKey } = await create(['MEMBERS_READ']);
    await succeed('revokeApiKey', 'apiKey { id }', { id: apiKey.id });
    const owner = await server().as('owner', 'acme');
    const { text } = await owner.query(
      `{ auditLog(filter: { entityId: "${apiKey.id}" }) { nodes { action oldValue newValue } }
         apiKeys(first: 100) { nodes { ${KEY} } } }`,
    );
    expect(text).toContain('api_key.updated');
    const { key_hash: hash } = await rowOf(apiKey.id);
    for (const hidden of [secret, secret.slice(11), hash, 'key_hash']) expect(text).not.toContain(hidden);
  });

  test('reach no log', async () => {
    const { secret, apiKey } = await create(['MEMBERS_READ']);
    const { key_hash: hash } = await rowOf(apiKey.id);
    const unknown = `tk_${randomBytes(32).toString('base64url')}`;
    const child = startChild('src/main.ts', [], {
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: '0',
      LOG_LEVEL: 'trace',
      DATABASE_URL: server().database.app,
      JWT_SECRET: TEST_SECRET,
      TENANTRY_DATA_DIR: server().config.dataDir,
    });
    const [, url = ''] = await child.says(/Server listening at (http:\/\/127\.0\.0\.1:\d+)/);
    for (const key of [secret, unknown]) {
      await rawPost(`${url}/graphql`, {
        authorization: `Bearer ${key}`,
        body: JSON.stringify({ query: '{ me { userId } }' }),
      });
    }
    const { token } = await server().as('owner', 'acme');
    const created = await rawPost(`${url}/graphql`, {
      authorization: `Bearer ${token}`,
      body: JSON.stringify({
        query: 'mutation { createApiKey(input: { name: "k", permissions: [MEMBERS_READ] }) { secret } }',
      }),
    });
    const { createApiKey } = parseBody(created).data as { createApiKey: { secret: string } };
    child.kill('SIGTERM');
    const { stdout, stderr } = await child.ended;
    const log = stdout + stderr;
    // Who asked is in the log: by id.
    expect(log).toContain(`"actor":"${apiKey.id}"`);
    for (const hidden of [secret, unknown, createApiKey.secret, hash]) {
      expect(log).not.toContain(hidden);
      expect(log).not.toContain(hidden.slice(0, 16));
    }
    // And a stop by signal writes when it was used.
    expect((await rowOf(apiKey.id)).last_used_at).not.toBeNull();
  });
});

describe('in the database', () => {
  test('the server’s role can end a key, and change nothing else of it', async () => {
    const { database } = server();
    const { id } = await insertApiKey(database, 'acme');
    const context = contextOf(await database.tenantId('acme'));
    await boundAndUndone(database.app, context, async (client) => {
      for (const change of [
        "UPDATE api_keys SET permissions = '{billing:manage}' WHERE id = $1",
        "UPDATE api_keys SET key_hash = repeat('a', 64) WHERE id = $1",
        'UPDATE api_keys SET expires_at = NULL WHERE id = $1',
        "UPDATE api_keys SET created_by = 'demo|acme|owner' WHERE id = $1",
        'DELETE FROM api_keys WHERE id = $1',
      ]) {
        await client.query('SAVEPOINT attempt');
        expect((await refusalOf(client.query(change, [id]))).state, change).toBe('42501');
        await client.query('ROLLBACK TO SAVEPOINT attempt');
      }
      const revoked = await client.query('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [id]);
      expect(revoked.rowCount).toBe(1);
    });
  });

  test('every column but the last use is audited', async () => {
    const [row] = await server().database.asSuperuser<{ unaudited: string[] }>(
      `SELECT array_agg(attname::text) AS unaudited
       FROM pg_attribute JOIN pg_trigger ON tgrelid = attrelid AND tgname = 'audit'
       WHERE attrelid = 'api_keys'::regclass AND attnum > 0 AND NOT attisdropped AND attnum <> ALL (tgattr::int2[])`,
    );
    expect(row?.unaudited).toEqual(['last_used_at']);
  });

  test('the look-up knows living keys only, and tells nothing else of them', async () => {
    const { database } = server();
    const look = async (key: string) =>
      connected(database.app, async (client) => {
        const hash = createHash('sha256').update(key).digest('hex');
        return (await client.query('SELECT * FROM tenantry.resolve_api_key($1)', [hash])).rows as unknown[];
      });
    const { id, key } = await insertApiKey(database, 'acme');
    expect(await look(key)).toEqual([
      {
        api_key_id: id,
        permissions: ['members:read'],
        expires_at: null,
        created_by: 'demo|acme|owner',
        creator_role: 'owner',
        tenant_id: await database.tenantId('acme'),
        slug: 'acme',
        status: 'active',
      },
    ]);
    for (const dead of [{ revokedAt: '2024-01-01' }, { expiresAt: '2024-01-01' }, { createdBy: 'nobody' }]) {
      expect(await look((await insertApiKey(database, 'acme', dead)).key)).toEqual([]);
    }
  });
});
