/** Proves that tenants take turns at the event loop, and that queues which stay long are noticed. */
import { expect, test } from 'vitest';
import { Arrivals } from '../../src/http/arrivals.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Work that blocks a clock, not the processor. */
function clock() {
  let now = 0;
  return { now: () => now, pass: (milliseconds: number) => (now += milliseconds) };
}

test('a few requests begin at once, and of the rest a few in each turn, one of each tenant after the other', async () => {
  // A turn that takes long on a busy machine would begin more.
  const arrivals = new Arrivals(undefined, clock().now);
  const begun: string[] = [];
  for (let n = 0; n < 20; n++) arrivals.take('flood', () => begun.push('flood'));
  expect(begun).toHaveLength(4);
  arrivals.take('other', () => begun.push('other'));
  arrivals.take('third', () => begun.push('third'));
  await turn();
  expect(begun.slice(4)).toEqual(['flood', 'other', 'third', 'flood']);
  for (let n = 0; n < 5; n++) await turn();
  expect(begun).toHaveLength(22);
});

test('the requests of a tenant begin in their order', async () => {
  const arrivals = new Arrivals();
  const begun: number[] = [];
  for (let n = 0; n < 20; n++) arrivals.take('one', () => begun.push(n));
  for (let n = 0; n < 5; n++) await turn();
  expect(begun).toEqual(Array.from({ length: 20 }, (_, n) => n));
});

test('after a long turn more begin, so that refusals and other work leave time for them', async () => {
  const time = clock();
  const arrivals = new Arrivals(undefined, time.now);
  let begun = 0;
  for (let n = 0; n < 200; n++) arrivals.take('one', () => begun++);
  time.pass(40);
  await turn();
  expect(begun).toBe(4 + 20);
  time.pass(1_000);
  await turn();
  expect(begun).toBe(24 + 64);
});

/** Has requests of these tenants begin, each of which takes 2 ms, until the server is overloaded for one of them. */
async function overload(tenants: readonly string[]): Promise<{ arrivals: Arrivals; turns: number }> {
  const time = clock();
  const arrivals = new Arrivals(undefined, time.now);
  for (const tenant of tenants) arrivals.take(tenant, () => time.pass(2));
  let turns = 0;
  while (!tenants.some((tenant) => arrivals.isOverloaded(tenant))) {
    await turn();
    turns++;
  }
  return { arrivals, turns };
}

test('a burst is no overload; a tenant whose queue stays long is refused, and no other', async () => {
  const { arrivals, turns } = await overload(Array.from({ length: 600 }, () => 'flood'));
  // 250 requests of 2 ms.
  expect(turns).toBeGreaterThan(50);
  expect(arrivals.isOverloaded('other')).toBe(false);
  for (let n = 0; n < 150; n++) await turn();
  expect(arrivals.isOverloaded('flood')).toBe(false);
});

test('when the queue of all stays long, the tenants whose requests wait are refused, and a newcomer is not', async () => {
  const { arrivals } = await overload(Array.from({ length: 600 }, (_, n) => `tenant ${String(n)}`));
  expect(arrivals.isOverloaded('tenant 599')).toBe(true);
  expect(arrivals.isOverloaded('tenant 0')).toBe(false);
  expect(arrivals.isOverloaded('newcomer')).toBe(false);
});
