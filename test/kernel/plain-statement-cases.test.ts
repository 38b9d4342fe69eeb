/**
 * Proves that an operation has the same outcome in a batch and through Prisma, for cases that random arguments may miss
 * and for columns of every type. Prisma runs everything inside a transaction, so the comparison uses one.
 */
import { describe, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import {
  type Outcome,
  type Call,
  outcomeOf,
  operationOf,
  inAnyOrder,
  Odd,
  sparse,
  useOutcomes,
} from '../support/outcomes.js';

const { database, tenants, db, byPrisma, expectTheSame } = useOutcomes();

describe('an operation has the same outcome in a batch and through Prisma', () => {
  test.each<[string, string, unknown]>([
    ['AND of nothing there', 'membership', { AND: [undefined] }],
    ['AND with a part that is not there', 'membership', { AND: [{ userId: 'user-1' }, undefined] }],
    ['AND with a hole', 'membership', { AND: sparse([{ userId: 'user-1' }, {}], [1]) }],
    ['AND within AND', 'membership', { AND: [{ AND: [undefined] }] }],
    ['OR of nothing there', 'membership', { OR: [undefined] }],
    ['AND of a list', 'membership', { AND: [[{ userId: 'user-1' }]] }],
    ['AND of null', 'membership', { AND: null }],
    ['a list with a hole', 'membership', { userId: { in: sparse(['user-1', 'user-2'], [0]) } }],
    ['a text for a list', 'apiKey', { permissions: 'members:read' }],
    ['a text that is a list to PostgreSQL', 'apiKey', { permissions: '{members:read}' }],
    ['a comparison of a list', 'apiKey', { permissions: { gt: 'a' } }],
    ['texts for a list', 'apiKey', { permissions: { equals: ['members:read'] } }],
    ['a list of one', 'apiKey', { permissions: { has: 'members:read' } }],
  ])('a condition with %s', async (_what, model, condition) => {
    for (const operation of ['findMany', 'findFirst', 'count']) {
      await expectTheSame(model, operation, { where: condition }, inAnyOrder);
    }
  });

  const NO_CONDITIONS: [string, unknown][] = [
    ['a list', []],
    ['a list with something', [{ userId: 'user-1' }]],
    ['a map', new Map([['userId', 'user-1']])],
    ['a time', new Date(0)],
    ['an instance of a class', new Odd()],
    ['what inherits', Object.create({ userId: 'user-1' })],
    ['a function', () => ({ userId: 'user-1' })],
    ['a text', 'user-1'],
    ['null', null],
  ];
  // When copied as plain objects, most of these have no condition and would match every row of the tenant.
  test.each(NO_CONDITIONS)('a condition that is %s is refused', async (_what, condition) => {
    for (const operation of ['findMany', 'findFirst', 'count', 'updateMany', 'deleteMany', 'aggregate']) {
      const data = operation === 'updateMany' ? { data: { role: 'viewer' } } : {};
      const call: Call = async (on) =>
        operationOf(on, 'membership', operation)({ where: condition, ...data });
      expect(await byPrisma(call)).toEqual({ code: undefined });
      const asArguments: Call = async (on) => operationOf(on, 'membership', operation)(condition);
      expect(await byPrisma(asArguments)).toEqual({ code: undefined });
    }
  });

  test('finding one by a key', async () => {
    const [member] = await db().membership.findMany({ where: { userId: 'user-1' } });
    const { id, tenantId, userId } = member!;
    const other = tenants().globex.tenantId;
    for (const operation of ['findUnique', 'findUniqueOrThrow']) {
      for (const condition of [
        { tenantId_id: { tenantId, id } },
        { tenantId_userId: { tenantId, userId } },
        { tenantId_id: { id, tenantId } },
        { tenantId_id: { tenantId: other, id } },
        { tenantId_id: { tenantId, id }, role: 'admin' },
        { tenantId_id: { tenantId, id }, AND: [{ role: { in: ['viewer'] } }] },
        { tenantId_id: { tenantId, id: { equals: id } } },
        { tenantId_id: { tenantId } },
        { tenantId_id: { tenantId, id, userId } },
        { tenantId_id: { tenantId, id: undefined } },
        { tenantId_id: { tenantId, id: null } },
        { tenantId_id: { tenantId, id: 'no uuid' } },
        { id_tenantId: { id, tenantId } },
        { userId_email: { userId, email: 'x' } },
        { userId },
        { id },
        { id: { in: [id] } },
        {},
        undefined,
        null,
        { tenantId_id: undefined, id },
        { tenantId_id: [tenantId, id] },
      ]) {
        await expectTheSame('membership', operation, { where: condition });
        await expectTheSame('tenant', operation, { where: condition });
      }
      for (const condition of [
        { id: tenantId },
        { slug: 'acme' },
        { slug: 'globex' },
        { slug: { equals: 'acme' } },
        { name: 'Acme' },
        { id: other },
        { id: tenantId, slug: 'acme' },
      ]) {
        await expectTheSame('tenant', operation, { where: condition });
      }
    }
  }, 60_000);

  test('with columns of JSON, and of the audit log', async () => {
    await expectTheSame('tenant', 'findMany', {});
    await expectTheSame('tenant', 'findFirst', { where: { settings: { equals: {} } } });
    await expectTheSame('auditEntry', 'findMany', { orderBy: { id: 'asc' }, take: 5 });
    await expectTheSame('auditEntry', 'findMany', undefined);
    await expectTheSame('auditEntry', 'create', {
      data: { actor: 'a', actorType: 'user', action: 'a', entity: 'e', oldValue: null },
    });
  });

  const member = { userId: 'new', email: 'new@acme.test', role: 'viewer' };
  test.each<[string, unknown]>([
    ['all that is needed', member],
    ['a null', { ...member, invitedBy: null }],
    ['undefined', { ...member, invitedBy: undefined, nothing: undefined }],
    [
      'a value for every column',
      { ...member, invitedBy: 'user-1', id: '00000000-0000-4000-8000-00000000000a', joinedAt: new Date(5) },
    ],
    ['times as text', { ...member, joinedAt: '2024-01-01T00:00:00.5Z' }],
    ['an impossible time', { ...member, joinedAt: '2024-02-30T00:00:00Z' }],
    ['nothing', {}],
    ['no data', undefined],
    ['less than is needed', { userId: 'new' }],
    ['a null that must not be', { ...member, email: null }],
    ['what is there already', { ...member, userId: 'user-1' }],
    ['no uuid', { ...member, id: 'no uuid' }],
    ['a character that PostgreSQL has not', { ...member, email: 'a\u0000b' }],
    ['half a character', { ...member, email: 'a\ud800b' }],
    ['a role that does not exist', { ...member, role: 'king' }],
    ['what is too long', { ...member, email: 'x'.repeat(100_000) }],
    ['a number for a text', { ...member, email: 5 }],
    ['an unknown field', { ...member, nothing: 1 }],
    ['a relation', { ...member, tenant: { connect: { slug: 'acme' } } }],
    ['a list', [member]],
    ['another tenant', { ...member, tenantId: '00000000-0000-4000-8000-00000000000b' }],
  ])('creating a row of %s', async (_name, data) => {
    const wide = { omit: undefined, data };
    const call: Call = async (on) => operationOf(on, 'membership', 'create')(wide);
    const expected = await byPrisma(call);
    const outcome = await outcomeOf(call(db()));
    await database().asSuperuser(`DELETE FROM memberships WHERE user_id = 'new'`);
    const comparable = (one: Outcome) => {
      if (!('value' in one)) return one;
      const { id, joinedAt, ...rest } = one.value as { id: string; joinedAt: Date };
      const own = data as { id?: string; joinedAt?: unknown };
      expect(joinedAt).toBeInstanceOf(Date);
      return {
        ...rest,
        ...(own.id !== undefined && { id }),
        ...(own.joinedAt !== undefined && { joinedAt }),
      };
    };
    expect(comparable(outcome)).toEqual(comparable(expected));
  });
});

// eslint-disable-next-line no-restricted-syntax -- the text is that of these tests
const raw = (sql: string) => Prisma.raw(sql);

describe('a column is read as Prisma reads it', () => {
  const same = async (sql: Prisma.Sql) => {
    const call: Call = (on) => on.$queryRaw(sql);
    const expected = await byPrisma(call);
    expect(await outcomeOf(call(db()))).toEqual(expected);
    return expected;
  };

  test.each([
    `true`,
    `false`,
    `null::boolean`,
    `1::int2`,
    `-1::int4`,
    `9007199254740993::int8`,
    `null::int8`,
    `1.50::numeric`,
    `1.5::float4`,
    `0.1::float8`,
    `'NaN'::float8`,
    `'Infinity'::float8`,
    `'-0'::float8`,
    `1e308::float8`,
    `'a'::text`,
    `''::text`,
    `'ab'::char(5)`,
    `'ab'::varchar(5)`,
    `'c'::"char"`,
    `'n'::name`,
    `'00000000-0000-4000-8000-00000000000a'::uuid`,
    `'{"a": [1, null]}'::jsonb`,
    `'null'::jsonb`,
    `null::jsonb`,
    `'"t"'::json`,
    `'{"__proto__": 1}'::json`,
    `'2024-01-01 12:34:56.789+00'::timestamptz`,
    `'2024-01-01 12:34:56.123456+00'::timestamptz`,
    `'2024-01-01 12:34:56+00'::timestamptz`,
    `'0001-01-01 00:00:00.5+00'::timestamptz`,
    `'0099-12-31 00:00:00+00'::timestamptz`,
    `'9999-12-31 23:59:59.999999+00'::timestamptz`,
    `'2024-01-01 12:34:56.7'::timestamp`,
    `'2024-01-01'::date`,
    `'12:34:56'::time`,
    `'1 day'::interval`,
    `ARRAY[1, 2]`,
    `ARRAY['a', null]`,
    `'{}'::uuid[]`,
    `'\\x00ff'::bytea`,
    `'1.2.3.4'::inet`,
    `'(1,2)'::point`,
    `1::money`,
    `'a'::xml`,
    `B'101'`,
    `1::oid`,
    `pg_sleep(0)`,
    `row(1, 2)`,
    `'memberships'::regclass`,
  ])('%s', async (expression) => {
    await same(Prisma.sql`SELECT ${raw(expression)} AS value, 1 AS one`);
  });

  test.each([
    `'infinity'::timestamptz`,
    `'-infinity'::timestamptz`,
    `'10000-01-01 00:00:00+00'::timestamptz`,
    `'0044-03-15 00:00:00+00 BC'::timestamptz`,
  ])('%s, which is no time to JavaScript', async (expression) => {
    await same(Prisma.sql`SELECT ${raw(expression)} AS value`);
  });

  test.each<[string, unknown]>([
    [`'{"a": 9007199254740993, "b": [1.50, 1e3]}'::jsonb`, { a: '9007199254740993', b: [1.5, 1000] }],
    [`'{"a": 1234567890123456.7891}'::json`, { a: '1234567890123456.7891' }],
    [`'9007199254740993'::jsonb`, '9007199254740993'],
    [`'1e400'::json`, '1e400'],
  ])('%s, which has numbers that JavaScript would round', async (expression, value) => {
    const expected = { value: [{ value, list: [value] }] };
    const list = `ARRAY[${expression}]`;
    expect(await same(Prisma.sql`SELECT ${raw(expression)} AS value, ${raw(list)} AS list`)).toEqual(
      expected,
    );
    await same(Prisma.sql`SELECT ${raw(expression)} AS value`);
  });

  test('no rows, no columns, columns of one name, columns without a name', async () => {
    await same(Prisma.sql`SELECT id FROM memberships WHERE false`);
    await same(Prisma.sql`SELECT 1 AS a, 2 AS a`);
    await same(Prisma.sql`SELECT 1, 'a'::text`);
    await same(Prisma.sql`SELECT FROM memberships`);
    await same(Prisma.sql`SET LOCAL work_mem = '4MB'`);
  });

  test.each<[string, unknown]>([
    ['a text', 'a'],
    ['an empty text', ''],
    ['null', null],
    ['true', true],
    ['a number', 5],
    ['a large number', 1e21],
    ['a fraction', 0.1],
    ['NaN', Number.NaN],
    ['a bigint', 12n],
    ['a date', new Date(5)],
    ['texts', ['a', 'b"c\\', '', 'null', '{}']],
    ['no texts', []],
    ['texts with a hole', sparse(['a', 'b', 'c'], [1])],
    ['numbers', [1, 2]],
    ['an object', { a: 1 }],
    ['bytes', Buffer.from([0, 255])],
  ])('a value that is %s', async (_name, value) => {
    await same(Prisma.sql`SELECT ${value}::text AS value`);
    await same(Prisma.sql`SELECT ${value}::text[] AS value`);
    await same(Prisma.sql`SELECT ${value}::float8 AS value`);
    await same(Prisma.sql`SELECT ${value}::jsonb AS value`);
  });

  test('a time in another time zone is the same time', async () => {
    for (const zone of ['UTC', 'Asia/Kolkata', 'America/St_Johns', 'Etc/GMT+12']) {
      const [row] = await db().$queryRaw<{ value: Date }>(
        Prisma.sql`SELECT set_config('TimeZone', ${zone}, true), timestamptz '2024-01-01 12:34:56.789Z' AS value`,
      );
      expect(row!.value).toEqual(new Date('2024-01-01T12:34:56.789Z'));
    }
  });
});
