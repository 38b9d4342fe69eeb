import { useState, type ReactNode } from 'react';
import { Button } from '../../kit/button.js';
import { Choice } from '../../kit/choice.js';
import { Dialog } from '../../kit/dialog.js';
import { Field } from '../../kit/field.js';
import { useTexts } from '../../kit/language.js';
import { Secret } from '../../kit/secret.js';
import { problemOf } from '../../session/explain.js';
import type { Action } from '../../session/use-api.js';
import { WithReason } from '../frame/with-reason.js';
import type { ImpersonateMutation, ImpersonateMutationVariables, Role } from '../generated/graphql.js';
import { useConsoleTexts } from '../texts.js';

const A_MEMBER = 'A_MEMBER';

/** Lets the operator act in a tenant, and shows the credential for that once. */
export function Impersonate({
  slug,
  impersonate,
  onBegun,
  onClose,
}: {
  readonly slug: string;
  readonly impersonate: Action<ImpersonateMutation, ImpersonateMutationVariables>;
  readonly onBegun: () => void;
  readonly onClose: () => void;
}): ReactNode {
  const texts = useTexts();
  const { tenant } = useConsoleTexts();
  const [as, setAs] = useState<Role | typeof A_MEMBER>('VIEWER');
  const [userId, setUserId] = useState('');
  const [minutes, setMinutes] = useState('15');
  const [credential, setCredential] = useState<string>();
  if (credential !== undefined) {
    return (
      <Dialog title={tenant.impersonate} onClose={onClose}>
        <Secret label={tenant.credential} value={credential} />
        <div className="actions">
          <Button kind="primary" onClick={onClose}>
            {texts.kit.close}
          </Button>
        </div>
      </Dialog>
    );
  }
  return (
    <WithReason
      title={tenant.impersonate}
      action={tenant.impersonate}
      of={impersonate}
      isReady={/^\d{1,3}$/.test(minutes) && (as !== A_MEMBER || userId.trim() !== '')}
      onClose={onClose}
      onSend={async (reason) => {
        const who = as === A_MEMBER ? { userId: userId.trim() } : { role: as };
        const input = { slug, reason, minutes: Number(minutes), ...who };
        const begun = (await impersonate.run({ input }))?.impersonate;
        if (!begun) return undefined;
        setCredential(begun.credential);
        onBegun();
        // The dialog stays, with the credential.
        return undefined;
      }}
    >
      <p>{tenant.impersonateText}</p>
      <Choice
        label={tenant.as}
        value={as}
        options={{ ...texts.roles.names, [A_MEMBER]: tenant.aMember }}
        onChange={setAs}
      />
      {as === A_MEMBER && (
        <Field
          label={tenant.userId}
          value={userId}
          onChange={setUserId}
          isRequired
          problem={problemOf(impersonate.refusals, 'userId')}
        />
      )}
      <Field
        label={tenant.minutes}
        value={minutes}
        onChange={setMinutes}
        isRequired
        inputMode="numeric"
        problem={problemOf(impersonate.refusals, 'minutes')}
      />
    </WithReason>
  );
}
