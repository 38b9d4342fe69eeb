import { nameInMail, type Mail } from '../../services/mail/mailer.js';

/** The mail with the link that accepts an invitation. */
export function invitationMail(invitation: {
  readonly to: string;
  readonly tenantName: string;
  readonly role: string;
  readonly token: string;
  readonly expiresAt: Date;
  readonly appUrl: string;
}): Mail {
  const { to, role, token, expiresAt, appUrl } = invitation;
  const tenant = nameInMail(invitation.tenantName);
  return {
    to,
    subject: `Invitation to ${tenant}`,
    text: [
      `You have been invited to join ${tenant} (role: ${role}).`,
      '',
      'Accept the invitation here:',
      `${appUrl}/invitations/accept?token=${token}`,
      '',
      `The link works once, for ${to} only, until ${expiresAt.toISOString().slice(0, 16).replace('T', ' ')} UTC.`,
      'If you did not expect it, do nothing.',
      '',
    ].join('\n'),
  };
}
