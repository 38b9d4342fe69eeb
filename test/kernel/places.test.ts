/**
 * Proves that places are neither lost nor given twice when callers wait, give up or are aborted, and that queues are
 * limited.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Ending } from '../../src/kernel/fair-share/ending.js';
import type { Patience } from '../../src/kernel/fair-share/patience.js';
import { Places } from '../../src/kernel/pool/places.js';
import { rejectionOf } from '../support/demo-tenants.js';

const refused = new Error('refused');
const patience = (ms: number, ending?: Ending): Patience => ({
  until: performance.now() + ms,
  ending,
  refusal: () => refused,
});
const LONG = 60_000;

test('whoever waits is let in in the order in which they came, and each key has its own places', async () => {
  const places = new Places(1, 10);
  expect(places.enter('a')).toBe(true);
  expect(places.enter('a')).toBe(false);
  expect(places.enter('b')).toBe(true);
  const order: number[] = [];
  const waiting = [1, 2, 3].map(async (at) => {
    await places.wait('a', patience(LONG));
    order.push(at);
    places.leave('a');
  });
  expect(places.waiting).toBe(3);
  places.leave('a');
  await Promise.all(waiting);
  expect(order).toEqual([1, 2, 3]);
  expect(places.waiting).toBe(0);
  expect(places.enter('a')).toBe(true);
});

test('a line has an end, and so has patience', async () => {
  const places = new Places(1, 2);
  places.enter('a');
  const [first, second] = [places.wait('a', patience(LONG)), places.wait('a', patience(1))];
  expect(await rejectionOf(places.wait('a', patience(LONG)))).toBe(refused);
  expect(await rejectionOf(second)).toBe(refused);
  expect(await rejectionOf(places.wait('a', patience(0)))).toBe(refused);
  expect(places.refused).toBe(3);
  places.leave('a');
  await first;
  places.leave('a');
  expect(places.enter('a')).toBe(true);
});

test('an aborted request leaves the line with the reason, and its place in it', async () => {
  const places = new Places(1, 1);
  places.enter('a');
  const over = new Ending();
  const waiting = places.wait('a', patience(LONG, over));
  over.end(refused);
  expect(await rejectionOf(waiting)).toBe(refused);
  expect(await rejectionOf(places.wait('a', patience(LONG, over)))).toBe(refused);
  const next = places.wait('a', patience(LONG));
  places.leave('a');
  await next;
});

test('whatever happens in whichever order, no more are in than there are places, and all places come back', async () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b'),
    what: fc.constantFrom('come', 'come', 'leave', 'abort'),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.array(step, { maxLength: 60 }),
      async (each, steps) => {
        const places = new Places(each, 5);
        const inside = new Map([
          ['a', 0],
          ['b', 0],
        ]);
        const waiting: Ending[] = [];
        const all: Promise<void>[] = [];
        for (const { key, what } of steps) {
          if (what === 'come') {
            const over = new Ending();
            waiting.push(over);
            all.push(
              places.wait(key, patience(LONG, over)).then(
                () => void inside.set(key, inside.get(key)! + 1),
                () => undefined,
              ),
            );
          } else if (what === 'abort') waiting.shift()?.end(refused);
          else if (inside.get(key)! > 0) {
            inside.set(key, inside.get(key)! - 1);
            places.leave(key);
          }
          await Promise.resolve().then(() => undefined);
          for (const count of inside.values()) expect(count).toBeLessThanOrEqual(each);
        }
        for (const over of waiting) over.end(refused);
        await Promise.all(all);
        for (const [key, count] of inside) for (let left = count; left > 0; left--) places.leave(key);
        expect(places.waiting).toBe(0);
        for (const key of inside.keys()) {
          for (let at = 0; at < each; at++) expect(places.enter(key)).toBe(true);
          expect(places.enter(key)).toBe(false);
        }
      },
    ),
  );
});
