import { useMemo, type ReactNode } from 'react';
import { Link } from '@tanstack/react-router';
import { ActivityDocument, OverviewDocument } from '../../generated/graphql.js';
import { Code } from '../../kit/breakable.js';
import { Time, useNumber, useSpeech, useTexts } from '../../kit/language.js';
import { Empty, Loading, Title } from '../../kit/states.js';
import { Person } from '../../session/person.js';
import { Usage } from '../../session/usage.js';
import { Refusals, useRead } from '../../session/use-api.js';
import { useMay } from '../../session/permissions.js';

/** What a member sees first: the tenant, its usage against its limits, and what has happened. */
export default function OverviewPage(): ReactNode {
  const { overview } = useTexts();
  const number = useNumber();
  const may = useMay();
  const { data, refusals, isLoading, again } = useRead(OverviewDocument, {});
  if (isLoading) return <Loading />;
  const { tenant, members, auditLog } = data ?? {};
  return (
    <>
      <Title>{tenant?.name}</Title>
      <Refusals refusals={refusals} again={again} />
      <div className="cards">
        {tenant && (
          <section className="card">
            <dl>
              {members && (
                <>
                  <dt>{overview.members}</dt>
                  <dd>{number(members.totalCount)}</dd>
                </>
              )}
              {tenant.plan != null && (
                <>
                  <dt>{overview.plan}</dt>
                  <dd>{tenant.plan}</dd>
                </>
              )}
              <dt>{overview.since}</dt>
              <dd>
                <Time value={tenant.createdAt} />
              </dd>
            </dl>
          </section>
        )}
        {tenant?.usage && (
          <section className="card" aria-labelledby="usage">
            <h2 id="usage">{overview.usage}</h2>
            <Usage usage={tenant.usage} />
          </section>
        )}
        {may('AUDIT_READ') && <Week />}
        {auditLog && (
          <section className="card wide" aria-labelledby="recent">
            <h2 id="recent">{overview.recent}</h2>
            {auditLog.nodes.length === 0 && <Empty>{overview.noActivity}</Empty>}
            <ol className="feed">
              {auditLog.nodes.map((entry) => (
                <li key={entry.id}>
                  <Time value={entry.createdAt} />
                  <Code>{entry.action}</Code>
                  <Person id={entry.actor} member={entry.actorMember} />
                </li>
              ))}
            </ol>
            <Link to="/audit-log">{overview.allActivity}</Link>
          </section>
        )}
      </div>
    </>
  );
}

/** The changes of each of the last seven days, in the viewer's zone. */
function Week(): ReactNode {
  const { overview } = useTexts();
  const { locale } = useSpeech();
  const number = useNumber();
  const days = useMemo(() => {
    const today = new Date();
    return Array.from(
      { length: 8 },
      (_, index) => new Date(today.getFullYear(), today.getMonth(), today.getDate() - 6 + index),
    );
  }, []);
  const ranges = days
    .slice(0, 7)
    .map((day, index) => ({ from: day.toISOString(), to: days[index + 1]!.toISOString() }));
  const [day0, day1, day2, day3, day4, day5, day6] = ranges as [
    Range,
    Range,
    Range,
    Range,
    Range,
    Range,
    Range,
  ];
  const { data, refusals } = useRead(ActivityDocument, { day0, day1, day2, day3, day4, day5, day6 });
  const counts = data
    ? [data.day0, data.day1, data.day2, data.day3, data.day4, data.day5, data.day6].map(
        (day) => day?.totalCount ?? 0,
      )
    : [];
  const most = Math.max(1, ...counts);
  const format = new Intl.DateTimeFormat(locale, { weekday: 'short' });
  return (
    <section className="card" aria-labelledby="week">
      <h2 id="week">{overview.week}</h2>
      <Refusals refusals={refusals} />
      <ul className="bars">
        {counts.map((count, index) => (
          <li key={days[index]!.getTime()}>
            <span className="count" aria-label={overview.changes(number(count))}>
              {number(count)}
            </span>
            <svg aria-hidden viewBox="0 0 10 40" preserveAspectRatio="none">
              <rect x="0" width="10" y={40 - (count / most) * 40} height={(count / most) * 40} />
            </svg>
            <span>{format.format(days[index])}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

interface Range {
  readonly from: string;
  readonly to: string;
}
