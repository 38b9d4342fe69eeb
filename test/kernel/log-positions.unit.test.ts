/** Proves which position of the log a replica needs for a reader, without a database. */
import { expect, test } from 'vitest';
import { LogPositions, parsePosition, positionText } from '../../src/kernel/replica/log-positions.js';

const MAX_LAG_MS = 1_000;

function staged() {
  let now = 10_000;
  const positions = new LogPositions(MAX_LAG_MS, () => now);
  return { positions, at: (time: number) => void (now = time) };
}

test('positions are read and written as PostgreSQL does', () => {
  expect(parsePosition('16/B374D848')).toBe(0x16_b374_d848n);
  expect(positionText(0x16_b374_d848n)).toBe('16/B374D848');
  expect(positionText(parsePosition('0/0'))).toBe('0/0');
  expect(() => parsePosition('nothing')).toThrow(SyntaxError);
});

test('a replica needs what the primary had within the allowed lag, and without knowing it nothing is allowed', () => {
  const { positions, at } = staged();
  expect(positions.neededBy('somebody', 0n)).toBeUndefined();
  positions.sampled(100n, 10_000);
  positions.sampled(200n, 10_500);
  expect(positions.neededBy('somebody', 0n)).toBe(100n);
  at(11_400);
  expect(positions.neededBy('somebody', 0n)).toBe(200n);
  expect(positions.lagAt(199n)).toBeUndefined();
  expect(positions.lagAt(200n)).toBe(900);
  at(11_501);
  expect(positions.neededBy('somebody', 0n)).toBeUndefined();
});

test('a client that names a position gets at least that', () => {
  const { positions } = staged();
  positions.sampled(100n, 10_000);
  expect(positions.neededBy('somebody', 150n)).toBe(150n);
  expect(positions.neededBy('somebody', 50n)).toBe(100n);
});

test('a reader that has written needs a position that was asked for afterwards; others do not', () => {
  const { positions, at } = staged();
  positions.sampled(100n, 10_000);
  at(10_100);
  positions.wrote('writer');
  expect(positions.neededBy('writer', 0n)).toBeUndefined();
  expect(positions.neededBy('reader', 0n)).toBe(100n);
  // Asked for before the write: its answer may lack it.
  positions.sampled(150n, 10_050);
  expect(positions.neededBy('writer', 0n)).toBeUndefined();
  positions.sampled(200n, 10_150);
  expect(positions.neededBy('writer', 0n)).toBe(200n);
  // When everybody needs that position, nothing is kept for the writer.
  at(11_151);
  positions.sampled(300n, 11_150);
  positions.sampled(300n, 11_151);
  expect(positions.neededBy('writer', 0n)).toBe(300n);
});

test('an older answer that comes late changes nothing, and a log that became shorter begins anew', () => {
  const { positions } = staged();
  positions.sampled(200n, 10_000);
  positions.sampled(100n, 9_900);
  expect(positions.neededBy('somebody', 0n)).toBe(200n);
  positions.sampled(50n, 10_000);
  expect(positions.neededBy('somebody', 0n)).toBe(50n);
});
