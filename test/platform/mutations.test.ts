/**
 * Proves for every mutation of the tenant what it changes, what it returns and what it records in the audit log, and
 * that a refused one changes nothing.
 */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import { bareId } from '../support/ids.js';
import { stateOf, withoutAuditOf, useMutations } from '../support/mutations.js';
import { auditRows, insertMembership } from '../support/rows.js';
import { useServer } from '../support/server.js';

const TABLES = ['tenants', 'memberships'];
const server = useServer();
const { run, succeed, refused } = useMutations(server, TABLES);

const ownTenant = async (slug = 'acme') => {
  const [row] = await server().database.asSuperuser<{
    id: string;
    name: string;
    plan: string;
    settings: unknown;
  }>('SELECT id, name, plan, settings FROM tenants WHERE slug = $1', [slug]);
  return row!;
};

describe('updateTenant', () => {
  const selection = 'tenant { id name settings }';

  test('changes the name and the settings, and records both values', async () => {
    const before = await ownTenant();
    const input = { name: 'Acme & Söhne', settings: { theme: 'dark', nested: { list: [1, null, 'x'] } } };
    const { payload, entries } = await succeed('updateTenant', selection, input, { user: 'admin' });
    expect(payload).toEqual({ tenant: { id: encodeId('Tenant', before.id), ...input } });
    expect(await ownTenant()).toMatchObject(input);
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      actor: 'demo|acme|admin',
      actor_type: 'user',
      action: 'tenant.updated',
      entity: 'Tenant',
      entity_id: bareId(before.id),
      old_value: { name: before.name, settings: before.settings, plan: before.plan, slug: 'acme' },
      new_value: { ...input, plan: before.plan, slug: 'acme' },
    });
  });

  test('keeps what is not named, and replaces all settings', async () => {
    await succeed('updateTenant', selection, { name: 'First', settings: { a: 1, b: 2 } });
    await succeed('updateTenant', selection, { name: 'Second' });
    expect(await ownTenant()).toMatchObject({ name: 'Second', settings: { a: 1, b: 2 } });
    await succeed('updateTenant', selection, { name: null, settings: { c: 3 } });
    expect(await ownTenant()).toMatchObject({ name: 'Second', settings: { c: 3 } });
    await succeed('updateTenant', selection, { settings: {} });
    expect(await ownTenant()).toMatchObject({ name: 'Second', settings: {} });
  });

  test('leaves the other tenant as it is', async () => {
    const before = await ownTenant('globex');
    await succeed('updateTenant', selection, { name: 'Only Acme' });
    expect(await ownTenant('globex')).toEqual(before);
  });

  test('takes a name of 200 characters and settings of 16 KiB', async () => {
    await succeed('updateTenant', selection, { name: 'x'.repeat(200) });
    await succeed('updateTenant', selection, { settings: { a: 'x'.repeat(16 * 1024 - '{"a":""}'.length) } });
  });

  test.each([
    ['nothing to change', {}, 'input'],
    ['only nulls', { name: null, settings: null }, 'input'],
    ['an empty name', { name: '' }, 'input.name'],
    ['a name of 201 characters', { name: 'x'.repeat(201) }, 'input.name'],
    ['a U+0000 in the name', { name: 'a\u0000b' }, 'input.name'],
    ['settings of 16 KiB and a byte', { settings: { a: 'x'.repeat(16 * 1024 - 7) } }, 'input.settings'],
    // Each of these characters has three bytes.
    ['settings of 16 KiB in fewer characters', { settings: { a: '€'.repeat(6_000) } }, 'input.settings'],
  ])('is refused with %s', async (_name, input, field) => {
    expect(await refused('updateTenant', selection, input)).toEqual({ code: 'BAD_USER_INPUT', field });
  });

  test.each([
    ['a U+0000 in a value', { a: 'x\u0000' }],
    ['a U+0000 in a name', { 'x\u0000': 1 }],
    ['a U+0000 deep inside', { a: [{ b: ['\u0000'] }] }],
    ['half a surrogate pair', { a: '\ud800' }],
  ])('is refused with settings that have %s, which are named', async (_name, settings) => {
    const { code, field } = await refused('updateTenant', selection, { settings });
    expect(code).toBe('BAD_USER_INPUT');
    expect(field).toMatch(/^input\.settings/);
  });

  test('is refused with settings nested thousands deep', async () => {
    for (const depth of [1_000, 3_000]) {
      const settings: unknown = JSON.parse(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`);
      expect((await refused('updateTenant', selection, { settings })).code).toBe('BAD_USER_INPUT');
    }
  });

  test.each([
    ['a list', [1]],
    ['a text', 'dark'],
    ['a number', 1],
  ])('is refused with settings that are %s', async (_name, settings) => {
    const { status, errors } = await run('updateTenant', selection, { settings });
    expect(status).toBe(400);
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  test('does not let an administrator see the plan in what it answers', async () => {
    const { data, errors } = await run(
      'updateTenant',
      'tenant { name plan }',
      { name: 'Seen' },
      { user: 'admin' },
    );
    expect(data).toEqual({ updateTenant: { tenant: { name: 'Seen', plan: null } } });
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', requires: 'billing:manage' } }]);
  });

  test('ten times at once leaves a log without a gap, and the last of it in force', async () => {
    const { database } = server();
    const { id } = await ownTenant();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_value, at) => run('updateTenant', selection, { name: `Name ${at}` })),
    );
    expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
    const names = (await auditRows(database, 'acme'))
      .filter((entry) => entry.entity_id === bareId(id))
      .slice(-10)
      .map((entry) => [entry.old_value?.['name'], entry.new_value?.['name']]);
    for (const [at, [old]] of names.entries()) if (at > 0) expect(old).toBe(names[at - 1]![1]);
    expect((await ownTenant()).name).toBe(names.at(-1)![1]);
  });
});

describe('changePlan', () => {
  test.each(['free', 'team', 'enterprise'])('changes the plan to %s and records it', async (plan) => {
    await server().database.asSuperuser(`UPDATE tenants SET plan = 'before' WHERE slug = 'acme'`);
    const { payload, entries } = await succeed('changePlan', 'tenant { plan }', { plan });
    expect(payload).toEqual({ tenant: { plan } });
    expect((await ownTenant()).plan).toBe(plan);
    expect(entries).toMatchObject([
      { action: 'tenant.updated', entity: 'Tenant', old_value: { plan: 'before' }, new_value: { plan } },
    ]);
  });

  test.each(['', 'FREE', 'platinum', 'free\u0000', '__proto__'])('is refused to %j', async (plan) => {
    expect(await refused('changePlan', 'tenant { plan }', { plan })).toEqual({
      code: 'BAD_USER_INPUT',
      field: 'input.plan',
    });
  });
});

describe('the request id of an entry', () => {
  const change = async (requestId?: string) => {
    const { entries, ...rest } = await succeed(
      'updateTenant',
      'tenant { id }',
      { name: `Named ${randomUUID()}` },
      requestId === undefined ? {} : { requestId },
    );
    expect(entries).toHaveLength(1);
    return { requestId: entries[0]!.request_id!, ...rest };
  };

  test('is the one in the header of the answer, a new one for each request', async () => {
    const [first, second] = [await change(), await change()];
    expect(first.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(second.requestId).not.toBe(first.requestId);
  });

  test.each(['gateway-42', 'A1.b:c/d+e=_-', 'x'.repeat(128)])(
    'is the client’s own if it is %s',
    async (requestId) => {
      expect((await change(requestId)).requestId).toBe(requestId);
    },
  );

  test.each(['x'.repeat(129), 'with space', "quote'", 'semi;colon', '<script>', 'ümlaut', 'a,b'])(
    'is a new one if the client’s is %s',
    async (requestId) => {
      expect((await change(requestId)).requestId).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  test('is the same for all changes of an operation, each of which stands for itself', async () => {
    const owner = await server().as('owner', 'acme');
    const { data, errors, headers } = await owner.query(
      `mutation {
         a: updateTenant(input: { name: "Step one" }) { tenant { name } }
         b: changePlan(input: { plan: "no such plan" }) { tenant { plan } }
         c: updateTenant(input: { name: "Step three" }) { tenant { name } }
       }`,
    );
    expect(data).toEqual({
      a: { tenant: { name: 'Step one' } },
      b: null,
      c: { tenant: { name: 'Step three' } },
    });
    expect(errors).toMatchObject([{ path: ['b'], extensions: { code: 'BAD_USER_INPUT' } }]);
    const entries = await auditRows(server().database, 'acme');
    const requestId = headers.get('x-request-id');
    expect(
      entries.filter((entry) => entry.request_id === requestId).map((entry) => entry.new_value?.['name']),
    ).toEqual(['Step one', 'Step three']);
  });

  test('finds the entry again in the audit log of the API', async () => {
    const { requestId } = await change();
    const owner = await server().as('owner', 'acme');
    const { data, errors } = await owner.query(
      `query ($requestId: String) {
         auditLog(filter: { requestId: $requestId }) {
           nodes { actor actorType action entity entityId oldValue newValue requestId createdAt }
         }
       }`,
      { requestId },
    );
    expect(errors).toEqual([]);
    const [entry] = (await auditRows(server().database, 'acme')).filter(
      (row) => row.request_id === requestId,
    );
    expect(data['auditLog']).toEqual({
      nodes: [
        {
          actor: 'demo|acme|owner',
          actorType: 'USER',
          action: 'tenant.updated',
          entity: 'Tenant',
          entityId: encodeId('Tenant', await server().database.tenantId('acme')),
          oldValue: asAnswered(entry!.old_value),
          newValue: asAnswered(entry!.new_value),
          requestId,
          createdAt: entry!.created_at.toISOString(),
        },
      ],
    });
  });
});

/** A recorded row of a tenant with the names and forms of the schema. */
function asAnswered(row: unknown): unknown {
  const { id, status, suspension_reason, billing_email, created_at, updated_at, ...others } = row as Record<
    string,
    string
  >;
  return {
    ...others,
    id: encodeId('Tenant', id!),
    status: status!.toUpperCase(),
    suspensionReason: suspension_reason,
    billingEmail: billing_email,
    createdAt: new Date(created_at!).toISOString(),
    updatedAt: new Date(updated_at!).toISOString(),
  };
}

describe('a change whose audit entry cannot be written', () => {
  test.each([
    ['updateTenant', 'tenant { id }', 'tenant.updated', () => ({ name: 'Never' })],
    ['changePlan', 'tenant { id }', 'tenant.updated', () => ({ plan: 'enterprise' })],
    [
      'changeMemberRole',
      'membership { id }',
      'membership.updated',
      async () => ({ membershipId: await insertMembership(server().database, 'acme'), role: 'MEMBER' }),
    ],
    [
      'removeMember',
      'deletedId',
      'membership.deleted',
      async () => ({ membershipId: await insertMembership(server().database, 'acme') }),
    ],
  ])('does not happen: %s', async (field, selection, action, makeInput) => {
    const { database } = server();
    await database.asSuperuser(`UPDATE tenants SET plan = 'free' WHERE slug = 'acme'`);
    const input = await makeInput();
    const before = await stateOf(database, TABLES);
    const { data, errors, text, headers } = await withoutAuditOf(database, action, () =>
      run(field, selection, input),
    );
    expect(data).toEqual({ [field]: null });
    expect(errors).toMatchObject([
      {
        path: [field],
        extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: headers.get('x-request-id') },
      },
    ]);
    expect(text).not.toMatch(/audit|constraint|refused|prisma|23514/i);
    expect(await stateOf(database, TABLES)).toEqual(before);
    await succeed(field, selection, input);
  });
});
