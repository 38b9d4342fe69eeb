/**
 * Proves that an invitation makes exactly the invited person a member, once, while it may: that nobody else learns
 * anything from its token, that roles keep their ceiling, that a guest can do nothing but accept, that mail neither
 * loses an invitation nor carries what was smuggled into it, and that no token or hash can be read anywhere.
 */
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Role } from '../../src/kernel/vocabulary/permissions.js';
import { hashSecret, newSecret } from '../../src/kernel/auth/secrets.js';
import { endChildrenAfterAll, startChild } from '../support/child.js';
import { sign, useDatabase } from '../support/database.js';
import { bind, connected, contextOf, refusalOf } from '../support/demo-tenants.js';
import { headerOf, readMail, startMailServer, tokenIn, type MailServer } from '../support/mail.js';
import { stateOf, useMutations, whatTheAnswerTells } from '../support/mutations.js';
import { parseBody, rawPost } from '../support/raw-request.js';
import {
  auditRows,
  insertApiKey,
  insertInvitation,
  insertMembership,
  insertTenant,
  type NewInvitation,
} from '../support/rows.js';
import { startTestServer, TEST_SECRET, type Answer, type TestServer } from '../support/server.js';
import { userToken, type UserClaims } from '../support/user-token.js';

const database = useDatabase();
let smtp: MailServer;
let running: TestServer;
let replica: TestServer;
beforeAll(async () => {
  smtp = await startMailServer();
  const env = {
    SMTP_URL: smtp.url,
    MAIL_FROM: 'Tenantry <no-reply@example.test>',
    APP_URL: 'https://app.example.test/',
  };
  running = await startTestServer({ database: database(), env });
  replica = await startTestServer({ database: database(), env });
});
afterAll(async () => {
  await running.close();
  await replica.close();
  await smtp.close();
});
endChildrenAfterAll();

const server = () => running;
const TABLES = ['tenants', 'memberships', 'invitations'];
const { run, succeed, refused } = useMutations(server, TABLES);

const INVITATION = 'invitation { id email role status invitedBy expiresAt } emailSent';
const MISSING = '01900000-0000-7000-8000-000000000000';
const newEmail = () => `${randomUUID()}@new.test`;

interface Invited {
  readonly invitation: { id: string; email: string; role: string; status: string; expiresAt: string };
  readonly emailSent: boolean;
}

/** Invites through the API; answers with the token from the mail as well. */
async function invite(email: string, role = 'MEMBER', caller = {}) {
  const before = smtp.received.length;
  const { payload, entries } = await succeed<Invited>('inviteMember', INVITATION, { email, role }, caller);
  expect(payload.emailSent).toBe(true);
  expect(smtp.received).toHaveLength(before + 1);
  const mail = smtp.received[before]!;
  return { ...payload.invitation, entries, mail, token: tokenIn(mail.raw) };
}

interface Accepted {
  readonly acceptInvitation: {
    readonly membership: {
      id: string;
      userId: string;
      role: string;
      joinedAt: string;
      tenant: { id: string; slug: string; name: string; status: string };
    };
  } | null;
}

const ACCEPT = `mutation ($input: AcceptInvitationInput!) {
  acceptInvitation(input: $input) { membership { id userId role joinedAt tenant { id slug name status } } }
}`;

const accept = (token: string, claims: UserClaims, at = server()): Promise<Answer<Accepted>> =>
  at
    .withHeaders({ authorization: `Bearer ${userToken(claims)}` })
    .query<Accepted>(ACCEPT, { input: { token } });

/** Claims of somebody new, whose address is verified. */
const person = (email: string, more: Partial<UserClaims> = {}): UserClaims => ({
  sub: `idp|${randomUUID()}`,
  email,
  ...more,
});

const refusalIn = ({ data, errors }: Answer<unknown>) => {
  expect(data).toEqual({ acceptInvitation: null });
  expect(errors).toHaveLength(1);
  return errors[0]!.extensions;
};

const membersWith = (email: string) =>
  database().asSuperuser<{ tenant_id: string; user_id: string; role: string; invited_by: string | null }>(
    'SELECT tenant_id, user_id, role, invited_by FROM memberships WHERE email = $1',
    [email],
  );

const rowOf = async (id: string) => {
  const [row] = await database().asSuperuser<{
    token_hash: string;
    role: string;
    accepted_at: Date | null;
    accepted_by: string | null;
    revoked_at: Date | null;
  }>('SELECT * FROM invitations WHERE id = $1', [id]);
  return row!;
};

describe('an invitation', () => {
  test('goes by mail to whom it invites, with a link that says nothing to anybody else', async () => {
    const email = newEmail();
    const { mail, token, expiresAt, status } = await invite(email, 'ADMIN');
    expect(status).toBe('PENDING');
    expect(mail.recipients).toEqual([email]);
    expect(headerOf(mail.raw, 'to')).toEqual([email]);
    expect(headerOf(mail.raw, 'from')).toEqual(['Tenantry <no-reply@example.test>']);
    expect(headerOf(mail.raw, 'subject')).toEqual(['Invitation to Acme Inc.']);
    const { text } = readMail(mail.raw);
    expect(text).toContain(`https://app.example.test/invitations/accept?token=${token}\n`);
    expect(text).toContain('join Acme Inc. (role: admin)');
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const days = (Date.parse(expiresAt) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(6.99);
    expect(days).toBeLessThan(7);
  });

  test('takes no idempotency key: its mail would leave before the commit', async () => {
    const email = newEmail();
    const before = smtp.received.length;
    const { token } = await server().as('owner', 'acme');
    const { status, errors } = await server()
      .withHeaders({ authorization: `Bearer ${token}`, 'idempotency-key': randomUUID() })
      .query('mutation ($input: InviteMemberInput!) { inviteMember(input: $input) { emailSent } }', {
        input: { email, role: 'MEMBER' },
      });
    expect(status).toBe(400);
    expect(errors).toMatchObject([
      {
        message:
          'The answer of Mutation.inviteMember is not kept: send this mutation without an Idempotency-Key.',
        extensions: { code: 'BAD_USER_INPUT' },
      },
    ]);
    expect(smtp.received).toHaveLength(before);
    expect(await database().asSuperuser('SELECT FROM invitations WHERE email = $1', [email])).toEqual([]);
  });

  test('makes the invited person a member, with the role, and both are in the audit log', async () => {
    const email = newEmail();
    const invitation = await invite(email, 'ADMIN', { user: 'admin' });
    expect(invitation.entries).toMatchObject([
      {
        action: 'invitation.created',
        entity: 'Invitation',
        entity_id: invitation.id,
        actor: 'demo|acme|admin',
        new_value: { email, role: 'admin', invited_by: 'demo|acme|admin' },
      },
    ]);
    const claims = person(email);
    const { data, errors, headers } = await accept(invitation.token, claims);
    expect(errors).toEqual([]);
    const acme = await database().tenantId('acme');
    expect(data.acceptInvitation).toMatchObject({
      membership: {
        userId: claims.sub,
        role: 'ADMIN',
        tenant: { id: acme, slug: 'acme', name: 'Acme Inc.', status: 'ACTIVE' },
      },
    });
    expect(await membersWith(email)).toEqual([
      { tenant_id: acme, user_id: claims.sub, role: 'admin', invited_by: 'demo|acme|admin' },
    ]);
    const entries = (await auditRows(database(), 'acme')).filter(
      ({ request_id }) => request_id === headers.get('x-request-id'),
    );
    expect(entries).toMatchObject([
      {
        actor: claims.sub,
        actor_type: 'user',
        action: 'membership.created',
        entity_id: data.acceptInvitation?.membership.id,
        new_value: { email, role: 'admin', user_id: claims.sub },
      },
      {
        actor: claims.sub,
        actor_type: 'user',
        action: 'invitation.updated',
        entity_id: invitation.id,
        old_value: { accepted_by: null },
        new_value: { accepted_by: claims.sub },
      },
    ]);
    // At once, on every server: that they were a stranger is remembered nowhere.
    for (const at of [running, replica]) {
      const me = await at
        .withHeaders({ authorization: `Bearer ${userToken({ ...claims, tenant_id: 'acme' })}` })
        .query('{ me { userId role email } }');
      expect(me.data).toEqual({ me: { userId: claims.sub, role: 'ADMIN', email } });
    }
  });

  test('lasts as long as it is configured to', async () => {
    const short = await startTestServer({ database: database(), env: { INVITATION_DAYS: '2' } });
    try {
      const { data } = await (
        await short.as('owner', 'acme')
      ).query<{ inviteMember: Invited }>(
        `mutation { inviteMember(input: { email: "${newEmail()}", role: VIEWER }) { ${INVITATION} } }`,
      );
      const days = (Date.parse(data.inviteMember.invitation.expiresAt) - Date.now()) / 86_400_000;
      expect(days).toBeGreaterThan(1.99);
      expect(days).toBeLessThan(2);
    } finally {
      await short.close();
    }
  });

  test('is for an address whatever the case of its letters', async () => {
    const email = newEmail();
    const invitation = await invite(email.toUpperCase());
    expect(invitation.email).toBe(email);
    const { errors } = await accept(invitation.token, person(email.replace('new', 'NeW')));
    expect(errors).toEqual([]);
    expect(await membersWith(email)).toHaveLength(1);
  });

  test.each([
    ['nothing', ''],
    ['no address', 'somebody'],
    ['a blank', 'some body@new.test'],
    ['a header behind it', 'a@new.test\r\nBcc: victim@new.test'],
    ['a line feed behind it', 'a@new.test\n'],
    ['a line break before it', '\r\na@new.test'],
    ['a NUL', 'a\u0000@new.test'],
    ['two addresses', 'a@new.test,victim@new.test'],
    ['two addresses with a semicolon', 'a@new.test;victim@new.test'],
    ['a name and an address', 'Somebody <a@new.test>'],
    ['brackets', '<a@new.test>'],
    ['a quoted local part', '"victim@new.test x"@evil.test'],
    ['a comment', 'a@new.test (victim@new.test)'],
    ['a group', 'all:victim@new.test;'],
    ['two at signs', 'victim@new.test@evil.test'],
    ['a Kelvin sign', '\u212Aim@new.test'],
    ['a dot of its own alphabet', 'a@new\u3002test'],
    ['a letter of another alphabet', 'vіctim@new.test'],
    ['255 characters', `${'a'.repeat(246)}@new.test`],
  ])('is not sent to %s', async (_name, email) => {
    const before = smtp.received.length;
    expect(await refused('inviteMember', INVITATION, { email, role: 'VIEWER' })).toEqual({
      code: 'BAD_USER_INPUT',
      field: 'input.email',
    });
    expect(smtp.received).toHaveLength(before);
  });

  test('is not sent to a member, whatever the case of the address', async () => {
    for (const email of ['viewer@acme.test', 'Viewer@ACME.test']) {
      expect(await refused('inviteMember', INVITATION, { email, role: 'VIEWER' })).toEqual({
        code: 'CONFLICT',
        reason: 'member',
      });
    }
    await insertMembership(database(), 'acme', { email: 'Mixed.Case@Acme.test' });
    const input = { email: 'mixed.case@acme.test', role: 'VIEWER' };
    expect(await refused('inviteMember', INVITATION, input)).toEqual({ code: 'CONFLICT', reason: 'member' });
  });

  test('says nothing of who is a member elsewhere', async () => {
    const answers = [];
    for (const email of ['owner@globex.test', newEmail()]) {
      const answer = await run('inviteMember', 'invitation { role status } emailSent', {
        email,
        role: 'VIEWER',
      });
      answers.push(whatTheAnswerTells(answer));
    }
    expect(answers[0]).toEqual(answers[1]);
  });

  test('sent again replaces the one before it, whose link is void', async () => {
    const email = newEmail();
    const first = await invite(email, 'VIEWER');
    const second = await invite(email, 'MEMBER', { user: 'admin' });
    expect(second.id).toBe(first.id);
    expect(second.token).not.toBe(first.token);
    expect(refusalIn(await accept(first.token, person(email)))).toEqual({ code: 'NOT_FOUND' });
    const { data } = await accept(second.token, person(email));
    expect(data.acceptInvitation?.membership.role).toBe('MEMBER');
  });

  test('sent again after it was accepted, and the member removed, is a new one', async () => {
    const email = newEmail();
    const first = await invite(email);
    const claims = person(email);
    const { data } = await accept(first.token, claims);
    expect(await refused('inviteMember', INVITATION, { email, role: 'VIEWER' })).toMatchObject({
      code: 'CONFLICT',
    });
    await succeed('removeMember', 'deletedId', { membershipId: data.acceptInvitation!.membership.id });
    expect(refusalIn(await accept(first.token, claims))).toEqual({ code: 'CONFLICT', reason: 'accepted' });
    const second = await invite(email, 'VIEWER');
    expect(second.status).toBe('PENDING');
    const again = await accept(second.token, claims);
    expect(again.data.acceptInvitation?.membership.role).toBe('VIEWER');
  });

  test('sent many times at once is one, and one of the links works', async () => {
    const email = newEmail();
    const before = smtp.received.length;
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => run('inviteMember', INVITATION, { email, role: 'VIEWER' })),
    );
    expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
    expect(await database().asSuperuser('SELECT id FROM invitations WHERE email = $1', [email])).toHaveLength(
      1,
    );
    const tokens = smtp.received.slice(before).map(({ raw }) => tokenIn(raw));
    expect(new Set(tokens).size).toBe(6);
    const claims = person(email);
    const outcomes = [];
    for (const token of tokens) outcomes.push((await accept(token, claims)).errors[0]?.extensions.code);
    expect(outcomes.filter((code) => code === undefined)).toHaveLength(1);
    expect(outcomes.filter((code) => code === 'NOT_FOUND')).toHaveLength(5);
  });
});

describe('the mail of an invitation', () => {
  const named = async (name: string) => {
    await database().asSuperuser("UPDATE tenants SET name = $1 WHERE slug = 'globex'", [name]);
    try {
      return await invite(newEmail(), 'VIEWER', { tenant: 'globex' });
    } finally {
      await database().asSuperuser("UPDATE tenants SET name = 'Globex Corporation' WHERE slug = 'globex'");
    }
  };

  test.each([
    ['a header', 'Globex\r\nBcc: victim@new.test'],
    ['a body', 'Globex\r\n\r\nYour account is locked: https://evil.test'],
    ['Unicode line breaks', 'Globex\u2028\u2029\u0085Bcc: victim@new.test'],
    ['an encoded word', '=?utf-8?Q?Globex=0D=0ABcc:_victim@new.test?='],
  ])('is sent to nobody else by a tenant whose name contains %s', async (_what, name) => {
    const plain = await named('Globex Corporation');
    const { mail, email } = await named(name);
    expect(mail.recipients).toEqual([email]);
    const headers = (raw: string) => readMail(raw).headers.map(([header]) => header);
    expect(headers(mail.raw)).toEqual(headers(plain.mail.raw));
    const lines = (raw: string) => readMail(raw).text.split('\n').length;
    expect(lines(mail.raw)).toBe(lines(plain.mail.raw));
  });

  test('has no more than the beginning of a long name', async () => {
    const { mail } = await named(`${'x'.repeat(79)}🦊${'y'.repeat(100)}`);
    expect(readMail(mail.raw).text).toContain('x'.repeat(79));
    expect(readMail(mail.raw).text).not.toContain('yy');
  });

  test('is reported as not sent when the mail server refuses it, and the invitation stands', async () => {
    const email = newEmail();
    smtp.behave('refuse');
    const failed = await run<Invited>('inviteMember', INVITATION, { email, role: 'VIEWER' });
    smtp.behave('accept');
    expect(failed.errors).toEqual([]);
    expect(failed.data['inviteMember']).toMatchObject({
      emailSent: false,
      invitation: { status: 'PENDING' },
    });
    const again = await invite(email, 'VIEWER');
    expect(again.id).toBe(failed.data['inviteMember']?.invitation.id);
    expect((await accept(again.token, person(email))).errors).toEqual([]);
  });

  test('is not sent when the invitation is refused', async () => {
    const before = smtp.received.length;
    await refused('inviteMember', INVITATION, { email: newEmail(), role: 'OWNER' }, { user: 'admin' });
    await refused('inviteMember', INVITATION, { email: 'owner@acme.test', role: 'VIEWER' });
    expect(smtp.received).toHaveLength(before);
  });
});

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
    // Whatever came first: nothing that the demoted owner sent is left to be accepted.
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
        entity_id: id,
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

  test('answers alike whether it is of another tenant, of nobody or no id at all', async () => {
    const foreign = await insertInvitation(database(), 'globex');
    const answers = [];
    for (const id of [foreign.id, MISSING, 'no-id', '', 'a\u0000', "' OR true --"]) {
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
        accept(token, person(email), round % 2 ? replica : running),
      ]);
      const row = await rowOf(id);
      const members = await membersWith(email);
      expect(members).toHaveLength(row.accepted_at ? 1 : 0);
      expect(accepted.errors.length === 0).toBe(row.accepted_at !== null);
      expect(revoked.errors.length === 0).toBe(row.revoked_at !== null);
    }
  });
});

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
      // Every other alphabet's lower case of the first is k, and of the second i.
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
          accept(token, claims[at % people]!, at % 2 ? running : replica),
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

describe('whoever sent an invitation', () => {
  /** A tenant with an owner, and a second member who has invited somebody. */
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
    expect(entries.find(({ entity_id }) => entity_id === id)?.new_value?.['revoked_at']).toBeTruthy();
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
        accept(token, person(email), replica),
      ]);
      expect(removed.errors).toEqual([]);
      const { accepted_at: accepted, revoked_at: revoked } = await rowOf(id);
      expect((accepted === null) !== (revoked === null)).toBe(true);
      expect(await membersWith(email)).toHaveLength(accepted ? 1 : 0);
    }
  });
});

describe('a guest', () => {
  const stranger = person(newEmail());

  test.each([
    ['no tenant', {}],
    ['the tenant of the invitation', { tenant_id: 'acme' }],
    ['another tenant they are no member of', { tenant_id: 'globex' }],
  ])('may accept with a token that names %s', async (_name, claim) => {
    const { email, token } = await insertInvitation(database(), 'acme');
    expect((await accept(token, person(email, claim))).errors).toEqual([]);
    expect(await membersWith(email)).toHaveLength(1);
  });

  test('may accept at the host of a tenant', async () => {
    for (const host of ['acme', 'globex']) {
      const { email, token } = await insertInvitation(database(), 'acme');
      const answer = await rawPost(`${server().url}/graphql`, {
        host: `${host}.localhost`,
        authorization: `Bearer ${userToken(person(email))}`,
        body: JSON.stringify({ query: ACCEPT, variables: { input: { token } } }),
      });
      expect(parseBody(answer).errors).toBeUndefined();
    }
  });

  test('may ask for everything that the answer holds', async () => {
    const { email, token } = await insertInvitation(database(), 'acme');
    const { data, errors } = await server()
      .withHeaders({ authorization: `Bearer ${userToken(person(email))}` })
      .query(
        `mutation Join($token: String!) {
           joined: acceptInvitation(input: { token: $token }) { __typename ...Payload }
         }
         fragment Payload on AcceptInvitationPayload { membership { __typename role tenant { slug } } }`,
        { token },
      );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      joined: {
        __typename: 'AcceptInvitationPayload',
        membership: { __typename: 'AcceptedMembership', role: 'VIEWER', tenant: { slug: 'acme' } },
      },
    });
  });

  const REFUSED: Readonly<Record<string, string>> = {
    'who they are': '{ me { userId } }',
    'the tenant': '{ tenant { id name } }',
    'the roles': '{ roles { role } }',
    'the type of the root': '{ __typename }',
    'the schema': '{ __schema { types { name } } }',
    members: '{ members { totalCount } }',
    'another mutation': 'mutation { updateTenant(input: { name: "Mine" }) { tenant { id } } }',
    'an invitation for themselves':
      'mutation { inviteMember(input: { email: "a@new.test", role: OWNER }) { emailSent } }',
    'another mutation beside it': `mutation { acceptInvitation(input: { token: "x" }) { membership { id } } updateTenant(input: { name: "Mine" }) { tenant { id } } }`,
    'many tokens at once': `mutation { a: acceptInvitation(input: { token: "x" }) { membership { id } } b: acceptInvitation(input: { token: "y" }) { membership { id } } }`,
    'another mutation under its name': `mutation { acceptInvitation: updateTenant(input: { name: "Mine" }) { tenant { id } } }`,
    'two operations': `mutation A { acceptInvitation(input: { token: "x" }) { membership { id } } } query B { me { userId } }`,
    'a fragment of the root': `mutation { ...A } fragment A on Mutation { updateTenant(input: { name: "Mine" }) { tenant { id } } }`,
    'no GraphQL': 'mutation { acceptInvitation(',
  };

  test.each(Object.entries(REFUSED))('is refused %s, as ever', async (_name, query) => {
    const before = await stateOf(database(), TABLES);
    const unnamed = await server()
      .withHeaders({ authorization: `Bearer ${userToken(stranger)}` })
      .query(query);
    expect(unnamed).toMatchObject({ status: 403, errors: [{ extensions: { code: 'TENANT_REQUIRED' } }] });
    const named = await server()
      .withHeaders({ authorization: `Bearer ${userToken({ ...stranger, tenant_id: 'acme' })}` })
      .query(query);
    expect(named).toMatchObject({
      status: 403,
      errors: [{ extensions: { code: 'FORBIDDEN', requires: 'membership' } }],
    });
    expect(unnamed.text).not.toContain('data');
    expect(await stateOf(database(), TABLES)).toEqual(before);
  });

  test('is refused by GET, in a batch, and in a body that is too large', async () => {
    const authorization = `Bearer ${userToken({ ...stranger, tenant_id: 'acme' })}`;
    const query = 'mutation { acceptInvitation(input: { token: "x" }) { membership { id } } }';
    const url = `${server().url}/graphql`;
    const answers = [
      await fetch(`${url}?query=${encodeURIComponent(query)}`, {
        headers: { authorization, 'apollo-require-preflight': '1' },
      }),
      await fetch(url, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify([{ query }]),
      }),
      await fetch(url, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ query: query + ' '.repeat(4_096) }),
      }),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] });
    }
  });

  test('finds no tenant that is not there, and is believed only with a token that is', async () => {
    const { email, token } = await insertInvitation(database(), 'acme');
    expect((await accept(token, person(email, { tenant_id: 'no-such-tenant' }))).status).toBe(404);
    const forged = await server()
      .withHeaders({ authorization: `Bearer ${userToken(person(email))}x` })
      .query(ACCEPT, { input: { token } });
    expect(forged.status).toBe(401);
    expect(await membersWith(email)).toEqual([]);
  });
});

describe('tokens and hashes', () => {
  test('are readable in no field, and not in the audit log', async () => {
    const { id, email, token } = await invite(newEmail(), 'VIEWER');
    await invite(email, 'MEMBER');
    await succeed('revokeInvitation', 'invitation { id }', { id });
    const owner = await server().as('owner', 'acme');
    const { text } = await owner.query(
      `{ auditLog(filter: { entityId: "${id}" }) { nodes { action oldValue newValue } }
         invitations(first: 100) { nodes { id email role status invitedBy invitedAt expiresAt acceptedAt acceptedBy revokedAt } } }`,
    );
    expect(text).toContain(email);
    expect(text).toContain('invitation.updated');
    const { token_hash: current } = await rowOf(id);
    for (const secret of [token, hashSecret(token), current, 'hash']) expect(text).not.toContain(secret);
    const types = await owner.query('{ __schema { types { fields { name } inputFields { name } } } }');
    expect(types.text).not.toMatch(/"name":"[^"]*hash/i);
  });

  test('the token is stored nowhere', async () => {
    const { token } = await invite(newEmail(), 'VIEWER');
    const everything = JSON.stringify(await stateOf(database(), [...TABLES, 'api_keys']));
    expect(everything).toContain(hashSecret(token));
    expect(everything).not.toContain(token);
  });

  test('no token reaches the log; in development, without a mail server, the log says where the mail is', async () => {
    const folder = server().config.dataDir;
    const child = startChild('src/main.ts', [], {
      HOST: '127.0.0.1',
      PORT: '0',
      LOG_LEVEL: 'trace',
      DATABASE_URL: database().app,
      JWT_SECRET: TEST_SECRET,
      TENANTRY_DATA_DIR: folder,
    });
    const [, url = ''] = await child.says(/Server listening at (http:\/\/127\.0\.0\.1:\d+)/);
    const email = newEmail();
    const { token: owner } = await server().as('owner', 'acme');
    const ask = (authorization: string, query: string) =>
      rawPost(`${url}/graphql`, {
        authorization: `Bearer ${authorization}`,
        body: JSON.stringify({ query }),
      });
    await ask(owner, `mutation { inviteMember(input: { email: "${email}", role: VIEWER }) { emailSent } }`);
    const [, file = ''] = await child.says(/"file":"([^"]+\.eml)"/);
    expect(await readdir(join(folder, 'mail'))).toHaveLength(1);
    const token = tokenIn(await readFile(file, 'utf8'));
    const claims = userToken(person(email));
    const accepting = `mutation { acceptInvitation(input: { token: "${token}" }) { membership { role } } }`;
    expect(parseBody(await ask(claims, accepting)).data).toEqual({
      acceptInvitation: { membership: { role: 'VIEWER' } },
    });
    await ask(claims, accepting);
    child.kill('SIGTERM');
    const { stdout, stderr } = await child.ended;
    for (const secret of [token, hashSecret(token), claims, email]) {
      expect(stdout + stderr).not.toContain(secret);
    }
  });

  test('an error of the mail server takes no token into the log', async () => {
    const guarded = await startMailServer({ user: 'user', password: 'another' });
    const child = startChild('src/main.ts', [], {
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: '0',
      LOG_LEVEL: 'trace',
      DATABASE_URL: database().app,
      JWT_SECRET: TEST_SECRET,
      SMTP_URL: guarded.url.replace('another', 'hunter2'),
      MAIL_FROM: 'a@example.test',
      APP_URL: 'https://app.example.test',
    });
    const [, url = ''] = await child.says(/Server listening at (http:\/\/127\.0\.0\.1:\d+)/);
    const { token: owner } = await server().as('owner', 'acme');
    const answer = await rawPost(`${url}/graphql`, {
      authorization: `Bearer ${owner}`,
      body: JSON.stringify({
        query: `mutation { inviteMember(input: { email: "${newEmail()}", role: VIEWER }) { emailSent } }`,
      }),
    });
    expect(parseBody(answer).data).toEqual({ inviteMember: { emailSent: false } });
    await child.says(/the mail of an invitation could not be sent/);
    child.kill('SIGTERM');
    const { stdout, stderr } = await child.ended;
    await guarded.close();
    expect(stdout + stderr).not.toMatch(/hunter2|token=|accept\?/);
  });
});

describe('in the database', () => {
  /** Accepts as the server does. */
  const accept = (client: pg.Client, hash: string | null, email: string | null) => {
    const { expires, signature } = sign('accept_invitation', hash ?? '', 'intruder', email ?? '', 'request');
    return client.query("SELECT * FROM tenantry.accept_invitation($1, 'intruder', $2, 'request', $3, $4)", [
      hash,
      email,
      expires,
      signature,
    ]);
  };

  test('an acceptance leaves its connection bound to nothing', async () => {
    const { token, email } = await insertInvitation(database(), 'acme');
    await connected(database().app, async (client) => {
      const { rows } = await accept(client, hashSecret(token), email);
      expect(rows).toMatchObject([{ outcome: 'accepted', slug: 'acme' }]);
      expect((await refusalOf(client.query('SELECT * FROM memberships'))).message).toBe(
        'no tenant is bound to this transaction',
      );
    });
  });

  test('a transaction that is bound cannot accept for another user than its own', async () => {
    const { token, email } = await insertInvitation(database(), 'globex');
    await connected(database().app, async (client) => {
      await client.query('BEGIN');
      await bind(client, contextOf(await database().tenantId('acme')));
      expect((await refusalOf(accept(client, hashSecret(token), email))).state).toBe('42501');
    });
    expect(await membersWith(email)).toEqual([]);
  });

  test('a refused acceptance tells nothing but that', async () => {
    const { token } = await insertInvitation(database(), 'acme');
    await connected(database().app, async (client) => {
      for (const [hash, email, outcome] of [
        [hashSecret(token), 'other@new.test', 'other_email'],
        [hashSecret(token), null, 'other_email'],
        [hashSecret('x'), 'other@new.test', 'unknown'],
        [null, 'other@new.test', 'unknown'],
      ] as const) {
        const { rows } = await accept(client, hash, email);
        expect(rows).toEqual([
          {
            outcome,
            membership_id: null,
            role: null,
            joined_at: null,
            tenant_id: null,
            slug: null,
            name: null,
            status: null,
          },
        ]);
      }
    });
  });

  test('an address is stored in lower case, and a hash is a hash', async () => {
    const insert = (email: string, hash: string) =>
      database().asSuperuser(
        `INSERT INTO invitations (tenant_id, email, role, invited_by, expires_at, token_hash)
         SELECT id, $1, 'viewer', 'x', now(), $2 FROM tenants WHERE slug = 'acme'`,
        [email, hash],
      );
    expect((await refusalOf(insert('Upper@new.test', hashSecret('x')))).state).toBe('23514');
    expect((await refusalOf(insert('lower@new.test', newSecret()))).state).toBe('23514');
  });
});
