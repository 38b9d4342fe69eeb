/** Proves that numbers in JSON of the database lose no digits, and that everything else is read as by `JSON.parse`. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseExactJson, withExactNumbers } from '../../src/kernel/driver/exact-json.js';

test.each([
  '9007199254740993',
  '-9223372036854775807',
  // A number that JavaScript keeps and writes with other digits.
  '9223372036854775808',
  '1234567890123456.7891',
  '0.12345678901234567891',
  '1e400',
  '-1E-400',
  `1${'0'.repeat(400)}`,
])('%s is a string of the same digits', (number) => {
  expect(parseExactJson(number)).toBe(number);
  expect(parseExactJson(`{"a": [true, ${number}], "b": ${number}}`)).toEqual({
    a: [true, number],
    b: number,
  });
});

test.each([
  ['0', 0],
  ['-1.50', -1.5],
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ['0.30000000000000004', 0.1 + 0.2],
  ['1000000000000000000000', 1e21],
  // As PostgreSQL writes what JavaScript has written.
  [`17976931348623157${'0'.repeat(292)}`, Number.MAX_VALUE],
  [`0.${'0'.repeat(323)}5`, Number.MIN_VALUE],
])('%s is a number', (text, number) => {
  expect(parseExactJson(text)).toBe(number);
});

test('digits in a string stay as they are', () => {
  for (const text of [
    '9007199254740993',
    '"9007199254740993',
    '\\"1e400\\\\',
    'a\\',
    '1234567890123456 \u2028"',
  ]) {
    const value = { [text]: [text, { b: `${text},9007199254740993` }] };
    expect(parseExactJson(JSON.stringify(value))).toEqual(value);
  }
});

test('what JavaScript writes is read as JavaScript reads it', () => {
  const same = (json: string) => {
    expect(parseExactJson(json)).toEqual(JSON.parse(json));
  };
  fc.assert(fc.property(fc.json(), same));
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (n) => same(JSON.stringify([n]))),
  );
});

test('a long string takes linear time and little of the stack', () => {
  for (const string of ['"'.repeat(3_000_000), '\\'.repeat(3_000_000), '1'.repeat(6_000_000)]) {
    const json = JSON.stringify([string]);
    expect(withExactNumbers(json) === json).toBe(true);
  }
});
