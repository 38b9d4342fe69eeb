import { useState, type ReactNode } from 'react';
import { Link, useParams } from '@tanstack/react-router';
import { Button } from '../../kit/button.js';
import { Time } from '../../kit/language.js';
import { Badge, Loading, Notice, Title } from '../../kit/states.js';
import { useMay } from '../../session/permissions.js';
import { Refusals, useRead } from '../../session/use-api.js';
import { useOperator } from '../frame/operator.js';
import { Reason } from '../frame/with-reason.js';
import { TenantDocument } from '../generated/graphql.js';
import { useConsoleTexts } from '../texts.js';
import { Actions } from './actions.js';
import { Exports } from './exports.js';
import { Health } from './health.js';
import { Impersonations } from './impersonations.js';
import { Jobs } from './jobs.js';
import { TenantUsage } from './usage.js';

/**
 * One tenant. It is read for a reason, which its audit log keeps; so it is read once, and again only when the operator wants
 * that. An operator who may not read tenants is offered what may be done.
 */
export default function TenantPage(): ReactNode {
  const slug = useParams({ strict: false, select: ({ slug: named }) => named as string });
  return <OneTenant key={slug} slug={slug} />;
}

function OneTenant({ slug }: { readonly slug: string }): ReactNode {
  const { tenant } = useConsoleTexts();
  const { reasons } = useOperator();
  const may = useMay();
  const [reason, setReason] = useState(reasons.get(slug));
  return (
    <>
      {may('TENANTS_READ') ? (
        reason === undefined ? (
          <Why
            slug={slug}
            onGiven={(given) => {
              reasons.set(slug, given);
              setReason(given);
            }}
          />
        ) : (
          <Read slug={slug} reason={reason} />
        )
      ) : (
        <>
          <Title>{slug}</Title>
          <Notice>{tenant.onlyActions}</Notice>
          <Actions slug={slug} />
        </>
      )}
      <Link to="/">{tenant.all}</Link>
    </>
  );
}

function Why({
  slug,
  onGiven,
}: {
  readonly slug: string;
  readonly onGiven: (reason: string) => void;
}): ReactNode {
  const { tenant } = useConsoleTexts();
  const [reason, setReason] = useState('');
  const given = reason.trim();
  return (
    <>
      <Title>{slug}</Title>
      <form
        aria-label={tenant.why}
        onSubmit={(event) => {
          event.preventDefault();
          if (given !== '') onGiven(given);
        }}
      >
        <p>{tenant.why}</p>
        <Reason value={reason} onChange={setReason} autoFocus />
        <div className="actions">
          <Button kind="primary" type="submit" disabled={given === ''}>
            {tenant.look}
          </Button>
        </div>
      </form>
    </>
  );
}

function Read({ slug, reason }: { readonly slug: string; readonly reason: string }): ReactNode {
  const texts = useConsoleTexts();
  const { data, refusals, isLoading, again } = useRead(
    TenantDocument,
    { slug, reason },
    { policy: 'cache-first' },
  );
  if (isLoading) return <Loading />;
  const tenant = data?.tenant;
  if (!tenant) {
    return (
      <>
        <Title>{slug}</Title>
        <Refusals refusals={refusals} again={again} />
        {refusals.length === 0 && <Notice kind="problem">{texts.tenant.missing}</Notice>}
      </>
    );
  }
  const { erasure } = tenant;
  return (
    <>
      <Title actions={<Button onClick={again}>{texts.tenant.readAgain}</Button>}>{tenant.name}</Title>
      <Refusals refusals={refusals} again={again} />
      <Actions slug={slug} tenant={tenant} onChanged={again} />
      <div className="cards">
        <section className="card" aria-label={texts.tenants.name}>
          <dl>
            <dt>{texts.tenants.slug}</dt>
            <dd>{tenant.slug}</dd>
            <dt>{texts.tenant.plan}</dt>
            <dd>{tenant.plan}</dd>
            <dt>{texts.tenants.status}</dt>
            <dd>
              <Badge kind={tenant.status === 'ACTIVE' ? 'good' : 'bad'}>
                {texts.statuses[tenant.status]}
              </Badge>
            </dd>
            {tenant.suspensionReason != null && (
              <>
                <dt>{texts.tenant.suspended}</dt>
                <dd>{tenant.suspensionReason}</dd>
              </>
            )}
            <dt>{texts.tenants.created}</dt>
            <dd>
              <Time value={tenant.createdAt} />
            </dd>
            <dt>{texts.tenant.cell}</dt>
            <dd>{tenant.cell}</dd>
            {erasure && (
              <>
                <dt>{texts.tenant.erasure}</dt>
                <dd>
                  <Badge kind="bad">{texts.tenant.erasureStates[erasure.state]}</Badge>
                </dd>
                <dt>{texts.tenant.requestedBy}</dt>
                <dd>{erasure.requestedBy}</dd>
                <dt>{texts.tenant.erasureAt}</dt>
                <dd>
                  <Time value={erasure.executeAt} />
                </dd>
              </>
            )}
          </dl>
        </section>
        <Health health={tenant.health} slug={slug} reason={reason} />
        <TenantUsage usage={tenant.usage} history={tenant.usageHistory} />
      </div>
      <Jobs newest={tenant.jobs} slug={slug} reason={reason} />
      <Exports exports={tenant.exports} />
      <Impersonations impersonations={tenant.impersonations} slug={slug} />
    </>
  );
}
