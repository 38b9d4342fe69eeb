/**
 * Proves that an API key has only the permissions that its creator gave it, in its own tenant, until it is revoked, and
 * that it can create neither keys nor members.
 */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { bareId } from '../support/ids.js';
import { connected } from '../support/demo-tenants.js';
import { stateOf, whatTheAnswerTells } from '../support/mutations.js';
import { parseBody, rawPost } from '../support/raw-request.js';
import { insertApiKey, insertInvitation, insertMembership } from '../support/rows.js';
import { until } from '../support/until.js';
import { TABLES, KEY, CREATED, ME, type Created, useApiKeys } from '../support/api-keys.js';

const { server, run, succeed, refused, create, ask, refusalOfKey, rowOf, tenantWith } = useApiKeys();

const MISSING = '01900000-0000-7000-8000-000000000000';

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
    expect(secret).toMatch(/^tk_[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{22}$/);
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
        entity_id: bareId(apiKey.id),
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
    // Caches the access of this user on the server.
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
    // The key may read them.
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
    // The answer does not reveal whether such a tenant exists.
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
        entity_id: bareId(apiKey.id),
        actor: 'demo|acme|admin',
        old_value: { revoked_at: null },
      },
    ]);
    const second = await succeed('revokeApiKey', selection, { id: apiKey.id });
    expect(second.payload).toEqual(first.payload);
    expect(second.entries).toEqual([]);
  });

  test('answers alike whether it is of another tenant, of nobody or of another type', async () => {
    const foreign = await insertApiKey(server().database, 'globex');
    const answers = [];
    for (const id of [foreign.id, MISSING, `api_key_${foreign.id}`, `membership_${foreign.id}`]) {
      answers.push(whatTheAnswerTells(await run('revokeApiKey', selection, { id })));
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(JSON.stringify(answers[0])).toContain('NOT_FOUND');
    expect((await refusalOfKey(foreign.key)).status).toBe(200);
  });
});
