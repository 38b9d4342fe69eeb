import { Command, InvalidArgumentError, Option } from 'commander';
import { JOB_STATES, type JobState } from '../kernel/vocabulary/job.js';
import { cancelJob, findJob, listJobs, retryJob } from '../services/operator/jobs.js';
import type { OperatorConnection } from '../services/operator/operator-connection.js';
import { findTenant, type TenantRow } from '../services/operator/tenants.js';
import { asOperatorOf } from './as-operator.js';
import { printRows } from './output.js';
import { reasonOf, reasonOption, type Reasoned } from './reason.js';

interface JobOptions extends Reasoned {
  readonly tenant: string;
  readonly json?: boolean;
}

interface ListOptions extends JobOptions {
  readonly state?: JobState;
  readonly task?: string;
  readonly limit: number;
}

/**
 * `tenantry jobs …` looks at the jobs of a tenant and changes them, as an operator. Each look and each change is in the
 * tenant's audit log with its reason.
 */
export const jobsCommand = (): Command => {
  const command = new Command('jobs');
  ofTenant(command, 'list', 'Print the jobs of a tenant, the newest first, one line of JSON each')
    .addOption(new Option('--state <state>', 'only jobs in this state').choices(JOB_STATES))
    .addOption(taskOption())
    .addOption(limitOption())
    .action((options: ListOptions) => list(options, 'jobs list'));
  ofTenant(command, 'dead', 'Print the dead jobs of a tenant, with the reason, one line of JSON each')
    .addOption(taskOption())
    .addOption(limitOption())
    .action((options: ListOptions) => list({ ...options, state: 'dead' }, 'jobs dead'));
  ofTenant(command, 'show', 'Print a job with its payload as JSON')
    .argument('<job>', 'its id')
    .action(async (job: string, options: JobOptions) => {
      const reason = reasonOf(options, 'jobs show');
      const found = await inTenant(options.tenant, (connection, tenant) =>
        connection.acting(tenant.id, { action: 'job_read', reason }, (query) =>
          findJob({ query }, tenant, job),
        ),
      );
      printRows([found], options);
    });
  for (const [name, description, work] of [
    ['retry', 'Make a queued, dead or cancelled job due now, with all its attempts', retryJob],
    ['cancel', 'Cancel a queued or running job', cancelJob],
  ] as const) {
    ofTenant(command, name, description)
      .argument('<job>', 'its id')
      .action(async (job: string, options: JobOptions) => {
        const reason = reasonOf(options, `jobs ${name}`);
        printRows(
          [await inTenant(options.tenant, (connection, row) => work(connection, row, job, reason))],
          options,
        );
      });
  }
  return command;
};

/** A command for the jobs of one tenant, with the options of all of them. */
const ofTenant = (command: Command, name: string, description: string): Command =>
  command
    .command(name)
    .description(description)
    .addOption(tenantOption())
    .addOption(reasonOption())
    .option('--json', 'print JSON also on a terminal');

async function list(options: ListOptions, command: string): Promise<void> {
  const { state, task, limit: most } = options;
  const reason = reasonOf(options, command);
  const jobs = await inTenant(options.tenant, (connection, tenant) =>
    connection.acting(tenant.id, { action: 'jobs_read', reason }, (query) =>
      listJobs({ query }, tenant, { state, task, most }),
    ),
  );
  printRows(jobs, options, `The tenant ${options.tenant} has no such jobs.`);
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
): Promise<Result> =>
  asOperatorOf(slug, async (connection) => work(connection, await findTenant(connection, slug)));
