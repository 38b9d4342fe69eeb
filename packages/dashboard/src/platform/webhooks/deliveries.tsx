import type { ReactNode } from 'react';
import {
  RedeliverDocument,
  WebhookDeliveriesDocument,
  type WebhookDeliveryStatus,
} from '../../generated/graphql.js';
import { Code } from '../../kit/breakable.js';
import { Button } from '../../kit/button.js';
import { Choice } from '../../kit/choice.js';
import { Time, useNumber, useTexts } from '../../kit/language.js';
import { Badge } from '../../kit/states.js';
import { List } from '../../session/list.js';
import { Refusals, useAction } from '../../session/use-api.js';
import { useFilters } from '../../session/use-filters.js';

const KINDS = { PENDING: 'busy', DELIVERED: 'good', FAILED: 'bad' } as const;

/** What was sent to webhooks. */
export function Deliveries(): ReactNode {
  const texts = useTexts();
  const number = useNumber();
  const [filters, setFilters] = useFilters();
  const redeliver = useAction(RedeliverDocument);
  const status = filters['status'] as WebhookDeliveryStatus | undefined;
  return (
    <section aria-labelledby="deliveries">
      <h2 id="deliveries">{texts.webhooks.deliveries}</h2>
      <search className="filters">
        <Choice
          label={texts.kit.status}
          value={status ?? ''}
          options={{ '': texts.kit.all, ...texts.webhooks.statuses }}
          onChange={(value) => setFilters({ status: value })}
        />
      </search>
      <Refusals refusals={redeliver.refusals} />
      <List
        document={WebhookDeliveriesDocument}
        variables={{ filter: { ...(status && { status }) } }}
        connectionOf={(data) => data.webhookDeliveries}
        label={texts.webhooks.deliveries}
        empty={texts.webhooks.noDeliveries}
        keyOf={({ id }) => id}
        columns={[
          {
            title: texts.webhooks.event,
            isName: true,
            cell: ({ event }) => <Code>{event}</Code>,
          },
          {
            title: texts.webhooks.url,
            cell: ({ webhook }) => <code className="long">{webhook?.url ?? '–'}</code>,
          },
          {
            title: texts.kit.status,
            cell: (each) => <Badge kind={KINDS[each.status]}>{texts.webhooks.statuses[each.status]}</Badge>,
          },
          { title: texts.webhooks.attempts, cell: ({ attempts }) => number(attempts) },
          {
            title: texts.webhooks.answer,
            cell: ({ answeredStatus, failure }) => answeredStatus ?? failure ?? '–',
          },
          { title: texts.kit.created, cell: ({ createdAt }) => <Time value={createdAt} /> },
          { title: texts.webhooks.next, cell: ({ nextAttemptAt }) => <Time value={nextAttemptAt} /> },
          {
            title: texts.kit.actions,
            cell: ({ id, status: is, event }) =>
              is !== 'PENDING' && (
                <Button
                  kind="quiet"
                  aria-label={texts.kit.of(texts.webhooks.redeliver, event)}
                  disabled={redeliver.isBusy}
                  onClick={() => void redeliver.run({ id })}
                >
                  {texts.webhooks.redeliver}
                </Button>
              ),
          },
        ]}
      />
    </section>
  );
}
