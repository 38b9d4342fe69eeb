/** What counts as an event of a subscription among the frames of graphql-ws. */
import { expect, test } from 'vitest';
import { isEvent } from '../src/socket.js';

const next = (payload: unknown) => JSON.stringify({ id: '1', type: 'next', payload });
const errors = [{ message: 'You may not do this.', extensions: { code: 'FORBIDDEN' } }];

test.each([
  ['an event', next({ data: { noteChanged: { id: '7' } } }), true],
  ['an event that failed', next({ errors, data: { noteChanged: null } }), true],
  ['an event that failed as a whole', next({ data: null, errors }), true],
  ['a refused subscription', next({ errors }), false],
  ['a refused subscription with extensions', next({ errors, extensions: { cost: 1 } }), false],
  ['a refused operation', JSON.stringify({ id: '1', type: 'error', payload: errors }), false],
  ['an end', '{"id":"1","type":"complete"}', false],
  ['a text in another message', JSON.stringify({ type: 'pong', payload: { text: '"type":"next"' } }), false],
  ['a closed connection', 'closed 4400 Invalid message', false],
])('%s: %s', (_what, frame, expected) => {
  expect(isEvent(frame)).toBe(expected);
});
