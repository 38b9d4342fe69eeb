import { useEffect, useState, type ReactNode } from 'react';
import { Button } from '../../kit/button.js';
import { Field } from '../../kit/field.js';
import { useTexts } from '../../kit/language.js';
import { Loading, Notice } from '../../kit/states.js';
import { tokenSession } from '../../session/demo.js';
import { BASE, type Config, type Session } from '../../session/session.js';
import { Frame } from '../../shell/frame.js';
import { useConsoleTexts } from '../texts.js';

interface DemoOperator {
  readonly name: string;
  readonly scope: string;
  readonly token: string;
}

/** Stands in for a login in development: choose an operator of the demo, or paste a token. */
export default function DemoLogin({
  config,
  onOpen,
}: {
  readonly config: Config;
  readonly onOpen: (session: Session | undefined) => void;
}): ReactNode {
  const texts = useTexts();
  const own = useConsoleTexts();
  const [operators, setOperators] = useState<readonly DemoOperator[]>();
  const [token, setToken] = useState('');
  useEffect(() => {
    let isCurrent = true;
    fetch(`${BASE}/demo-users.json`)
      .then(async (answer) => (answer.ok ? ((await answer.json()) as readonly DemoOperator[]) : []))
      .catch(() => [])
      .then((found) => {
        if (isCurrent) setOperators(found);
      })
      .catch(() => undefined);
    return () => void (isCurrent = false);
  }, []);
  if (!operators) return <Loading />;
  const open = (text: string): void => onOpen(tokenSession(config, text, onOpen));
  return (
    <Frame title={texts.login.title}>
      {operators.length > 0 ? <p>{texts.login.demo}</p> : <Notice>{own.noOperators}</Notice>}
      <ul className="users">
        {operators.map((operator) => (
          <li key={operator.name}>
            <Button onClick={() => open(operator.token)}>{operator.name}</Button>{' '}
            <code>{operator.scope}</code>
          </li>
        ))}
      </ul>
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
