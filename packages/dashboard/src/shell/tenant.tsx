/** One user in one tenant: the client, who the caller is, and the pages. Nothing of it outlives the session. */
import { useEffect, useMemo, useState, type ReactNode } from 'react';
import { RouterProvider } from '@tanstack/react-router';
import { Provider, useQuery } from 'urql';
import { MeDocument, type MeQuery } from '../generated/graphql.js';
import { useTexts } from '../kit/language.js';
import { Loading } from '../kit/states.js';
import { pages } from '../pages.js';
import { openApi, type Api, type Ending } from '../session/api.js';
import { refusalsOf } from '../session/explain.js';
import type { Session } from '../session/session.js';
import { Refusals } from '../session/use-api.js';
import { PermissionsContext } from '../session/permissions.js';
import { ViewerContext } from '../session/viewer.js';
import { Frame } from './frame.js';
import { createPageRouter } from './router.js';
import { SessionContext, TenantShell } from './tenant-shell.js';

/** @param onEnd called when the caller has lost access */
export function Tenant({
  session,
  onEnd,
}: {
  readonly session: Session;
  readonly onEnd: (ending: Ending) => void;
}): ReactNode {
  const [api, setApi] = useState<Api>();
  const [isConnected, setConnected] = useState(true);
  useEffect(() => {
    const caches = pages.flatMap(({ cache }) => (cache ? [cache] : []));
    const opened = openApi(session, caches, onEnd, setConnected);
    setApi(opened);
    return () => opened.close();
    // A session has one client for its whole time.
  }, [session]);
  if (!api) return <Loading />;
  return (
    <Provider value={api.client}>
      <Signed session={session} isConnected={isConnected} />
    </Provider>
  );
}

function Signed({
  session,
  isConnected,
}: {
  readonly session: Session;
  readonly isConnected: boolean;
}): ReactNode {
  const texts = useTexts();
  const [{ data, error }, ask] = useQuery<MeQuery>({ query: MeDocument.toString() });
  const router = useMemo(() => createPageRouter(pages, TenantShell), []);
  useEffect(() => {
    // Somebody may have changed the role meanwhile.
    const again = (): void => ask({ requestPolicy: 'network-only' });
    window.addEventListener('focus', again);
    return () => window.removeEventListener('focus', again);
  }, [ask]);
  const shared = useMemo(() => ({ session, isConnected }), [session, isConnected]);
  if (data) {
    return (
      <ViewerContext value={data.me}>
        <PermissionsContext value={data.me.permissions}>
          <SessionContext value={shared}>
            <RouterProvider router={router} />
          </SessionContext>
        </PermissionsContext>
      </ViewerContext>
    );
  }
  if (!error) return <Loading />;
  return (
    <Frame title={texts.shell.product}>
      <Refusals refusals={refusalsOf(error)} again={() => ask({ requestPolicy: 'network-only' })} />
    </Frame>
  );
}
