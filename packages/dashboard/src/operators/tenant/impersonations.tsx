import { useState, type ReactNode } from 'react';
import { Button } from '../../kit/button.js';
import { Time, useTexts } from '../../kit/language.js';
import { Badge } from '../../kit/states.js';
import { useAction } from '../../session/use-api.js';
import { WithReason } from '../frame/with-reason.js';
import { EndImpersonationDocument, type TenantQuery } from '../generated/graphql.js';
import { useConsoleTexts } from '../texts.js';
import { Table } from './table.js';

type Impersonation = NonNullable<TenantQuery['tenant']>['impersonations'][number];

const hasEnded = ({ endedAt, expiresAt }: Impersonation): boolean =>
  endedAt != null || Date.parse(expiresAt) < Date.now();

/** The operators who act, or acted, in a tenant. */
export function Impersonations({
  impersonations,
  slug,
}: {
  readonly impersonations: readonly Impersonation[];
  readonly slug: string;
}): ReactNode {
  const texts = useTexts();
  const { tenant, reason } = useConsoleTexts();
  const end = useAction(EndImpersonationDocument);
  const [ending, setEnding] = useState<Impersonation>();
  return (
    <section aria-labelledby="impersonations">
      <h2 id="impersonations">{tenant.impersonations}</h2>
      <Table
        label={tenant.impersonations}
        rows={impersonations}
        empty={tenant.noImpersonations}
        columns={[
          { title: texts.auditLog.actor, cell: ({ operator }) => operator },
          { title: reason, cell: (each) => each.reason },
          { title: tenant.as, cell: ({ role, userId }) => userId ?? texts.roles.names[role] },
          { title: texts.kit.created, cell: ({ createdAt }) => <Time value={createdAt} /> },
          { title: texts.auditLog.ends, cell: (each) => <Time value={each.endedAt ?? each.expiresAt} /> },
          {
            title: texts.kit.actions,
            cell: (each) =>
              hasEnded(each) ? (
                <Badge>{texts.auditLog.ended}</Badge>
              ) : (
                end.isOffered && (
                  <Button
                    kind="quiet"
                    aria-label={texts.kit.of(tenant.end, each.operator)}
                    onClick={() => setEnding(each)}
                  >
                    {tenant.end}
                  </Button>
                )
              ),
          },
        ]}
      />
      {ending && (
        <WithReason
          title={texts.kit.of(tenant.end, ending.operator)}
          action={tenant.end}
          of={end}
          onSend={(why) => end.run({ input: { slug, id: ending.id, reason: why } })}
          onClose={() => setEnding(undefined)}
        />
      )}
    </section>
  );
}
