import { useMemo } from 'react';
import { createRoot } from 'react-dom/client';
import { Provider } from 'urql';
import type { Session } from '../../test/example/clients/session.js';
import { createUrqlClient } from '../../test/example/clients/urql-client.js';
import { SignIn } from '../sign-in.js';
import { Conversations } from './conversations.js';

function App({ session }: { readonly session: Session }) {
  // One client for each user: its cache has what this user may see.
  const client = useMemo(() => createUrqlClient(session), [session]);
  return (
    <Provider value={client}>
      <Conversations />
    </Provider>
  );
}

createRoot(document.getElementById('root')!).render(
  <SignIn>{(session) => <App session={session} />}</SignIn>,
);
