/** Proves that a decimal is answered with all digits of its column, also by compiled operations, and never with fewer. */
import { expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { createExecute } from '../../src/kernel/graphql/execution.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import { parseDocument } from '../../src/kernel/graphql/parse-document.js';
import { keepScales } from '../../src/kernel/graphql/scales.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';
import type { FieldInfo, ModelInfo } from '../../src/kernel/vocabulary/data-model.js';

const decimal = (...native: string[]): FieldInfo => ({
  type: 'Decimal',
  column: 'x',
  native: ['Decimal', ...native],
});
const BILL: ModelInfo = {
  schema: 'public',
  table: 'bills',
  keys: [],
  indexes: [],
  fields: {
    price: decimal('10', '2'),
    whole: decimal('5', '0'),
    net: decimal('10', '2'),
    later: decimal('10', '2'),
    missing: decimal('10', '2'),
    free: { type: 'Decimal', column: 'free' },
  },
};
const of = (text: string) => new Prisma.Decimal(text);

test('columns with digits behind the point have them all', async () => {
  const row = { price: of('12.5'), whole: of('7'), missing: null, free: of('1.50') };
  const { schema } = buildApi([
    defineModule({
      name: 'bill',
      typeDefs: `
        extend enum Permission { BILLS_READ }
        type Bill @authenticated {
          price: Decimal whole: Decimal net: Decimal later: Decimal missing: Decimal free: Decimal
        }
        extend type Query { bill: Bill @authenticated }`,
      resolvers: {
        Query: { bill: () => row },
        // One has more digits than its column.
        Bill: { net: () => of('10.504'), later: () => Promise.resolve(of('3')) },
      } as object,
      permissions: { 'bills:read': ['owner'] },
    }),
  ]);
  keepScales(schema, { Bill: BILL });
  const execute = createExecute(schema);
  // From its third use on, it is compiled.
  const { document } = parseDocument('{ bill { price whole net later missing free } }', 100);
  for (let use = 0; use < 4; use++) {
    const { data } = await execute({ document, operationName: null, variables: {}, context: { viewer: {} } });
    expect({ ...(data as { bill: object }).bill }).toEqual({
      price: '12.50',
      whole: '7',
      net: '10.504',
      later: '3.00',
      missing: null,
      free: '1.5',
    });
  }
});
