/** Reads the jobs of the bound tenant. They have no Prisma model, because only the kernel's functions change them. */
import { Prisma } from '../../generated/prisma/client.js';
import type { Page } from '../../kernel/graphql/connection.js';
import type { TenantClient, TenantTx } from '../../kernel/tenancy/tenant-client.js';
import type { ActorType } from '../../kernel/vocabulary/actor.js';
import type { JobState } from '../../kernel/vocabulary/job.js';

/** A job without its payload, which may have values that its reader may not read elsewhere. */
export interface JobRow {
  readonly id: string;
  readonly task: string;
  readonly state: JobState;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly runAt: Date;
  readonly actor: string;
  readonly actorType: ActorType;
  readonly requestId: string | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly lastError: string | null;
}

export interface JobConditions {
  readonly state?: JobState | null | undefined;
  readonly task?: string | null | undefined;
  readonly requestId?: string | null | undefined;
}

type Db = TenantClient | TenantTx;

const COLUMNS = Prisma.sql`
  id, task, state, attempt, max_attempts AS "maxAttempts", run_at AS "runAt", actor, actor_type AS "actorType",
  request_id AS "requestId", created_at AS "createdAt", started_at AS "startedAt", finished_at AS "finishedAt",
  last_error AS "lastError"`;

/** The jobs with these ids; missing ones are left out. */
export const jobsById = (db: Db, ids: readonly string[]): Promise<JobRow[]> =>
  db.$queryRaw<JobRow>(Prisma.sql`
    SELECT ${COLUMNS} FROM tenantry.jobs WHERE tenant_id = ${db.context.tenantId}::uuid AND id = ANY (${[...ids]}::uuid[])`);

/** One row more than the page, as `Page.connection` needs them. The order of a page is by id. */
export function jobsOfPage(db: Db, page: Page, conditions: JobConditions): Promise<JobRow[]> {
  const { after, before, order, backward, query } = page;
  const ascending = order.direction === 'asc';
  const beyond = [
    ...(after ? [ascending ? Prisma.sql`id > ${after.id}::uuid` : Prisma.sql`id < ${after.id}::uuid`] : []),
    ...(before
      ? [ascending ? Prisma.sql`id < ${before.id}::uuid` : Prisma.sql`id > ${before.id}::uuid`]
      : []),
  ];
  const direction = backward === ascending ? Prisma.sql`DESC` : Prisma.sql`ASC`;
  return db.$queryRaw<JobRow>(Prisma.sql`
    SELECT ${COLUMNS} FROM tenantry.jobs WHERE ${matching(db, conditions, beyond)} ORDER BY id ${direction} LIMIT ${query.take}`);
}

/** The number of jobs that meet the conditions. */
export async function countJobs(db: Db, conditions: JobConditions): Promise<number> {
  const [row] = await db.$queryRaw<{ count: number }>(
    Prisma.sql`SELECT least(count(*), 2147483647)::int AS count FROM tenantry.jobs WHERE ${matching(db, conditions)}`,
  );
  return row!.count;
}

function matching(
  db: Db,
  { state, task, requestId }: JobConditions,
  more: readonly Prisma.Sql[] = [],
): Prisma.Sql {
  return Prisma.join(
    [
      Prisma.sql`tenant_id = ${db.context.tenantId}::uuid`,
      ...(state == null ? [] : [Prisma.sql`state = ${state}`]),
      ...(task == null ? [] : [Prisma.sql`task = ${task}`]),
      ...(requestId == null ? [] : [Prisma.sql`request_id = ${requestId}`]),
      ...more,
    ],
    ' AND ',
  );
}
