/**
 * Proves that an operation has the same outcome in a batch and through Prisma, for random operations and arguments,
 * including invalid ones. Prisma runs everything inside a transaction, so the comparison uses one.
 */
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { inAnyOrder, Odd, sparse, useOutcomes } from '../support/outcomes.js';

const { expectTheSame } = useOutcomes();

/** The number of runs for the property about arguments of any shape. Use a larger one for a long run. */
const RUNS = Number(process.env['TEST_SHAPES'] ?? 200);

// ——— Random arguments ———

const text = fc.constantFrom(
  'user-1',
  'user1@acme.test',
  'admin',
  'viewer',
  '',
  "'; --",
  'a"b\\c{},',
  '\u0000',
  '\ud800',
  'ü\u2028',
);
const time = fc.constantFrom<unknown>(
  new Date('2024-01-01T00:00:00.001Z'),
  '2024-01-01T00:00:00.002Z',
  '2024-01-01T00:00:00Z',
  '2024-01-01T00:00:00.000123Z',
  '2024-01-01T01:00:00+01:00',
  '2024-02-30T00:00:00.000Z',
  '2024-13-01T00:00:00Z',
  '2024-01-01',
  'yesterday',
  '0000-01-01T00:00:00Z',
  '0001-01-01T00:00:00.000Z',
  '9999-12-31T23:59:59.999Z',
  '2024-01-01T24:00:00Z',
  '2024-06-30T23:59:60Z',
  new Date(Number.NaN),
  new Date(-1e15),
  new Date(8e15),
  new Date(0),
);
const uuid = fc.constantFrom('00000000-0000-4000-8000-000000000000', 'no uuid', '', 'ACME');
const wrong = fc.constantFrom<unknown>(
  null,
  undefined,
  1,
  true,
  [],
  {},
  [null],
  Number.NaN,
  1n,
  Symbol.iterator.toString(),
  new Map(),
  { set: 'x' },
);
const rarely = <Value>(usual: fc.Arbitrary<Value>, rare: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 8, arbitrary: usual }, { weight: 1, arbitrary: rare });
const operand = (value: fc.Arbitrary<unknown>) =>
  rarely(
    fc.oneof(
      value,
      fc
        .constantFrom('equals', 'gt', 'gte', 'lt', 'lte')
        .chain((key) => value.map((each) => ({ [key]: each }))),
      fc.array(value, { maxLength: 3 }).map((each) => ({ in: each })),
      fc.tuple(value, value).map(([gte, lt]) => ({ gte, lt })),
      value.map((each) => ({ not: each })),
      value.map((each) => ({ equals: each, gt: undefined })),
    ),
    wrong,
  );
const field = fc.oneof(
  operand(text).map((value) => ({ userId: value })),
  operand(text).map((value) => ({ email: value })),
  operand(text).map((value) => ({ invitedBy: value })),
  operand(time).map((value) => ({ joinedAt: value })),
  operand(uuid).map((value) => ({ id: value })),
);
const { where } = fc.letrec<{ where: Record<string, unknown> }>((tie) => ({
  where: rarely(
    fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      field,
      fc.tuple(field, field).map(([a, b]) => ({ ...a, ...b })),
      fc.array(tie('where'), { maxLength: 3 }).map((AND) => ({ AND })),
      fc.array(tie('where'), { maxLength: 3 }).map((OR) => ({ OR })),
      tie('where').map((AND) => ({ AND })),
      tie('where').map((NOT) => ({ NOT })),
    ),
    fc.constantFrom<unknown>(
      {},
      { AND: [] },
      { OR: [] },
      { AND: {} },
      { nothing: 1 },
      { nothing: undefined },
      { userId: undefined },
      { OR: [{}] },
      { OR: [{ AND: [] }] },
      { OR: [{ userId: undefined }, { userId: 'user-1' }] },
      { AND: undefined },
      { OR: undefined },
      { tenantId_userId: { tenantId: 'x', userId: 'user-1' } },
      { email_role: { email: 'a', role: 'b' } },
      { tenant: { slug: 'acme' } },
    ),
  ) as fc.Arbitrary<Record<string, unknown>>,
}));
const select = fc.constantFrom<unknown>(
  undefined,
  undefined,
  undefined,
  { id: true },
  { userId: true, joinedAt: true, invitedBy: true },
  {},
  { id: false },
  { id: true, email: undefined },
  { nothing: true },
  { tenant: true },
  null,
);
// Total orders only. Otherwise the order of the rows is undefined.
const orderBy = fc.constantFrom<unknown>(
  { userId: 'asc' },
  [{ joinedAt: 'desc' }, { id: 'desc' }],
  [{ invitedBy: 'asc' }, { userId: 'desc' }],
  [{ invitedBy: 'desc' }, { id: 'asc' }],
  [{ userId: 'up' }],
  { userId: 'asc', id: 'asc' },
  [{ nothing: 'asc' }, { id: 'asc' }],
);
const number = fc.constantFrom<unknown>(
  undefined,
  0,
  1,
  3,
  100,
  -1,
  -3,
  1.5,
  '2',
  null,
  Number.NaN,
  2 ** 31,
  2 ** 40,
);

const given = (args: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined));

const scalar = fc.oneof(
  text,
  time,
  uuid,
  wrong,
  fc.constantFrom<unknown>(
    new Date(0),
    Buffer.from('x'),
    new Odd(),
    Object.create(null),
    () => 'x',
    -0,
    Infinity,
  ),
);
const names = fc.constantFrom(
  ...[
    'id',
    'tenantId',
    'userId',
    'email',
    'joinedAt',
    'invitedBy',
    'permissions',
    'settings',
    'oldValue',
    'version',
  ],
  ...[
    'AND',
    'OR',
    'NOT',
    'equals',
    'in',
    'notIn',
    'not',
    'gt',
    'lte',
    'has',
    'hasSome',
    'isEmpty',
    'contains',
    'mode',
  ],
  ...[
    'tenant',
    'some',
    'is',
    'tenantId_id',
    'create',
    'set',
    '__proto__',
    'constructor',
    'toString',
    '0',
    '',
  ],
);
const { shape } = fc.letrec<{ shape: unknown }>((tie) => ({
  shape: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc
      .tuple(fc.array(tie('shape'), { maxLength: 3 }), fc.array(fc.nat(2), { maxLength: 2 }))
      .map(([values, holes]) => sparse(values, holes)),
    fc.array(fc.tuple(names, tie('shape')), { maxLength: 3 }).map((entries) => Object.fromEntries(entries)),
  ),
}));
/** Conditions with one invalid part, which chance alone would rarely produce. */
const nearly = fc.oneof(
  shape,
  fc
    .tuple(
      fc.constantFrom('AND', 'OR', 'NOT'),
      fc.array(fc.oneof(where, shape), { maxLength: 3 }),
      fc.array(fc.nat(2), { maxLength: 1 }),
    )
    .map(([key, parts, holes]) => ({ [key]: sparse(parts, holes) })),
  fc.tuple(names, fc.oneof(where, shape)).map(([key, value]) => ({ [key]: value })),
  fc
    .tuple(fc.constantFrom('userId', 'permissions'), fc.constantFrom('equals', 'in', 'gt', 'has'), shape)
    .map(([key, operator, value]) => ({ [key]: { [operator]: value } })),
);

const MODELS = ['membership', 'apiKey', 'auditEntry', 'tenant', 'idempotencyKey'];
const TAKES: Readonly<Record<string, readonly string[]>> = {
  findMany: ['where', 'select', 'orderBy', 'take', 'skip'],
  findFirst: ['where', 'select', 'orderBy'],
  findUnique: ['where', 'select'],
  count: ['where'],
  create: ['data', 'select'],
};

describe('an operation has the same outcome in a batch and through Prisma', () => {
  test(
    'finding many',
    () =>
      fc.assert(
        fc.asyncProperty(where, select, orderBy, number, number, async (w, s, o, take, skip) => {
          await expectTheSame(
            'membership',
            'findMany',
            given({ where: w, select: s, orderBy: o, take, skip }),
          );
        }),
        { numRuns: 200, endOnFailure: true },
      ),
    600_000,
  );

  test(
    'finding the first, or counting',
    () =>
      fc.assert(
        fc.asyncProperty(
          fc.constantFrom('findFirst', 'findFirstOrThrow'),
          where,
          select,
          orderBy,
          async (operation, w, s, o) => {
            await expectTheSame('membership', operation, given({ where: w, select: s, orderBy: o }));
            await expectTheSame('membership', 'count', { where: w });
          },
        ),
        { numRuns: 100, endOnFailure: true },
      ),
    600_000,
  );

  test(
    'arguments of any shape',
    () =>
      fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...MODELS),
          fc.constantFrom(...Object.keys(TAKES)),
          fc.dictionary(fc.constantFrom('where', 'select', 'orderBy', 'take', 'skip', 'data'), nearly, {
            maxKeys: 2,
          }),
          async (model, operation, args) => {
            const taken = Object.fromEntries(
              Object.entries(args).filter(([key]) => TAKES[operation]!.includes(key)),
            );
            await expectTheSame(model, operation, taken, inAnyOrder);
          },
        ),
        { numRuns: RUNS, endOnFailure: true },
      ),
    600_000 + RUNS * 50,
  );
});
