/**
 * A worker as a process, for tests that kill it. `test.work` leaves an audit entry and completes the job in the same
 * transaction; `test.other` leaves an entry, and its job is completed afterwards.
 */
import process from 'node:process';
import { Prisma } from '../../src/generated/prisma/client.js';
import type { RunningJob } from '../../src/kernel/graphql/job-handler.js';
import type { ModuleContext } from '../../src/kernel/graphql/request-context.js';
import { openDatabase } from '../../src/kernel/tenancy/database.js';
import type { TenantTx } from '../../src/kernel/tenancy/tenant-client.js';
import { jobHandlers } from '../../src/services/jobs/handlers.js';
import { Worker } from '../../src/services/jobs/worker.js';
import { readPlans } from '../../src/services/limits/plans.js';
import { PATIENT } from './patience.js';
import { pino } from 'pino';
import { z } from 'zod';

const { DATABASE_URL: url = '', CONTEXT_SIGNING_KEY: contextKey, LEASE_MS: leaseMs } = process.env;
const database = openDatabase({ url, poolSize: 8, perTenant: 8, limits: PATIENT, contextKey });
const payload = z.object({ text: z.string() });

const leaveEntry = (tx: TenantTx, { id }: RunningJob) =>
  tx.$executeRaw(Prisma.sql`SELECT tenantry.record_audit('test.effect', 'Job', ${id})`);

const worker = new Worker(
  {
    database,
    handlers: jobHandlers([
      {
        name: 'test',
        jobs: {
          'test.work': {
            payload,
            retryAfterMs: () => 0,
            run: (_payload, job) =>
              job.db.transaction(async (tx) => {
                await leaveEntry(tx, job);
                await job.completeWith(tx);
              }),
          },
          'test.other': {
            payload,
            retryAfterMs: () => 0,
            run: (_payload, job) =>
              job.db.transaction(async (tx) => {
                await leaveEntry(tx, job);
              }),
          },
        },
      },
    ]),
    plans: readPlans(),
    context: {} as ModuleContext,
  },
  { slots: 4, pollMs: 50, leaseMs: Number(leaseMs) },
);
worker.start(pino({ level: 'warn' }));
process.stdout.write('the worker is running\n');
process.once('SIGTERM', () => {
  void worker.stop(10_000).then(() => database.close());
});
