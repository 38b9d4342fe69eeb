/** What an export looks like in a spreadsheet, and what a link to an export is good for. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { SealedEntry } from 'tenantry-verify';
import { CSV_HEADER, csvLine } from '../../src/services/audit-trail/csv.js';
import { exportUrl, readExportLink, type ExportLink } from '../../src/services/audit-trail/export-links.js';
import { readSealKeys } from '../../src/services/audit-trail/seal-keys.js';

const newSealKey = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const KEYS = readSealKeys(newSealKey());

const ENTRY: SealedEntry = {
  tenant: '0199e7a5-0000-7000-8000-00000000000a',
  position: 7,
  id: '0199e7a5-0000-7000-9000-000000000007',
  createdAt: '2026-11-29T08:00:07.000Z',
  tx: '1007',
  actorType: 'user',
  actor: 'auth0|ada',
  action: 'membership.created',
  entity: 'Membership',
  entityId: null,
  requestId: null,
  old: null,
  new: '{"email": "ada@example.com"}',
  salts: '',
};

describe('CSV', () => {
  test('has a line for each entry, with quotation marks doubled', () => {
    expect(CSV_HEADER + csvLine(ENTRY)).toBe(
      'position,id,createdAt,actorType,actor,action,entity,entityId,requestId,old,new,deletedValues\r\n' +
        '7,"0199e7a5-0000-7000-9000-000000000007","2026-11-29T08:00:07.000Z","user","auth0|ada",' +
        '"membership.created","Membership",,,,"{""email"": ""ada@example.com""}",""\r\n',
    );
  });

  test('says which values were deleted', () => {
    const redacted = [{ index: 1, path: 'new."email"', commitment: '' }];
    expect(csvLine({ ...ENTRY, redacted })).toMatch(/,"new\.""email"""\r\n$/);
  });

  test.each([
    '=1+1',
    '+1',
    '-1',
    '@SUM(A1)',
    '\t=1',
    '\r=1',
    '\n=1',
    ' =1',
    '"=1',
    '＝1',
    '＋1',
    '－1',
    '＠x',
    '\tx',
  ])('defuses %j', (actor) => {
    expect(csvLine({ ...ENTRY, actor })).toContain(`"'${actor.replaceAll('"', '""')}"`);
  });

  test.each(['auth0|ada', 'a=1', '2026-11-29', 'ä', ''])('leaves %j as it is', (actor) => {
    expect(csvLine({ ...ENTRY, actor })).toContain(`"${actor}"`);
  });
});

describe('a link', () => {
  const LINK: ExportLink = { tenantId: ENTRY.tenant, userId: 'auth0|ada', format: 'csv', expires: 2_000 };
  const tokenOf = (link: ExportLink, keys = KEYS): string =>
    new URL(exportUrl(link, keys), 'http://localhost').searchParams.get('link')!;

  test('says what was signed, until it expires', () => {
    expect(readExportLink(tokenOf(LINK), KEYS, 1_999)).toEqual(LINK);
    expect(readExportLink(tokenOf(LINK), KEYS, 2_000)).toBeUndefined();
  });

  test('is good after a change of the key, while the older one is trusted', () => {
    const newer = readSealKeys(newSealKey() + KEYS.publicPem);
    expect(readExportLink(tokenOf(LINK), newer, 0)).toEqual(LINK);
  });

  const changed = Buffer.from(JSON.stringify({ ...LINK, tenantId: '0199e7a5-0000-7000-8000-00000000000b' }));
  test.each<[string, (parts: string[]) => string[]]>([
    ['other content', ([key, , signature]) => [key!, changed.toString('base64url'), signature!]],
    ['another signature', ([key, text]) => [key!, text!, Buffer.alloc(64).toString('base64url')]],
    ['no signature', ([key, text]) => [key!, text!]],
    ['an empty signature', ([key, text]) => [key!, text!, '']],
    ['another key', ([, text, signature]) => [readSealKeys(newSealKey()).id, text!, signature!]],
    ['more parts', (parts) => [...parts, 'x']],
    ['nothing', () => []],
  ])('with %s is none', (_what, change) => {
    const parts = change(tokenOf(LINK).split('.'));
    expect(readExportLink(parts.join('.'), KEYS, 0)).toBeUndefined();
  });

  test('of another key is none', () => {
    expect(readExportLink(tokenOf(LINK, readSealKeys(newSealKey())), KEYS, 0)).toBeUndefined();
  });
});
