import type { ReactNode } from 'react';
import { Button } from '../../kit/button.js';
import { useTexts } from '../../kit/language.js';
import { Frame } from '../../shell/frame.js';

/** Instead of everything, when the token of an operator is refused. */
export function Ended({ onAgain }: { readonly onAgain: () => void }): ReactNode {
  const { ending } = useTexts();
  return (
    <Frame title={ending.title}>
      <p role="alert">{ending.UNAUTHENTICATED}</p>
      <Button kind="primary" onClick={onAgain}>
        {ending.again}
      </Button>
    </Frame>
  );
}
