/** The address by which an anonymous caller is counted: nobody can choose another by writing a header. */
import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { clientAddress } from '../../src/http/client-address.js';
import { readConfig } from '../../src/kernel/config/config.js';

const request = (remoteAddress: string | undefined, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as unknown as IncomingMessage;

test('without proxies the address is that of the connection, whatever a header says', () => {
  const addressOf = clientAddress([]);
  expect(addressOf(request('198.51.100.7', '203.0.113.9'))).toBe('198.51.100.7');
  expect(addressOf(request('::ffff:198.51.100.7', '203.0.113.9'))).toBe('198.51.100.7');
});

describe('behind proxies', () => {
  const addressOf = clientAddress(['10.0.0.0/8', 'loopback']);
  test.each<[string, string | undefined, string | undefined, string]>([
    ['the proxy says who the client is', '10.1.1.1', '203.0.113.9', '203.0.113.9'],
    [
      'an address that the client wrote before is not believed',
      '10.1.1.1',
      '192.0.2.1, 203.0.113.9',
      '203.0.113.9',
    ],
    ['several proxies are passed', '127.0.0.1', '192.0.2.1, 203.0.113.9, 10.2.2.2', '203.0.113.9'],
    ['who is no proxy is the client', '203.0.113.50', '192.0.2.1', '203.0.113.50'],
    ['what is no address is nobody: the proxy is counted', '10.1.1.1', 'unknown', '10.1.1.1'],
    ['nor is a text that the client chose', '10.1.1.1', 'a'.repeat(5_000), '10.1.1.1'],
    ['a header that is missing', '10.1.1.1', undefined, '10.1.1.1'],
    ['a socket without an address is a proxy', undefined, '203.0.113.9', '203.0.113.9'],
  ])('%s', (_what, remote, forwarded, address) => {
    expect(addressOf(request(remote, forwarded))).toBe(address);
  });
});

test('all addresses of a network of IPv6 are one client', () => {
  const addressOf = clientAddress([]);
  const one = addressOf(request('2001:db8:1:2:3:4:5:6'));
  expect(addressOf(request('2001:db8:1:2:ffff::1'))).toBe(one);
  expect(addressOf(request('2001:db8:1:3::1'))).not.toBe(one);
});

test('TRUSTED_PROXIES is nobody by default, and a mistake in it stops the start', () => {
  expect(readConfig({}).trustedProxies).toEqual([]);
  expect(readConfig({ TRUSTED_PROXIES: ' 10.0.0.0/8, ::1 ,uniquelocal' }).trustedProxies).toEqual([
    '10.0.0.0/8',
    '::1',
    'uniquelocal',
  ]);
  for (const wrong of ['proxy.example.com', '10.0.0.0/33', '*', 'true']) {
    expect(() => readConfig({ TRUSTED_PROXIES: wrong })).toThrow('TRUSTED_PROXIES must have addresses');
  }
});
