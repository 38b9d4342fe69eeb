/** Proves that numbers that JavaScript would round are refused and all others are accepted. */
import { buildSchema, parse, parseValue, validate } from 'graphql';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { floatsAreKept, isKept, refuseLostNumbers } from '../../src/kernel/graphql/exact-numbers.js';
import { JSONValue } from '../../src/kernel/graphql/json-object.js';

const KEPT = ['0', '-0', '0.0', '0e999', '9007199254740991', '9007199254740992', '1e308', '0.1', '-1.5e-300'];
// A number as Java writes it and as JavaScript writes it.
KEPT.push('9223372036854775808', '9223372036854776000', '100000000000000000000000000000000e-30');
const LOST = ['9007199254740993', '-9223372036854775807', '1e400', '-1E+0400', '1e-400', '1'.repeat(400)];
LOST.push(`0.${'0'.repeat(400)}1`, '123456789012345678901234567890');

test.each(KEPT)('%s is kept', (number) => {
  expect(isKept(number)).toBe(true);
  expect(() => refuseLostNumbers(`{"a":[${number}, "1e400"]}`)).not.toThrow();
});

test.each(LOST)('%s is not', (number) => {
  expect(isKept(number)).toBe(false);
  for (const json of [number, `{"1e5":[true,${number}]}`, `["\\"","a\\\\",${number}]`]) {
    expect(() => refuseLostNumbers(json)).toThrow(
      expect.objectContaining({ code: 'BAD_USER_INPUT' }) as Error,
    );
  }
  expect(() => refuseLostNumbers(JSON.stringify({ [number]: `x ${number}" ${number}` }))).not.toThrow();
});

test('whatever JavaScript writes is accepted', () => {
  const accepts = (json: string) => {
    refuseLostNumbers(json);
  };
  fc.assert(fc.property(fc.json(), accepts));
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (n) => isKept(JSON.stringify(n))),
  );
});

// With quadratic time, one of these texts takes minutes, which is more than a test may take on a fast machine. With
// linear time it takes milliseconds. A closer limit would measure how busy the machine is.
test.each([
  ['quotes', '"'.repeat(500_000)],
  ['escaped quotes', '\\"'.repeat(250_000)],
  ['a string without an end', `"${'\\"'.repeat(250_000)}\\`],
  ['digits', '1'.repeat(500_000)],
])('a hostile text of %s takes linear time', (_what, text) => {
  for (const json of [`1e400x${text}`.slice(5), `${text}1234567890123456`]) {
    try {
      refuseLostNumbers(json);
    } catch (error) {
      expect(error).toMatchObject({ code: 'BAD_USER_INPUT' });
    }
  }
});

test('a literal for a Float is checked wherever it stands, others by their own scalar', () => {
  const schema = buildSchema(
    'scalar Big input In { f: [Float!] } type Query { a(f: Float, i: In, id: ID, big: Big): Int }',
  );
  const problems = (text: string) => validate(schema, parse(text), [floatsAreKept]).length;
  expect(problems('{ a(f: 1e400) }')).toBe(1);
  expect(problems('{ a(f: 9007199254740993, i: { f: [1, 1e400] }) }')).toBe(2);
  expect(problems('query ($f: Float = 1e400) { a(f: $f) }')).toBe(1);
  expect(problems('{ a(f: 1.5, id: 9007199254740993, big: 9007199254740993) }')).toBe(0);
});

test('a literal in JSON is kept or refused', () => {
  const value = (text: string) => JSONValue.parseLiteral(parseValue(text));
  expect(value('[1, 1.5]')).toEqual([1, 1.5]);
  expect(() => value('[9007199254740993]')).toThrow(/not exact/);
  expect(() => value('{ a: 1e400 }')).toThrow(/not exact/);
});
