import { useState, type ReactNode } from 'react';
import type {
  UpdateConversationMutation,
  UpdateConversationMutationVariables,
} from '../../generated/graphql.js';
import { Button } from '../../kit/button.js';
import { Dialog } from '../../kit/dialog.js';
import { Field } from '../../kit/field.js';
import { useTexts } from '../../kit/language.js';
import { Notice } from '../../kit/states.js';
import { currentOf } from '../../session/current.js';
import { problemOf } from '../../session/explain.js';
import { Refusals, type Action } from '../../session/use-api.js';
import { useConversationTexts } from './texts.js';

/**
 * Changes a conversation as it was when the dialog was opened. When somebody else has changed it since, the viewer sees both
 * and decides.
 */
export function EditConversation({
  conversation,
  update,
  onClose,
}: {
  readonly conversation: {
    readonly id: string;
    readonly subject?: string | null | undefined;
    readonly body: string;
    readonly version: number;
  };
  readonly update: Action<UpdateConversationMutation, UpdateConversationMutationVariables>;
  readonly onClose: () => void;
}): ReactNode {
  const texts = useTexts();
  const own = useConversationTexts();
  const [opened] = useState(conversation);
  const [subject, setSubject] = useState(conversation.subject ?? '');
  const [body, setBody] = useState(conversation.body);
  const theirs = currentOf(update.refusals);
  const save = (expectedVersion: number): void =>
    void update
      .run({ id: opened.id, subject: subject === '' ? null : subject, body, expectedVersion })
      .then((done) => {
        if (done) onClose();
      });
  return (
    <Dialog title={own.edit} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save(opened.version);
        }}
      >
        <Field
          label={own.subject}
          value={subject}
          onChange={setSubject}
          autoFocus
          problem={problemOf(update.refusals, 'subject')}
        />
        <Field
          label={own.body}
          value={body}
          onChange={setBody}
          lines={6}
          isRequired
          problem={problemOf(update.refusals, 'body')}
        />
        {theirs ? (
          <Notice kind="problem">
            <p>{own.conflict}</p>
            <h3>{own.theirs}</h3>
            <p>
              <strong>{typeof theirs['subject'] === 'string' ? theirs['subject'] : own.noSubject}</strong>
            </p>
            <p className="text">{String(theirs['body'])}</p>
            <div className="actions">
              <Button onClick={onClose}>{own.takeTheirs}</Button>
              <Button kind="danger" onClick={() => save(Number(theirs['version']))} disabled={update.isBusy}>
                {own.keepMine}
              </Button>
            </div>
          </Notice>
        ) : (
          <>
            <Refusals refusals={update.refusals} />
            <div className="actions">
              <Button onClick={onClose}>{texts.kit.cancel}</Button>
              <Button kind="primary" type="submit" disabled={update.isBusy}>
                {texts.kit.save}
              </Button>
            </div>
          </>
        )}
      </form>
    </Dialog>
  );
}
