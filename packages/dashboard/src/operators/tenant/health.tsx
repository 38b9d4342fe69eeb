import { useState, type ReactNode } from 'react';
import { Button } from '../../kit/button.js';
import { Time, useNumber } from '../../kit/language.js';
import { Notice } from '../../kit/states.js';
import { Refusals, useRead } from '../../session/use-api.js';
import { VerifyTrailDocument, type TenantQuery } from '../generated/graphql.js';
import { useConsoleTexts } from '../texts.js';

/** How a tenant is, and whether its audit log is what was sealed. */
export function Health({
  health,
  slug,
  reason,
}: {
  readonly health: NonNullable<TenantQuery['tenant']>['health'];
  readonly slug: string;
  readonly reason: string;
}): ReactNode {
  const { tenant: texts } = useConsoleTexts();
  const number = useNumber();
  const facts: readonly (readonly [string, ReactNode])[] = [
    [texts.lastActivity, <Time key="time" value={health.lastActivityAt} />],
    [texts.members, number(health.members)],
    [texts.jobsWaiting, number(health.jobsWaiting)],
    [texts.jobsRunning, number(health.jobsRunning)],
    [texts.jobsDead, number(health.jobsDead)],
    [texts.sealed, <Time key="sealed" value={health.sealedAt} />],
    [texts.unsealed, texts.unsealedFor(number(health.unsealedEntries), number(health.sealLagSeconds))],
  ];
  return (
    <section className="card" aria-labelledby="health">
      <h2 id="health">{texts.health}</h2>
      <dl>
        {facts.map(([title, value]) => (
          <Fact key={title} title={title} value={value} />
        ))}
      </dl>
      <Verification slug={slug} reason={reason} />
    </section>
  );
}

const Fact = ({ title, value }: { readonly title: string; readonly value: ReactNode }): ReactNode => (
  <>
    <dt>{title}</dt>
    <dd>{value}</dd>
  </>
);

/** It costs much, so nothing asks for it by itself. */
function Verification({ slug, reason }: { readonly slug: string; readonly reason: string }): ReactNode {
  const { tenant: texts } = useConsoleTexts();
  const number = useNumber();
  const [isWanted, setWanted] = useState(false);
  const { data, refusals, isLoading, again } = useRead(
    VerifyTrailDocument,
    { slug, reason },
    { isPaused: !isWanted, policy: 'network-only' },
  );
  const found = data?.tenant?.auditVerification;
  return (
    <div className="verification">
      <Button disabled={isLoading} onClick={() => (isWanted ? again() : setWanted(true))}>
        {isLoading ? texts.verifying : texts.verify}
      </Button>
      <Refusals refusals={refusals} />
      {data?.tenant && !found && <Notice>{texts.noKeys}</Notice>}
      {found && (
        <Notice kind={found.intact ? 'good' : 'problem'}>
          {found.intact
            ? texts.intact(number(found.entries), number(found.pending))
            : `${texts.broken} ${found.problem ?? ''}`}
        </Notice>
      )}
    </div>
  );
}
