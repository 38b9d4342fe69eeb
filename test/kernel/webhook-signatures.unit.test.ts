/** Signatures as the library of the specification verifies them, and the schedule of attempts. */
import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import {
  askedToWait,
  GIVEN_UP_AFTER_MS,
  HELD_AT_MOST_MS,
  holdAfter,
  isHeldTooLong,
  MOST_ATTEMPTS,
  waitAfter,
  WAITS_MS,
} from '../../src/services/webhooks/schedule.js';
import { newSigningSecret, signatureHeaders } from '../../src/services/webhooks/signature.js';

const body = '{"type":"conversation.created","data":{"id":"conversation_ü"}}';
const message = (at = new Date()) => ({ id: `webhook_delivery_${randomUUID()}`, at, body });

describe('a signature', () => {
  test('is verified by the library of the specification', () => {
    const secret = newSigningSecret();
    expect(new Webhook(secret).verify(body, signatureHeaders([secret], message()))).toEqual(JSON.parse(body));
  });

  test('is the one of the specification', () => {
    const { id, at } = message(new Date(1_674_087_231_999));
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const headers = signatureHeaders([secret], { id, at, body });
    expect(headers['webhook-timestamp']).toBe('1674087231');
    expect(headers['webhook-signature']).toBe(new Webhook(secret).sign(id, at, body));
  });

  test('holds for the body, the id and the time, and for no others', () => {
    const secret = newSigningSecret();
    const headers = signatureHeaders([secret], message());
    const verify = (change: object, of = body) => new Webhook(secret).verify(of, { ...headers, ...change });
    expect(() => verify({}, `${body} `)).toThrow('No matching signature found');
    expect(() => verify({ 'webhook-id': 'webhook_delivery_other' })).toThrow('No matching signature found');
    const later = String(Number(headers['webhook-timestamp']) + 1);
    expect(() => verify({ 'webhook-timestamp': later })).toThrow('No matching signature found');
    expect(() => new Webhook(newSigningSecret()).verify(body, headers)).toThrow(
      'No matching signature found',
    );
  });

  test('is there for each key while one is replaced', () => {
    const [old, next] = [newSigningSecret(), newSigningSecret()];
    const headers = signatureHeaders([next, old], message());
    for (const secret of [old, next])
      expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
    expect(headers['webhook-signature'].split(' ')).toHaveLength(2);
  });

  test('is made with 256 random bits', () => {
    const secrets = Array.from({ length: 100 }, newSigningSecret);
    expect(new Set(secrets).size).toBe(100);
    for (const secret of secrets) {
      expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
      expect(Buffer.from(secret.slice(6), 'base64')).toHaveLength(32);
    }
  });
});

describe('the schedule', () => {
  test('has the waits of the specification, each up to a tenth longer', () => {
    const seconds = (ms: number) => ms / 1_000;
    expect(WAITS_MS.map(seconds)).toEqual([5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
    for (const [at, wait] of WAITS_MS.entries()) {
      expect(waitAfter(at + 1, 0, 0)).toBe(wait);
      expect(waitAfter(at + 1, 0, 1)).toBe(Math.round(wait * 1.1));
    }
    expect(waitAfter(MOST_ATTEMPTS)).toBeUndefined();
  });

  test('ends before an endpoint is given up, so that one message alone disables none', () => {
    expect(WAITS_MS.reduce((sum, wait) => sum + wait * 1.1, 0)).toBeLessThan(GIVEN_UP_AFTER_MS);
  });

  test('waits longer when the receiver asks for it, and not shorter', () => {
    expect(waitAfter(1, 60_000, 0)).toBe(60_000);
    expect(waitAfter(2, 60_000, 0)).toBe(300_000);
  });
});

describe('an endpoint that asks for time', () => {
  const now = new Date('2026-03-01T12:00:00Z');
  const before = (seconds: number) => new Date(now.getTime() - seconds * 1_000);

  test.each([
    // Asked for, failing since, held: seconds.
    [1, 0, 5],
    [3_600, 0, 3_600],
    [1, 5, 300],
    [1, 304, 300],
    [1, 305, 1_800],
    [1, 40_000, 3_600],
    [1, 4_000_000, 3_600],
    [86_400, 4_000_000, 86_400],
  ])('for %i s and fails for %i s is left alone for %i s', (asked, failing, held) => {
    expect(holdAfter(asked * 1_000, before(failing), now)).toBe(held * 1_000);
  });

  test('has it for about three days, from when both it failed and the message waited', () => {
    const long = before(HELD_AT_MOST_MS / 1_000);
    expect(HELD_AT_MOST_MS / 86_400_000).toBeCloseTo(3.46, 2);
    expect(isHeldTooLong(long, long, now)).toBe(true);
    expect(isHeldTooLong(before(0), long, now)).toBe(false);
    expect(isHeldTooLong(long, before(0), now)).toBe(false);
    expect(isHeldTooLong(null, long, now)).toBe(false);
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');
  test.each([
    [429, '120', 120_000],
    [503, ' 0 ', 0],
    [502, 'Sun, 01 Mar 2026 12:01:00 GMT', 60_000],
    [504, 'Sun, 01 Mar 2026 11:00:00 GMT', 0],
    [429, undefined, 0],
    [429, 'soon', 0],
    [429, '-5', 0],
    // At most a day.
    [429, '999999999', 86_400_000],
    [429, 'Sun, 01 Mar 2096 12:00:00 GMT', 86_400_000],
    [200, '120', undefined],
    [500, '120', undefined],
  ])('of the status %i, %j, is %j milliseconds', (status, value, ms) => {
    expect(askedToWait(status, value, now)).toBe(ms);
  });
});
