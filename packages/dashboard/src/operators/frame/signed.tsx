/** An operator who has signed in: the client, what the token allows, and the pages. */
import { useMemo, type ReactNode } from 'react';
import { RouterProvider } from '@tanstack/react-router';
import { Provider, useQuery } from 'urql';
import { useTexts } from '../../kit/language.js';
import { Loading } from '../../kit/states.js';
import type { Ending } from '../../session/api.js';
import { refusalsOf } from '../../session/explain.js';
import { PermissionsContext } from '../../session/permissions.js';
import type { Session } from '../../session/session.js';
import { Refusals } from '../../session/use-api.js';
import { Frame } from '../../shell/frame.js';
import { createPageRouter } from '../../shell/router.js';
import { OperatorDocument, type OperatorQuery } from '../generated/graphql.js';
import { pages } from '../pages.js';
import { ConsoleShell } from './console-shell.js';
import { openClient } from './client.js';
import { OperatorContext, type OperatorSession } from './operator.js';

export function Signed({
  session,
  onEnd,
}: {
  readonly session: Session;
  readonly onEnd: (ending: Ending) => void;
}): ReactNode {
  // A session has one client for its whole time.
  const client = useMemo(() => openClient(session, onEnd), [session]);
  return (
    <Provider value={client}>
      <Operator session={session} />
    </Provider>
  );
}

function Operator({ session }: { readonly session: Session }): ReactNode {
  const texts = useTexts();
  const [{ data, error }, ask] = useQuery<OperatorQuery>({ query: OperatorDocument.toString() });
  const router = useMemo(() => createPageRouter(pages, ConsoleShell), []);
  const reasons = useMemo(() => new Map<string, string>(), []);
  const operator = useMemo(
    (): OperatorSession | undefined =>
      data && { name: data.me.name, plans: data.plans, reasons, signOut: () => session.signOut() },
    [data, reasons, session],
  );
  if (data && operator) {
    return (
      <PermissionsContext value={data.me.permissions}>
        <OperatorContext value={operator}>
          <RouterProvider router={router} />
        </OperatorContext>
      </PermissionsContext>
    );
  }
  if (!error) return <Loading />;
  return (
    <Frame title={texts.shell.product}>
      <Refusals refusals={refusalsOf(error)} again={() => ask({ requestPolicy: 'network-only' })} />
    </Frame>
  );
}
