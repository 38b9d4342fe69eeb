import { useState, type ReactNode } from 'react';
import { Code } from '../../kit/breakable.js';
import { Choice } from '../../kit/choice.js';
import { Time, useNumber, useTexts } from '../../kit/language.js';
import { Badge, Loading } from '../../kit/states.js';
import { Refusals, useRead } from '../../session/use-api.js';
import { TenantJobsDocument, type JobState, type TenantQuery } from '../generated/graphql.js';
import { useConsoleTexts } from '../texts.js';
import { Table } from './table.js';

type Jobs = NonNullable<TenantQuery['tenant']>['jobs'];

const KINDS = {
  QUEUED: 'busy',
  RUNNING: 'busy',
  SUCCEEDED: 'good',
  DEAD: 'bad',
  CANCELLED: 'plain',
} as const;

/** The jobs of a tenant: the newest, or the newest in one state. */
export function Jobs({
  newest,
  slug,
  reason,
}: {
  readonly newest: Jobs;
  readonly slug: string;
  readonly reason: string;
}): ReactNode {
  const texts = useTexts();
  const { tenant } = useConsoleTexts();
  const number = useNumber();
  const [state, setState] = useState<JobState | ''>('');
  const found = useRead(
    TenantJobsDocument,
    { slug, reason, state: state === '' ? 'DEAD' : state },
    { isPaused: state === '', policy: 'cache-first' },
  );
  const jobs = state === '' ? newest : (found.data?.tenant?.jobs ?? []);
  return (
    <section aria-labelledby="jobs">
      <h2 id="jobs">{tenant.jobs}</h2>
      <search className="filters">
        <Choice
          label={texts.kit.status}
          value={state}
          options={{ '': texts.kit.all, ...texts.jobs.states }}
          onChange={setState}
        />
      </search>
      <Refusals refusals={found.refusals} again={found.again} />
      {found.isLoading ? (
        <Loading />
      ) : (
        <Table
          label={tenant.jobs}
          rows={jobs}
          empty={tenant.noJobs}
          columns={[
            {
              title: texts.jobs.task,
              cell: ({ task }) => <Code>{task}</Code>,
            },
            {
              title: texts.kit.status,
              cell: (job) => <Badge kind={KINDS[job.state]}>{texts.jobs.states[job.state]}</Badge>,
            },
            {
              title: texts.jobs.attempt,
              cell: ({ attempt, maxAttempts }) => texts.jobs.of(number(attempt), number(maxAttempts)),
            },
            { title: texts.kit.created, cell: ({ createdAt }) => <Time value={createdAt} /> },
            { title: texts.jobs.finished, cell: ({ finishedAt }) => <Time value={finishedAt} /> },
            { title: texts.jobs.error, cell: ({ lastError }) => lastError ?? '–' },
          ]}
        />
      )}
    </section>
  );
}
