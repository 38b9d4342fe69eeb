import type { Resolvers } from '../../generated/graphql.js';
import { Prisma } from '../../generated/prisma/client.js';
import { Page } from '../../kernel/graphql/connection.js';
import { searchable } from '../../kernel/graphql/filter.js';
import { sortBy } from '../../kernel/graphql/sort-key.js';
import type { TenantClient } from '../../kernel/tenancy/tenant-client.js';
import { actorName } from '../../kernel/vocabulary/actor.js';
import { conflict, notFound } from '../../kernel/vocabulary/errors.js';
import { violatedKey } from '../../kernel/vocabulary/sql-state.js';
import { countJobs, jobsById, jobsOfPage, type JobRow } from './job-rows.js';

/** Ids begin with the time at which the job was queued. The column is like the one of every table. */
const BY_ID = sortBy('Tenant', 'id');

export const resolvers: Resolvers = {
  JobState: {
    QUEUED: 'queued',
    RUNNING: 'running',
    SUCCEEDED: 'succeeded',
    DEAD: 'dead',
    CANCELLED: 'cancelled',
  },
  Job: {
    actor: ({ actorType: type, actor: id }) => actorName({ type, id }),
  },
  Query: {
    jobs: async (_parent, { filter, orderBy, ...args }, { db }) => {
      const page = new Page(args, { key: BY_ID, direction: orderBy?.direction ?? 'desc' });
      const conditions = searchable(filter) ?? {};
      return page.connection(await jobsOfPage(db, page, conditions), () => countJobs(db, conditions));
    },
  },
  Mutation: {
    retryJob: async (_parent, { input }, { db }) => ({
      job: await changed(db, input.id, {
        call: (id) => Prisma.sql`SELECT tenantry.retry_job(${id}::uuid) AS state`,
        refusal: 'The job is running, or has succeeded.',
      }),
    }),
    cancelJob: async (_parent, { input }, { db }) => ({
      job: await changed(db, input.id, {
        call: (id) => Prisma.sql`SELECT tenantry.cancel_job(${id}::uuid) AS state`,
        refusal: 'The job has ended.',
      }),
    }),
  },
};

interface Change {
  /** Answers the former state; null when the job cannot be changed. */
  readonly call: (id: string) => Prisma.Sql;
  readonly refusal: string;
}

/** @throws NOT_FOUND; CONFLICT */
async function changed(db: TenantClient, given: string, { call, refusal }: Change): Promise<JobRow> {
  const { id } = db.key(given).tenantId_id;
  try {
    return await db.transaction(async (tx) => {
      const [row] = await tx.$queryRaw<{ state: string | null }>(call(id));
      const [job] = await jobsById(tx, [id]);
      if (!job) throw notFound();
      if (row?.state == null) throw conflict(refusal);
      return job;
    });
  } catch (error) {
    if (violatedKey(error)?.index !== 'jobs_queued_key') throw error;
    throw conflict('A newer job has taken its place.');
  }
}
