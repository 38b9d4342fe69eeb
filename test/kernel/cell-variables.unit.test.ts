/** Proves which variables describe a cell, and that half of a description is refused. */
import { expect, test } from 'vitest';
import { cellsOf, cellVariable, cellVariables } from '../../src/kernel/config/cells.js';

const URL = 'postgresql://tenantry_app:secret@eu2.example.com:5432/tenantry';

test('a cell has the name in its variables, and its other URLs belong to it', () => {
  const env = { CELL_EU_2_URL: URL, CELL_EU_2_OPERATOR_URL: `${URL}2`, CELL_US9_URL: URL, CELL_OLD_URL: ' ' };
  expect(cellsOf(env)).toEqual([
    { name: 'eu-2', url: URL, listenUrl: undefined, ownerUrl: undefined, operatorUrl: `${URL}2` },
    { name: 'us9', url: URL, listenUrl: undefined, ownerUrl: undefined, operatorUrl: undefined },
  ]);
  expect([cellVariable('eu-2'), cellVariable('eu-2', 'OWNER')]).toEqual([
    'CELL_EU_2_URL',
    'CELL_EU_2_OWNER_URL',
  ]);
});

test('each may be a file, because it has a password', () => {
  expect(cellVariables({ CELL_EU2_URL_FILE: '/run/secrets/eu2', PATH: '/bin' })).toEqual(['CELL_EU2_URL']);
});

test.each([
  [
    { CELL_EU2_OPERATOR_URL: URL },
    'CELL_EU2_URL is missing: CELL_EU2_OPERATOR_URL belongs to the same cell.',
  ],
  [{ CELL_EU2_URL: 'eu2.example.com' }, 'CELL_EU2_URL must be a URL of the form'],
  [{ CELL_DEFAULT_URL: URL }, 'CELL_DEFAULT_URL: the default cell is DATABASE_URL.'],
])('%j is refused, without a password', (env, sentence) => {
  expect(() => cellsOf(env)).toThrow(sentence);
  expect(() => cellsOf(env)).not.toThrow(/secret/);
});
