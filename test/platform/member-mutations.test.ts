/**
 * Proves for every mutation of members what it changes, what it returns and what it records in the audit log; that a
 * refused one changes nothing; and that the rules of roles hold for concurrent requests.
 */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ROLES, type Role } from '../../src/kernel/vocabulary/permissions.js';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import { bareId } from '../support/ids.js';
import { stateOf, whatTheAnswerTells, useMutations } from '../support/mutations.js';
import { auditRows, insertMembership, insertTenant } from '../support/rows.js';
import { useServer } from '../support/server.js';

const TABLES = ['tenants', 'memberships'];
const server = useServer();
const { clientOf, run, succeed, refused } = useMutations(server, TABLES);

const MISSING = '01900000-0000-7000-8000-000000000000';
const enumOf = (role: Role) => role.toUpperCase();

const membershipOf = async (id: string) => {
  const [row] = await server().database.asSuperuser<{ role: string; user_id: string; tenant_id: string }>(
    'SELECT * FROM memberships WHERE id = $1',
    [id],
  );
  return row;
};

const idOfDemoUser = async (tenant: string, role: Role) => {
  const [row] = await server().database.asSuperuser<{ id: string }>(
    'SELECT id FROM memberships WHERE user_id = $1',
    [`demo|${tenant}|${role}`],
  );
  return row!.id;
};

describe('changeMemberRole', () => {
  const selection = 'membership { id userId role email invitedBy }';

  test('changes the role, answers with the membership and records both values', async () => {
    const { database } = server();
    const userId = `test|${randomUUID()}`;
    const membershipId = await insertMembership(database, 'acme', { userId, email: 'new@acme.test' });
    const { payload, entries } = await succeed('changeMemberRole', selection, {
      membershipId,
      role: 'ADMIN',
    });
    expect(payload).toEqual({
      membership: {
        id: encodeId('Membership', membershipId),
        userId,
        role: 'ADMIN',
        email: 'new@acme.test',
        invitedBy: null,
      },
    });
    expect((await membershipOf(membershipId))?.role).toBe('admin');
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      actor: 'demo|acme|owner',
      actor_type: 'user',
      action: 'membership.updated',
      entity: 'Membership',
      entity_id: bareId(membershipId),
      old_value: { role: 'viewer', user_id: userId },
      new_value: { role: 'admin', user_id: userId },
    });
  });

  test('to the role the member has changes nothing, and records nothing', async () => {
    const membershipId = await insertMembership(server().database, 'acme', { role: 'member' });
    const { payload, entries } = await succeed('changeMemberRole', 'membership { role }', {
      membershipId,
      role: 'MEMBER',
    });
    expect(payload).toEqual({ membership: { role: 'MEMBER' } });
    expect(entries).toEqual([]);
  });

  test('refuses a role that is none', async () => {
    const membershipId = await insertMembership(server().database, 'acme');
    for (const role of ['owner', 'ROOT', '', null]) {
      const { status, errors } = await run('changeMemberRole', selection, { membershipId, role });
      expect(status).toBe(400);
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    }
    expect((await membershipOf(membershipId))?.role).toBe('viewer');
  });

  const everyChange = ROLES.flatMap((from) => ROLES.map((to) => [from, to] as const));

  test.each(everyChange)('lets an owner make %s to %s', async (from, to) => {
    const membershipId = await insertMembership(server().database, 'acme', { role: from });
    await succeed('changeMemberRole', selection, { membershipId, role: enumOf(to) });
    expect((await membershipOf(membershipId))?.role).toBe(to);
    await server().database.asSuperuser('DELETE FROM memberships WHERE id = $1', [membershipId]);
  });

  test.each(everyChange)('lets an admin make %s to %s only where no owner is concerned', async (from, to) => {
    const membershipId = await insertMembership(server().database, 'acme', { role: from });
    const input = { membershipId, role: enumOf(to) };
    if (from === 'owner' || to === 'owner') {
      expect(await refused('changeMemberRole', selection, input, { user: 'admin' })).toEqual({
        code: 'FORBIDDEN',
        requires: 'role:owner',
      });
    } else {
      await succeed('changeMemberRole', selection, input, { user: 'admin' });
      expect((await membershipOf(membershipId))?.role).toBe(to);
    }
    await server().database.asSuperuser('DELETE FROM memberships WHERE id = $1', [membershipId]);
  });

  test.each(['member', 'viewer'])('does not let a %s change any role, their own included', async (user) => {
    const own = await idOfDemoUser('acme', user as Role);
    const other = await insertMembership(server().database, 'acme');
    for (const membershipId of [own, other]) {
      for (const role of ROLES.map(enumOf)) {
        expect(await refused('changeMemberRole', selection, { membershipId, role }, { user })).toEqual({
          code: 'FORBIDDEN',
          requires: 'users:manage',
        });
      }
    }
  });

  test.each(['ADMIN', 'MEMBER', 'VIEWER'])('does not make the last owner %s', async (role) => {
    const membershipId = await idOfDemoUser('globex', 'owner');
    expect(
      await refused('changeMemberRole', selection, { membershipId, role }, { tenant: 'globex' }),
    ).toEqual({
      code: 'CONFLICT',
    });
  });

  test('lets the last owner be owner again', async () => {
    const membershipId = await idOfDemoUser('globex', 'owner');
    await succeed('changeMemberRole', selection, { membershipId, role: 'OWNER' }, { tenant: 'globex' });
  });

  test('at once, by many, loses no change: each begins where the one before it ended', async () => {
    const { database } = server();
    const membershipId = await insertMembership(database, 'acme');
    const roles = Array.from({ length: 12 }, (_value, at) => ROLES[at % ROLES.length]!);
    const answers = await Promise.all(
      roles.map((role, at) =>
        run('changeMemberRole', selection, { membershipId, role: enumOf(role) }, { requestId: `race-${at}` }),
      ),
    );
    expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
    const chain = (await auditRows(database, 'acme')).filter(
      (entry) => entry.entity_id === bareId(membershipId) && entry.action === 'membership.updated',
    );
    expect(chain.length).toBeGreaterThan(1);
    let role: unknown = 'viewer';
    for (const entry of chain) {
      expect(entry.old_value?.['role']).toBe(role);
      role = entry.new_value?.['role'];
      expect(entry.request_id).toMatch(/^race-\d+$/);
    }
    expect(new Set(chain.map((entry) => entry.request_id)).size).toBe(chain.length);
    expect((await membershipOf(membershipId))?.role).toBe(role);
    await database.asSuperuser('DELETE FROM memberships WHERE id = $1', [membershipId]);
  });
});

describe('removeMember', () => {
  test('removes the member, answers with the id and records what was there', async () => {
    const membershipId = await insertMembership(server().database, 'acme', {
      role: 'member',
      email: 'x@acme.test',
    });
    const { payload, entries } = await succeed(
      'removeMember',
      'deletedId',
      { membershipId },
      { user: 'admin' },
    );
    expect(payload).toEqual({ deletedId: encodeId('Membership', membershipId) });
    expect(await membershipOf(membershipId)).toBeUndefined();
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      actor: 'demo|acme|admin',
      actor_type: 'user',
      action: 'membership.deleted',
      entity: 'Membership',
      entity_id: bareId(membershipId),
      old_value: { role: 'member', email: 'x@acme.test' },
      new_value: null,
    });
  });

  test('takes the access of the removed member within a second', async () => {
    const { database } = server();
    const email = `${randomUUID()}@acme.test`;
    const membershipId = await insertMembership(database, 'acme', { email });
    const member = await server().as(email, 'acme');
    expect((await member.query('{ me { userId } }')).status).toBe(200);
    await succeed('removeMember', 'deletedId', { membershipId });
    await expect.poll(async () => (await member.query('{ me { userId } }')).status).toBe(403);
  });

  test('a second time says that there is no such member', async () => {
    const membershipId = await insertMembership(server().database, 'acme');
    await succeed('removeMember', 'deletedId', { membershipId });
    expect(await refused('removeMember', 'deletedId', { membershipId })).toEqual({ code: 'NOT_FOUND' });
  });

  test('does not let an admin remove an owner', async () => {
    const membershipId = await insertMembership(server().database, 'acme', { role: 'owner' });
    expect(await refused('removeMember', 'deletedId', { membershipId }, { user: 'admin' })).toEqual({
      code: 'FORBIDDEN',
      requires: 'role:owner',
    });
    await succeed('removeMember', 'deletedId', { membershipId });
  });

  test.each(['member', 'viewer'])('does not let a %s remove anybody, nor leave', async (user) => {
    for (const membershipId of [
      await insertMembership(server().database, 'acme'),
      await idOfDemoUser('acme', user as Role),
    ]) {
      expect(await refused('removeMember', 'deletedId', { membershipId }, { user })).toEqual({
        code: 'FORBIDDEN',
        requires: 'users:manage',
      });
    }
  });

  test('does not remove the last owner', async () => {
    const membershipId = await idOfDemoUser('globex', 'owner');
    expect(await refused('removeMember', 'deletedId', { membershipId }, { tenant: 'globex' })).toEqual({
      code: 'CONFLICT',
    });
  });
});

describe('a membership that is not there', () => {
  const cases = async () => [
    MISSING,
    await idOfDemoUser('globex', 'viewer'),
    await idOfDemoUser('globex', 'owner'),
    encodeId('Membership', await idOfDemoUser('globex', 'owner')),
    encodeId('Invitation', await idOfDemoUser('acme', 'member')),
    `nothing_${MISSING}`,
  ];

  test.each([
    ['changeMemberRole', 'membership { id }', { role: 'VIEWER' }, 'owner'],
    ['changeMemberRole', 'membership { id }', { role: 'VIEWER' }, 'admin'],
    ['changeMemberRole', 'membership { id }', { role: 'OWNER' }, 'admin'],
    ['removeMember', 'deletedId', {}, 'owner'],
    ['removeMember', 'deletedId', {}, 'admin'],
  ])(
    'answers %s alike whether it is of another tenant, of nobody or of another type',
    async (field, selection, input, user) => {
      const before = await stateOf(server().database, TABLES);
      const answers = [];
      for (const membershipId of await cases()) {
        answers.push(await run(field, selection, { membershipId, ...input }, { user }));
      }
      const told = answers.map(whatTheAnswerTells);
      for (const answer of told) expect(answer).toEqual(told[0]);
      expect(answers[0]!.errors).toMatchObject([
        {
          path: [field],
          extensions: { code: 'role' in input && input.role === 'OWNER' ? 'FORBIDDEN' : 'NOT_FOUND' },
        },
      ]);
      expect(await stateOf(server().database, TABLES)).toEqual(before);
    },
  );
});

test.each(['not-an-id', '', '0', 'a\u0000b', `{${MISSING}}`, MISSING.replaceAll('-', ''), "' OR true --"])(
  'what is no id is told so: %j',
  async (id) => {
    expect(await refused('removeMember', 'deletedId', { id })).toEqual({
      code: 'BAD_USER_INPUT',
      field: 'input.id',
    });
  },
);

test('a membership is named once, by id or by its former name', async () => {
  const membershipId = await insertMembership(server().database, 'acme');
  for (const input of [{}, { id: membershipId, membershipId }]) {
    expect(await refused('removeMember', 'deletedId', input)).toEqual({
      code: 'BAD_USER_INPUT',
      field: 'input.id',
    });
  }
  const { payload } = await succeed('removeMember', 'deletedId', {
    id: encodeId('Membership', membershipId),
  });
  expect(payload).toEqual({ deletedId: encodeId('Membership', membershipId) });
});

describe('a tenant keeps an owner', () => {
  /** A tenant with two owners, whose access the server has cached. */
  const twoOwners = async () => {
    const { database } = server();
    const slug = `race-${randomUUID().slice(0, 13)}`;
    await insertTenant(database, slug);
    const owners = [];
    for (const name of ['a', 'b']) {
      const user = `${name}@${slug}.test`;
      const membershipId = await insertMembership(database, slug, { role: 'owner', email: user });
      owners.push({ user, tenant: slug, membershipId });
    }
    const [a, b] = owners as [(typeof owners)[0], (typeof owners)[0]];
    for (const { user } of owners) await (await clientOf(user, slug)).query('{ me { userId } }');
    const left = async () =>
      database.asSuperuser(`SELECT id FROM memberships WHERE tenant_id = $1 AND role = 'owner'`, [
        await database.tenantId(slug),
      ]);
    return { a, b, left, slug };
  };

  const ATTEMPTS = Array.from({ length: 10 }, (_value, at) => at + 1);

  test.each([
    ['each make the other an admin', 'changeMemberRole', 'membership { id }', { role: 'ADMIN' }, false],
    ['each make themselves an admin', 'changeMemberRole', 'membership { id }', { role: 'ADMIN' }, true],
    ['each remove the other', 'removeMember', 'deletedId', {}, false],
    ['each leave', 'removeMember', 'deletedId', {}, true],
  ])(
    'when both %s at the same time: one succeeds, every time',
    async (_name, field, selection, rest, self) => {
      for (const attempt of ATTEMPTS) {
        const { a, b, left, slug } = await twoOwners();
        const entriesBefore = (await auditRows(server().database, slug)).length;
        const answers = await Promise.all([
          run(field, selection, { membershipId: (self ? a : b).membershipId, ...rest }, a),
          run(field, selection, { membershipId: (self ? b : a).membershipId, ...rest }, b),
        ]);
        const codes = answers.flatMap(({ errors }) => errors.map(({ extensions }) => extensions.code));
        expect(codes, `attempt ${attempt}`).toHaveLength(1);
        // FORBIDDEN when the loser was no longer an owner by the time of the request.
        expect(['CONFLICT', 'FORBIDDEN']).toContain(codes[0]);
        expect(await left()).toHaveLength(1);
        expect((await auditRows(server().database, slug)).length - entriesBefore).toBe(1);
      }
    },
  );

  test('when one is demoted while the other is removed', async () => {
    for (const attempt of ATTEMPTS) {
      const { a, b, left } = await twoOwners();
      const answers = await Promise.all([
        run('changeMemberRole', 'membership { id }', { membershipId: b.membershipId, role: 'VIEWER' }, a),
        run('removeMember', 'deletedId', { membershipId: a.membershipId }, b),
      ]);
      expect(
        answers.filter(({ errors }) => errors.length === 0),
        `attempt ${attempt}`,
      ).toHaveLength(1);
      expect(await left()).toHaveLength(1);
    }
  });
});
