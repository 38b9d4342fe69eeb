import { useState, type ReactNode } from 'react';
import {
  DeleteWebhookDocument,
  EnableWebhookDocument,
  RotateWebhookSecretDocument,
  TestWebhookDocument,
  WebhooksDocument,
  type WebhooksQuery,
} from '../../generated/graphql.js';
import { Breakable } from '../../kit/breakable.js';
import { Button } from '../../kit/button.js';
import { Confirm, Dialog } from '../../kit/dialog.js';
import { Time, useTexts } from '../../kit/language.js';
import { Secret } from '../../kit/secret.js';
import { Badge, Notice, Title } from '../../kit/states.js';
import { List } from '../../session/list.js';
import { Refusals, useAction } from '../../session/use-api.js';
import { CreateWebhook } from './create-webhook.js';
import { Deliveries } from './deliveries.js';

type Webhook = NonNullable<WebhooksQuery['webhooks']>['nodes'][number];

/** Where events are sent, and what was sent. */
export default function WebhooksPage(): ReactNode {
  const texts = useTexts();
  const [isCreating, setCreating] = useState(false);
  const [removed, setRemoved] = useState<Webhook>();
  const [secret, setSecret] = useState<string>();
  const [isTested, setTested] = useState(false);
  const enable = useAction(EnableWebhookDocument);
  const remove = useAction(DeleteWebhookDocument);
  const rotate = useAction(RotateWebhookSecretDocument);
  const test = useAction(TestWebhookDocument);
  const named = (action: string, { url }: Webhook): string => texts.kit.of(action, url);
  return (
    <>
      <Title
        actions={
          <Button kind="primary" onClick={() => setCreating(true)}>
            {texts.webhooks.create}
          </Button>
        }
      />
      <Refusals refusals={[...enable.refusals, ...rotate.refusals, ...test.refusals]} />
      {isTested && <Notice kind="good">{texts.webhooks.tested}</Notice>}
      <List
        document={WebhooksDocument}
        variables={{}}
        connectionOf={(data) => data.webhooks}
        label={texts.webhooks.label}
        empty={texts.webhooks.empty}
        keyOf={({ id }) => id}
        columns={[
          {
            title: texts.webhooks.url,
            isName: true,
            cell: ({ url }) => (
              <code className="long">
                <Breakable>{url}</Breakable>
              </code>
            ),
          },
          { title: texts.webhooks.events, cell: ({ events }) => events.join(', ') },
          { title: texts.kit.status, cell: (webhook) => <State webhook={webhook} /> },
          { title: texts.kit.created, cell: ({ createdAt }) => <Time value={createdAt} /> },
          {
            title: texts.kit.actions,
            cell: (webhook) => (
              <div className="row-actions">
                <Button
                  kind="quiet"
                  aria-label={named(texts.webhooks.test, webhook)}
                  disabled={test.isBusy}
                  onClick={() =>
                    void test.run({ id: webhook.id }).then((done) => setTested(done !== undefined))
                  }
                >
                  {texts.webhooks.test}
                </Button>
                <Button
                  kind="quiet"
                  aria-label={named(
                    webhook.disabledAt == null ? texts.webhooks.disable : texts.webhooks.enable,
                    webhook,
                  )}
                  disabled={enable.isBusy}
                  onClick={() => void enable.run({ id: webhook.id, enabled: webhook.disabledAt != null })}
                >
                  {webhook.disabledAt == null ? texts.webhooks.disable : texts.webhooks.enable}
                </Button>
                <Button
                  kind="quiet"
                  aria-label={named(texts.webhooks.rotate, webhook)}
                  disabled={rotate.isBusy}
                  onClick={() =>
                    void rotate
                      .run({ id: webhook.id })
                      .then((done) => setSecret(done?.rotateWebhookSecret?.secret))
                  }
                >
                  {texts.webhooks.rotate}
                </Button>
                <Button
                  kind="quiet"
                  aria-label={named(texts.webhooks.remove, webhook)}
                  onClick={() => setRemoved(webhook)}
                >
                  {texts.webhooks.remove}
                </Button>
              </div>
            ),
          },
        ]}
      />
      <Deliveries />
      {isCreating && <CreateWebhook onClose={() => setCreating(false)} />}
      {secret !== undefined && (
        <Dialog title={texts.webhooks.rotate} onClose={() => setSecret(undefined)}>
          <Secret label={texts.webhooks.secret} value={secret} />
          <div className="actions">
            <Button kind="primary" onClick={() => setSecret(undefined)}>
              {texts.kit.close}
            </Button>
          </div>
        </Dialog>
      )}
      {removed && (
        <Confirm
          title={texts.webhooks.removeTitle}
          action={texts.webhooks.remove}
          isBusy={remove.isBusy}
          onClose={() => {
            setRemoved(undefined);
            remove.forget();
          }}
          onConfirm={() =>
            void remove.run({ id: removed.id }).then((done) => {
              if (done) setRemoved(undefined);
            })
          }
        >
          <p>{texts.webhooks.removeText(removed.url)}</p>
          <Refusals refusals={remove.refusals} />
        </Confirm>
      )}
    </>
  );
}

function State({
  webhook: { disabledAt, disabledBecause, failingSince },
}: {
  readonly webhook: Webhook;
}): ReactNode {
  const { webhooks } = useTexts();
  if (disabledAt != null) return <Badge kind="bad">{webhooks.disabled[disabledBecause ?? 'BY_HAND']}</Badge>;
  if (failingSince != null) return <Badge kind="busy">{webhooks.failing}</Badge>;
  return <Badge kind="good">{webhooks.enabled}</Badge>;
}
