import type { RunningJob } from '../../kernel/graphql/job-handler.js';
import { encodeId } from '../../kernel/vocabulary/id.js';
import { nameInMail, type Mail } from '../../services/mail/mailer.js';

const BECAUSE: Readonly<Record<string, string>> = {
  gone: 'The receiver has answered that it does not exist any more (410).',
  failing: 'Nothing has reached it for days.',
};

/** Tells one owner that a webhook was disabled, unless it was enabled again, or they are no owner any more. */
export async function tellOwner(
  { webhookId, membershipId }: { readonly webhookId: string; readonly membershipId: string },
  { db, log, context: { webhooks } }: RunningJob,
): Promise<void> {
  if (!webhooks.mailer.canSend) {
    log.warn(
      { webhook: encodeId('Webhook', webhookId) },
      'SMTP_URL is not set: no owner is told of a disabled webhook',
    );
    return;
  }
  const [webhook, owner, tenant] = await Promise.all([
    db.webhook.findUnique({ where: db.key(webhookId) }),
    db.membership.findUnique({ where: db.key(membershipId) }),
    db.tenant.findUnique({ where: { id: db.context.tenantId } }),
  ]);
  const because = BECAUSE[webhook?.disabledBecause ?? ''];
  if (!webhook || !tenant || owner?.role !== 'owner' || because === undefined) return;
  await webhooks.mailer.send(disabledMail(owner.email, tenant.name, webhook, because, webhooks.appUrl));
}

/** The path and the query of a URL may contain a secret, so the mail names the host. */
function disabledMail(
  to: string,
  tenantName: string,
  { url, description }: { readonly url: string; readonly description: string | null },
  because: string,
  appUrl: string,
): Mail {
  const tenant = nameInMail(tenantName);
  const name = description === null ? '' : ` (${nameInMail(description)})`;
  return {
    to,
    subject: `A webhook of ${tenant} was disabled`,
    text: [
      `The webhook to ${new URL(url).host}${name} was disabled: nothing is sent to it any more.`,
      because,
      '',
      'Repair the receiver, enable the webhook, and send again what is missing:',
      `${appUrl}/webhooks`,
      '',
    ].join('\n'),
  };
}
