/** Which addresses the server may connect to: every form in which a private one can be written is refused. */
import ipaddr from 'ipaddr.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/kernel/config/config.js';
import { AllowedTargets } from '../../src/kernel/outgoing/allowed-targets.js';
import { Outgoing } from '../../src/kernel/outgoing/outgoing.js';
import { isPublicAddress } from '../../src/kernel/outgoing/public-address.js';

/** IPv4 addresses that no request of a tenant may reach. */
const INNER = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '10.255.255.255',
  '100.64.0.1',
  // The metadata service of Alibaba Cloud.
  '100.100.100.200',
  '127.0.0.1',
  '127.255.255.254',
  // Most metadata services, and that of containers of AWS.
  '169.254.169.254',
  '169.254.170.2',
  // Azure.
  '168.63.129.16',
  '172.16.0.1',
  '172.31.255.255',
  // Oracle.
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.0.1',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.7',
  '203.0.113.9',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
];

const hex = (address: string): string => {
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(address).octets;
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
};

/** The ways in which an IPv6 address can carry an IPv4 address. */
const CARRIERS: readonly (readonly [string, (address: string) => string])[] = [
  ['mapped', (address) => `::ffff:${address}`],
  ['mapped, in hexadecimal', (address) => `::ffff:${hex(address)}`],
  ['mapped, in full', (address) => `0:0:0:0:0:ffff:${hex(address)}`],
  ['IPv4-compatible', (address) => `::${hex(address)}`],
  ['translated (RFC 2765)', (address) => `::ffff:0:${hex(address)}`],
  ['NAT64', (address) => `64:ff9b::${hex(address)}`],
  ['NAT64, of the own network', (address) => `64:ff9b:1::${hex(address)}`],
  ['6to4', (address) => `2002:${hex(address)}::`],
  ['6to4, with an interface', (address) => `2002:${hex(address)}::1`],
  ['Teredo', (address) => `2001:0:${hex(address)}::1`],
];

test.each(INNER)('%s is not public', (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

describe.each(CARRIERS)('%s', (_name, carry) => {
  test.each(INNER)('%s is not public', (address) => {
    expect(isPublicAddress(carry(address))).toBe(false);
  });

  test('not even of a public address: nobody knows where the translator leads', () => {
    expect(isPublicAddress(carry('93.184.216.34'))).toBe(false);
  });
});

test.each([
  '::',
  '::1',
  'fe80::1',
  'fe80::1%eth0',
  'febf::1',
  'fec0::1',
  'fc00::1',
  // The metadata service of AWS over IPv6.
  'fd00:ec2::254',
  'fdff:ffff::1',
  'ff02::1',
  'ff0e::1',
  '100::1',
  '2001:2::1',
  '2001:10::1',
  '2001:20::1',
  '2001:db8::1',
  '3fff::1',
  '4000::1',
  '5f00::1',
  'e000::1',
])('%s is not public', (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test.each([
  '',
  'localhost',
  '127.1',
  '0x7f.0.0.1',
  '0177.0.0.1',
  '2130706433',
  '8.8.8',
  '1.1.1.1:443',
  '[::1]',
])('%j is no address', (text) => {
  expect(isPublicAddress(text)).toBe(false);
});

test.each([
  '1.1.1.1',
  '8.8.8.8',
  '93.184.216.34',
  '100.63.255.255',
  '100.128.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '168.63.129.15',
  '2606:4700:4700::1111',
  '2a00:1450:4001:81b::200e',
])('%s is public', (address) => {
  expect(isPublicAddress(address)).toBe(true);
});

test('an IPv6 address outside of 2000::/3 is never public', () => {
  const parts = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(parts, (numbers) => {
      const address = numbers.map((each) => each.toString(16)).join(':');
      if (numbers[0]! >>> 13 !== 1) expect(isPublicAddress(address)).toBe(false);
    }),
  );
});

describe('a URL', () => {
  const outgoing = new Outgoing();

  /** WHATWG URLs accept many ways to write 127.0.0.1. */
  test.each([
    'https://127.0.0.1/',
    'https://127.1/',
    'https://0x7f.1/',
    'https://0177.0.0.1/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://127.0.0.1./',
    'https://①②⑦.⓪.⓪.①/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::127.0.0.1]/',
    'https://[64:ff9b::127.0.0.1]/',
    'https://[2002:7f00:1::]/',
    'https://169.254.169.254/latest/meta-data/',
  ])('%s is refused before anything is resolved', (url) => {
    expect(() => outgoing.check(url)).toThrow(expect.objectContaining({ reason: 'no_public_address' }));
  });

  test.each([
    'http://hooks.example/',
    'ftp://hooks.example/',
    'file:///etc/passwd',
    'gopher://hooks.example/',
    'https://user@hooks.example/',
    'https://:password@hooks.example/',
    'hooks.example',
    '',
    'https://',
  ])('%j is refused for its form', (url) => {
    expect(() => outgoing.check(url)).toThrow(expect.objectContaining({ reason: 'url' }));
  });

  test('with a name is fine until the name is resolved', () => {
    expect(outgoing.check('https://Hooks.Example:8443/in?a=b').href).toBe(
      'https://hooks.example:8443/in?a=b',
    );
  });

  test('without TLS is for listed hosts', () => {
    const listed = new Outgoing({ allowed: ['hooks.internal', '10.0.0.0/8'] });
    expect(listed.check('http://hooks.internal/').host).toBe('hooks.internal');
    expect(listed.check('http://10.1.2.3/').host).toBe('10.1.2.3');
    expect(() => listed.check('http://other.internal/')).toThrow();
    expect(() => listed.check('http://1.1.1.1/')).toThrow();
  });
});

describe('OUTGOING_ALLOWED_HOSTS', () => {
  const allowed = (value: string) => readConfig({ OUTGOING_ALLOWED_HOSTS: value }).outgoingAllowedHosts;

  test('has names, addresses and networks', () => {
    expect(allowed(' hooks.internal, 10.1.2.3,10.0.0.0/8 ,::1,fd00::/8,,')).toEqual([
      'hooks.internal',
      '10.1.2.3',
      '10.0.0.0/8',
      '::1',
      'fd00::/8',
    ]);
    expect(allowed('')).toEqual([]);
  });

  test.each(['https://hooks.internal', 'hooks.internal:8080', '10.0.0.0/33', '10.0.0', '*.internal', 'a b'])(
    'is refused with %j',
    (value) => {
      expect(() => allowed(value)).toThrow('OUTGOING_ALLOWED_HOSTS must have names of hosts');
    },
  );

  test('a name is the same in every case and with a dot at its end, and no other', () => {
    const targets = new AllowedTargets(['Hooks.Internal.']);
    for (const name of ['hooks.internal', 'HOOKS.internal.']) expect(targets.hasName(name)).toBe(true);
    for (const name of ['a.hooks.internal', 'internal', 'hooks.internal.example']) {
      expect(targets.hasName(name)).toBe(false);
    }
  });

  test('a network has its own addresses, and not their forms in IPv6', () => {
    const targets = new AllowedTargets(['10.0.0.0/8', '127.0.0.1', 'fd00::/8']);
    for (const address of ['10.1.2.3', '127.0.0.1', 'fd12::1'])
      expect(targets.hasAddress(address)).toBe(true);
    for (const address of ['11.0.0.1', '127.0.0.2', '::ffff:10.1.2.3', 'fe80::1', 'hooks.internal']) {
      expect(targets.hasAddress(address)).toBe(false);
    }
  });
});
