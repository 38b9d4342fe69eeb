import { useState, type ReactNode } from 'react';
import { Tick } from '../../kit/choice.js';
import { Field } from '../../kit/field.js';
import { problemOf } from '../../session/explain.js';
import { WithReason } from '../frame/with-reason.js';
import { useConsoleTexts } from '../texts.js';

/** Has a tenant erased, by words that name it. */
export function EraseTenant({
  slug,
  of,
  onSend,
  onClose,
}: {
  readonly slug: string;
  readonly of: Parameters<typeof WithReason>[0]['of'];
  readonly onSend: (input: { confirm: string; now: boolean; reason: string }) => Promise<unknown>;
  readonly onClose: () => void;
}): ReactNode {
  const { tenant } = useConsoleTexts();
  const [confirm, setConfirm] = useState('');
  const [now, setNow] = useState(false);
  // The server expects these words in whatever language the page is.
  const words = `erase ${slug}`;
  return (
    <WithReason
      title={tenant.eraseTitle}
      action={tenant.erase}
      kind="danger"
      of={of}
      isReady={confirm === words}
      onClose={onClose}
      onSend={(reason) => onSend({ confirm, now, reason })}
    >
      <p>{tenant.eraseText}</p>
      <Field
        label={tenant.words(words)}
        value={confirm}
        onChange={setConfirm}
        isRequired
        autoComplete="off"
        problem={problemOf(of.refusals, 'confirm')}
      />
      <Tick label={tenant.now} isTicked={now} onChange={setNow} />
    </WithReason>
  );
}
