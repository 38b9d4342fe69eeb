/** Asks for the address of the API and for a token. An application gets both from its login. */
import { useState, type ReactNode } from 'react';
import type { Session } from '../test/example/clients/session.js';

interface SignInProps {
  /** What is shown to a user who has signed in. */
  readonly children: (session: Session) => ReactNode;
}

export function SignIn({ children }: SignInProps) {
  const [session, setSession] = useState<Session>();
  if (session) return children(session);
  const signIn = (form: FormData) => {
    const token = textOf(form, 'token');
    setSession({ url: textOf(form, 'url'), token: async () => token });
  };
  return (
    <form action={signIn}>
      <label>
        Address of the API <input name="url" defaultValue="http://acme.localhost:4000/graphql" />
      </label>
      <label>
        Token <input name="token" type="password" autoComplete="off" />
      </label>
      <button>Sign in</button>
    </form>
  );
}

function textOf(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value.trim() : '';
}
