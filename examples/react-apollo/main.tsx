import { ApolloProvider } from '@apollo/client/react';
import { useMemo } from 'react';
import { createRoot } from 'react-dom/client';
import { createApolloClient } from '../../test/example/clients/apollo-client.js';
import type { Session } from '../../test/example/clients/session.js';
import { SignIn } from '../sign-in.js';
import { Conversations } from './conversations.js';

function App({ session }: { readonly session: Session }) {
  // One client for each user: its cache has what this user may see.
  const client = useMemo(() => createApolloClient(session), [session]);
  return (
    <ApolloProvider client={client}>
      <Conversations />
    </ApolloProvider>
  );
}

createRoot(document.getElementById('root')!).render(
  <SignIn>{(session) => <App session={session} />}</SignIn>,
);
