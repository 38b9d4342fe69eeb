/** Events of a stream are judged like frames of graphql-ws. */
import { expect, test } from 'vitest';
import { isEvent } from '../src/socket.js';
import { frameOf } from '../src/stream.js';

test.each([
  ['an event', 'event: next\ndata: {"data":{"noteChanged":{"id":"7"}}}', true],
  ['an event on several lines', 'event: next\ndata: {"data":\ndata: {"noteChanged":null}}', true],
  ['a refused subscription', 'event: next\ndata: {"errors":[{"message":"You may not do this."}]}', false],
  ['an end', 'event: complete\ndata:', false],
])('%s: %s', (_what, event, expected) => {
  expect(isEvent(frameOf(event)!)).toBe(expected);
});

test('a comment is none', () => {
  expect(frameOf(':')).toBeUndefined();
  expect(frameOf(': still here')).toBeUndefined();
});
