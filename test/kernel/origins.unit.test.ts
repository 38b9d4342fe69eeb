/**
 * CORS_ORIGINS: each origin has one form, patterns match no more than they say, and an entry that can never match is
 * refused.
 */
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/kernel/config/config.js';
import { isListedOrigin } from '../../src/kernel/config/origins.js';

const listOf = (value: string) => readConfig({ CORS_ORIGINS: value }).corsOrigins;

test.each([
  ['https://app.example.com/', 'https://app.example.com'],
  ['HTTPS://App.Example.com', 'https://app.example.com'],
  ['https://app.example.com:443', 'https://app.example.com'],
  ['http://localhost:80/', 'http://localhost'],
  ['http://localhost:3000', 'http://localhost:3000'],
  ['https://bücher.example', 'https://xn--bcher-kva.example'],
  ['http://[::1]:3000', 'http://[::1]:3000'],
  ['capacitor://localhost', 'capacitor://localhost'],
  ['https://*.Example.com:443/', 'https://*.example.com'],
  ['http://*.localhost:3000', 'http://*.localhost:3000'],
])('%s is %s', (entry, origin) => {
  expect(listOf(entry)).toEqual([origin]);
});

test('entries are separated by commas, and blanks are none', () => {
  expect(listOf(' https://a.example , ,https://b.example,')).toEqual([
    'https://a.example',
    'https://b.example',
  ]);
  expect(listOf('')).toEqual([]);
});

test.each([
  '*',
  'null',
  'app.example.com',
  'https://app.example.com/path',
  'https://app.example.com?x',
  'https://user@app.example.com',
  'https://app.example.com:99999',
  'https://',
  'https://*',
  'https://*.com',
  'https://*.127.0.0.1',
  'https://*.*.example.com',
  'https://a.*.example.com',
  'https://app*.example.com',
  'http://*.example.com',
  'capacitor://*.localhost',
])('the server does not start with %s', (entry) => {
  expect(() => listOf(`https://good.example,${entry}`)).toThrow(/^CORS_ORIGINS has /);
});

describe('https://*.example.com', () => {
  const list = ['https://*.example.com', 'https://*.example.org:8443'];

  test.each(['https://acme.example.com', 'https://a.example.com', 'https://acme.example.org:8443'])(
    'stands for %s',
    (origin) => {
      expect(isListedOrigin(list, origin)).toBe(true);
    },
  );

  test.each([
    undefined,
    'null',
    'https://example.com',
    'https://.example.com',
    'https://a.b.example.com',
    'http://acme.example.com',
    'https://acme.example.com:8443',
    'https://acme.example.com.evil.test',
    'https://evil.test/.example.com',
    'https://evil.test#.example.com',
    'https://user@.example.com',
    'https://acmeexample.com',
    'https://-.example.com',
    'https://*.example.com',
    'https://acme.example.org',
  ])('does not stand for %s', (origin) => {
    expect(isListedOrigin(list, origin)).toBe(false);
  });
});
