/**
 * Proves that an invitation makes only the invited user a member, once and while it is valid; that a failure of the
 * mail does not lose it; and that names cannot inject anything into the mail.
 */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import { bareId } from '../support/ids.js';
import { runDueJobs } from '../support/jobs.js';
import { headerOf, readMail, tokenIn } from '../support/mail.js';
import { whatTheAnswerTells } from '../support/mutations.js';
import { auditRows, insertMembership } from '../support/rows.js';
import { startTestServer } from '../support/server.js';
import { userToken } from '../support/user-token.js';
import {
  INVITATION,
  newEmail,
  type Invited,
  person,
  refusalIn,
  useInvitations,
} from '../support/invitations.js';

const { database, smtp, running, replica, server, run, succeed, refused, invite, accept, membersWith } =
  useInvitations();

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
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{22}$/);
    const days = (Date.parse(expiresAt) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(6.99);
    expect(days).toBeLessThan(7);
  });

  test('takes no idempotency key', async () => {
    const email = newEmail();
    const before = smtp().received.length;
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
    expect(smtp().received).toHaveLength(before);
    expect(await database().asSuperuser('SELECT FROM invitations WHERE email = $1', [email])).toEqual([]);
  });

  test('makes the invited person a member, with the role, and both are in the audit log', async () => {
    const email = newEmail();
    const invitation = await invite(email, 'ADMIN', { user: 'admin' });
    expect(invitation.entries).toMatchObject([
      {
        action: 'invitation.created',
        entity: 'Invitation',
        entity_id: bareId(invitation.id),
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
        tenant: { id: encodeId('Tenant', acme), slug: 'acme', name: 'Acme Inc.', status: 'ACTIVE' },
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
        entity_id: bareId(data.acceptInvitation?.membership.id),
        new_value: { email, role: 'admin', user_id: claims.sub },
      },
      {
        actor: claims.sub,
        actor_type: 'user',
        action: 'invitation.updated',
        entity_id: bareId(invitation.id),
        old_value: { accepted_by: null },
        new_value: { accepted_by: claims.sub },
      },
    ]);
    // This holds at once on every server, because a missing membership is not cached.
    for (const at of [running(), replica()]) {
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
    const before = smtp().received.length;
    expect(await refused('inviteMember', INVITATION, { email, role: 'VIEWER' })).toEqual({
      code: 'BAD_USER_INPUT',
      field: 'input.email',
    });
    expect(smtp().received).toHaveLength(before);
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
    // The UUID of both types: what was accepted is shown as a membership of the viewer.
    await succeed('removeMember', 'deletedId', { id: bareId(data.acceptInvitation!.membership.id) });
    expect(refusalIn(await accept(first.token, claims))).toEqual({ code: 'CONFLICT', reason: 'accepted' });
    const second = await invite(email, 'VIEWER');
    expect(second.status).toBe('PENDING');
    const again = await accept(second.token, claims);
    expect(again.data.acceptInvitation?.membership.role).toBe('VIEWER');
  });

  test('sent many times at once is one, with one mail whose link works', async () => {
    const email = newEmail();
    const before = smtp().received.length;
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => run('inviteMember', INVITATION, { email, role: 'VIEWER' })),
    );
    expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
    expect(await database().asSuperuser('SELECT id FROM invitations WHERE email = $1', [email])).toHaveLength(
      1,
    );
    await runDueJobs(server());
    const tokens = smtp()
      .received.slice(before)
      .filter(({ recipients }) => recipients.includes(email))
      .map(({ raw }) => tokenIn(raw));
    expect(tokens).toHaveLength(1);
    expect((await accept(tokens[0]!, person(email))).errors).toEqual([]);
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
    const { mail } = await named(`${'x'.repeat(79)}🦊${'é'.repeat(100)}`);
    expect(readMail(mail.raw).text).toContain('x'.repeat(79));
    expect(readMail(mail.raw).text).not.toContain('é');
  });

  test('is sent later when the mail server refuses it, and the invitation stands', async () => {
    const email = newEmail();
    smtp().behave('refuse');
    const failed = await run<Invited>('inviteMember', INVITATION, { email, role: 'VIEWER' });
    await runDueJobs(server());
    smtp().behave('accept');
    const id = failed.data['inviteMember']?.invitation.id;
    const [job] = await database().asSuperuser<{ attempt: number }>(
      "SELECT state, attempt, last_error FROM tenantry.jobs WHERE payload ->> 'invitationId' = $1",
      [id],
    );
    expect(job).toMatchObject({
      state: 'queued',
      last_error: 'The mail server did not accept the mail.',
    });
    // On a slow machine it is tried a second time before the worker has stopped.
    expect(job!.attempt).toBeGreaterThan(0);
    expect(failed.errors).toEqual([]);
    expect(failed.data['inviteMember']).toMatchObject({
      emailSent: true,
      invitation: { status: 'PENDING' },
    });
    const again = await invite(email, 'VIEWER');
    expect(again.id).toBe(failed.data['inviteMember']?.invitation.id);
    expect((await accept(again.token, person(email))).errors).toEqual([]);
  });

  test('is not sent when the invitation is refused', async () => {
    await runDueJobs(server());
    const before = smtp().received.length;
    await refused('inviteMember', INVITATION, { email: newEmail(), role: 'OWNER' }, { user: 'admin' });
    await refused('inviteMember', INVITATION, { email: 'owner@acme.test', role: 'VIEWER' });
    await runDueJobs(server());
    expect(smtp().received).toHaveLength(before);
  });
});
