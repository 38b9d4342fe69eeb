import type { ReactNode } from 'react';
import { Link } from '@tanstack/react-router';
import { Choice } from '../../kit/choice.js';
import { useNumber, useSpeech } from '../../kit/language.js';
import { Empty, Loading, Title } from '../../kit/states.js';
import { Refusals, useRead } from '../../session/use-api.js';
import { useFilters } from '../../session/use-filters.js';
import { MissingCells } from '../frame/missing-cells.js';
import { TopTenantsDocument, type TopTenantOrder } from '../generated/graphql.js';
import { useConsoleTexts } from '../texts.js';

/** The tenants that have used most. */
export default function UsagePage(): ReactNode {
  const { usage } = useConsoleTexts();
  const { locale } = useSpeech();
  const number = useNumber();
  const [filters, setFilters] = useFilters();
  const by = (filters['by'] ?? 'TIME') as TopTenantOrder;
  const hours = filters['hours'] ?? '24';
  const { data, refusals, isLoading, again } = useRead(TopTenantsDocument, { by, hours: Number(hours) });
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
  const titles = [usage.requests, usage.seconds, usage.rows, usage.bytes, usage.jobs, usage.share];
  return (
    <>
      <Title />
      <search className="filters">
        <Choice
          label={usage.by}
          value={by}
          options={usage.orders}
          onChange={(value) => setFilters({ by: value })}
        />
        <Choice
          label={usage.hours}
          value={hours}
          options={usage.spans}
          onChange={(value) => setFilters({ hours: value })}
        />
      </search>
      <Refusals refusals={refusals} again={again} />
      {isLoading && <Loading />}
      {data && <MissingCells names={data.unavailableCells} />}
      {data?.topTenants.length === 0 && <Empty>{usage.empty}</Empty>}
      {data && data.topTenants.length > 0 && (
        <div className="table-frame">
          <table aria-label={usage.label}>
            <thead>
              <tr>
                <th scope="col">{usage.tenant}</th>
                {titles.map((title) => (
                  <th key={title} scope="col">
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data.topTenants.map(({ slug, requests, databaseSeconds, rows, bytes, jobs, share }) => (
                <tr key={slug}>
                  <th scope="row" data-title={usage.tenant}>
                    <Link to="/tenants/$slug" params={{ slug }}>
                      {slug}
                    </Link>
                  </th>
                  {[
                    number(requests),
                    number(databaseSeconds),
                    number(rows),
                    number(bytes),
                    number(jobs),
                    percent.format(share),
                  ].map((value, index) => (
                    <td key={titles[index]} data-title={titles[index]}>
                      {value}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
