/** Secrets at rest: only the right key opens them, and only in their place. */
import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/kernel/config/config.js';
import { SealedSecrets } from '../../src/services/secrets/sealed-secrets.js';

const key = (): string => randomBytes(36).toString('base64');
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const place = { tenantId: randomUUID(), purpose: 'webhook', id: randomUUID() };

test('is opened with its key, in its place, and is never the same twice', () => {
  const secrets = new SealedSecrets([key()]);
  const sealed = secrets.seal(SECRET, place);
  expect(secrets.open(sealed, place)).toBe(SECRET);
  expect(secrets.seal(SECRET, place)).not.toBe(sealed);
  expect(sealed).not.toContain(SECRET.slice(6, 16));
  expect(Buffer.from(sealed.split('.')[2]!, 'base64url').toString('latin1')).not.toContain(
    SECRET.slice(6, 16),
  );
});

test.each([
  ['tenant', { ...place, tenantId: randomUUID() }],
  ['row', { ...place, id: randomUUID() }],
  ['purpose', { ...place, purpose: 'provider' }],
])('is not opened for another %s', (_name, elsewhere) => {
  const secrets = new SealedSecrets([key()]);
  const sealed = secrets.seal(SECRET, place);
  expect(() => secrets.open(sealed, elsewhere)).toThrow(
    'a sealed secret was changed, or is not in its place',
  );
});

test('is not opened after any change', () => {
  const secrets = new SealedSecrets([key()]);
  const [version, name, text] = secrets.seal(SECRET, place).split('.');
  const bytes = Buffer.from(text!, 'base64url');
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    const sealed = [version, name, changed.toString('base64url')].join('.');
    expect(() => secrets.open(sealed, place), String(at)).toThrow('was changed');
  }
  for (const sealed of [`2.${name!}.${text!}`, `1.${name!}.`, `1.${name!}.${text!.slice(0, 30)}`]) {
    expect(() => secrets.open(sealed, place)).toThrow('was changed');
  }
});

describe('several keys', () => {
  const [old, next] = [key(), key()];
  const sealedBefore = new SealedSecrets([old]).seal(SECRET, place);

  test('the first one seals, and all of them open', () => {
    const both = new SealedSecrets([next, old]);
    expect(both.open(sealedBefore, place)).toBe(SECRET);
    expect(new SealedSecrets([next]).open(both.seal(SECRET, place), place)).toBe(SECRET);
  });

  test.each([[[next]], [[]]])('a missing one is told as such, without a secret', (keys) => {
    const secrets = new SealedSecrets(keys);
    expect(secrets.hasKeyOf(sealedBefore)).toBe(false);
    expect(() => secrets.open(sealedBefore, place)).toThrow(
      'A secret cannot be read: ENCRYPTION_KEYS does not have the key that has encrypted it.',
    );
  });
});

test('without a key nothing is sealed', () => {
  const none = new SealedSecrets([]);
  expect(() => none.seal(SECRET, place)).toThrow('ENCRYPTION_KEYS');
});

describe('ENCRYPTION_KEYS', () => {
  test('has one key or several', () => {
    const [one, other] = [key(), key()];
    expect(readConfig({ ENCRYPTION_KEYS: one }).encryptionKeys).toEqual([one]);
    expect(readConfig({ ENCRYPTION_KEYS: ` ${one}, ${other} ` }).encryptionKeys).toEqual([one, other]);
    expect(readConfig({}).encryptionKeys).toEqual([]);
  });

  test.each(['too short', `${'a'.repeat(32)},short`])('is refused with %j, which is not shown', (value) => {
    expect(() => readConfig({ ENCRYPTION_KEYS: value })).toThrow(
      'ENCRYPTION_KEYS has a key that is too short: make one with `openssl rand -base64 48`.',
    );
  });
});
