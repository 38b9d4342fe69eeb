/** What webhooks add to the context of every request and job. */
import type { ServerParts } from '../../kernel/graphql/module.js';
import type { Outgoing } from '../../kernel/outgoing/outgoing.js';
import type { Mailer } from '../../services/mail/mailer.js';
import type { SealedSecrets } from '../../services/secrets/sealed-secrets.js';
import type { ShownRows } from '../../services/webhooks/shown-rows.js';

export interface WebhookParts {
  readonly outgoing: Outgoing;
  readonly secrets: SealedSecrets;
  readonly rows: ShownRows;
  readonly mailer: Mailer;
  /** The URL of the front end, without a trailing slash, for links in mails. */
  readonly appUrl: string;
}

declare module '../../kernel/graphql/request-context.js' {
  interface ModuleContext {
    readonly webhooks: WebhookParts;
  }
}

/** What the module adds to the context of every request. */
export const webhookContext = ({ config, outgoing, secrets, rows, mailer }: ServerParts) => ({
  webhooks: { outgoing, secrets, rows, mailer, appUrl: config.appUrl },
});
