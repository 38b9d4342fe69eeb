import type { ReactNode } from 'react';
import { Button } from '../kit/button.js';
import { useTexts } from '../kit/language.js';
import type { Ending } from '../session/api.js';
import { Frame } from './frame.js';

/** Instead of everything, when access has ended. */
export function Ended({
  ending,
  onAgain,
}: {
  readonly ending: Ending;
  readonly onAgain: () => void;
}): ReactNode {
  const texts = useTexts();
  const reasons: Readonly<Record<string, string>> = texts.ending;
  return (
    <Frame title={texts.ending.title}>
      <p role="alert">{reasons[ending.code] ?? texts.ending.other}</p>
      {ending.reason !== undefined && <p>{ending.reason}</p>}
      <Button kind="primary" onClick={onAgain}>
        {texts.ending.again}
      </Button>
    </Frame>
  );
}
