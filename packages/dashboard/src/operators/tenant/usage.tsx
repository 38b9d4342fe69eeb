import type { ReactNode } from 'react';
import { useNumber, useSpeech } from '../../kit/language.js';
import { Empty } from '../../kit/states.js';
import { Usage } from '../../session/usage.js';
import type { TenantQuery } from '../generated/graphql.js';
import { useConsoleTexts } from '../texts.js';

type Tenant = NonNullable<TenantQuery['tenant']>;

/** What a tenant has beside its limits, and what it has used on each day. */
export function TenantUsage({
  usage,
  history,
}: {
  readonly usage: Tenant['usage'];
  readonly history: Tenant['usageHistory'];
}): ReactNode {
  const { tenant: texts, usage: titles } = useConsoleTexts();
  const number = useNumber();
  const { locale } = useSpeech();
  // The API has days in UTC, the newest first, and none without use.
  const day = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' });
  const days = history.toReversed();
  const most = Math.max(1, ...days.map(({ requests }) => requests));
  const columns = [titles.requests, titles.seconds, titles.rows, titles.bytes, titles.jobs];
  return (
    <>
      <section className="card" aria-labelledby="usage">
        <h2 id="usage">{texts.usage}</h2>
        <Usage usage={usage} />
      </section>
      <section className="card wide" aria-labelledby="history">
        <h2 id="history">{texts.history}</h2>
        {days.length === 0 ? (
          <Empty>{texts.noHistory}</Empty>
        ) : (
          <>
            <svg className="days" aria-hidden viewBox="0 0 310 40" preserveAspectRatio="none">
              {days.map(({ startsAt, requests }, index) => (
                <rect
                  key={startsAt}
                  x={index * 10 + 1}
                  width="8"
                  y={40 - (requests / most) * 40}
                  height={(requests / most) * 40}
                />
              ))}
            </svg>
            <details>
              <summary>{texts.numbers}</summary>
              <div className="table-frame">
                <table aria-label={texts.history}>
                  <thead>
                    <tr>
                      {[texts.day, ...columns].map((title) => (
                        <th key={title} scope="col">
                          {title}
                        </th>
                      ))}
                    </tr>
                  </thead>
                  <tbody>
                    {history.map(({ startsAt, requests, databaseSeconds, rows, bytes, jobs }) => (
                      <tr key={startsAt}>
                        <th scope="row" data-title={texts.day}>
                          {day.format(new Date(startsAt))}
                        </th>
                        {[requests, databaseSeconds, rows, bytes, jobs].map((value, index) => (
                          <td key={columns[index]} data-title={columns[index]}>
                            {number(value)}
                          </td>
                        ))}
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </details>
          </>
        )}
      </section>
    </>
  );
}
