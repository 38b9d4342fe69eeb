import { useEffect, useState, type ReactNode } from 'react';
import { Button } from '../kit/button.js';
import { Field } from '../kit/field.js';
import { useTexts } from '../kit/language.js';
import { Loading, Notice } from '../kit/states.js';
import { demoUsers, tokenSession, type DemoUser } from '../session/demo.js';
import type { Config, Session } from '../session/session.js';
import { Frame } from './frame.js';

/** Stands in for a login in development: choose a user of the demo, or paste a token. */
export default function DemoLogin({
  config,
  onOpen,
}: {
  readonly config: Config;
  readonly onOpen: (session: Session | undefined) => void;
}): ReactNode {
  const texts = useTexts();
  const [users, setUsers] = useState<readonly DemoUser[]>();
  const [token, setToken] = useState('');
  useEffect(() => {
    let isCurrent = true;
    demoUsers(config)
      .catch(() => [])
      .then((found) => {
        if (isCurrent) setUsers(found);
      })
      .catch(() => undefined);
    return () => void (isCurrent = false);
  }, [config]);
  if (!users) return <Loading />;
  const tenants = [...new Set(users.map(({ tenant }) => tenant))];
  const open = (text: string, user?: DemoUser): void => onOpen(tokenSession(config, text, onOpen, user));
  return (
    <Frame title={texts.login.title}>
      {users.length > 0 ? <p>{texts.login.demo}</p> : <Notice>{texts.login.noUsers}</Notice>}
      {tenants.map((tenant) => (
        <section key={tenant} aria-labelledby={`tenant-${tenant}`}>
          <h2 id={`tenant-${tenant}`}>{tenant}</h2>
          <ul className="users">
            {users
              .filter((user) => user.tenant === tenant)
              .map((user) => (
                <li key={user.email}>
                  <Button onClick={() => open(user.token, user)}>{user.email}</Button>
                </li>
              ))}
          </ul>
        </section>
      ))}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          open(token.trim().replace(/^Bearer\s+/i, ''));
        }}
      >
        <Field label={texts.login.token} value={token} onChange={setToken} isRequired autoComplete="off" />
        <div className="actions">
          <Button type="submit">{texts.login.open}</Button>
        </div>
      </form>
    </Frame>
  );
}
