/** From the address to a session: who is it, and in which tenant. */
import { Suspense, useEffect, useState, type ComponentType, type ReactNode } from 'react';
import { useTexts } from '../kit/language.js';
import { Button } from '../kit/button.js';
import { Loading, Notice } from '../kit/states.js';
import type { Ending } from '../session/api.js';
import { CALLBACK, completeLogin, goToLogin, LoginFailed, SIGNED_OUT } from '../session/oidc.js';
import { BASE, type Config, type Session } from '../session/session.js';
import { Frame } from './frame.js';

/** What is different for members and for operators. */
export interface Parts {
  /** Stands in for a login in development. */
  readonly Demo: ComponentType<{
    readonly config: Config;
    readonly onOpen: (session: Session | undefined) => void;
  }>;
  /** For somebody who has signed in. */
  readonly Signed: ComponentType<{
    readonly session: Session;
    /** Called when the caller has lost access. */
    readonly onEnd: (ending: Ending) => void;
  }>;
  /** Instead of everything, when access has ended. */
  readonly Ended: ComponentType<{
    readonly ending: Ending;
    /** Whose access has ended. */
    readonly session: Session;
    readonly onAgain: () => void;
  }>;
}

/** The dashboard, or the operators' console. */
export function App({ parts: { Demo, Signed, Ended } }: { readonly parts: Parts }): ReactNode {
  const texts = useTexts();
  const [config, setConfig] = useState<Config>();
  const [session, setSession] = useState<Session>();
  const [ended, setEnded] = useState<{ ending: Ending; session: Session }>();
  const [problem, setProblem] = useState<string>();

  useEffect(() => {
    begin()
      .then(({ config: found, opened }) => {
        setConfig(found);
        setSession(opened);
      })
      .catch((error: unknown) => {
        setProblem(
          error instanceof LoginFailed
            ? error.message === 'state'
              ? texts.login.failedState
              : `${texts.login.failed} ${error.message}`
            : texts.login.unreachable,
        );
      });
    // Once: a code can be exchanged only once.
  }, []);

  if (problem !== undefined) {
    return (
      <Frame title={texts.login.title}>
        <Notice kind="problem">{problem}</Notice>
        <Button kind="primary" onClick={() => window.location.assign(`${BASE}/`)}>
          {texts.kit.again}
        </Button>
      </Frame>
    );
  }
  if (!config) return <Loading />;
  if (ended) {
    return <Ended {...ended} onAgain={() => startAgain(config, () => setEnded(undefined))} />;
  }
  if (!session) {
    return config.login ? (
      <Frame title={texts.login.title}>
        {window.location.pathname === SIGNED_OUT && <Notice>{texts.login.signedOut}</Notice>}
        <Button kind="primary" onClick={() => startAgain(config, () => undefined)}>
          {texts.login.signIn}
        </Button>
      </Frame>
    ) : (
      <Suspense fallback={<Loading />}>
        <Demo config={config} onOpen={setSession} />
      </Suspense>
    );
  }
  return (
    <Signed
      key={session.id}
      session={session}
      onEnd={(ending) => {
        setSession(undefined);
        setEnded({ ending, session });
      }}
    />
  );
}

/** One per page: React mounts twice in development, and a code can be exchanged only once. */
let beginning: Promise<{ config: Config; opened: Session | undefined }> | undefined;

function begin(): Promise<{ config: Config; opened: Session | undefined }> {
  beginning ??= open();
  return beginning;
}

/** @throws LoginFailed */
async function open(): Promise<{ config: Config; opened: Session | undefined }> {
  const answer = await fetch(`${BASE}/config.json`);
  if (!answer.ok) throw new Error(String(answer.status));
  const config = (await answer.json()) as Config;
  const { login } = config;
  const { pathname, search } = window.location;
  if (!login || pathname === SIGNED_OUT) return { config, opened: undefined };
  if (pathname !== CALLBACK) return goToLogin(login, pathname + search);
  const { session, from } = await completeLogin(config, login);
  // The code is no longer in the address, nor in what the browser goes back to.
  window.history.replaceState(null, '', from);
  return { config, opened: session };
}

function startAgain({ login }: Config, orElse: () => void): void {
  if (login) void goToLogin(login, `${BASE}/`);
  else orElse();
}
