import { lazy, Suspense, type ReactNode } from 'react';
import { Button } from '../kit/button.js';
import { useTexts } from '../kit/language.js';
import type { Ending } from '../session/api.js';
import type { Session } from '../session/session.js';
import { Frame } from './frame.js';

/** Rarely needed. */
const KeepTenant = lazy(() => import('./keep-tenant.js'));

/** Instead of everything, when access has ended. */
export function Ended({
  ending,
  session,
  onAgain,
}: {
  readonly ending: Ending;
  /** Whose access has ended. */
  readonly session: Session;
  readonly onAgain: () => void;
}): ReactNode {
  const texts = useTexts();
  const reasons: Readonly<Record<string, string>> = texts.ending;
  return (
    <Frame title={texts.ending.title}>
      <p role="alert">{reasons[ending.code] ?? texts.ending.other}</p>
      {ending.reason !== undefined && <p>{ending.reason}</p>}
      {ending.code === 'TENANT_SUSPENDED' && (
        <Suspense>
          <KeepTenant session={session} onKept={onAgain} />
        </Suspense>
      )}
      <Button kind="primary" onClick={onAgain}>
        {texts.ending.again}
      </Button>
    </Frame>
  );
}
