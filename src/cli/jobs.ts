import process from 'node:process';
import { Command, InvalidArgumentError, Option } from 'commander';
import { JOB_STATES, type JobState } from '../kernel/vocabulary/job.js';
import { cancelJob, findJob, listJobs, retryJob } from '../services/operator/jobs.js';
import type { OperatorConnection } from '../services/operator/operator-connection.js';
import { findTenant, type TenantRow } from '../services/operator/tenants.js';
import { asOperator } from './as-operator.js';

interface ListOptions {
  readonly tenant: string;
  readonly state?: JobState;
  readonly task?: string;
  readonly limit: number;
}

/** `tenantry jobs …` looks at the jobs of a tenant and changes them, as an operator. */
export const jobsCommand = (): Command => {
  const command = new Command('jobs');
  command
    .command('list')
    .description('Print the jobs of a tenant, the newest first, one line of JSON each')
    .addOption(tenantOption())
    .addOption(new Option('--state <state>', 'only jobs in this state').choices(JOB_STATES))
    .addOption(taskOption())
    .addOption(limitOption())
    .action(list);
  command
    .command('dead')
    .description('Print the dead jobs of a tenant, with the reason, one line of JSON each')
    .addOption(tenantOption())
    .addOption(taskOption())
    .addOption(limitOption())
    .action((options: ListOptions) => list({ ...options, state: 'dead' }));
  for (const [name, description, work] of [
    ['show', 'Print a job with its payload as JSON', findJob],
    ['retry', 'Make a queued, dead or cancelled job due now, with all its attempts', retryJob],
    ['cancel', 'Cancel a queued or running job', cancelJob],
  ] as const) {
    command
      .command(name)
      .description(description)
      .argument('<job>', 'its id')
      .addOption(tenantOption())
      .action(async (job: string, { tenant }: { tenant: string }) => {
        print(await inTenant(tenant, (connection, row) => work(connection, row, job)));
      });
  }
  return command;
};

async function list({ tenant, state, task, limit: most }: ListOptions): Promise<void> {
  for (const job of await inTenant(tenant, (connection, row) =>
    listJobs(connection, row, { state, task, most }),
  ))
    print(job);
}

const tenantOption = (): Option => new Option('--tenant <slug>', 'the tenant').makeOptionMandatory();
const taskOption = (): Option => new Option('--task <name>', 'only jobs of this task');
const limitOption = (): Option =>
  new Option('--limit <number>', 'the most jobs').default(100).argParser((value) => {
    const limit = Number(value);
    if (!Number.isInteger(limit) || limit < 1) throw new InvalidArgumentError('It is not a whole number.');
    return limit;
  });

const inTenant = <Result>(
  slug: string,
  work: (connection: OperatorConnection, tenant: TenantRow) => Promise<Result>,
): Promise<Result> => asOperator(async (connection) => work(connection, await findTenant(connection, slug)));

/** One line, as JSON. */
function print(row: object): void {
  process.stdout.write(`${JSON.stringify(row)}\n`);
}
