/**
 * Proves that no member can invite to a role above their own, that a revoked invitation stays revoked, and that
 * invitations end when their sender leaves or is demoted.
 */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Role } from '../../src/kernel/vocabulary/permissions.js';
import { bareId } from '../support/ids.js';
import { whatTheAnswerTells } from '../support/mutations.js';
import { insertInvitation, insertMembership, insertTenant } from '../support/rows.js';
import { INVITATION, newEmail, person, refusalIn, useInvitations } from '../support/invitations.js';

const { database, running, replica, run, succeed, refused, invite, accept, membersWith, rowOf } =
  useInvitations();

const MISSING = '01900000-0000-7000-8000-000000000000';

describe('a role above one’s own', () => {
  const ceiling = { code: 'FORBIDDEN', requires: 'role:owner' };

  test('is not invited to', async () => {
    const input = { email: newEmail(), role: 'OWNER' };
    expect(await refused('inviteMember', INVITATION, input, { user: 'admin' })).toEqual(ceiling);
    await invite(input.email, 'OWNER');
  });

  test('is not taken back from those invited to it, neither by revoking nor by inviting to less', async () => {
    const { id, email, token } = await invite(newEmail(), 'OWNER');
    expect(await refused('revokeInvitation', 'invitation { id }', { id }, { user: 'admin' })).toEqual(
      ceiling,
    );
    const less = { email, role: 'VIEWER' };
    expect(await refused('inviteMember', INVITATION, less, { user: 'admin' })).toEqual(ceiling);
    expect((await accept(token, person(email))).data.acceptInvitation?.membership.role).toBe('OWNER');
  });

  test('is no obstacle once the invitation to it is past', async () => {
    for (const past of [{ expiresAt: '2024-01-01' }, { revokedAt: '2024-01-01' }]) {
      const { email } = await insertInvitation(database(), 'acme', { role: 'owner', ...past });
      expect((await invite(email, 'VIEWER', { user: 'admin' })).role).toBe('VIEWER');
    }
  });

  test.each(['member', 'viewer'])('or any role is not invited to by a %s', async (user) => {
    const forbidden = { code: 'FORBIDDEN', requires: 'users:manage' };
    const input = { email: newEmail(), role: 'VIEWER' };
    expect(await refused('inviteMember', INVITATION, input, { user })).toEqual(forbidden);
    const { id } = await insertInvitation(database(), 'acme');
    expect(await refused('revokeInvitation', 'invitation { id }', { id }, { user })).toEqual(forbidden);
  });

  test('is not invited to by somebody who is being demoted at the same time', async () => {
    const slug = `demoted-${randomUUID()}`;
    await insertTenant(database(), slug);
    await insertMembership(database(), slug, { role: 'owner', userId: `o|${slug}`, email: `o@${slug}.test` });
    const target = await insertMembership(database(), slug, {
      role: 'owner',
      userId: `t|${slug}`,
      email: `t@${slug}.test`,
    });
    const [, invitations] = await Promise.all([
      run(
        'changeMemberRole',
        'membership { role }',
        { membershipId: target, role: 'VIEWER' },
        {
          user: `o@${slug}.test`,
          tenant: slug,
        },
      ),
      Promise.all(
        Array.from({ length: 4 }, () =>
          run(
            'inviteMember',
            INVITATION,
            { email: newEmail(), role: 'OWNER' },
            { user: `t@${slug}.test`, tenant: slug },
          ),
        ),
      ),
    ]);
    expect(invitations).toHaveLength(4);
    // In whichever order this happened, no invitation of the demoted owner can still be accepted.
    const left = await database().asSuperuser(
      'SELECT id FROM invitations WHERE invited_by = $1 AND revoked_at IS NULL',
      [`t|${slug}`],
    );
    expect(left).toEqual([]);
  });
});

describe('revokeInvitation', () => {
  const selection = 'invitation { id status revokedAt }';

  test('makes the link void, records it, and may be repeated', async () => {
    const { id, email, token } = await invite(newEmail(), 'VIEWER');
    const first = await succeed<{ invitation: { status: string; revokedAt: string } }>(
      'revokeInvitation',
      selection,
      { id },
      { user: 'admin' },
    );
    expect(first.payload.invitation.status).toBe('REVOKED');
    expect(first.entries).toMatchObject([
      {
        action: 'invitation.updated',
        entity_id: bareId(id),
        actor: 'demo|acme|admin',
        old_value: { revoked_at: null },
      },
    ]);
    expect(refusalIn(await accept(token, person(email)))).toEqual({ code: 'CONFLICT', reason: 'revoked' });
    expect(await membersWith(email)).toEqual([]);
    const second = await succeed('revokeInvitation', selection, { id });
    expect(second.payload).toEqual(first.payload);
    expect(second.entries).toEqual([]);
  });

  test('comes too late for an accepted one', async () => {
    const { id, email, token } = await invite(newEmail(), 'VIEWER');
    await accept(token, person(email));
    expect(await refused('revokeInvitation', selection, { id })).toEqual({
      code: 'CONFLICT',
      reason: 'accepted',
    });
  });

  test('answers alike whether it is of another tenant, of nobody or of another type', async () => {
    const foreign = await insertInvitation(database(), 'globex');
    const answers = [];
    for (const id of [foreign.id, MISSING, `invitation_${foreign.id}`, `membership_${foreign.id}`]) {
      answers.push(whatTheAnswerTells(await run('revokeInvitation', selection, { id })));
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(JSON.stringify(answers[0])).toContain('NOT_FOUND');
    expect((await rowOf(foreign.id)).revoked_at).toBeNull();
  });

  test('and accepting at once end in one of the two', async () => {
    for (let round = 0; round < 6; round++) {
      const { id, email, token } = await insertInvitation(database(), 'acme');
      const [revoked, accepted] = await Promise.all([
        run('revokeInvitation', selection, { id }),
        accept(token, person(email), round % 2 ? replica() : running()),
      ]);
      const row = await rowOf(id);
      const members = await membersWith(email);
      expect(members).toHaveLength(row.accepted_at ? 1 : 0);
      expect(accepted.errors.length === 0).toBe(row.accepted_at !== null);
      expect(revoked.errors.length === 0).toBe(row.revoked_at !== null);
    }
  });
});

describe('whoever sent an invitation', () => {
  /** Creates a tenant with an owner and a second member, who has sent an invitation. */
  async function scene(role: Role) {
    const slug = `inviter-${randomUUID()}`;
    await insertTenant(database(), slug);
    const inviter = { userId: `inviter|${slug}`, email: `inviter@${slug}.test` };
    await insertMembership(database(), slug, { role: 'owner', userId: `o|${slug}`, email: `o@${slug}.test` });
    const membershipId = await insertMembership(database(), slug, { role, ...inviter });
    const owner = { user: `o@${slug}.test`, tenant: slug };
    const invitation = await invite(newEmail(), 'VIEWER', { user: inviter.email, tenant: slug });
    return { slug, inviter, membershipId, owner, ...invitation };
  }

  test('takes it along when they are removed, and the log says so', async () => {
    const { membershipId, owner, token, email, id } = await scene('admin');
    const { entries } = await succeed('removeMember', 'deletedId', { membershipId }, owner);
    expect(entries.map(({ action }) => action).sort()).toEqual(['invitation.updated', 'membership.deleted']);
    expect(entries.find(({ entity_id }) => entity_id === bareId(id))?.new_value?.['revoked_at']).toBeTruthy();
    expect(refusalIn(await accept(token, person(email)))).toEqual({ code: 'CONFLICT', reason: 'revoked' });
  });

  test('takes it along when they fall in rank', async () => {
    const { membershipId, owner, token, email } = await scene('admin');
    await succeed('changeMemberRole', 'membership { role }', { membershipId, role: 'MEMBER' }, owner);
    expect(refusalIn(await accept(token, person(email)))).toEqual({ code: 'CONFLICT', reason: 'revoked' });
  });

  test('does not when they rise', async () => {
    const { membershipId, owner, token, email } = await scene('admin');
    await succeed('changeMemberRole', 'membership { role }', { membershipId, role: 'OWNER' }, owner);
    expect((await accept(token, person(email))).errors).toEqual([]);
  });

  test('takes none of another’s, and nothing that is accepted already', async () => {
    const { slug, membershipId, owner, token, email, id } = await scene('admin');
    expect((await accept(token, person(email))).errors).toEqual([]);
    const others = await insertInvitation(database(), slug, { invitedBy: `o|${slug}` });
    const { entries } = await succeed('removeMember', 'deletedId', { membershipId }, owner);
    expect(entries.map(({ action }) => action)).toEqual(['membership.deleted']);
    expect((await rowOf(id)).revoked_at).toBeNull();
    expect((await rowOf(others.id)).revoked_at).toBeNull();
  });

  test('does not stay by a second self that accepts while they are being removed', async () => {
    for (let round = 0; round < 4; round++) {
      const { membershipId, owner, token, email, id } = await scene('admin');
      const [removed] = await Promise.all([
        run('removeMember', 'deletedId', { membershipId }, owner),
        accept(token, person(email), replica()),
      ]);
      expect(removed.errors).toEqual([]);
      const { accepted_at: accepted, revoked_at: revoked } = await rowOf(id);
      expect((accepted === null) !== (revoked === null)).toBe(true);
      expect(await membersWith(email)).toHaveLength(accepted ? 1 : 0);
    }
  });
});
