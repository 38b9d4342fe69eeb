/** `/invitations/accept?token=…`, where the links in mails lead. The user need not be a member of any tenant yet. */
import { useState, type ReactNode } from 'react';
import { AcceptInvitationDocument } from '../generated/graphql.js';
import { Button } from '../kit/button.js';
import { useTexts } from '../kit/language.js';
import { Notice } from '../kit/states.js';
import { askOnce } from '../session/ask-once.js';
import { explain, type Refusal } from '../session/explain.js';
import { BASE, type Session } from '../session/session.js';
import type { Texts } from '../texts/en.js';
import { Frame } from './frame.js';

const PATH = `${BASE}/invitations/accept`;

/** Whether the address is that of an invitation. */
export const isInvitation = (): boolean => window.location.pathname === PATH;

/** Shows the invitation of the address, and accepts it. */
export function Accept({ session }: { readonly session: Session }): ReactNode {
  const texts = useTexts();
  const [joined, setJoined] = useState<{ slug: string; name: string }>();
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const accept = async (): Promise<void> => {
    setBusy(true);
    const token = new URLSearchParams(window.location.search).get('token') ?? '';
    const answer = await askOnce(session, AcceptInvitationDocument, { token });
    setBusy(false);
    if ('refusal' in answer) setProblem(sentence(answer.refusal, texts));
    else setJoined(answer.data.acceptInvitation?.membership.tenant);
  };
  return (
    <Frame title={texts.accept.title}>
      {problem !== undefined && <Notice kind="problem">{problem}</Notice>}
      {joined ? (
        <>
          <Notice kind="good">{texts.accept.done(joined.name)}</Notice>
          <Button
            kind="primary"
            onClick={() => {
              window.history.replaceState(null, '', `${BASE}/`);
              session.switchTo(joined.slug);
            }}
          >
            {texts.accept.open}
          </Button>
        </>
      ) : (
        <>
          <p>{texts.accept.intro}</p>
          <Button kind="primary" disabled={isBusy} onClick={() => void accept()}>
            {texts.accept.accept}
          </Button>
        </>
      )}
    </Frame>
  );
}

function sentence(refusal: Refusal, texts: Texts): string {
  const { code, details } = refusal;
  const reasons: Readonly<Record<string, string>> = texts.accept.reasons;
  const reason = reasons[String(details['reason'])];
  if (code === 'CONFLICT' && reason !== undefined) return reason;
  if (code === 'NOT_FOUND') return texts.accept.unknown;
  if (code === 'FORBIDDEN' && details['requires'] === 'email:invited') return texts.accept.notInvited;
  if (code === 'FORBIDDEN' && details['requires'] === 'email:verified') return texts.accept.notVerified;
  return explain(refusal, texts);
}
