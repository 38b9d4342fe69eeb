import { useState, type ReactNode } from 'react';
import { useNavigate } from '@tanstack/react-router';
import { Button } from '../../kit/button.js';
import { Choice, Tick } from '../../kit/choice.js';
import { Field } from '../../kit/field.js';
import { Notice } from '../../kit/states.js';
import { problemOf } from '../../session/explain.js';
import { useAction } from '../../session/use-api.js';
import { useOperator } from '../frame/operator.js';
import { WithReason } from '../frame/with-reason.js';
import {
  CancelTenantErasureDocument,
  ChangeTenantPlanDocument,
  EraseTenantDocument,
  ImpersonateDocument,
  RenameTenantDocument,
  ResumeTenantDocument,
  SuspendTenantDocument,
  type TenantQuery,
} from '../generated/graphql.js';
import { useConsoleTexts } from '../texts.js';
import { EraseTenant } from './erase-tenant.js';
import { Impersonate } from './impersonate.js';

type Name = 'suspend' | 'resume' | 'rename' | 'changePlan' | 'impersonate' | 'erase' | 'cancelErasure';

/** What the token allows to do with a tenant, each for a reason. */
export function Actions({
  slug,
  tenant,
  onChanged = () => undefined,
}: {
  readonly slug: string;
  /** Undefined for an operator who may not read it: then the state of the tenant is unknown. */
  readonly tenant?: NonNullable<TenantQuery['tenant']> | undefined;
  /** Has the tenant read again. */
  readonly onChanged?: () => void;
}): ReactNode {
  const { tenant: texts, done } = useConsoleTexts();
  const [opened, setOpened] = useState<Name>();
  const [isDone, setDone] = useState(false);
  const suspend = useAction(SuspendTenantDocument);
  const resume = useAction(ResumeTenantDocument);
  const rename = useAction(RenameTenantDocument);
  const changePlan = useAction(ChangeTenantPlanDocument);
  const impersonate = useAction(ImpersonateDocument);
  const erase = useAction(EraseTenantDocument);
  const cancelErasure = useAction(CancelTenantErasureDocument);
  const [tellMembers, setTellMembers] = useState(true);
  const isActive = tenant === undefined || tenant.status === 'ACTIVE';
  const isSuspended = tenant === undefined || tenant.status === 'SUSPENDED';
  const erasure = tenant?.erasure;
  const offered: readonly (readonly [Name, boolean])[] = [
    ['impersonate', impersonate.isOffered && isActive],
    ['changePlan', changePlan.isOffered],
    ['rename', rename.isOffered],
    ['suspend', suspend.isOffered && isActive],
    ['resume', resume.isOffered && isSuspended && !erasure],
    ['erase', erase.isOffered && erasure?.state !== 'RUNNING'],
    ['cancelErasure', cancelErasure.isOffered && (!tenant || erasure?.state === 'REQUESTED')],
  ];
  const names = offered.filter(([, isOffered]) => isOffered).map(([name]) => name);
  if (names.length === 0) return null;
  const close = (): void => setOpened(undefined);
  /** @returns what the server answered */
  const told = <Data,>(answer: Data | undefined): Data | undefined => {
    setDone(answer !== undefined);
    return answer;
  };
  const common = { slug, onClose: close };
  return (
    <>
      <div className="row-actions">
        {names.map((name) => (
          <Button
            key={name}
            kind={name === 'erase' ? 'danger' : 'plain'}
            onClick={() => {
              setDone(false);
              setOpened(name);
            }}
          >
            {texts[name]}
          </Button>
        ))}
      </div>
      {isDone && <Notice kind="good">{done}</Notice>}
      {opened === 'suspend' && (
        <WithReason
          title={texts.suspend}
          action={texts.suspend}
          kind="danger"
          of={suspend}
          onClose={close}
          onSend={async (reason) => told(await suspend.run({ input: { slug, reason, tellMembers } }))}
        >
          <p>{texts.suspendText}</p>
          <Tick label={texts.tellMembers} isTicked={tellMembers} onChange={setTellMembers} />
        </WithReason>
      )}
      {opened === 'resume' && (
        <WithReason
          title={texts.resume}
          action={texts.resume}
          of={resume}
          onClose={close}
          onSend={async (reason) => told(await resume.run({ input: { slug, reason } }))}
        />
      )}
      {opened === 'cancelErasure' && (
        <WithReason
          title={texts.cancelErasure}
          action={texts.cancelErasure}
          of={cancelErasure}
          onClose={close}
          onSend={async (reason) => told(await cancelErasure.run({ input: { slug, reason } }))}
        />
      )}
      {opened === 'rename' && (
        <Rename
          {...common}
          name={tenant?.name ?? ''}
          of={rename}
          onSend={async (input) => told(await rename.run({ input: { slug, ...input } }))}
        />
      )}
      {opened === 'changePlan' && (
        <ChangePlan
          {...common}
          plan={tenant?.plan}
          of={changePlan}
          onSend={async (input) => told(await changePlan.run({ input: { slug, ...input } }))}
        />
      )}
      {opened === 'impersonate' && <Impersonate {...common} impersonate={impersonate} onBegun={onChanged} />}
      {opened === 'erase' && (
        <EraseTenant
          {...common}
          of={erase}
          onSend={async (input) => told(await erase.run({ input: { slug, ...input } }))}
        />
      )}
    </>
  );
}

interface Change<Input> {
  readonly slug: string;
  readonly of: Parameters<typeof WithReason>[0]['of'];
  readonly onSend: (input: Input) => Promise<unknown>;
  readonly onClose: () => void;
}

function Rename({
  slug,
  name: old,
  of,
  onSend,
  onClose,
}: Change<{ name: string; newSlug?: string; reason: string }> & { readonly name: string }): ReactNode {
  const { tenant, tenants } = useConsoleTexts();
  const { reasons } = useOperator();
  const navigate = useNavigate();
  const [name, setName] = useState(old);
  const [newSlug, setNewSlug] = useState(slug);
  return (
    <WithReason
      title={tenant.rename}
      action={tenant.rename}
      of={of}
      onClose={onClose}
      onSend={async (reason) => {
        const isMoved = newSlug !== slug;
        const done = await onSend({ name, reason, ...(isMoved && { newSlug }) });
        if (done !== undefined && isMoved) {
          reasons.set(newSlug, reason);
          await navigate({ to: '/tenants/$slug', params: { slug: newSlug } });
        }
        return done;
      }}
    >
      <Field
        label={tenants.name}
        value={name}
        onChange={setName}
        isRequired
        problem={problemOf(of.refusals, 'name')}
      />
      <Field
        label={tenants.slug}
        value={newSlug}
        onChange={setNewSlug}
        isRequired
        problem={problemOf(of.refusals, 'newSlug')}
      />
    </WithReason>
  );
}

function ChangePlan({
  plan: old,
  of,
  onSend,
  onClose,
}: Change<{ plan: string; reason: string }> & { readonly plan: string | undefined }): ReactNode {
  const { tenant } = useConsoleTexts();
  const { plans } = useOperator();
  const [plan, setPlan] = useState(old ?? plans[0] ?? '');
  return (
    <WithReason
      title={tenant.changePlan}
      action={tenant.changePlan}
      of={of}
      isReady={plan !== old}
      onClose={onClose}
      onSend={(reason) => onSend({ plan, reason })}
    >
      <Choice
        label={tenant.plan}
        value={plan}
        // A tenant may have a plan that the file no longer has.
        options={Object.fromEntries([...new Set([plan, ...plans])].map((name) => [name, name]))}
        onChange={setPlan}
      />
    </WithReason>
  );
}
