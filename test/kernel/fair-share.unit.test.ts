/** Proves that waits for a slot end: with the slot, in time, or with the request; and that no slot is lost or given twice. */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { FairShare } from '../../src/kernel/fair-share/fair-share.js';
import type { Claim } from '../../src/kernel/fair-share/lanes.js';
import { Ending } from '../../src/kernel/fair-share/ending.js';
import type { Patience } from '../../src/kernel/fair-share/patience.js';

const claim = (tenant: string, most = 10): Claim => ({ tenant, weight: 1, most, priority: 'interactive' });
const refused = new Error('refused');
const patience = (ms: number, ending?: Ending): Patience => ({
  until: performance.now() + ms,
  ending,
  refusal: () => refused,
});
const LONG = 60_000;
const rejection = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a fair share', () => {
  test('lets no more in at once than it has slots, and everybody in the end', async () => {
    const share = new FairShare({ slots: 3 });
    let [inside, most, done] = [0, 0, 0];
    const work = async () => {
      most = Math.max(most, ++inside);
      await new Promise(setImmediate);
      inside--;
      done++;
      if (done % 7 === 0) throw new Error('one in seven');
    };
    const all = await Promise.allSettled(
      Array.from({ length: 100 }, (_, n) => share.run(claim(`tenant ${String(n % 4)}`), work)),
    );
    expect(all.filter(({ status }) => status === 'rejected')).toHaveLength(14);
    expect({ most, done, inside }).toEqual({ most: 3, done: 100, inside: 0 });
    expect([share.running, share.waiting, share.tenants]).toEqual([0, 0, 0]);
  });

  test('lets tenants take turns, however many wait of each', async () => {
    let time = 0;
    const share = new FairShare({ slots: 1, now: () => time });
    const order: string[] = [];
    const enter = (tenant: string) =>
      share.run(claim(tenant), async () => {
        order.push(tenant);
        await new Promise(setImmediate);
        time += 10;
      });
    const crowd = Array.from({ length: 10 }, () => enter('large'));
    await Promise.all([...crowd, enter('small'), enter('tiny'), enter('small')]);
    expect(order.slice(0, 3).sort()).toEqual(['large', 'small', 'tiny']);
    expect(order.slice(3, 5).sort()).toEqual(['large', 'small']);
    expect(order).toHaveLength(13);
  });

  test('gives a slot without a promise when one is free', () => {
    const share = new FairShare({ slots: 2 });
    const first = share.tryEnter(claim('a', 1));
    expect(first).toBeTypeOf('function');
    expect(share.tryEnter(claim('a', 1))).toBeUndefined();
    expect(share.tryEnter(claim('b'))).toBeTypeOf('function');
    expect(share.tryEnter(claim('c'))).toBeUndefined();
    first?.();
    first?.();
    expect(share.running).toBe(1);
    expect(share.tryEnter(claim('c'))).toBeTypeOf('function');
    expect(share.tryEnter(claim('d'))).toBeUndefined();
  });

  test('bounds the queue of a tenant, and every wait', async () => {
    const share = new FairShare({ slots: 1, longestQueue: 2 });
    const release = share.tryEnter(claim('a'))!;
    const waits = [share.enter(claim('a'), patience(LONG)), share.enter(claim('a'), patience(1))];
    expect(await rejection(share.enter(claim('a'), patience(LONG)))).toBe(refused);
    const other = share.enter(claim('b'), patience(LONG));
    expect(await rejection(waits[1]!)).toBe(refused);
    expect(await rejection(share.enter(claim('a'), patience(0)))).toBe(refused);
    expect([share.refused, share.waiting]).toEqual([3, 2]);
    release();
    (await other)();
    (await waits[0]!)();
    expect([share.running, share.waiting, share.tenants]).toEqual([0, 0, 0]);
  });

  test('ends the wait of an aborted request at once, with its reason', async () => {
    const share = new FairShare({ slots: 1 });
    const release = share.tryEnter(claim('a'))!;
    const over = new Ending();
    const wait = share.enter(claim('b'), patience(LONG, over));
    over.end(refused);
    expect(await rejection(wait)).toBe(refused);
    expect(await rejection(share.enter(claim('b'), patience(LONG, over)))).toBe(refused);
    expect([share.refused, share.waiting]).toEqual([0, 0]);
    release();
  });

  test('waits longer than a timer of Node can', async () => {
    vi.useFakeTimers();
    try {
      const share = new FairShare({ slots: 1 });
      const release = share.tryEnter(claim('a'))!;
      const wait = share.enter(claim('b'), patience(2 ** 40));
      await vi.advanceTimersByTimeAsync(10_000);
      release();
      (await wait)();
      expect(share.running).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test('loses no slot and gives none twice, whatever happens in whichever order', async () => {
    const step = fc.record({
      tenant: fc.constantFrom('a', 'b', 'c'),
      what: fc.constantFrom('come', 'come', 'leave', 'abort'),
      which: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.array(step, { maxLength: 80 }),
        async (slots, steps) => {
          const share = new FairShare({ slots, longestQueue: 4 });
          const inside: (() => void)[] = [];
          const waiting: Ending[] = [];
          const all: Promise<void>[] = [];
          for (const { tenant, what, which } of steps) {
            if (what === 'come') {
              const over = new Ending();
              waiting.push(over);
              all.push(
                share.enter(claim(tenant, 2), patience(LONG, over)).then(
                  (release) => void inside.push(release),
                  () => undefined,
                ),
              );
            } else if (what === 'abort') waiting[which % Math.max(1, waiting.length)]?.end(refused);
            else inside.splice(which % Math.max(1, inside.length), 1)[0]?.();
            await new Promise(setImmediate);
            expect(inside.length).toBe(share.running);
            expect(share.running).toBeLessThanOrEqual(slots);
          }
          for (const over of waiting) over.end(refused);
          await Promise.all(all);
          for (const release of inside) release();
          expect([share.running, share.waiting, share.tenants]).toEqual([0, 0, 0]);
        },
      ),
      { numRuns: 100 },
    );
  });
});
