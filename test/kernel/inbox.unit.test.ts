/**
 * Proves that messages of clients are handled in turns, a few at a time, so that a client that sends many delays only
 * itself.
 */
import { describe, expect, test } from 'vitest';
import { Inbox, MOST_BYTES, MOST_MESSAGES, Turns } from '../../src/services/subscriptions/inbox.js';

/** Milliseconds: so long that a turn of the event loop handles one message only. */
const SLOW_MS = 5;

function takeTime(): void {
  const until = performance.now() + SLOW_MS;
  while (performance.now() < until) void 0;
}

function staged() {
  const turns = new Turns();
  const handled: string[] = [];
  const states: string[] = [];
  const inbox = (tenant: string, name = tenant) =>
    new Inbox(turns, {
      tenantId: () => tenant,
      handle: (message) => {
        handled.push(`${name} ${message.toString()}`);
        takeTime();
      },
      pause: () => states.push(`${name} paused`),
      resume: () => states.push(`${name} resumed`),
    });
  return { handled, states, inbox };
}

const turnOfTheLoop = () => new Promise(setImmediate);

describe('messages', () => {
  test('are handled one in a turn of the event loop, when they take long', async () => {
    const { handled, inbox } = staged();
    const mine = inbox('t');
    for (let n = 0; n < 12; n++) mine.put(Buffer.from(String(n)));
    expect(handled).toEqual([]);
    for (let turn = 1; turn <= 12; turn++) {
      await turnOfTheLoop();
      expect(handled).toHaveLength(turn);
    }
    expect(handled).toEqual(Array.from({ length: 12 }, (_, n) => `t ${String(n)}`));
  });

  test('of a tenant with many connections come in turn with those of another', async () => {
    const { handled, inbox } = staged();
    const many = Array.from({ length: 10 }, (_, n) => inbox('large', `large-${String(n)}`));
    for (const each of many) for (const text of ['a', 'b']) each.put(Buffer.from(text));
    const small = inbox('small');
    for (const text of ['a', 'b']) small.put(Buffer.from(text));
    while (handled.length < 22) await turnOfTheLoop();
    expect(handled.slice(0, 4)).toEqual(['large-0 a', 'small a', 'large-1 a', 'small b']);
    // The connections of the same tenant take turns as well.
    expect(handled.indexOf('large-0 b')).toBeGreaterThan(handled.indexOf('large-9 a'));
  });

  test('are no longer read when too many wait, until some are handled', async () => {
    const { handled, states, inbox } = staged();
    const mine = inbox('t');
    for (let n = 1; n < MOST_MESSAGES; n++) mine.put(Buffer.from('x'));
    expect(states).toEqual([]);
    mine.put(Buffer.from('x'));
    expect(states).toEqual(['t paused']);
    await turnOfTheLoop();
    expect([handled.length, states]).toEqual([1, ['t paused', 't resumed']]);
    const large = inbox('large');
    large.put(Buffer.alloc(MOST_BYTES));
    expect(states.at(-1)).toBe('large paused');
    mine.clear();
    large.clear();
  });

  test('of a connection that is over are dropped', async () => {
    const { handled, inbox } = staged();
    const mine = inbox('t');
    mine.put(Buffer.from('a'));
    mine.put(Buffer.from('b'));
    mine.clear();
    for (let turn = 0; turn < 3; turn++) await turnOfTheLoop();
    expect(handled).toEqual([]);
  });
});
