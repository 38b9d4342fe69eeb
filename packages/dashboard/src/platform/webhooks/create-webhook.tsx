import { useState, type ReactNode } from 'react';
import { CreateWebhookDocument } from '../../generated/graphql.js';
import { Button } from '../../kit/button.js';
import { Dialog } from '../../kit/dialog.js';
import { Field } from '../../kit/field.js';
import { useTexts } from '../../kit/language.js';
import { Secret } from '../../kit/secret.js';
import { problemOf } from '../../session/explain.js';
import { Refusals, useAction } from '../../session/use-api.js';

/** Creates a webhook, and shows its secret once. */
export function CreateWebhook({ onClose }: { readonly onClose: () => void }): ReactNode {
  const texts = useTexts();
  const create = useAction(CreateWebhookDocument);
  const [url, setUrl] = useState('');
  const [events, setEvents] = useState('');
  const [description, setDescription] = useState('');
  const [secret, setSecret] = useState<string>();
  const send = async (): Promise<void> => {
    const wanted = events.split(/[\s,]+/).filter(Boolean);
    const done = await create.run({ url, events: wanted, ...(description !== '' && { description }) });
    setSecret(done?.createWebhook?.secret);
  };
  return (
    <Dialog title={texts.webhooks.create} onClose={onClose}>
      {secret !== undefined ? (
        <>
          <Secret label={texts.webhooks.secret} value={secret} />
          <div className="actions">
            <Button kind="primary" onClick={onClose}>
              {texts.kit.close}
            </Button>
          </div>
        </>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void send();
          }}
        >
          <Field
            label={texts.webhooks.url}
            hint={texts.webhooks.urlHint}
            type="url"
            value={url}
            onChange={setUrl}
            isRequired
            autoFocus
            problem={problemOf(create.refusals, 'url')}
          />
          <Field
            label={texts.webhooks.events}
            hint={texts.webhooks.eventsHint}
            value={events}
            onChange={setEvents}
            isRequired
            problem={problemOf(create.refusals, 'events')}
          />
          <Field
            label={texts.webhooks.description}
            value={description}
            onChange={setDescription}
            problem={problemOf(create.refusals, 'description')}
          />
          <Refusals refusals={create.refusals} />
          <div className="actions">
            <Button onClick={onClose}>{texts.kit.cancel}</Button>
            <Button kind="primary" type="submit" disabled={create.isBusy}>
              {texts.webhooks.create}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
