/**
 * Proves who may accept an invitation, how often and in which of its states, and that a refusal reveals nothing more.
 */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { newSecret } from '../../src/kernel/auth/secrets.js';
import { stateOf, whatTheAnswerTells } from '../support/mutations.js';
import {
  auditRows,
  insertApiKey,
  insertInvitation,
  insertTenant,
  type NewInvitation,
} from '../support/rows.js';
import { TABLES, newEmail, ACCEPT, person, refusalIn, useInvitations } from '../support/invitations.js';

const { database, running, replica, server, invite, accept, membersWith, rowOf } = useInvitations();

describe('accepting', () => {
  const states: Readonly<Record<string, NewInvitation & { readonly accepted?: boolean }>> = {
    pending: {},
    expired: { expiresAt: '2024-01-01' },
    revoked: { revokedAt: '2024-01-01' },
    accepted: { accepted: true },
  };

  async function inState(state: string, tenant = 'acme') {
    const { accepted, ...row } = states[state]!;
    const invitation = await insertInvitation(database(), tenant, row);
    if (accepted) {
      await database().asSuperuser(
        "UPDATE invitations SET accepted_at = now(), accepted_by = 'somebody' WHERE id = $1",
        [invitation.id],
      );
    }
    return invitation;
  }

  test('twice is refused, to the same person and to another of that address', async () => {
    const { email, token } = await invite(newEmail(), 'VIEWER');
    const claims = person(email);
    expect((await accept(token, claims)).errors).toEqual([]);
    const before = await stateOf(database(), TABLES);
    for (const who of [claims, person(email)]) {
      expect(refusalIn(await accept(token, who))).toEqual({ code: 'CONFLICT', reason: 'accepted' });
    }
    expect(await stateOf(database(), TABLES)).toEqual(before);
  });

  test.each([
    ['expired', { code: 'CONFLICT', reason: 'expired' }],
    ['revoked', { code: 'CONFLICT', reason: 'revoked' }],
    ['accepted', { code: 'CONFLICT', reason: 'accepted' }],
  ])('one that is %s is refused, and changes nothing', async (state, expected) => {
    const { email, token } = await inState(state);
    const before = await stateOf(database(), TABLES);
    expect(refusalIn(await accept(token, person(email)))).toEqual(expected);
    expect(await stateOf(database(), TABLES)).toEqual(before);
  });

  test('to a second address of a member is refused, and leaves the invitation as it is', async () => {
    const { id, email, token } = await insertInvitation(database(), 'acme', { role: 'owner' });
    const claims = person(email, { sub: 'demo|acme|viewer' });
    expect(refusalIn(await accept(token, claims))).toEqual({ code: 'CONFLICT', reason: 'member' });
    expect((await rowOf(id)).accepted_at).toBeNull();
    const [viewer] = await membersWith('viewer@acme.test');
    expect(viewer?.role).toBe('viewer');
  });

  test('in a suspended tenant is refused, and possible again when it is resumed', async () => {
    const slug = `suspended-${randomUUID()}`;
    await insertTenant(database(), slug);
    const { email, token } = await insertInvitation(database(), slug);
    await database().asSuperuser("UPDATE tenants SET status = 'suspended' WHERE slug = $1", [slug]);
    expect(refusalIn(await accept(token, person(email)))).toEqual({ code: 'TENANT_SUSPENDED' });
    expect(await membersWith(email)).toEqual([]);
    await database().asSuperuser("UPDATE tenants SET status = 'active' WHERE slug = $1", [slug]);
    expect((await accept(token, person(email))).errors).toEqual([]);
  });

  test('as somebody else is refused in the same words whatever became of the invitation, in any tenant', async () => {
    const answers = [];
    for (const tenant of ['acme', 'globex']) {
      for (const state of Object.keys(states)) {
        const { token } = await inState(state, tenant);
        answers.push(whatTheAnswerTells(await accept(token, person(newEmail()))));
      }
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    const { token } = await inState('pending');
    expect(refusalIn(await accept(token, person(newEmail())))).toEqual({
      code: 'FORBIDDEN',
      requires: 'email:invited',
    });
  });

  test('with an address that merely looks like the invited one is refused', async () => {
    const { token } = await insertInvitation(database(), 'acme', { email: 'kim@new.test' });
    for (const email of [
      // In other locales the lower case of the first letter is k, and that of the second is i.
      '\u212Aim@new.test',
      'k\u0130m@new.test',
      'kim@new.test ',
      ' kim@new.test',
      'kim@new.test\u200B',
      'kim@new.test.',
      'k.im@new.test',
      'kim+x@new.test',
      'kim@new.test,other@evil.test',
      'ｋim@new.test',
      '%',
      'kim@%',
    ]) {
      expect(refusalIn(await accept(token, person(email)))).toEqual({
        code: 'FORBIDDEN',
        requires: 'email:invited',
      });
    }
    expect((await accept(token, person('KIM@new.TEST'))).errors).toEqual([]);
  });

  test.each([
    ['does not say whether it is verified', undefined],
    ['says that it is not verified', false],
    ['says so in a text', 'false'],
    ['says so with a number', 1],
    ['says anything else', 'yes'],
    ['says nothing', null],
  ])('with an address of which the provider %s is refused, whatever the token', async (_name, verified) => {
    const { email, token } = await insertInvitation(database(), 'acme');
    const expected = { code: 'FORBIDDEN', requires: 'email:verified' };
    const answers = [];
    for (const each of [token, newSecret(), (await inState('revoked')).token]) {
      const answer = await accept(each, person(email, { email_verified: verified }));
      expect(refusalIn(answer)).toEqual(expected);
      answers.push(whatTheAnswerTells(answer));
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect((await accept(token, person(email, { email_verified: 'true' }))).errors).toEqual([]);
  });

  test('without an address is refused', async () => {
    const { token } = await insertInvitation(database(), 'acme');
    expect(refusalIn(await accept(token, { sub: 'nobody' }))).toEqual({
      code: 'FORBIDDEN',
      requires: 'email:verified',
    });
  });

  test('with a token that is none answers as with one that nobody has', async () => {
    const { token, email, id } = await insertInvitation(database(), 'acme');
    const { token_hash } = await rowOf(id);
    const answers = [];
    for (const wrong of [
      newSecret(),
      '',
      'x',
      token.slice(1),
      `${token}=`,
      ` ${token}`,
      `${token}\u0000`,
      token_hash,
      id,
      '%'.repeat(43),
      'a'.repeat(2_000),
    ]) {
      const answer = await accept(wrong, person(email));
      expect(refusalIn(answer)).toEqual({ code: 'NOT_FOUND' });
      answers.push(whatTheAnswerTells(answer));
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  test('ten times at once makes one membership, for one person and for many of that address', async () => {
    for (const people of [1, 10]) {
      const { id, email, token } = await insertInvitation(database(), 'acme');
      const claims = Array.from({ length: people }, () => person(email));
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_value, at) =>
          accept(token, claims[at % people]!, at % 2 ? running() : replica()),
        ),
      );
      const [accepted, ...others] = answers.sort((a, b) => a.errors.length - b.errors.length);
      expect(accepted!.errors).toEqual([]);
      for (const answer of others) {
        expect(refusalIn(answer)).toEqual({ code: 'CONFLICT', reason: 'accepted' });
      }
      const members = await membersWith(email);
      expect(members).toHaveLength(1);
      expect((await rowOf(id)).accepted_by).toBe(members[0]!.user_id);
    }
  });

  test('by a member of another tenant makes them a member of both, and leaves the first as it was', async () => {
    const email = 'member@acme.test';
    const { token } = await insertInvitation(database(), 'globex', { email, role: 'admin' });
    const acme = async () =>
      database().asSuperuser('SELECT t::text FROM memberships t WHERE tenant_id = $1 ORDER BY 1', [
        await database().tenantId('acme'),
      ]);
    const before = [await acme(), await auditRows(database(), 'acme')];
    const member = await server().as('member', 'acme');
    const { errors } = await member.query(ACCEPT, { input: { token } });
    expect(errors).toEqual([]);
    expect([await acme(), await auditRows(database(), 'acme')]).toEqual(before);
    const { data } = await member.query('{ me { role memberships { role tenant { slug } } } }');
    expect(data).toEqual({
      me: {
        role: 'MEMBER',
        memberships: [
          { role: 'MEMBER', tenant: { slug: 'acme' } },
          { role: 'ADMIN', tenant: { slug: 'globex' } },
        ],
      },
    });
  });

  test('is for users, not for API keys', async () => {
    const { token } = await insertInvitation(database(), 'globex');
    const { key } = await insertApiKey(database(), 'acme');
    const answer = await server()
      .withHeaders({ authorization: `Bearer ${key}` })
      .query(ACCEPT, { input: { token } });
    expect(refusalIn(answer)).toEqual({ code: 'FORBIDDEN', requires: 'user' });
  });
});
