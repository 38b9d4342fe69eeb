import { useState, type ReactNode } from 'react';
import { Button } from '../../kit/button.js';
import { Dialog } from '../../kit/dialog.js';
import { Field } from '../../kit/field.js';
import { useTexts } from '../../kit/language.js';
import { problemOf, type Refusal } from '../../session/explain.js';
import { Refusals } from '../../session/use-api.js';
import { useConsoleTexts } from '../texts.js';

/** The longest reason that the API takes. */
const LONGEST = 500;

/** The reason of an operator. */
export function Reason({
  value,
  onChange,
  refusals = [],
  autoFocus = false,
}: {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly refusals?: readonly Refusal[];
  readonly autoFocus?: boolean;
}): ReactNode {
  const texts = useConsoleTexts();
  return (
    <Field
      label={texts.reason}
      hint={texts.reasonHint}
      value={value}
      onChange={onChange}
      isRequired
      autoFocus={autoFocus}
      maxLength={LONGEST}
      problem={problemOf(refusals, 'reason')}
    />
  );
}

/** A dialog that does something for a reason. Without one, nothing is sent. */
export function WithReason({
  title,
  action,
  kind = 'primary',
  of: { isBusy, refusals, forget },
  isReady = true,
  onSend,
  onClose,
  children,
}: {
  readonly title: string;
  /** What the button says. */
  readonly action: string;
  readonly kind?: 'primary' | 'danger';
  readonly of: {
    readonly isBusy: boolean;
    readonly refusals: readonly Refusal[];
    readonly forget: () => void;
  };
  /** Whether everything else is filled in. */
  readonly isReady?: boolean;
  /** @returns undefined when it was refused: then the dialog stays */
  readonly onSend: (reason: string) => Promise<unknown>;
  readonly onClose: () => void;
  readonly children?: ReactNode;
}): ReactNode {
  const texts = useTexts();
  const [reason, setReason] = useState('');
  const close = (): void => {
    forget();
    onClose();
  };
  const given = reason.trim();
  return (
    <Dialog title={title} onClose={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (given === '' || !isReady || isBusy) return;
          void onSend(given).then((done) => {
            if (done !== undefined) close();
          });
        }}
      >
        {children}
        <Reason value={reason} onChange={setReason} refusals={refusals} autoFocus={children === undefined} />
        <Refusals refusals={refusals} />
        <div className="actions">
          <Button onClick={close}>{texts.kit.cancel}</Button>
          <Button kind={kind} type="submit" disabled={isBusy || given === '' || !isReady}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
