/** What invitations add to the context of every request. */
import type { ServerParts } from '../../kernel/graphql/module.js';
import type { Mailer } from '../../services/mail/mailer.js';
import { createInvitationAcceptance, type AcceptInvitation } from './accept-invitation.js';

export interface InvitationParts {
  readonly accept: AcceptInvitation;
  readonly mailer: Mailer;
  /** The URL of the front end, without a trailing slash, for links in mails. */
  readonly appUrl: string;
  /** How long an invitation is valid. */
  readonly days: number;
}

declare module '../../kernel/graphql/request-context.js' {
  interface ModuleContext {
    readonly invitations: InvitationParts;
  }
}

/** What the module adds to the context of every request. */
export const invitationContext = ({ config, database, mailer }: ServerParts) => ({
  invitations: {
    accept: createInvitationAcceptance(database),
    mailer,
    appUrl: config.appUrl,
    days: config.invitationDays,
  },
});
