/**
 * The search for the victim's values: it finds a value in every form in which an answer may contain it. The values that
 * take the place of the victim's in the control request have the same form, but do not exist.
 */
import { describe, expect, test } from 'vitest';
import { told, toldByMutation } from '../src/compare.js';
import { encodingsOf } from '../src/encodings.js';
import { Loot, lootValue, newMark } from '../src/loot.js';
import { distinctive, Search } from '../src/search.js';
import { unlike } from '../src/unlike.js';

const ID = '01a1fcd8-e911-777c-8b84-7fe483ed1bca';
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('a value is found', () => {
  const search = new Search();
  for (const value of ['Ünïque "text"\nof globex', ID]) search.add(lootValue('Note.text', value));
  search.add(lootValue('Note.createdAt', '2026-11-21T06:43:56.309Z'));

  test.each([
    ['in a longer text', `{"a":"x ${ID} y"}`],
    ['in capitals', ID.toUpperCase()],
    ['without hyphens', ID.replaceAll('-', '')],
    ['as JSON writes it', JSON.stringify('Ünïque "text"\nof globex')],
    ['in a URL', `?q=${encodeURIComponent('Ünïque "text"\nof globex')}`],
    ['in hexadecimal digits', Buffer.from(ID).toString('hex')],
    ['in base64', base64(ID)],
    ['in base64, one byte later', base64(`[${ID}]`)],
    ['in base64, two bytes later', base64(`["${ID}"]`)],
    ['in base64 for URLs', Buffer.from('Ünïque "text"\nof globex').toString('base64url')],
    ['as the bytes of a UUID in base64', Buffer.from(ID.replaceAll('-', ''), 'hex').toString('base64')],
    ['as milliseconds', '{"at":1795243436309}'],
    ['as PostgreSQL writes times', '2026-11-21 06:43:56.309+00'],
  ])('%s', (_how, text) => {
    expect(search.find(text)).toHaveLength(1);
  });

  test('other values are not found', () => {
    expect(search.find(`${crypto.randomUUID()} 2026-11-21T06:43:56.310Z unique text of globex`)).toEqual([]);
  });
});

test('words of the schema and values that the attacker has too do not identify the victim; an id does', () => {
  const own = new Loot([lootValue('Note.text', 'Pizza on Friday?'), lootValue('Note.id', ID, 'ID')]);
  const saysWhose = distinctive(own, new Set(['conversation', 'created']));
  expect(saysWhose(lootValue('Note.text', 'Pizza on Friday?'))).toBe(false);
  expect(saysWhose(lootValue('AuditEntry.action', 'conversation.created'))).toBe(false);
  expect(saysWhose(lootValue('Note.text', 'Lunch'))).toBe(false);
  expect(saysWhose(lootValue('Note.text', 'Pizza on Monday?'))).toBe(true);
  expect(saysWhose(lootValue('Note.text', newMark()))).toBe(true);
  expect(saysWhose(lootValue('Note.id', ID, 'ID'))).toBe(true);
});

describe('a value that does not exist has the same form', () => {
  const cursor = Buffer.from(JSON.stringify(['createdAt', '2026-11-21T06:43:56.309Z', ID])).toString(
    'base64url',
  );
  test.each([
    ['an id', 'id', ID, /^01a1fcd8-e911-777c-8b84-7fe4[0-9a-f]{8}$/],
    ['the id of a user', 'id', 'demo|globex|owner', /^[a-z]{4}\|[a-z]{6}\|[a-z]{5}$/],
    ['an address', 'email', 'owner@globex.test', /^[a-z]{5}@[a-z]{6}\.[a-z]{4}$/],
    ['a URL', 'text', 'https://a1.example.com/x', /^https:\/\/[a-z]\d\.[a-z]{7}\.[a-z]{3}\/[a-z]$/],
    ['a key', 'secret', 'tk_Ab3', /^[a-z]{2}_[A-Z][a-z]\d$/],
    ['a time', 'date', '2026-11-21T06:43:56.309Z', /^2026-11-21T06:43:56\.310Z$/],
    ['a number', 'number', '7340211', /^7340212$/],
  ] as const)('%s', (_what, kind, value, form) => {
    const other = unlike({ kind, value }, () => false);
    expect(other).toMatch(form);
    expect(other).not.toBe(value);
  });

  test('a cursor at the same position of the order', () => {
    const other = unlike({ kind: 'cursor', value: cursor }, () => false)!;
    const [field, time, id] = JSON.parse(Buffer.from(other, 'base64url').toString()) as string[];
    expect([field, time, id?.slice(0, -8), other.length]).toEqual([
      'createdAt',
      '2026-11-21T06:43:56.309Z',
      ID.slice(0, -8),
      cursor.length,
    ]);
    expect(id).not.toBe(ID);
  });

  test('there is none for a cursor that cannot be read', () => {
    expect(unlike({ kind: 'cursor', value: '//79/Pv6' }, () => false)).toBeUndefined();
  });

  test('another one is chosen when the first exists', () => {
    const value = '2026-11-21T06:43:56.309Z';
    expect(unlike({ kind: 'date', value }, (other) => other.endsWith('310Z'))).toBe(
      '2026-11-21T06:43:56.308Z',
    );
  });
});

describe('two answers are compared', () => {
  const answer = (body: string, requestId = 'a') => ({
    status: 200,
    headers: [
      ['Date', requestId],
      ['content-length', String(body.length)],
    ].map(([name, value]) => [name!.toLowerCase(), value!] as const),
    body,
    requestId: `attack-${requestId}`,
  });

  test('without the sent value, the request’s id and the time', () => {
    const [one, other] = ['abcdef', 'ghijkl'].map((value) =>
      told(answer(`no ${value} in attack-${value}`, value), value),
    );
    expect(one).toBe(other);
  });

  test('to the byte', () => {
    expect(told(answer('{"data":null}'))).not.toBe(told(answer('{"data": null}')));
  });

  test('by shape for mutations that took effect, and their errors to the byte', () => {
    const made = (id: string, error = 'x') =>
      toldByMutation(answer(`{"data":{"add":{"id":"${id}"}},"errors":[{"message":"${error}"}]}`));
    expect(made('1')).toBe(made('22'));
    expect(made('1')).not.toBe(made('1', 'y'));
    expect(toldByMutation(answer('{"data":{"add":null}}'))).not.toBe(made('1'));
  });

  test('without what is left of a budget of cost, by shape as well', () => {
    const withCost = (id: string, left: string) =>
      answer(
        `{"data":{"add":{"id":"${id}"}},"extensions":{"cost":{"throttle":{"currentlyAvailable":${left}}}}}`,
      );
    expect(told(withCost('1', '999'))).toBe(told(withCost('1', '94.5')));
    expect(told(withCost('1', '999'))).not.toBe(told(withCost('2', '999')));
    expect(toldByMutation(withCost('1', '999'))).toBe(toldByMutation(withCost('2', '94.5')));
  });
});

test('all forms of a value are in lower case and distinct', () => {
  const forms = encodingsOf('Globex');
  expect(forms).toEqual([...new Set(forms.map((form) => form.toLowerCase()))]);
});
