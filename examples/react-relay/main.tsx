import { Suspense, useMemo, useReducer } from 'react';
import { createRoot } from 'react-dom/client';
import { RelayEnvironmentProvider } from 'react-relay';
import type { Session } from '../../test/example/clients/session.js';
import { SignIn } from '../sign-in.js';
import { Conversations } from './conversations.js';
import { createRelayEnvironment } from './environment.js';

function App({ session }: { readonly session: Session }) {
  const [readings, readAgain] = useReducer((times: number) => times + 1, 0);
  // One environment for each user: its store has what this user may see.
  const environment = useMemo(() => createRelayEnvironment(session, readAgain), [session]);
  return (
    <RelayEnvironmentProvider environment={environment}>
      <Suspense fallback="Loading…">
        <Conversations readings={readings} readAgain={readAgain} />
      </Suspense>
    </RelayEnvironmentProvider>
  );
}

createRoot(document.getElementById('root')!).render(
  <SignIn>{(session) => <App session={session} />}</SignIn>,
);
