import { useState, type ReactNode } from 'react';
import {
  ErasePersonDocument,
  ErasureDocument,
  RequestTenantErasureDocument,
} from '../../generated/graphql.js';
import { Button } from '../../kit/button.js';
import { Field } from '../../kit/field.js';
import { Time, useNumber, useTexts } from '../../kit/language.js';
import { Notice } from '../../kit/states.js';
import { problemOf } from '../../session/explain.js';
import { Refusals, useAction, useRead } from '../../session/use-api.js';
import { useViewer } from '../../session/viewer.js';

/** Asks for the erasure of the tenant, by words that name it. */
export function EraseTenant(): ReactNode {
  const texts = useTexts();
  const { tenant } = useViewer();
  const { data } = useRead(ErasureDocument, {});
  const erase = useAction(RequestTenantErasureDocument);
  const [confirm, setConfirm] = useState('');
  if (!erase.isOffered) return null;
  const words = `erase ${tenant.slug}`;
  const planned = data?.tenantErasure;
  return (
    <section className="card danger" aria-labelledby="erase-tenant">
      <h2 id="erase-tenant">{texts.exports.erasure}</h2>
      {planned ? (
        <p>
          {texts.exports.erasurePlanned}: <Time value={planned.executeAt} />
        </p>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void erase.run({ confirm });
          }}
        >
          <p>{texts.exports.erasureText}</p>
          <Field
            label={texts.exports.erasureWords(words)}
            value={confirm}
            onChange={setConfirm}
            isRequired
            problem={problemOf(erase.refusals, 'confirm')}
          />
          <Refusals refusals={erase.refusals} />
          <div className="actions">
            <Button kind="danger" type="submit" disabled={erase.isBusy || confirm !== words}>
              {texts.exports.erase}
            </Button>
          </div>
        </form>
      )}
    </section>
  );
}

/** Erases what is kept of one person. */
export function ErasePerson(): ReactNode {
  const texts = useTexts();
  const number = useNumber();
  const erase = useAction(ErasePersonDocument);
  const [email, setEmail] = useState('');
  const [userId, setUserId] = useState('');
  const [reason, setReason] = useState('');
  const [confirm, setConfirm] = useState('');
  const [done, setDone] = useState<string>();
  if (!erase.isOffered) return null;
  const send = async (): Promise<void> => {
    setDone(undefined);
    const answer = await erase.run({
      confirm,
      reason,
      ...(email !== '' && { email }),
      ...(userId !== '' && { userId }),
    });
    if (!answer?.erasePerson) return;
    const { memberships, auditEntries, remaining } = answer.erasePerson;
    const left = remaining.reduce((sum, { rows }) => sum + rows, 0);
    setDone(texts.exports.personDone(number(memberships), number(auditEntries), number(left)));
    setConfirm('');
  };
  return (
    <section className="card danger" aria-labelledby="erase-person">
      <h2 id="erase-person">{texts.exports.person}</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <p>{texts.exports.personText}</p>
        <Field
          label={texts.exports.personEmail}
          type="email"
          value={email}
          onChange={setEmail}
          problem={problemOf(erase.refusals, 'email')}
        />
        <Field
          label={texts.exports.personId}
          value={userId}
          onChange={setUserId}
          problem={problemOf(erase.refusals, 'userId')}
        />
        <Field
          label={texts.exports.personReason}
          value={reason}
          onChange={setReason}
          isRequired
          problem={problemOf(erase.refusals, 'reason')}
        />
        <Field
          label={texts.exports.erasureWords(WORDS)}
          value={confirm}
          onChange={setConfirm}
          isRequired
          problem={problemOf(erase.refusals, 'confirm')}
        />
        <Refusals refusals={erase.refusals} />
        {done !== undefined && <Notice kind="good">{done}</Notice>}
        <div className="actions">
          <Button kind="danger" type="submit" disabled={erase.isBusy || confirm !== WORDS}>
            {texts.exports.erase}
          </Button>
        </div>
      </form>
    </section>
  );
}

/** The server expects these words in whatever language the page is. */
const WORDS = 'erase this person';
