/**
 * Proves what fair-schedule.ts promises, for any pattern of arrivals and on a simulated clock: tenants that wait get their
 * weighted shares, to within one piece of work for each slot; no slot is free while work waits that may take it; limits
 * hold; nothing starves; nothing stays in memory.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FairSchedule } from '../../src/kernel/fair-share/fair-schedule.js';
import type { Claim } from '../../src/kernel/fair-share/lanes.js';
import { simulate, type Moment, type Piece, type SimulatedTenant } from '../support/simulated-slots.js';

const NAMES = ['a', 'b', 'c', 'd'] as const;
const MOST_COST = 20;

const pieces = fc.array(
  fc.record({
    tenant: fc.constantFrom(...NAMES),
    at: fc.integer({ min: 0, max: 400 }),
    cost: fc.integer({ min: 1, max: MOST_COST }),
    priority: fc.constantFrom('interactive' as const, 'interactive' as const, 'background' as const),
  }),
  { minLength: 1, maxLength: 150 },
);
const tenantsOf = (most: fc.Arbitrary<number>) =>
  fc.record(
    Object.fromEntries(
      NAMES.map((name) => [name, fc.record({ weight: fc.constantFrom(1, 2, 4, 0.5), most })]),
    ),
  );

/** The longest stretches of moments in which both tenants wait for slots. */
function stretches(moments: readonly Moment[], one: string, other: string): Moment[][] {
  const found: Moment[][] = [[]];
  for (const moment of moments) {
    if (moment.waiting.get(one)! > 0 && moment.waiting.get(other)! > 0) found.at(-1)!.push(moment);
    else if (found.at(-1)!.length > 0) found.push([]);
  }
  return found;
}

/** How far the service of two tenants drifts apart in any interval in which both wait, per weight. */
function drift(
  moments: readonly Moment[],
  tenants: Readonly<Record<string, SimulatedTenant>>,
  [one, other]: readonly [string, string],
): number {
  return Math.max(
    0,
    ...stretches(moments, one, other).map((stretch) => {
      const apart = stretch.map(
        ({ served }) => served.get(one)! / tenants[one]!.weight - served.get(other)! / tenants[other]!.weight,
      );
      return apart.length === 0 ? 0 : Math.max(...apart) - Math.min(...apart);
    }),
  );
}

const PAIRS = NAMES.flatMap((one) =>
  NAMES.filter((other) => one < other).map((other) => [one, other] as const),
);

describe('the weighted share', () => {
  test('of two tenants that wait differs by at most one piece of work and the tolerance of each, on one slot', () => {
    const tolerances = fc.constantFrom(0, 0, 5, 50);
    fc.assert(
      fc.property(tenantsOf(fc.constant(2)), pieces, tolerances, (tenants, mixed, tolerance) => {
        const all = mixed.map(({ tenant, at, cost }): Piece => ({ tenant, at, cost }));
        const { moments } = simulate({ slots: 1, tolerance }, tenants, all);
        const largest = (name: string) =>
          (tolerance + Math.max(0, ...all.filter(({ tenant }) => tenant === name).map(({ cost }) => cost))) /
          tenants[name]!.weight;
        // Between two ends of work; within one, the other has got nothing yet.
        for (const pair of PAIRS) {
          const bound = largest(pair[0]) + largest(pair[1]) + tolerance / 40;
          expect(drift(moments, tenants, pair)).toBeLessThanOrEqual(bound + 1e-6);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('of two tenants that wait differs by a few pieces of work of each for each slot, on several', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 4 }),
        tenantsOf(fc.constant(4)),
        pieces,
        (slots, tenants, mixed) => {
          const all = mixed.map(({ tenant, at, cost }): Piece => ({ tenant, at, cost }));
          const { moments } = simulate({ slots }, tenants, all);
          for (const pair of PAIRS) {
            const [one, other] = pair.map((name) => MOST_COST / tenants[name]!.weight) as [number, number];
            expect(drift(moments, tenants, pair)).toBeLessThanOrEqual(4 * (slots + 1) * (one + other));
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test.each([
    ['equal costs', () => 5],
    ['costs that vary', (n: number) => 1 + ((n * 7) % 17)],
  ])('is in proportion to the weights over time, with %s', (_name, cost) => {
    const tenants = { a: { weight: 1, most: 6 }, b: { weight: 2, most: 6 }, c: { weight: 5, most: 6 } };
    const all = Object.keys(tenants).flatMap((tenant) =>
      Array.from({ length: 2_000 }, (_, n): Piece => ({ tenant, at: 0, cost: cost(n) })),
    );
    const { moments } = simulate({ slots: 6 }, tenants, all);
    const together = moments.findLast(({ waiting }) => [...waiting.values()].every((count) => count > 0))!;
    const total = [...together.served.values()].reduce((sum, each) => sum + each, 0);
    for (const [name, { weight }] of Object.entries(tenants)) {
      expect(together.served.get(name)! / total).toBeCloseTo(weight / 8, 1.7);
    }
  });

  test('is charged by what work costs, so that a tenant with expensive work gets fewer pieces', () => {
    const tenants = { slow: { weight: 1, most: 4 }, quick: { weight: 1, most: 4 } };
    const all = [
      ...Array.from({ length: 100 }, (): Piece => ({ tenant: 'slow', at: 0, cost: 100 })),
      ...Array.from({ length: 4_000 }, (): Piece => ({ tenant: 'quick', at: 0, cost: 2 })),
    ];
    const { moments } = simulate({ slots: 4 }, tenants, all);
    const together = moments.findLast(({ waiting }) => [...waiting.values()].every((count) => count > 0))!;
    expect(together.served.get('slow')! / together.served.get('quick')!).toBeCloseTo(1, 0.7);
  });

  test('is not saved up by a tenant that has no work', () => {
    const tenants = { busy: { weight: 1, most: 1 }, rare: { weight: 1, most: 1 } };
    const all = [
      ...Array.from({ length: 300 }, (): Piece => ({ tenant: 'busy', at: 0, cost: 10 })),
      ...Array.from({ length: 100 }, (): Piece => ({ tenant: 'rare', at: 1_005, cost: 10 })),
    ];
    const { starts } = simulate({ slots: 1 }, tenants, all);
    const from = starts.findIndex(({ piece }) => piece.tenant === 'rare');
    const turns = starts.slice(from, from + 100).filter(({ piece }) => piece.tenant === 'rare');
    expect(turns.length).toBeGreaterThanOrEqual(49);
    expect(turns.length).toBeLessThanOrEqual(51);
  });

  test('is not increased by work that turns out to be cheap after expensive work', () => {
    // Its expensive work is charged in advance; a tenant must not get that back after the others have caught up.
    const tenants = { sly: { weight: 1, most: 2 }, plain: { weight: 1, most: 2 } };
    const all = [
      ...Array.from({ length: 6 }, (_, n): Piece => ({ tenant: 'sly', at: n * 400, cost: 400 })),
      ...Array.from({ length: 400 }, (_, n): Piece => ({ tenant: 'sly', at: 2_500 + n, cost: 1 })),
      ...Array.from({ length: 4_000 }, (): Piece => ({ tenant: 'plain', at: 100, cost: 5 })),
    ];
    const { moments } = simulate({ slots: 2 }, tenants, all);
    expect(drift(moments, tenants, ['sly', 'plain'])).toBeLessThanOrEqual(4 * 3 * 800);
    const before = moments.find(({ time }) => time >= 3_000)!;
    const after = moments.find(({ time }) => time >= 3_400)!;
    const got = (name: string) => after.served.get(name)! - before.served.get(name)!;
    expect(got('plain')).toBeGreaterThanOrEqual(got('sly'));
  });
});

test('no slot is free while work waits that may take it, and every limit holds', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      tenantsOf(fc.integer({ min: 1, max: 3 })),
      pieces,
      (slots, tenants, all) => {
        const { moments, starts, schedule } = simulate({ slots }, tenants, all);
        const backgroundSlots = Math.max(1, Math.floor(slots / 2));
        for (const { running, waiting, background } of moments) {
          const busy = [...running.values()].reduce((sum, each) => sum + each, 0);
          expect(busy).toBeLessThanOrEqual(slots);
          expect(background).toBeLessThanOrEqual(backgroundSlots);
          for (const [name, { most }] of Object.entries(tenants)) {
            expect(running.get(name) ?? 0).toBeLessThanOrEqual(most);
            const mayStart = busy < slots && background < backgroundSlots && (running.get(name) ?? 0) < most;
            if (mayStart) expect(waiting.get(name)).toBe(0);
          }
        }
        expect(starts).toHaveLength(all.length);
        expect(new Set(starts.map(({ piece }) => piece)).size).toBe(all.length);
        expect([schedule.running, schedule.waiting, schedule.tenants]).toEqual([0, 0, 0]);
      },
    ),
    { numRuns: 300 },
  );
});

describe('nothing starves', () => {
  test('work of a tenant that had none waits for at most a few pieces of work of each other tenant', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 1_000 }),
        (slots, others, at) => {
          const tenants: Record<string, SimulatedTenant> = { late: { weight: 1, most: slots } };
          for (let n = 0; n < others; n++) tenants[`other ${String(n)}`] = { weight: 1, most: slots };
          const all: Piece[] = [{ tenant: 'late', at: at + 0.5, cost: 1 }];
          for (let n = 0; n < others; n++) {
            for (let piece = 0; piece < 1_500 / others + 20; piece++) {
              all.push({ tenant: `other ${String(n)}`, at: 0, cost: 1 + ((n + piece) % 5) });
            }
          }
          const { starts } = simulate({ slots }, tenants, all);
          const start = starts.find(({ piece }) => piece.tenant === 'late')!;
          const between = new Map<string, number>();
          for (const { piece, time } of starts) {
            if (time < at + 0.5 || time > start.time) continue;
            between.set(piece.tenant, (between.get(piece.tenant) ?? 0) + 1);
          }
          for (const count of between.values()) expect(count).toBeLessThanOrEqual(5 * (slots + 1));
        },
      ),
      { numRuns: 20 },
    );
  });

  test('background work gets every tenth slot while interactive work waits, and no more', () => {
    const tenants = { a: { weight: 1, most: 1 }, b: { weight: 1, most: 1 } };
    const all = Array.from({ length: 200 }, (_, n): Piece[] => [
      { tenant: n % 2 === 0 ? 'a' : 'b', at: 0, cost: 3 },
      ...(n < 20 ? [{ tenant: 'b', at: 0, cost: 3, priority: 'background' } as const] : []),
    ]).flat();
    const { starts } = simulate({ slots: 1 }, tenants, all);
    const background = starts.slice(0, 100).filter(({ piece }) => piece.priority === 'background');
    expect(background.length).toBeGreaterThanOrEqual(9);
    expect(background.length).toBeLessThanOrEqual(11);
  });
});

test('with a tolerance, one long piece of work hardly delays the next one of its tenant', () => {
  const names = Array.from({ length: 20 }, (_, n) => `tenant ${String(n)}`);
  const tenants = Object.fromEntries(names.map((name) => [name, { weight: 1, most: 2 }]));
  const round = names.length;
  // Each tenant has one piece of work in each round, and the slot is always busy.
  const all = Array.from({ length: 20 }, (_, r) =>
    names.map((tenant, n): Piece => ({ tenant, at: r * round + n, cost: r === 1 && n === 0 ? 10 : 1 })),
  ).flat();
  const waitOfNext = (tolerance: number): number => {
    const { starts } = simulate({ slots: 1, tolerance }, tenants, all);
    const next = starts.filter(({ piece }) => piece.tenant === names[0])[2]!;
    return next.time - next.piece.at;
  };
  expect(waitOfNext(100)).toBeLessThanOrEqual(2 * round);
  expect(waitOfNext(0)).toBeGreaterThan(4 * round);
});

describe('memory', () => {
  const claim = (tenant: string, priority: Claim['priority'] = 'interactive'): Claim => ({
    tenant,
    weight: 1,
    most: 5,
    priority,
  });

  test('holds no tenants without work, however many there were while another one is busy', () => {
    const schedule = new FairSchedule({ slots: 2 });
    const busy = schedule.start(claim('busy'))!;
    let most = 0;
    for (let n = 0; n < 50_000; n++) {
      schedule.end(schedule.start(claim(`tenant ${String(n)}`))!, 1);
      most = Math.max(most, schedule.tenants);
    }
    expect(most).toBeLessThanOrEqual(20_002);
    schedule.end(busy, 1);
    expect(schedule.tenants).toBe(0);
  });

  test('holds nothing of work that has given up', () => {
    const schedule = new FairSchedule({ slots: 1 });
    const running = schedule.start(claim('a'))!;
    const started: string[] = [];
    const waits = ['b', 'c', 'b'].map((tenant) => schedule.wait(claim(tenant), () => started.push(tenant)));
    expect([schedule.waiting, schedule.waitingOf('b')]).toEqual([3, 2]);
    for (const wait of waits) schedule.leave(wait);
    schedule.leave(waits[0]!);
    expect([schedule.waiting, schedule.tenants]).toEqual([0, 1]);
    schedule.end(running, 1);
    schedule.startNext();
    expect([started, schedule.tenants]).toEqual([[], 0]);
  });
});

test('a limit that is raised lets waiting work start', () => {
  const schedule = new FairSchedule({ slots: 3 });
  const limited = { tenant: 'a', weight: 1, most: 1, priority: 'interactive' } as const;
  schedule.start(limited);
  let started = 0;
  schedule.wait(limited, () => started++);
  schedule.startNext();
  expect(started).toBe(0);
  schedule.wait({ ...limited, most: 3 }, () => started++);
  schedule.startNext();
  expect(started).toBe(2);
});
