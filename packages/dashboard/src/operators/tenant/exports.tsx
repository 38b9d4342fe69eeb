import type { ReactNode } from 'react';
import { Time, useNumber, useTexts } from '../../kit/language.js';
import { Badge } from '../../kit/states.js';
import type { TenantQuery } from '../generated/graphql.js';
import { useConsoleTexts } from '../texts.js';
import { Table } from './table.js';

const KINDS = { PENDING: 'busy', READY: 'good', FAILED: 'bad' } as const;

/** What the owners of a tenant took with them. Operators cannot download it. */
export function Exports({
  exports,
}: {
  readonly exports: NonNullable<TenantQuery['tenant']>['exports'];
}): ReactNode {
  const texts = useTexts();
  const { tenant } = useConsoleTexts();
  const number = useNumber();
  return (
    <section aria-labelledby="exports">
      <h2 id="exports">{tenant.exports}</h2>
      <Table
        label={tenant.exports}
        rows={exports}
        empty={tenant.noExports}
        columns={[
          { title: texts.kit.created, cell: ({ createdAt }) => <Time value={createdAt} /> },
          { title: tenant.requestedBy, cell: ({ requestedBy }) => requestedBy },
          {
            title: texts.kit.status,
            cell: ({ status, failure }) => (
              <Badge kind={KINDS[status]}>{failure ?? texts.exports.statuses[status]}</Badge>
            ),
          },
          { title: texts.exports.rows, cell: ({ rows }) => (rows == null ? '–' : number(rows)) },
          { title: texts.exports.size, cell: ({ size }) => (size == null ? '–' : number(size)) },
          { title: texts.exports.expires, cell: ({ expiresAt }) => <Time value={expiresAt} /> },
        ]}
      />
    </section>
  );
}
