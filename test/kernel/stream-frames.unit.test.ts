/** The frames of an event stream: heartbeats while nothing happens, and no event is made before the last one was taken. */
import { expect, test } from 'vitest';
import type { ExecutionResult } from 'graphql';
import { framesOf } from '../../src/http/stream-frames.js';
import type { LiveSubscription } from '../../src/services/subscriptions/live-subscription.js';
import { forbidden } from '../../src/kernel/vocabulary/errors.js';

/** A subscription whose events come when the test says so. */
function staged() {
  const asked: {
    resolve(result: IteratorResult<ExecutionResult, undefined>): void;
    reject(error: Error): void;
  }[] = [];
  const state = { returned: 0 };
  const events = {
    next: () => new Promise((resolve, reject) => asked.push({ resolve, reject })),
    return: async () => {
      state.returned++;
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]: () => events,
  } as unknown as LiveSubscription;
  return { events, asked, state };
}

const options = (isCutOff = false) => ({
  heartbeatMs: 5,
  told: (result: ExecutionResult) => result,
  isCutOff: () => isCutOff,
});
const event = (n: number) => ({ value: { data: { n } }, done: false }) as const;
const END = { value: undefined, done: true } as const;

test('a comment comes first, and again while there is no event', async () => {
  const { events, asked } = staged();
  const frames = framesOf(events, options());
  for (let n = 0; n < 3; n++) expect(await frames.next()).toEqual({ value: ':\n\n', done: false });
  expect(asked).toHaveLength(1);
  asked[0]!.resolve(event(1));
  expect((await frames.next()).value).toBe('event: next\ndata: {"data":{"n":1}}\n\n');
});

test('an event is asked for when the one before was taken', async () => {
  const { events, asked } = staged();
  const frames = framesOf(events, { ...options(), heartbeatMs: 60_000 });
  await frames.next();
  const first = frames.next();
  asked[0]!.resolve(event(1));
  await first;
  expect(asked).toHaveLength(1);
  const second = frames.next();
  expect(asked).toHaveLength(2);
  asked[1]!.resolve(END);
  expect((await second).value).toBe('event: complete\ndata: \n\n');
  expect((await frames.next()).done).toBe(true);
});

test('an error of the subscription is its last event, and no other error is told', async () => {
  const refused = staged();
  const frames = framesOf(refused.events, { ...options(), heartbeatMs: 60_000 });
  await frames.next();
  const last = frames.next();
  refused.asked[0]!.reject(forbidden('notes:read'));
  expect((await last).value).toContain('FORBIDDEN');
  expect((await frames.next()).value).toContain('complete');
  expect(refused.state.returned).toBe(1);

  const broken = staged();
  const others = framesOf(broken.events, { ...options(), heartbeatMs: 60_000 });
  await others.next();
  const failure = others.next();
  broken.asked[0]!.reject(new Error('a defect'));
  await expect(failure).rejects.toThrow('a defect');
  expect(broken.state.returned).toBe(1);
});

test('a subscription that the server ends is not complete', async () => {
  const { events, asked } = staged();
  const frames = framesOf(events, { ...options(true), heartbeatMs: 60_000 });
  await frames.next();
  const last = frames.next();
  asked[0]!.resolve(END);
  expect(await last).toEqual({ value: undefined, done: true });
});
