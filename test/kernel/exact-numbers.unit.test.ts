/** Numbers that JavaScript would round are refused; all others pass. */
import { buildSchema, parse, parseValue, validate } from 'graphql';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { floatsAreKept, isKept, refuseLostNumbers } from '../../src/kernel/graphql/exact-numbers.js';
import { JSONValue } from '../../src/kernel/graphql/json-object.js';

const KEPT = ['0', '-0', '0.0', '0e999', '9007199254740991', '9007199254740992', '1e308', '0.1', '-1.5e-300'];
// As Java, and as JavaScript writes the same number.
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

test('a hostile text of 100 KiB takes little time', () => {
  for (const text of [
    '"'.repeat(100_000),
    '\\"'.repeat(50_000),
    `"${'\\"'.repeat(50_000)}\\`,
    '1'.repeat(100_000),
  ]) {
    const since = performance.now();
    try {
      refuseLostNumbers(`1e400x${text}`.slice(5));
      refuseLostNumbers(`${text}1234567890123456`);
    } catch {
      // Refused.
    }
    expect(performance.now() - since).toBeLessThan(200);
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
