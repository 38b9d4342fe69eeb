/**
 * Proves that the limit of a usual page is part of the statement's text, which lets PostgreSQL keep one plan for it, and
 * that callers cannot make a statement of their own for every number of rows.
 */
import { expect, test } from 'vitest';
import { scopedModels } from '../../src/kernel/tenancy/data-model.js';
import { plainStatement } from '../../src/kernel/tenancy/plain-statement.js';

const notes = scopedModels({
  Note: {
    schema: 'public',
    table: 'notes',
    fields: {
      tenantId: { type: 'String', column: 'tenant_id' },
      id: { type: 'Int', column: 'id' },
    },
    keys: [{ fields: ['tenantId', 'id'] }],
    indexes: [],
  },
}).get('Note')!;

const list = (page: { take?: number; skip?: number }) =>
  plainStatement(notes, 'findMany', { where: { tenantId: 't' }, orderBy: { id: 'asc' }, ...page })!;

test.each([5, 10, 20, 25, 50, 100])('a page of %i rows has its limit in the text', (size) => {
  const { text, values } = list({ take: size + 1 });
  expect(text).toMatch(new RegExp(` LIMIT ${String(size + 1)}$`));
  expect(values).toEqual(['t']);
});

test('finding one row has its limit in the text', () => {
  const { text, values } = plainStatement(notes, 'findFirst', { where: { tenantId: 't' } })!;
  expect(text).toMatch(/ LIMIT 1$/);
  expect(values).toEqual(['t']);
});

test('other limits and every offset are parameters, so the numbers of rows make few statements', () => {
  expect(list({ take: 23 })).toMatchObject({
    text: expect.stringMatching(/ LIMIT \$2$/) as string,
    values: ['t', '23'],
  });
  expect(list({ take: 21, skip: 21 })).toMatchObject({
    text: expect.stringMatching(/ LIMIT 21 OFFSET \$2$/) as string,
    values: ['t', '21'],
  });
  const sizes = Array.from({ length: 1_000 }, (_, index) => index + 1);
  const texts = new Set(sizes.map((take) => list({ take }).text));
  expect(texts.size).toBeLessThan(15);
});
