/** Proves that the values which the tests of permissions send fit their columns, and what such a test says of a refusal. */
import { describe, expect, test } from 'vitest';
import type { FieldInfo, ModelInfo } from '../../src/kernel/vocabulary/data-model.js';
import { columnSample } from '../support/column-samples.js';
import { adviceFor } from '../support/permission-entries.js';

const modelWith = (info: Partial<FieldInfo>, isKey: boolean): ModelInfo => ({
  schema: 'public',
  table: 'things',
  keys: isKey ? [{ fields: ['tenantId', 'value'] }] : [],
  indexes: [],
  fields: { value: { type: 'String', column: 'value', ...info } },
});

describe('a value', () => {
  test.each<[string, Partial<FieldInfo>, RegExp]>([
    ['varchar(20)', { native: ['VarChar', '20'] }, /^[a-z]{20}$/],
    ['varchar(3)', { native: ['VarChar', '3'] }, /^[a-z]{3}$/],
    ['char', { native: ['Char'] }, /^[a-z]$/],
    ['numeric(2, 2)', { type: 'Decimal', native: ['Decimal', '2', '2'] }, /^0\.\d\d$/],
    ['numeric(5, 0)', { type: 'Decimal', native: ['Decimal', '5', '0'] }, /^\d{1,5}$/],
  ])('fits %s', (_name, info, form) => {
    expect(columnSample(modelWith(info, false), 'value', false)).toMatch(form);
  });

  test.each<[string, Partial<FieldInfo>]>([
    ['smallint', { type: 'Int', native: ['SmallInt'] }],
    ['bigint', { type: 'BigInt' }],
    ['numeric(10, 2)', { type: 'Decimal', native: ['Decimal', '10', '2'] }],
    ['date', { type: 'DateTime', native: ['Date'] }],
    ['timestamptz', { type: 'DateTime', native: ['Timestamptz', '3'] }],
    ['varchar(20)', { native: ['VarChar', '20'] }],
  ])('of a unique %s is another one each time', (_name, info) => {
    const values = Array.from({ length: 50 }, () => columnSample(modelWith(info, true), 'value', false));
    expect(new Set(values).size).toBe(50);
    expect(values).not.toContain(undefined);
  });

  test('is left to the GraphQL type where any fits', () => {
    expect(columnSample(modelWith({}, false), 'value', false)).toBeUndefined();
    expect(columnSample(modelWith({ type: 'Int' }, false), 'value', false)).toBeUndefined();
    expect(columnSample(modelWith({}, false), 'other', false)).toBeUndefined();
    // An enum of the API in a column of texts.
    expect(columnSample(modelWith({ native: ['VarChar', '20'] }, false), 'value', true)).toBeUndefined();
  });
});

test('a refusal of arguments is not blamed on the table of permissions', () => {
  const path = [{ coordinate: 'Mutation.createThing' }, { coordinate: 'CreateThingPayload.thing' }];
  const table = { guards: { Mutation: { createThing: null }, CreateThingPayload: null } };
  const error = {
    message: 'input.value must have at most 20 characters.',
    extensions: { code: 'BAD_USER_INPUT' },
  };
  const advice = adviceFor(table, 'owner', path, [error]);
  expect(advice).toContain('Mutation.createThing answered BAD_USER_INPUT to the arguments');
  expect(advice).toContain("arguments['Mutation.createThing']");
  expect(advice).not.toContain('grants');
  expect(adviceFor(table, 'owner', path, [{ ...error, extensions: { code: 'FORBIDDEN' } }])).toContain(
    'grants.owner',
  );
  expect(adviceFor(table, 'owner', path, [])).toContain('grants.owner');
});
