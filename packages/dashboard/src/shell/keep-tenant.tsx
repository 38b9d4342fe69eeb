import { useState, type ReactNode } from 'react';
import { CancelTenantErasureDocument } from '../generated/graphql.js';
import { Button } from '../kit/button.js';
import { Field } from '../kit/field.js';
import { useTexts } from '../kit/language.js';
import { Notice } from '../kit/states.js';
import { askOnce } from '../session/ask-once.js';
import { explain } from '../session/explain.js';
import type { Session } from '../session/session.js';

/** For the owner of a tenant that waits for its erasure: keeps it. */
export default function KeepTenant({
  session,
  onKept,
}: {
  readonly session: Session;
  readonly onKept: () => void;
}): ReactNode {
  const texts = useTexts();
  const [slug, setSlug] = useState('');
  const [problem, setProblem] = useState<string>();
  const keep = async (): Promise<void> => {
    const answer = await askOnce(session, CancelTenantErasureDocument, { slug });
    if ('refusal' in answer) setProblem(explain(answer.refusal, texts));
    else onKept();
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void keep();
      }}
    >
      <p>{texts.ending.keepText}</p>
      <Field label={texts.settings.slug} value={slug} onChange={setSlug} isRequired />
      {problem !== undefined && <Notice kind="problem">{problem}</Notice>}
      <div className="actions">
        <Button type="submit">{texts.ending.keep}</Button>
      </div>
    </form>
  );
}
