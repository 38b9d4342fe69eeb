/**
 * For the tests of invitations: two servers on one database that send mail, and functions that invite, accept and read
 * the rows.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect } from 'vitest';
import { endChildrenAfterAll } from './child.js';
import { useDatabase } from './database.js';
import { runDueJobs } from './jobs.js';
import { startMailServer, tokenIn, type MailServer } from './mail.js';
import { useMutations } from './mutations.js';
import { startTestServer, type Answer, type TestServer } from './server.js';
import { userToken, type UserClaims } from './user-token.js';

export const TABLES = ['tenants', 'memberships', 'invitations'];

export const INVITATION = 'invitation { id email role status invitedBy expiresAt } emailSent';
export const newEmail = () => `${randomUUID()}@new.test`;

export interface Invited {
  readonly invitation: { id: string; email: string; role: string; status: string; expiresAt: string };
  readonly emailSent: boolean;
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

export const ACCEPT = `mutation ($input: AcceptInvitationInput!) {
  acceptInvitation(input: $input) { membership { id userId role joinedAt tenant { id slug name status } } }
}`;

/** The claims of a new user with a verified address. */
export const person = (email: string, more: Partial<UserClaims> = {}): UserClaims => ({
  sub: `idp|${randomUUID()}`,
  email,
  ...more,
});

export const refusalIn = ({ data, errors }: Answer<unknown>) => {
  expect(data).toEqual({ acceptInvitation: null });
  expect(errors).toHaveLength(1);
  return errors[0]!.extensions;
};

/** Call it at the top level. */
export function useInvitations() {
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
  const { run, succeed, refused } = useMutations(server, TABLES);

  /** Invites through the API. The result includes the token from the mail. */
  async function invite(email: string, role = 'MEMBER', caller = {}) {
    const before = smtp.received.length;
    const { payload, entries } = await succeed<Invited>('inviteMember', INVITATION, { email, role }, caller);
    expect(payload.emailSent).toBe(true);
    await runDueJobs(server());
    const mails = smtp.received
      .slice(before)
      .filter(({ recipients }) => recipients.includes(payload.invitation.email));
    expect(mails).toHaveLength(1);
    const mail = mails[0]!;
    return { ...payload.invitation, entries, mail, token: tokenIn(mail.raw) };
  }

  const accept = (token: string, claims: UserClaims, at = server()): Promise<Answer<Accepted>> =>
    at
      .withHeaders({ authorization: `Bearer ${userToken(claims)}` })
      .query<Accepted>(ACCEPT, { input: { token } });

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

  return {
    database,
    smtp: () => smtp,
    running: () => running,
    replica: () => replica,
    server,
    run,
    succeed,
    refused,
    invite,
    accept,
    membersWith,
    rowOf,
  };
}
