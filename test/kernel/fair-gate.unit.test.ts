/**
 * Proves that the gate in front of the pool shares connections by the weights of plans, holds every tenant to the limit of
 * its plan, lets background work wait, and ends waits: in time, with the request, with the caller's access, and with the
 * server. A clock of the test decides what transactions cost.
 */
import { describe, expect, test } from 'vitest';
import type { Release } from '../../src/kernel/fair-share/fair-share.js';
import type { Applicant } from '../../src/kernel/pool/admission.js';
import { FairGate } from '../../src/kernel/pool/fair-gate.js';
import { Deadline } from '../../src/kernel/request/deadline.js';
import { forbidden, unavailable, PublicError } from '../../src/kernel/vocabulary/errors.js';
import type { Plan } from '../../src/kernel/vocabulary/plan.js';
import { rejectionOf } from '../support/demo-tenants.js';

const PATIENT = 60_000;
const MANY = 1_000_000;

const plan = (weight: number, concurrentTransactions = MANY): Plan => ({
  name: `weight ${String(weight)}`,
  weight,
  requests: { tenant: MANY, actor: MANY, windowSeconds: 60 },
  cost: { size: MANY, restoreRate: MANY },
  concurrentTransactions,
  statementTimeoutMs: MANY,
  transactionTimeoutMs: MANY,
  mostRowsPerPage: 100,
  mostCostPerRequest: MANY,
  quotas: {},
});

let users = 0;
/** Everybody is another user, so that no caller reaches a limit of their own. */
const applicant = (tenantId: string, more: Partial<Applicant> = {}): Applicant => ({
  tenantId,
  actor: { type: 'user', id: `user ${String(users++)}` },
  ...more,
});

/** A gate whose transactions cost what the test says. */
class Course {
  time = 0;
  readonly order: string[] = [];
  readonly inside: { readonly tenant: string; readonly release: Release }[] = [];
  readonly gate: FairGate;

  constructor(options: {
    readonly poolSize: number;
    readonly perTenant?: number;
    readonly maxWait?: number;
  }) {
    this.gate = new FairGate({ maxWait: PATIENT, now: () => this.time, ...options });
  }

  admit(applicant: Applicant): Promise<void> {
    return Promise.resolve(this.gate.admit(applicant)).then((release) => {
      this.order.push(applicant.tenantId);
      this.inside.push({ tenant: applicant.tenantId, release });
    });
  }

  /** Ends the transactions one after the other, until nothing is under way. */
  async finish(cost: (tenant: string) => number): Promise<void> {
    while (this.inside.length > 0) {
      const { tenant, release } = this.inside.shift()!;
      this.time += cost(tenant);
      release();
      await settled();
    }
  }
}

const settled = () => new Promise(setImmediate);
const counted = (order: readonly string[], tenant: string) => order.filter((each) => each === tenant).length;

describe('connections', () => {
  test('go to waiting tenants in proportion to the weights of their plans', async () => {
    const course = new Course({ poolSize: 2, perTenant: 2 });
    const all = Array.from({ length: 100 }, () => [
      course.admit(applicant('small', { plan: plan(1) })),
      course.admit(applicant('large', { plan: plan(4) })),
    ]).flat();
    await settled();
    await course.finish(() => 5);
    await Promise.all(all);
    const contested = course.order.slice(0, 100);
    expect(counted(contested, 'large')).toBeGreaterThanOrEqual(75);
    expect(counted(contested, 'large')).toBeLessThanOrEqual(85);
    expect(course.gate.waiting).toEqual({ tenant: 0, caller: 0 });
  });

  test('are charged by the time that they are held', async () => {
    const course = new Course({ poolSize: 1, perTenant: 1 });
    const all = Array.from({ length: 200 }, () => [
      course.admit(applicant('slow')),
      course.admit(applicant('quick')),
    ]).flat();
    await settled();
    await course.finish((tenant) => (tenant === 'slow' ? 9_000 : 1_000));
    await Promise.all(all);
    // A tenth of the transactions, half of the time.
    expect(counted(course.order.slice(0, 100), 'slow')).toBeGreaterThanOrEqual(8);
    expect(counted(course.order.slice(0, 100), 'slow')).toBeLessThanOrEqual(12);
  });

  test('go to tenants in turn while none has had much more than the others', async () => {
    const course = new Course({ poolSize: 1, perTenant: 1 });
    const all = Array.from({ length: 200 }, () => [
      course.admit(applicant('a')),
      course.admit(applicant('b')),
    ]).flat();
    await settled();
    // Together not much for `a`: less than the tolerance.
    await course.finish((tenant) => (tenant === 'a' ? 5 : 1));
    await Promise.all(all);
    expect(counted(course.order.slice(0, 100), 'a')).toBeGreaterThanOrEqual(45);
  });

  test('are limited by the plan, and by the server whatever the plan says', async () => {
    for (const [concurrent, perTenant, expected] of [
      [2, 4, 2],
      [9, 4, 4],
      [9, 99, 6],
    ] as const) {
      const course = new Course({ poolSize: 6, perTenant });
      const all = Array.from({ length: 10 }, () =>
        course.admit(applicant('a', { plan: plan(1, concurrent) })),
      );
      await settled();
      expect(course.inside).toHaveLength(expected);
      await course.finish(() => 1);
      await Promise.all(all);
    }
  });

  test('go to interactive work before the work of jobs, which still gets some', async () => {
    const course = new Course({ poolSize: 1 });
    const job = { type: 'job', id: 'export' } as const;
    const all = [
      course.admit(applicant('first')),
      ...Array.from({ length: 10 }, () => course.admit({ tenantId: 'jobs', actor: job })),
      ...Array.from({ length: 30 }, () => course.admit(applicant('people'))),
    ];
    await settled();
    await course.finish(() => 1);
    await Promise.all(all);
    expect(course.order.indexOf('people')).toBeLessThan(course.order.indexOf('jobs'));
    expect(counted(course.order.slice(1, 31), 'jobs')).toBe(3);
  });

  test('are never all held by jobs', async () => {
    const course = new Course({ poolSize: 4, perTenant: 4 });
    const job = { type: 'job', id: 'export' } as const;
    const all = ['a', 'b', 'c', 'd'].map((tenantId) => course.admit({ tenantId, actor: job }));
    await settled();
    expect(course.inside).toHaveLength(2);
    await course.admit(applicant('people'));
    await course.finish(() => 1);
    await Promise.all(all);
  });
});

describe('a wait ends', () => {
  /** A gate with one connection, which is taken. */
  async function full(maxWait = PATIENT): Promise<Course> {
    const course = new Course({ poolSize: 1, maxWait });
    await course.admit(applicant('holder'));
    return course;
  }
  const intact = async (course: Course) => {
    await course.finish(() => 1);
    await course.admit(applicant('next'));
    expect(course.gate.waiting).toEqual({ tenant: 0, caller: 0 });
  };

  test('in time, with RATE_LIMITED and the time to wait', async () => {
    const course = await full(1_500);
    const waits = [applicant('a'), applicant('b')].map((each) => rejectionOf(course.admit(each)));
    for (const error of await Promise.all(waits)) {
      expect(error).toMatchObject({ extensions: { code: 'RATE_LIMITED', retryAfter: 2 } });
    }
    expect(course.gate.refused).toEqual({ tenant: 2, caller: 0 });
    await intact(course);
  });

  test('with the deadline of the request, at once', async () => {
    const course = await full();
    const deadline = Deadline.after(PATIENT);
    const caller = { type: 'user', id: 'busy' } as const;
    await course.finish(() => 1);
    await course.admit({ tenantId: 'a', actor: caller });
    // The first waits for the caller's connection, the second for any.
    const waits = [caller, applicant('b').actor].map((actor, n) =>
      rejectionOf(course.admit({ tenantId: n === 0 ? 'a' : 'b', actor, deadline })),
    );
    await settled();
    expect(course.gate.waiting).toEqual({ tenant: 1, caller: 1 });
    deadline.cancel();
    for (const error of await Promise.all(waits)) {
      expect(error).toMatchObject({ extensions: { code: 'DEADLINE_EXCEEDED' } });
    }
    expect(await rejectionOf(course.admit(applicant('c', { deadline })))).toMatchObject({
      extensions: { code: 'DEADLINE_EXCEEDED' },
    });
    await intact(course);
  });

  test('with the access of the caller, and of nobody else', async () => {
    const course = await full();
    const lost = forbidden('members:read');
    const asked: string[] = [];
    const waiting = (tenantId: string, memberId: string, error?: PublicError) =>
      rejectionOf(
        course.admit(
          applicant(tenantId, {
            access: {
              memberId,
              confirm: async () => {
                asked.push(`${tenantId} ${memberId}`);
                if (error) throw error;
              },
            },
          }),
        ),
      );
    const removed = waiting('acme', 'removed', lost);
    const still = waiting('acme', 'promoted');
    const unknown = waiting('acme', 'unknown', unavailable());
    const elsewhere = waiting('globex', 'removed', lost);
    await settled();
    course.gate.accessChanged({ tenantId: 'acme', userId: 'removed' });
    expect(await removed).toBe(lost);
    expect(asked).toEqual(['acme removed']);
    course.gate.accessChanged({ tenantId: 'acme' });
    await settled();
    expect(asked.sort()).toEqual(['acme promoted', 'acme removed', 'acme unknown']);
    expect(course.gate.waiting.tenant).toBe(3);
    // Anything may have changed.
    course.gate.accessChanged(undefined);
    expect(await elsewhere).toBe(lost);
    expect(course.gate.waiting.tenant).toBe(2);
    course.gate.endWaits(unavailable());
    await Promise.all([still, unknown]);
  });

  test('with the server, also for whoever comes later and would have to wait', async () => {
    const course = await full();
    const stopping = new PublicError('UNAVAILABLE', 'The server is stopping.');
    const waits = ['a', 'b'].map((tenantId) => rejectionOf(course.admit(applicant(tenantId))));
    await settled();
    course.gate.endWaits(stopping);
    expect(await Promise.all(waits)).toEqual([stopping, stopping]);
    expect(await rejectionOf(course.admit(applicant('c')))).toBe(stopping);
    await intact(course);
  });
});

describe('a queue that stays too long', () => {
  test('is noticed for its tenant only, and newcomers are welcome when it is short again', async () => {
    const course = new Course({ poolSize: 2 });
    const flood = Array.from({ length: 40 }, () => course.admit(applicant('flood')));
    await settled();
    const isOverloaded = (tenant: string) => course.gate.isOverloaded(tenant, { type: 'user', id: 'new' });
    // A burst is no reason.
    expect(isOverloaded('flood')).toBe(false);
    const seen: boolean[] = [];
    while (course.gate.waiting.tenant > 0) {
      course.time += 40;
      course.inside.shift()!.release();
      await settled();
      seen.push(isOverloaded('flood'));
      expect(isOverloaded('calm')).toBe(false);
    }
    // After the interval and until the queue is empty.
    expect(seen.indexOf(true)).toBeGreaterThan(10);
    expect(seen.slice(seen.indexOf(true), -1)).not.toContain(false);
    expect(seen.at(-1)).toBe(false);
    await course.finish(() => 1);
    await Promise.all(flood);
  });

  test('of many tenants together is noticed for those who wait, and while connections are free nobody is refused', async () => {
    const course = new Course({ poolSize: 2 });
    const tenants = Array.from({ length: 60 }, (_, n) => `tenant ${String(n)}`);
    const flood = tenants.map((tenant) => course.admit(applicant(tenant)));
    await settled();
    const isOverloaded = (tenant: string) => course.gate.isOverloaded(tenant, { type: 'user', id: 'new' });
    expect(tenants.some(isOverloaded)).toBe(false);
    for (let n = 0; n < 30; n++) {
      course.time += 40;
      course.inside.shift()!.release();
      await settled();
    }
    expect(isOverloaded(tenants.at(-1)!)).toBe(true);
    // It waits for nothing yet, so it gets a connection before those who have had one.
    expect(isOverloaded('calm')).toBe(false);
    await course.finish(() => 1);
    await Promise.all(flood);
    expect(tenants.some(isOverloaded)).toBe(false);
  });

  test('of one tenant at its limit is no queue of all, so that another tenant may wait shortly', async () => {
    const course = new Course({ poolSize: 2, perTenant: 1 });
    const flood = Array.from({ length: 40 }, () => course.admit(applicant('flood')));
    await settled();
    for (let n = 0; n < 20; n++) {
      course.time += 60;
      course.inside.shift()!.release();
      await settled();
      await course.admit(applicant('calm'));
      course.inside.pop()!.release();
    }
    expect(course.gate.isOverloaded('flood', { type: 'user', id: 'new' })).toBe(true);
    const [holder, waiter] = [course.admit(applicant('calm')), course.admit(applicant('calm'))];
    course.time += 60;
    expect(course.gate.isOverloaded('calm', { type: 'user', id: 'new' })).toBe(false);
    await course.finish(() => 1);
    await Promise.all([...flood, holder, waiter]);
  });

  test('of one caller is no reason to refuse their colleagues', async () => {
    const course = new Course({ poolSize: 4 });
    const caller = { type: 'api_key', id: 'busy' } as const;
    const flood = Array.from({ length: 60 }, () => course.admit({ tenantId: 'acme', actor: caller }));
    await settled();
    for (let n = 0; n < 30; n++) {
      course.time += 40;
      course.inside.shift()!.release();
      await settled();
    }
    expect(course.gate.isOverloaded('acme', caller)).toBe(true);
    expect(course.gate.isOverloaded('acme', { type: 'user', id: 'colleague' })).toBe(false);
    await course.finish(() => 1);
    await Promise.all(flood);
  });
});
