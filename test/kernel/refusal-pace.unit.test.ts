/** Proves that a client that sends again as soon as it is refused is slowed down, and that nobody else is. */
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RefusalPace } from '../../src/http/refusal-pace.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const answer = () => new EventEmitter() as never;

/** Counts the waits that have ended. */
function ended(waits: readonly (Promise<void> | undefined)[]): () => number {
  let count = 0;
  for (const wait of waits) void wait?.then(() => count++);
  return () => count;
}

test('fifty refusals of a tenant are answered at once, then fifty per second', async () => {
  const pace = new RefusalPace();
  const waits = Array.from({ length: 200 }, () => pace.next('flood', answer()));
  expect(waits.findIndex((wait) => wait !== undefined)).toBe(50);
  expect(pace.next('other', answer())).toBeUndefined();
  const answered = ended(waits);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(answered()).toBe(50);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(answered()).toBe(150);
  // Nothing was saved up meanwhile.
  expect(pace.next('flood', answer())).toBeDefined();
  pace.close();
});

test('of any number of refusals the last is answered within five seconds, and never many at a time', async () => {
  const pace = new RefusalPace();
  const count = 5_000;
  const answered = ended(Array.from({ length: count + 50 }, () => pace.next('flood', answer())));
  let before = 0;
  for (let ms = 0; ms < 5_000; ms += 20) {
    await vi.advanceTimersByTimeAsync(20);
    expect(answered() - before).toBeLessThanOrEqual(count / 250);
    before = answered();
  }
  expect(before).toBe(count);
  pace.close();
});

test('a tenant that was not refused for a while is answered at once again, and forgotten', async () => {
  const pace = new RefusalPace();
  for (let n = 0; n < 60; n++) void pace.next('flood', answer());
  await vi.advanceTimersByTimeAsync(10_000);
  expect(vi.getTimerCount()).toBe(0);
  expect(pace.next('flood', answer())).toBeUndefined();
  pace.close();
});

test('a client that has gone and a server that closes wait for nothing', async () => {
  const pace = new RefusalPace();
  const all = Array.from({ length: 60 }, () => new EventEmitter());
  const waits = all.map((each) => pace.next('flood', each as never));
  all.at(-1)!.emit('close');
  await waits.at(-1);
  pace.close();
  for (const wait of waits) await wait;
  expect(vi.getTimerCount()).toBe(0);
  for (const each of all) expect(each.listenerCount('close')).toBe(0);
});
