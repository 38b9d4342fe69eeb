/** Proves that the memory of headers is right and bounded, whatever clients send. */
import { expect, test } from 'vitest';
import { LONGEST_REMEMBERED, remembering } from '../../src/http/remembering.js';

test('a short text is computed once, a long one each time, and many texts do not stay', () => {
  const computed: string[] = [];
  const lengthOf = remembering((text) => computed.push(text) && text.length);
  const long = 'x'.repeat(LONGEST_REMEMBERED + 1);
  expect([lengthOf('gzip'), lengthOf('gzip'), lengthOf(long), lengthOf(long)]).toEqual([4, 4, 201, 201]);
  expect(computed).toEqual(['gzip', long, long]);
  for (let n = 0; n < 2_000; n++) lengthOf(String(n));
  expect([lengthOf('gzip'), computed.at(-1)]).toEqual([4, 'gzip']);
});
