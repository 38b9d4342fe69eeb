import { oneLine, type Mail } from '../../services/mail/mailer.js';

/** Longer names are cut, so that a tenant's name cannot contain a message. */
const LONGEST_NAME = 80;

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
  const tenant = shortened(oneLine(invitation.tenantName));
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

const shortened = (name: string): string =>
  name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME).toWellFormed()}…`;
