import type { ReactNode } from 'react';
import {
  AuditLogDocument,
  ExportAuditLogDocument,
  type ActorType,
  type AuditEntryFilter,
  type AuditExportFormat,
  type OrderDirection,
} from '../../generated/graphql.js';
import { Code } from '../../kit/breakable.js';
import { Button } from '../../kit/button.js';
import { Choice } from '../../kit/choice.js';
import { Field } from '../../kit/field.js';
import { Time, useTexts } from '../../kit/language.js';
import { Title } from '../../kit/states.js';
import { List } from '../../session/list.js';
import { Person } from '../../session/person.js';
import { Refusals, useAction } from '../../session/use-api.js';
import { useFilters } from '../../session/use-filters.js';
import { Diff } from './diff.js';
import { Impersonations } from './impersonations.js';
import { Verification } from './verification.js';

/** Every change, who made it, and whether the log can be trusted. */
export default function AuditLogPage(): ReactNode {
  const texts = useTexts();
  const [filters, setFilters] = useFilters();
  const exporting = useAction(ExportAuditLogDocument);
  const save = async (format: AuditExportFormat): Promise<void> => {
    const done = await exporting.run({ format });
    // The link is for the member who has asked for it, and valid for a short time.
    if (done?.exportAuditLog) window.location.assign(done.exportAuditLog.url);
  };
  return (
    <>
      <Title
        actions={
          exporting.isOffered && (
            <>
              <Button disabled={exporting.isBusy} onClick={() => void save('NDJSON')}>
                {texts.auditLog.exportNdjson}
              </Button>
              <Button disabled={exporting.isBusy} onClick={() => void save('CSV')}>
                {texts.auditLog.exportCsv}
              </Button>
            </>
          )
        }
      />
      <Refusals refusals={exporting.refusals} />
      <Verification />
      <search className="filters">
        <Field
          label={texts.auditLog.action}
          value={filters['action'] ?? ''}
          onChange={(action) => setFilters({ action })}
          placeholder="membership.created"
          type="search"
        />
        <Field
          label={texts.auditLog.entity}
          value={filters['entity'] ?? ''}
          onChange={(entity) => setFilters({ entity })}
          placeholder="Membership"
          type="search"
        />
        <Field
          label={texts.auditLog.actor}
          value={filters['actor'] ?? ''}
          onChange={(actor) => setFilters({ actor })}
          type="search"
        />
        <Choice
          label={texts.auditLog.actorType}
          value={filters['actorType'] ?? ''}
          options={{ '': texts.kit.all, ...texts.auditLog.actorTypes }}
          onChange={(actorType) => setFilters({ actorType })}
        />
        <Field
          label={texts.auditLog.from}
          value={filters['from'] ?? ''}
          onChange={(from) => setFilters({ from })}
          type="date"
        />
        <Field
          label={texts.auditLog.until}
          value={filters['until'] ?? ''}
          onChange={(until) => setFilters({ until })}
          type="date"
        />
        <Choice
          label={texts.auditLog.order}
          value={filters['order'] ?? 'DESC'}
          options={texts.auditLog.orders}
          onChange={(order) => setFilters({ order })}
        />
      </search>
      <List
        document={AuditLogDocument}
        variables={{
          filter: filterOf(filters),
          orderBy: { direction: (filters['order'] ?? 'DESC') as OrderDirection },
        }}
        connectionOf={(data) => data.auditLog}
        label={texts.auditLog.label}
        empty={texts.auditLog.empty}
        keyOf={({ id }) => id}
        columns={[
          { title: texts.auditLog.time, cell: ({ createdAt }) => <Time value={createdAt} /> },
          {
            title: texts.auditLog.action,
            isName: true,
            cell: ({ action }) => <Code>{action}</Code>,
          },
          {
            title: texts.auditLog.actor,
            cell: ({ actor, actorMember, actorType }) => (
              <>
                <Person id={actor} member={actorMember} />{' '}
                {actorType !== 'USER' && <small>({texts.auditLog.actorTypes[actorType]})</small>}
              </>
            ),
          },
          { title: texts.auditLog.entity, cell: ({ entity }) => entity },
          { title: texts.auditLog.change, cell: (entry) => <Diff entry={entry} /> },
        ]}
      />
      <Impersonations />
    </>
  );
}

function filterOf(filters: Readonly<Record<string, string | undefined>>): AuditEntryFilter {
  const { action, entity, actor, actorType, from, until } = filters;
  const range = {
    ...startOf(from, 'from', 0),
    // The last day is included.
    ...startOf(until, 'to', 1),
  };
  return {
    ...(action !== undefined && { action }),
    ...(entity !== undefined && { entity }),
    ...(actor !== undefined && { actor }),
    ...(actorType !== undefined && { actorType: actorType as ActorType }),
    ...(Object.keys(range).length > 0 && { createdAt: range }),
  };
}

/** When a day begins in the viewer's zone. */
function startOf(
  day: string | undefined,
  name: 'from' | 'to',
  later: number,
): Partial<Record<'from' | 'to', string>> {
  const [year, month, date] = (day ?? '').split('-').map(Number);
  if (year === undefined || month === undefined || date === undefined) return {};
  const start = new Date(year, month - 1, date + later);
  return Number.isNaN(start.getTime()) ? {} : { [name]: start.toISOString() };
}
