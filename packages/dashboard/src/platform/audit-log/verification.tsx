import { useState, type ReactNode } from 'react';
import { AuditVerificationDocument, type AuditVerificationQuery } from '../../generated/graphql.js';
import { Button } from '../../kit/button.js';
import { Time, useNumber, useTexts } from '../../kit/language.js';
import { Notice } from '../../kit/states.js';
import { Refusals, useRead } from '../../session/use-api.js';

/** Recomputes the log on demand, and says whether it is intact. It costs much, so nothing asks for it by itself. */
export function Verification(): ReactNode {
  const { auditLog } = useTexts();
  const [isWanted, setWanted] = useState(false);
  const { isLoading, refusals, data, again } = useRead(
    AuditVerificationDocument,
    {},
    { isPaused: !isWanted },
  );
  const result = data?.auditVerification;
  return (
    <section className="verification" aria-label={auditLog.verify}>
      <Button
        kind="primary"
        disabled={isLoading}
        onClick={() => {
          if (isWanted) again();
          else setWanted(true);
        }}
      >
        {isLoading ? auditLog.verifying : auditLog.verify}
      </Button>
      <Refusals refusals={refusals} />
      {result && <Result result={result} />}
    </section>
  );
}

function Result({
  result,
}: {
  readonly result: NonNullable<AuditVerificationQuery['auditVerification']>;
}): ReactNode {
  const { auditLog } = useTexts();
  const number = useNumber();
  const { intact, entries, pending, sealedThrough, head, firstBroken } = result;
  if (intact == null) return <Notice>{auditLog.unsealed}</Notice>;
  return (
    <Notice kind={intact ? 'good' : 'problem'}>
      <p>{intact ? auditLog.intact(number(entries)) : auditLog.broken}</p>
      {firstBroken && (
        <p>
          {firstBroken.explanation} <code>{firstBroken.entryId}</code>
        </p>
      )}
      {pending > 0 && <p>{auditLog.pending(number(pending))}</p>}
      <p>
        {auditLog.sealedThrough}: <Time value={sealedThrough} />
      </p>
      {head && (
        <p>
          <Button kind="quiet" onClick={() => saveJson(head, 'audit-head.json')}>
            {auditLog.head}
          </Button>{' '}
          {auditLog.headHint}
        </p>
      )}
    </Notice>
  );
}

/** Gives the browser a file to save. */
function saveJson(value: unknown, name: string): void {
  const url = URL.createObjectURL(new Blob([JSON.stringify(value, null, 2)], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
