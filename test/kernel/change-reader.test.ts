/**
 * How a subscription reads the changes of its tenant: in order, at its own pace, and with an error when it has missed
 * some.
 */
import { describe, expect, test, vi } from 'vitest';
import { ChangeReader, FARTHEST_BEHIND, SKIPS_FROM } from '../../src/services/subscriptions/change-reader.js';
import { eventsMissed, tooSlow } from '../../src/services/subscriptions/closing.js';
import { ChangeLog } from '../../src/kernel/notifications/change-log.js';
import type { RowChange } from '../../src/kernel/notifications/row-change.js';
import { rejectionOf } from '../support/demo-tenants.js';

let numbers = 0;
const change = (id: string, rest: Partial<RowChange> = {}): RowChange => ({
  number: ++numbers,
  tenantId: 't-1',
  entity: 'Note',
  kind: 'CREATED',
  id,
  keys: {},
  ...rest,
});

/** A reader and a function that gives it changes. */
function reading(isWanted: (change: RowChange) => boolean = () => true) {
  const log = new ChangeLog();
  const reader = new ChangeReader(isWanted);
  return {
    reader,
    add: (id: string, rest: Partial<RowChange> = {}) => reader.heard(log.add(change(id, rest))),
    next: async () => (await reader.next()).value?.id,
  };
}

test('changes come in order, whoever comes first, and those that are not wanted do not', async () => {
  const { reader, add, next } = reading(({ id }) => !id.startsWith('x'));
  const first = next();
  for (const id of ['x1', 'a', 'x2', 'b', 'x3', 'x4', 'c', 'x5']) add(id);
  expect(reader.upcoming(5).map(({ id }) => id)).toEqual(['b', 'c']);
  expect(reader.upcoming(1).map(({ id }) => id)).toEqual(['b']);
  expect([await first, await next(), await next()]).toEqual(['a', 'b', 'c']);
  expect([reader.isBehind, reader.upcoming(5)]).toEqual([false, []]);
  const last = next();
  add('x6');
  add('d');
  expect(await last).toBe('d');
});

describe('a reader that is too far behind', () => {
  test('is told at once why, and nothing else after', async () => {
    const { reader, add, next } = reading();
    const [ended, failed] = [vi.fn(), vi.fn()];
    reader.onEnd(ended);
    reader.onFailure(failed, tooSlow);
    for (let n = 0; n < FARTHEST_BEHIND; n++) add(String(n));
    expect(ended).not.toHaveBeenCalled();
    expect(await next()).toBe('0');
    add('one more');
    expect(failed).not.toHaveBeenCalled();
    add('one too many');
    expect([ended, failed].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
    add('and another');
    for (let n = 0; n < 2; n++) expect(await rejectionOf(reader.next())).toMatchObject({ code: 1013 });
  });

  test('is one also when the others are for somebody else: they are kept for as long as it has not passed', async () => {
    const { reader, add } = reading(({ id }) => id === 'mine');
    add('mine');
    for (let n = 0; n < FARTHEST_BEHIND; n++) add('other');
    expect(await rejectionOf(reader.next())).toMatchObject({ code: 1012 });
  });

  test('is none that waits: of what is not for it nothing is kept', async () => {
    const { reader, add, next } = reading(({ id }) => id === 'mine');
    for (let n = 0; n < 2 * FARTHEST_BEHIND; n++) add('other');
    add('mine');
    expect([await next(), reader.isBehind]).toEqual(['mine', false]);
  });

  test('passes over updates of a row that was updated again, and over nothing else', async () => {
    const { reader, add } = reading();
    const keys = { folder_id: 'f' };
    add('created');
    for (let n = 0; n < 300; n++) {
      add('often', { kind: 'UPDATED', keys });
      if (n === 100) add('often', { kind: 'UPDATED', keys: { folder_id: 'g' } });
      if (n % 100 === 0) add(`once ${String(n)}`, { kind: 'UPDATED' });
    }
    add('often', { kind: 'DELETED', keys });
    const told: RowChange[] = [];
    while (reader.isBehind) told.push((await reader.next()).value!);
    const others = told.filter(
      ({ kind, id, keys: at }) => !(kind === 'UPDATED' && id === 'often' && at === keys),
    );
    expect(others.map(({ kind, id }) => `${kind} ${id}`)).toEqual([
      'CREATED created',
      'UPDATED once 0',
      'UPDATED often',
      'UPDATED once 100',
      'UPDATED once 200',
      'DELETED often',
    ]);
    // The reader is no longer far behind for the last changes, so it receives each of them.
    expect(told.length - others.length).toBeLessThanOrEqual(SKIPS_FROM);
    expect(told.at(-2)).toMatchObject({ kind: 'UPDATED', id: 'often', keys });
  });
});

test('a reader that has ended gives nothing, to those who wait as to those who come', async () => {
  const { reader, add } = reading();
  const ended = vi.fn();
  reader.onEnd(ended);
  const waiting = reader.next();
  await reader.return();
  await reader.return();
  add('late');
  reader.lost();
  const done = { value: undefined, done: true };
  expect([await waiting, await reader.next()]).toEqual([done, done]);
  expect(ended).toHaveBeenCalledOnce();
  const late = vi.fn();
  reader.onEnd(late);
  expect(late).toHaveBeenCalledOnce();
});

test('what was lost before somebody asked is told to whoever asks', async () => {
  const { reader, add } = reading();
  add('a');
  reader.lost();
  const failed = vi.fn();
  reader.onFailure(failed, tooSlow);
  expect(failed).toHaveBeenCalledWith(eventsMissed());
  expect(await rejectionOf(reader.next())).toMatchObject({ code: 1012 });
});
