/** What operators see of the exports that a tenant's owners asked for. They cannot download them. */
import type { OperatorQuery } from './operator-connection.js';

export type ExportStatus = 'pending' | 'ready' | 'failed';

export interface ExportRow {
  readonly id: string;
  readonly status: ExportStatus;
  readonly requestedBy: string;
  readonly anonymised: boolean;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly size: number | null;
  readonly rows: number | null;
  readonly failure: string | null;
}

/** The most exports that are shown. */
const MOST_SHOWN = 100;

/** The newest exports of a tenant. */
export const listExports = (
  { query }: { readonly query: OperatorQuery },
  tenantId: string,
): Promise<ExportRow[]> =>
  query<ExportRow & Record<string, unknown>>(
    `SELECT id, status, requested_by AS "requestedBy", anonymised, created_at AS "createdAt", finished_at AS "finishedAt",
       expires_at AS "expiresAt", size::float8 AS size, rows::float8 AS rows, failure
     FROM public.tenant_exports WHERE tenant_id = $1
     ORDER BY created_at DESC, id DESC LIMIT ${String(MOST_SHOWN)}`,
    [tenantId],
  );
