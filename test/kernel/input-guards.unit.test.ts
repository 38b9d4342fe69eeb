/**
 * Proves that permissions also apply to input: a caller who may not read a value cannot filter or sort by it, however
 * the argument is written. The modules are made for these tests.
 */
import { graphql, type ExecutionResult } from 'graphql';
import { beforeEach, describe, expect, test } from 'vitest';
import { UnguardedSchemaError } from '../../src/kernel/access/guards.js';
import type { Permission } from '../../src/kernel/vocabulary/permissions.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';

const build = (typeDefs: string, resolvers: object = {}) =>
  buildApi([
    defineModule({
      name: 'wages',
      typeDefs: `extend enum Permission { WAGES_READ STAFF_MANAGE } ${typeDefs}`,
      resolvers,
      permissions: { 'wages:read': ['owner'], 'staff:manage': ['owner', 'admin'] },
    }),
  ]);

/** The arguments with which the resolver was called. */
let given: unknown[] = [];
beforeEach(() => {
  given = [];
});
const remember = (_parent: unknown, args: unknown) => {
  given.push(args);
  return ['someone'];
};

const api = build(
  `enum StaffOrder { NAME WAGE @requires(permission: WAGES_READ) }
   input Sorting { by: StaffOrder! = NAME }
   input WageRange { from: Int to: Int }
   input StaffFilter {
     name: String
     wage: WageRange @requires(permission: WAGES_READ)
     any: [StaffFilter!]
   }
   extend type Query {
     staff(
       filter: StaffFilter
       orderBy: [StaffOrder!]
       sorting: Sorting = { by: NAME }
       secret: Boolean @requires(permission: STAFF_MANAGE)
     ): [String!] @authenticated
     open(name: String): [String!] @authenticated
   }
   type Mutation { hire(filter: StaffFilter): [String!] @requires(permission: STAFF_MANAGE) }`,
  {
    // As in real modules, the values of an enum differ in code.
    StaffOrder: { NAME: 'name', WAGE: 'wage_cents' },
    Query: { staff: remember, open: remember },
    Mutation: { hire: remember },
  },
);

const ask = (
  source: string,
  permissions: readonly Permission[] = [],
  variableValues?: Record<string, unknown>,
): Promise<ExecutionResult> =>
  graphql({
    schema: api.schema,
    source,
    ...(variableValues && { variableValues }),
    contextValue: { viewer: { permissions: new Set(permissions) } },
  });

type Use = [what: string, source: string, requires: Permission, variables?: Record<string, unknown>];
const USES: Use[] = [
  ['an argument', '{ staff(secret: true) }', 'staff:manage'],
  ['an argument in a variable', 'query ($s: Boolean) { staff(secret: $s) }', 'staff:manage', { s: false }],
  ['an argument that is null', '{ staff(secret: null) }', 'staff:manage'],
  [
    'an argument that is the default of a variable',
    'query ($s: Boolean = true) { staff(secret: $s) }',
    'staff:manage',
  ],
  ['a field of an input', '{ staff(filter: { wage: { from: 1 } }) }', 'wages:read'],
  ['a field that is null', '{ staff(filter: { wage: null }) }', 'wages:read'],
  ['a field that is empty', '{ staff(filter: { wage: {} }) }', 'wages:read'],
  ['a field in a list', '{ staff(filter: { any: [{ name: "A" }, { wage: { to: 2 } }] }) }', 'wages:read'],
  ['a field in what is taken for a list', '{ staff(filter: { any: { any: { wage: {} } } }) }', 'wages:read'],
  [
    'a field in a variable',
    'query ($f: StaffFilter) { staff(filter: $f) }',
    'wages:read',
    { f: { wage: { to: 2 } } },
  ],
  [
    'a field whose value is a variable',
    'query ($w: WageRange) { staff(filter: { wage: $w }) }',
    'wages:read',
    { w: {} },
  ],
  ['a value of an enum', '{ staff(orderBy: [NAME, WAGE]) }', 'wages:read'],
  ['a value of an enum for a list', '{ staff(orderBy: WAGE) }', 'wages:read'],
  [
    'a value in a variable',
    'query ($o: [StaffOrder!]) { staff(orderBy: $o) }',
    'wages:read',
    { o: ['WAGE'] },
  ],
  ['a value in an input', '{ staff(sorting: { by: WAGE }) }', 'wages:read'],
  [
    'a value behind an alias and a fragment',
    '{ ...F } fragment F on Query { x: staff(orderBy: WAGE) }',
    'wages:read',
  ],
];

describe('who lacks the permission', () => {
  test.each(USES)('cannot use %s', async (_what, source, requires, variables) => {
    const { data, errors } = await ask(source, [], variables);
    expect(Object.values(data ?? {})).toEqual([null]);
    expect(errors).toMatchObject([
      { message: `This needs the permission ${requires}.`, extensions: { code: 'FORBIDDEN', requires } },
    ]);
    expect(given).toEqual([]);
  });

  test.each([
    ['nothing', '{ staff }'],
    ['a variable that is not given', 'query ($s: Boolean) { staff(secret: $s) }'],
    [
      'what is open',
      '{ staff(filter: { name: "A", any: [{ name: "B" }] }, orderBy: NAME, sorting: { by: NAME }) }',
    ],
    ['null for a filter', '{ staff(filter: null, orderBy: null) }'],
  ])('can use %s', async (_what, source) => {
    expect(await ask(source)).toEqual({ data: { staff: ['someone'] } });
    expect(given).toHaveLength(1);
  });

  test('cannot use it in a mutation they may call', async () => {
    const source = 'mutation { hire(filter: { wage: { from: 1 } }) }';
    const { errors } = await ask(source, ['staff:manage']);
    expect(errors).toMatchObject([{ extensions: { requires: 'wages:read' } }]);
    expect(given).toEqual([]);
  });

  test('is told of the field’s own permission first', async () => {
    const { errors } = await ask('mutation { hire(filter: { wage: {} }) }');
    expect(errors).toMatchObject([{ extensions: { requires: 'staff:manage' } }]);
  });

  test('is refused that field alone, and the rest stands', async () => {
    const { data } = await ask('{ a: staff(orderBy: WAGE) b: staff c: open(name: "x") }');
    expect(data).toEqual({ a: null, b: ['someone'], c: ['someone'] });
  });
});

describe('who holds the permission', () => {
  test.each(USES)('can use %s', async (_what, source, requires, variables) => {
    const { data, errors } = await ask(source, [requires], variables);
    expect(errors).toBeUndefined();
    expect(Object.values(data ?? {})).toEqual([['someone']]);
  });
});

describe('a schema is refused', () => {
  test.each([
    [
      'a guarded argument that is required',
      'extend type Query { a(b: Int! @requires(permission: WAGES_READ)): Int @authenticated }',
      'Query.a(b:) requires a permission: it must be optional and have no default',
    ],
    [
      'a guarded field that has a default',
      'input I { a: Int b: Int = 1 @requires(permission: WAGES_READ) } extend type Query { a(i: I): Int @authenticated }',
      'I.b requires a permission: it must be optional and have no default',
    ],
    [
      'a default that is guarded',
      'enum E { A B @requires(permission: WAGES_READ) } extend type Query { a(e: [E!] = [A, B]): Int @authenticated }',
      'Query.a(e:) has a default that requires a permission',
    ],
    [
      'a default in an input that is guarded',
      'enum E { A B @requires(permission: WAGES_READ) } input I { e: E = B } extend type Query { a(i: I): Int @authenticated }',
      'I.e has a default that requires a permission',
    ],
    [
      'an enum that is all guarded',
      'enum E { A @requires(permission: WAGES_READ) } extend type Query { a(e: E): Int @authenticated }',
      'E has nothing but what requires a permission',
    ],
    [
      'an input that is all guarded',
      'input I { a: Int @requires(permission: WAGES_READ) } extend type Query { a(i: I): Int @authenticated }',
      'I has nothing but what requires a permission',
    ],
    [
      'a permission that no module declares',
      'extend enum Permission { NOBODY } extend type Query { a(b: Int @requires(permission: NOBODY)): Int @authenticated }',
      'Query.a(b:) requires a permission that no module declares',
    ],
  ])('with %s', (_what, typeDefs, problem) => {
    expect(() => build(typeDefs)).toThrow(UnguardedSchemaError);
    expect(() => build(typeDefs)).toThrow(problem);
  });
});
