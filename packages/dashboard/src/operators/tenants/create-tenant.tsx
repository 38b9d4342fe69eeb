import { useState, type ReactNode } from 'react';
import { useNavigate } from '@tanstack/react-router';
import { Choice } from '../../kit/choice.js';
import { Field } from '../../kit/field.js';
import { problemOf } from '../../session/explain.js';
import type { Action } from '../../session/use-api.js';
import { useOperator } from '../frame/operator.js';
import { WithReason } from '../frame/with-reason.js';
import type { CreateTenantMutation, CreateTenantMutationVariables } from '../generated/graphql.js';
import { useConsoleTexts } from '../texts.js';

const EMPTY = { slug: '', name: '', ownerUserId: '', ownerEmail: '', plan: '' };

/** Creates a tenant with its founding owner, and opens it. */
export default function CreateTenant({
  create,
  onClose,
}: {
  readonly create: Action<CreateTenantMutation, CreateTenantMutationVariables>;
  readonly onClose: () => void;
}): ReactNode {
  const texts = useConsoleTexts();
  const { plans, reasons } = useOperator();
  const navigate = useNavigate();
  const [given, setGiven] = useState(EMPTY);
  const fields = {
    slug: texts.tenants.slug,
    name: texts.tenants.name,
    ownerUserId: texts.tenants.ownerUserId,
  };
  const change = (name: keyof typeof EMPTY) => (value: string) => setGiven({ ...given, [name]: value });
  const { plan, ...named } = given;
  return (
    <WithReason
      title={texts.tenants.create}
      action={texts.tenants.create}
      of={create}
      onClose={onClose}
      onSend={async (reason) => {
        const done = await create.run({ input: { ...named, reason, ...(plan !== '' && { plan }) } });
        if (!done) return undefined;
        reasons.set(given.slug, reason);
        return navigate({ to: '/tenants/$slug', params: { slug: given.slug } }).then(() => done);
      }}
    >
      {Object.entries(fields).map(([name, label]) => (
        <Field
          key={name}
          label={label}
          value={given[name as keyof typeof fields]}
          onChange={change(name as keyof typeof fields)}
          isRequired
          autoFocus={name === 'slug'}
          problem={problemOf(create.refusals, name)}
        />
      ))}
      <Field
        label={texts.tenants.ownerEmail}
        type="email"
        value={given.ownerEmail}
        onChange={change('ownerEmail')}
        isRequired
        problem={problemOf(create.refusals, 'ownerEmail')}
      />
      <Choice
        label={texts.tenants.plan}
        value={plan}
        options={{ '': texts.tenants.smallest, ...Object.fromEntries(plans.map((name) => [name, name])) }}
        onChange={change('plan')}
      />
    </WithReason>
  );
}
