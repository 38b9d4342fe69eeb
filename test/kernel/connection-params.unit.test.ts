import { expect, test } from 'vitest';
import { authorizationOf } from '../../src/services/subscriptions/connection-params.js';

test.each<[string, Record<string, unknown> | undefined, string | undefined]>([
  ['no params', undefined, undefined],
  ['none', { token: 'Bearer a' }, undefined],
  ['authorization', { authorization: 'Bearer a' }, 'Bearer a'],
  ['Authorization', { Authorization: 'Bearer a' }, 'Bearer a'],
  ['AUTHORIZATION', { AUTHORIZATION: 'Bearer a' }, 'Bearer a'],
  ['headers', { headers: { Authorization: 'Bearer a' } }, 'Bearer a'],
  ['headers in capitals', { HEADERS: { authorization: 'Bearer a', 'x-other': 'b' } }, 'Bearer a'],
  ['the same one twice', { authorization: 'Bearer a', headers: { Authorization: 'Bearer a' } }, 'Bearer a'],
  ['headers that are no object', { headers: 'authorization' }, undefined],
  ['a value that is no text', { authorization: 7, headers: { authorization: ['Bearer a'] } }, undefined],
])('the credential of a client that sends %s', (_name, params, expected) => {
  expect(authorizationOf(params)).toBe(expected);
});

test('different credentials are refused, wherever they are', () => {
  for (const params of [
    { authorization: 'Bearer a', Authorization: 'Bearer b' },
    { authorization: 'Bearer a', headers: { authorization: 'Bearer b' } },
  ]) {
    expect(() => authorizationOf(params)).toThrow('different credentials');
  }
});
