import type { ReactNode } from 'react';
import { EndImpersonationDocument, ImpersonationsDocument } from '../../generated/graphql.js';
import { Button } from '../../kit/button.js';
import { Time, useTexts } from '../../kit/language.js';
import { Badge, Empty } from '../../kit/states.js';
import { Refusals, useAction, useRead } from '../../session/use-api.js';

const SHOWN = 10;

/** The operators who act, or acted, in this tenant. */
export function Impersonations(): ReactNode {
  const { auditLog } = useTexts();
  const { data, refusals, again } = useRead(ImpersonationsDocument, { first: SHOWN });
  const end = useAction(EndImpersonationDocument);
  const found = data?.impersonations?.nodes ?? [];
  return (
    <section aria-labelledby="impersonations">
      <h2 id="impersonations">{auditLog.impersonations}</h2>
      <Refusals refusals={[...refusals, ...end.refusals]} again={again} />
      {data && found.length === 0 && <Empty>{auditLog.noImpersonations}</Empty>}
      <ul className="feed">
        {found.map(({ id, operator, reason, endedAt, expiresAt }) => (
          <li key={id}>
            <strong>{operator}</strong>
            <span>{reason}</span>
            {endedAt != null || Date.parse(expiresAt) < Date.now() ? (
              <Badge>{auditLog.ended}</Badge>
            ) : (
              <>
                <span>
                  {auditLog.ends} <Time value={expiresAt} />
                </span>
                {end.isOffered && (
                  <Button disabled={end.isBusy} onClick={() => void end.run({ id })}>
                    {auditLog.end}
                  </Button>
                )}
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
