import type { ReactNode } from 'react';
import { CancelJobDocument, JobsDocument, RetryJobDocument, type JobState } from '../../generated/graphql.js';
import { Code } from '../../kit/breakable.js';
import { Button } from '../../kit/button.js';
import { Choice } from '../../kit/choice.js';
import { Field } from '../../kit/field.js';
import { Time, useNumber, useTexts } from '../../kit/language.js';
import { Badge, Title } from '../../kit/states.js';
import { List } from '../../session/list.js';
import { Refusals, useAction } from '../../session/use-api.js';
import { useFilters } from '../../session/use-filters.js';

const KINDS = {
  QUEUED: 'busy',
  RUNNING: 'busy',
  SUCCEEDED: 'good',
  DEAD: 'bad',
  CANCELLED: 'plain',
} as const;

/** The work in the background. */
export default function JobsPage(): ReactNode {
  const texts = useTexts();
  const number = useNumber();
  const [filters, setFilters] = useFilters();
  const retry = useAction(RetryJobDocument);
  const cancel = useAction(CancelJobDocument);
  const state = filters['state'] as JobState | undefined;
  const task = filters['task'];
  return (
    <>
      <Title />
      <Refusals refusals={[...retry.refusals, ...cancel.refusals]} />
      <search className="filters">
        <Field
          label={texts.jobs.task}
          value={task ?? ''}
          onChange={(value) => setFilters({ task: value })}
          type="search"
        />
        <Choice
          label={texts.kit.status}
          value={state ?? ''}
          options={{ '': texts.kit.all, ...texts.jobs.states }}
          onChange={(value) => setFilters({ state: value })}
        />
      </search>
      <List
        document={JobsDocument}
        variables={{ filter: { ...(state && { state }), ...(task !== undefined && { task }) } }}
        connectionOf={(data) => data.jobs}
        label={texts.jobs.label}
        empty={texts.jobs.empty}
        keyOf={({ id }) => id}
        columns={[
          {
            title: texts.jobs.task,
            isName: true,
            cell: (job) => <Code>{job.task}</Code>,
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
          { title: texts.jobs.runs, cell: ({ runAt }) => <Time value={runAt} /> },
          { title: texts.jobs.finished, cell: ({ finishedAt }) => <Time value={finishedAt} /> },
          { title: texts.jobs.error, cell: ({ lastError }) => lastError ?? '–' },
          {
            title: texts.kit.actions,
            cell: (job) => (
              <div className="row-actions">
                {retry.isOffered && job.state === 'DEAD' && (
                  <Button
                    kind="quiet"
                    aria-label={texts.kit.of(texts.jobs.retry, job.task)}
                    disabled={retry.isBusy}
                    onClick={() => void retry.run({ id: job.id })}
                  >
                    {texts.jobs.retry}
                  </Button>
                )}
                {cancel.isOffered && job.state === 'QUEUED' && (
                  <Button
                    kind="quiet"
                    aria-label={texts.kit.of(texts.jobs.cancel, job.task)}
                    disabled={cancel.isBusy}
                    onClick={() => void cancel.run({ id: job.id })}
                  >
                    {texts.jobs.cancel}
                  </Button>
                )}
              </div>
            ),
          },
        ]}
      />
    </>
  );
}
