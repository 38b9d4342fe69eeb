/** The mails of invitations are jobs, so that no mutation waits for a mail server, and a mail that failed is sent later. */
import { z } from 'zod';
import type { Invitation } from '../../generated/prisma/client.js';
import { hashSecret, newSecret } from '../../kernel/auth/secrets.js';
import type { JobHandlers, RunningJob } from '../../kernel/graphql/job-handler.js';
import { encodeId } from '../../kernel/vocabulary/id.js';
import { JobFailure } from '../../kernel/vocabulary/job.js';
import { invitationMail } from './invitation-mail.js';
import { statusOf } from './invitation-status.js';

declare module '../../kernel/vocabulary/job.js' {
  interface JobPayloads {
    'invitation.mail': { readonly invitationId: string };
  }
}

/**
 * The job makes the token, because a payload is stored and the token must not be. A second attempt makes another one, so
 * only the link of the last mail works.
 */
export const jobs: JobHandlers = {
  'invitation.mail': {
    payload: z.object({ invitationId: z.uuid() }),
    timeoutMs: 60_000,
    run: async ({ invitationId }, job) => {
      const token = newSecret(job.db.context.tenantId);
      const pending = await withToken(job, invitationId, token);
      // Revoked or accepted in the meantime.
      if (pending) await send(job, pending, token);
    },
  },
};

interface Pending {
  readonly invitation: Invitation;
  readonly tenantName: string;
}

/** Gives a pending invitation its token. @returns undefined when it is not pending any more */
const withToken = ({ db }: RunningJob, id: string, token: string): Promise<Pending | undefined> =>
  db.transaction(async (tx) => {
    const invitation = await tx.invitation.findUnique({ where: tx.key(id) });
    if (!invitation || statusOf(invitation) !== 'pending') return undefined;
    const { name } = await tx.tenant.findUniqueOrThrow({ where: { id: tx.context.tenantId } });
    const data = { tokenHash: hashSecret(token) };
    return { invitation: await tx.invitation.update({ where: tx.key(id), data }), tenantName: name };
  });

/** The token is never logged. */
async function send(
  { context: { invitations }, log }: RunningJob,
  { invitation: { id, email, role, expiresAt }, tenantName }: Pending,
  token: string,
): Promise<void> {
  const { mailer, appUrl } = invitations;
  const invitation = encodeId('Invitation', id);
  try {
    const { file } = await mailer.send(
      invitationMail({ to: email, tenantName, role, token, expiresAt, appUrl }),
    );
    if (file !== undefined) log.info({ invitation, file }, 'SMTP_URL is not set: the mail is in a file');
  } catch (error) {
    log.warn({ err: error, invitation }, 'the mail of an invitation could not be sent');
    throw new JobFailure('The mail server did not accept the mail.');
  }
}
