/** Queues the jobs that recur in each tenant, at the times of the tenant's clock. */
import { Cron } from 'croner';
import type { Lookup } from '../../kernel/pool/lookup-limit.js';
import type { Database } from '../../kernel/tenancy/database.js';
import type { AnyJobHandler, Handlers } from './handlers.js';

const PLANNED_AT_ONCE = 500;
const DEFAULT_ZONE = 'UTC';
const VISIT: Lookup = { purpose: 'jobs' };

interface Unplanned {
  readonly tenantId: string;
  readonly task: string;
  readonly zone: string;
  /** Null when there is no schedule yet. */
  readonly previous: Date | null;
  /** Its time has come. Otherwise the expression or the time zone has changed. */
  readonly due: boolean;
}

type Recurrence = NonNullable<AnyJobHandler['cron']>;

export class Schedules {
  readonly #database: Pick<Database, 'query' | 'sign'>;
  readonly #recurring: ReadonlyMap<string, Recurrence>;
  /** By task: the cron expressions. */
  readonly #tasks: string;

  /** @throws Error when a handler has a cron expression that is none */
  constructor(database: Pick<Database, 'query' | 'sign'>, handlers: Handlers) {
    this.#database = database;
    this.#recurring = new Map(
      [...handlers].flatMap(([task, { cron }]) => (cron ? [[task, cron] as const] : [])),
    );
    for (const [task, { schedule }] of this.#recurring) {
      if (!hasNextTime(schedule))
        throw new Error(
          `the schedule of the job ${task} is no cron expression with a next time: ${schedule}`,
        );
    }
    this.#tasks = JSON.stringify(
      Object.fromEntries([...this.#recurring].map(([task, { schedule }]) => [task, schedule])),
    );
  }

  /**
   * Queues what is due in all tenants, and plans the next times. Every worker may call it at the same time: each time of
   * a schedule queues one job.
   *
   * @param now from which the next times are computed
   */
  async plan(now = new Date()): Promise<void> {
    if (this.#recurring.size === 0) return;
    let unplanned: readonly Unplanned[];
    do {
      unplanned = await this.#unplanned();
      if (unplanned.length === 0) return;
      const plans = JSON.stringify(unplanned.map((each) => this.#planOf(each, now)));
      const { expires, signature } = this.#database.sign('plan_schedules', plans);
      await this.#database.query(
        'SELECT tenantry.plan_schedules($1, $2, $3)',
        [plans, expires, signature],
        VISIT,
      );
    } while (unplanned.length === PLANNED_AT_ONCE);
  }

  #unplanned(): Promise<Unplanned[]> {
    const told = [this.#tasks, String(PLANNED_AT_ONCE)];
    const { expires, signature } = this.#database.sign('unplanned_schedules', ...told);
    return this.#database.query<Unplanned & Record<string, unknown>>(
      `SELECT tenant_id AS "tenantId", task, time_zone AS zone, next_at AS previous, due
       FROM tenantry.unplanned_schedules($1, $2, $3, $4)`,
      [...told, expires, signature],
      VISIT,
    );
  }

  #planOf({ tenantId, task, zone, previous, due }: Unplanned, now: Date) {
    const { schedule, payload } = this.#recurring.get(task)!;
    // A zone that does not exist is the tenant's mistake, and must not keep its jobs from running.
    const next = nextTime(schedule, isZone(zone) ? zone : DEFAULT_ZONE, now);
    if (!next) throw new Error(`the schedule of the job ${task} has no next time`);
    return { tenant: tenantId, task, cron: schedule, zone, previous, next, due, payload };
  }
}

/** The first time after `from`; undefined when the text is no cron expression, or there is none. */
export function nextTime(schedule: string, timezone: string, from: Date): Date | undefined {
  try {
    return new Cron(schedule, { timezone }).nextRun(from) ?? undefined;
  } catch {
    return undefined;
  }
}

/** By the clock of UTC, for which the library needs no data of time zones, which take long to load. */
function hasNextTime(schedule: string): boolean {
  try {
    return new Cron(schedule, { utcOffset: 0 }).nextRun() !== null;
  } catch {
    return false;
  }
}

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
