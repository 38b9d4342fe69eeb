/**
 * Proves that guards and the modules’ rules are checked for each event of a subscription, that the error of a guarded
 * resolver is not mistaken for a refusal, and that fields that need no wrapping are not wrapped.
 */
import {
  defaultFieldResolver,
  isObjectType,
  parse,
  subscribe,
  type ExecutionResult,
  type GraphQLResolveInfo,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import type { Permission } from '../../src/kernel/vocabulary/permissions.js';
import { dataRule } from '../../src/kernel/graphql/shield.js';
import { conflict, forbidden } from '../../src/kernel/vocabulary/errors.js';
import { buildApi, type Api } from '../../src/kernel/graphql/schema.js';
import { type Parts, moduleOf, notes, withNotes, refusal, ask } from '../support/tiny-modules.js';

// graphql-middleware wraps only one function of a field. When a subscription field has both, it does not wrap
// `subscribe`.
describe('a subscription field with events and a resolver', () => {
  async function* events() {
    yield 1;
    yield 2;
  }
  const calls: string[] = [];
  const field = {
    subscribe: () => {
      calls.push('subscribe');
      return events();
    },
    resolve: (event: number) => {
      calls.push(`resolve ${event}`);
      return event * 10;
    },
  };
  const build = (guard: string, parts: Partial<Parts> = {}, of: object = field) => {
    calls.length = 0;
    return withNotes(`type Subscription { ticks(n: Int): Int ${guard} }`, {
      resolvers: { Subscription: { ticks: of } },
      ...parts,
    });
  };
  /** The answers to a caller whose permissions may change between two events. */
  async function follow(api: Api, permissions: Set<Permission>, onEvent: () => void = () => undefined) {
    const answers: ExecutionResult[] = [];
    const stream = await subscribe({
      schema: api.schema,
      document: parse('subscription { ticks(n: 1) }'),
      contextValue: { viewer: { permissions } },
    });
    if (!(Symbol.asyncIterator in stream)) return [stream];
    for await (const answer of stream) {
      answers.push(answer);
      onEvent();
    }
    return answers;
  }
  const REFUSED = {
    errors: [{ path: ['ticks'], extensions: { code: 'FORBIDDEN', requires: 'notes:read' } }],
  };
  const READ = '@requires(permission: NOTES_READ)';

  test('is refused before anything is subscribed to', async () => {
    expect(await follow(build(READ), new Set())).toMatchObject([REFUSED]);
    expect(calls).toEqual([]);
  });

  test('is given to whoever holds its permission', async () => {
    const answers = await follow(build(READ), new Set(['notes:read']));
    expect(answers).toEqual([{ data: { ticks: 10 } }, { data: { ticks: 20 } }]);
  });

  test('is refused for each event after the permission is gone', async () => {
    const permissions = new Set<Permission>(['notes:read']);
    const answers = await follow(build(READ), permissions, () => permissions.clear());
    expect(answers).toMatchObject([{ data: { ticks: 10 } }, { data: { ticks: null }, ...REFUSED }]);
    expect(calls).toEqual(['subscribe', 'resolve 1']);
  });

  test('is refused for each event also when it has no resolver of its own', async () => {
    const permissions = new Set<Permission>(['notes:read']);
    async function* named() {
      yield { ticks: 1 };
      yield { ticks: 2 };
    }
    const api = build(READ, {}, { subscribe: named });
    const answers = await follow(api, permissions, () => permissions.clear());
    expect(answers).toMatchObject([{ data: { ticks: 1 } }, { data: { ticks: null }, ...REFUSED }]);
    expect(await follow(api, new Set())).toMatchObject([REFUSED]);
  });

  test('is held to a rule that looks at data as well: at first, and for each event', async () => {
    let judged = 0;
    const twice = dataRule('twice', () => ++judged <= 2 || conflict('no more'));
    for (const guard of [READ, '@authenticated']) {
      judged = 0;
      const api = build(guard, { rules: { 'Subscription.ticks': twice } });
      const answers = await follow(api, new Set(['notes:read']));
      expect(answers).toMatchObject([
        { data: { ticks: 10 } },
        { data: { ticks: null }, errors: [{ message: 'no more', extensions: { code: 'CONFLICT' } }] },
      ]);
      expect(await follow(api, new Set(['notes:read']))).toMatchObject([
        { errors: [{ message: 'no more' }] },
      ]);
    }
  });

  test('is open to any member when it says so', async () => {
    expect(await follow(build('@authenticated'), new Set())).toHaveLength(2);
  });

  test('is no field without events: the server does not start', () => {
    expect(() => build(READ, {}, { resolve: () => 1 })).toThrow(
      'Subscription.ticks has no subscribe function',
    );
    expect(() => build(READ, { resolvers: {} })).toThrow('Subscription.ticks has no subscribe function');
  });

  test('may be the first of its type in an extension, and others may follow', () => {
    const extension = (name: string) =>
      moduleOf(`extend type Subscription { ${name}: Int @authenticated }`, {
        resolvers: { Subscription: { [name]: field } },
      });
    const { guards } = buildApi([notes, extension('a'), extension('b')]);
    expect([...guards.keys()].filter((coordinate) => coordinate.startsWith('Subscription.'))).toEqual([
      'Subscription.a',
      'Subscription.b',
    ]);
    expect(buildApi([notes]).schema.getSubscriptionType()).toBeUndefined();
  });
});

describe('an error of a guarded resolver', () => {
  const boom = new Error('boom');
  const taken = conflict('taken');
  const api = withNotes(
    `extend type Query {
       throws: Int @requires(permission: NOTES_READ)
       rejects: Int @requires(permission: NOTES_READ)
       returns: Int @requires(permission: NOTES_READ)
       expected: Int @requires(permission: NOTES_READ)
     }`,
    {
      resolvers: {
        Query: {
          throws: () => {
            throw boom;
          },
          rejects: () => Promise.reject(boom),
          returns: () => boom,
          expected: () => Promise.reject(taken),
        },
      },
    },
  );

  test.each(['throws', 'rejects', 'returns'])(
    'is what the resolver %s, to be logged and masked',
    async (field) => {
      const { errors } = await ask(api, `{ ${field} }`, ['notes:read']);
      expect(errors).toHaveLength(1);
      expect(errors![0]!.originalError).toBe(boom);
    },
  );

  test('keeps its own code and message', async () => {
    const { errors } = await ask(api, '{ expected }', ['notes:read']);
    expect(errors).toMatchObject([{ message: 'taken', extensions: { code: 'CONFLICT' } }]);
  });
});

describe('a rule that looks at data', () => {
  const withRule = (check: Parameters<typeof dataRule<{ n: number }>>[1], guard: string) =>
    withNotes(`extend type Query { a(n: Int): Int ${guard} b: Int @authenticated }`, {
      resolvers: { Query: { a: (_parent: unknown, { n }: { n: number }) => n, b: () => 2 } },
      rules: { 'Query.a': dataRule<{ n: number }>('n is even', check) },
    });
  const isEven = ({ n }: { n: number }) => n % 2 === 0 || conflict('odd');

  test('holds on a field that any member may read', async () => {
    const api = withRule(isEven, '@authenticated');
    expect((await ask(api, '{ a(n: 4) }', [])).data).toEqual({ a: 4 });
    const refused = await ask(api, '{ a(n: 3) b }', []);
    expect(refused.data).toEqual({ a: null, b: 2 });
    expect(refused.errors).toMatchObject([{ message: 'odd', extensions: { code: 'CONFLICT' } }]);
  });

  test('holds beside the permission, which is named when both refuse', async () => {
    const api = withRule(isEven, '@requires(permission: NOTES_READ)');
    expect((await ask(api, '{ a(n: 4) }', ['notes:read'])).data).toEqual({ a: 4 });
    expect((await ask(api, '{ a(n: 3) }', ['notes:read'])).errors).toMatchObject([{ message: 'odd' }]);
    for (const n of [3, 4]) {
      const { data, errors } = await ask(api, `{ a(n: ${n}) }`, []);
      expect(data).toEqual({ a: null });
      expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', requires: 'notes:read' } }]);
    }
  });

  test.each(['@authenticated', '@requires(permission: NOTES_READ)'])(
    'refuses when it throws, on a field with %s',
    async (guard) => {
      const fails = [
        () => {
          throw new Error('the secret of the rule');
        },
        () => Promise.reject(new Error('the secret of the rule')),
      ];
      for (const check of fails) {
        const { data, errors } = await ask(withRule(check, guard), '{ a(n: 1) b }', ['notes:read']);
        expect(data).toEqual({ a: null, b: 2 });
        expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
        expect(JSON.stringify(errors)).not.toContain('secret');
      }
    },
  );

  test('is asked again for each use of the field', async () => {
    const api = withRule(isEven, '@authenticated');
    expect((await ask(api, '{ x: a(n: 4) y: a(n: 3) z: a(n: 2) }', [])).data).toEqual({
      x: 4,
      y: null,
      z: 2,
    });
  });
});

describe('shield is put in front of guarded fields only', () => {
  const api = withNotes(
    `extend type Query {
       open: String @authenticated
       closed: String @requires(permission: NOTES_READ)
       judged: String @authenticated
       plain: Plain @authenticated
     }
     type Plain @authenticated { a: String b: String @requires(permission: NOTES_READ) }`,
    {
      resolvers: { Query: { open: () => 'open', closed: () => 'closed', judged: () => 'judged' } },
      rules: { 'Query.judged': dataRule('of no account', () => true) },
    },
  );
  const fieldsOf = (name: string) => {
    const type = api.schema.getType(name);
    if (!isObjectType(type)) throw new Error(`${name} is no object type`);
    return type.getFields();
  };
  /** Returns a plain value when the field is not wrapped. Shield returns a promise and reads the viewer. */
  const callWithoutViewer = (type: string, field: string): unknown =>
    fieldsOf(type)[field]!.resolve!({}, {}, {}, {} as GraphQLResolveInfo);

  test('a field that any member may read has its own resolver', () => {
    expect(callWithoutViewer('Query', 'open')).toBe('open');
    expect(fieldsOf('Plain')['a']!.resolve).toBeUndefined();
  });

  test('a field with a permission, or with a rule, has not', async () => {
    for (const field of ['closed', 'judged'])
      expect(callWithoutViewer('Query', field)).toBeInstanceOf(Promise);
    // There is no viewer, so the rule throws. Shield returns its refusal as a value.
    expect(await callWithoutViewer('Query', 'closed')).toMatchObject({ extensions: { code: 'FORBIDDEN' } });
    expect(await callWithoutViewer('Query', 'judged')).toBe('judged');
    expect(fieldsOf('Plain')['b']!.resolve).not.toBe(defaultFieldResolver);
  });
});

describe('a field that has the guard of its type', () => {
  const shelf = moduleOf(
    `type Shelf @requires(permission: NOTES_READ) {
       plain: String
       resolved: String
       open: String @authenticated
       own: String @requires(permission: NOTES_WRITE)
       ruled: String
       notes: [Note!]
     }
     extend type Query { shelf: Shelf @requires(permission: NOTES_READ) }`,
    {
      resolvers: {
        Query: {
          shelf: () => ({ plain: 'plain', open: 'open', own: 'own', ruled: 'ruled', notes: [{ id: 1 }] }),
        },
        Shelf: { resolved: () => 'resolved' },
      },
      rules: {
        'Shelf.ruled': dataRule(
          'not for the refused',
          (_args, { viewer }) => viewer.permissions.has('notes:write') || forbidden('rule'),
        ),
      },
    },
  );
  const api = buildApi([notes, shelf]);
  const resolverOf = (type: string, field: string) => {
    const found = api.schema.getType(type);
    return isObjectType(found) ? found.getFields()[field]?.resolve : undefined;
  };

  test('has its own resolver, or none, for whoever holds the object has passed the guard', async () => {
    for (const field of ['plain', 'open', 'notes']) expect(resolverOf('Shelf', field)).toBeUndefined();
    expect(resolverOf('Note', 'text')).toBeUndefined();
    expect(await (resolverOf('Shelf', 'resolved') as () => unknown)()).toBe('resolved');
  });

  test('is guarded when it has a guard or a rule of its own', async () => {
    for (const field of ['own', 'ruled']) expect(resolverOf('Shelf', field)).toBeTypeOf('function');
    const { data, errors } = await ask(api, '{ shelf { plain resolved open own ruled notes { id } } }', [
      'notes:read',
    ]);
    expect(data).toEqual({
      shelf: {
        plain: 'plain',
        resolved: 'resolved',
        open: 'open',
        own: null,
        ruled: null,
        notes: [{ id: '1' }],
      },
    });
    expect(errors?.map(({ path }) => path?.join('.')).sort()).toEqual(['shelf.own', 'shelf.ruled']);
  });

  test('is out of reach for who may not have the object', async () => {
    const { data } = await ask(api, '{ shelf { plain resolved open notes { id } } }', ['notes:write']);
    expect(data).toEqual({ shelf: null });
  });

  // A field may be unwrapped only when every path to its object passes the guard. These schemas have another path.
  test.each([
    ['a list', 'extend type Query { all: [[Note!]!] @authenticated }'],
    [
      'a payload',
      'type Payload @authenticated { note: Note } type Mutation { make: Payload @requires(permission: NOTES_READ) }',
    ],
    ['a type with another permission', 'type Box @requires(permission: NOTES_WRITE) { note: Note }'],
    ['a union in a list', 'union Any = Note extend type Query { any: [Any!] @authenticated }'],
    [
      'an interface of a payload',
      'interface HasText { text: String } extend type Note implements HasText { more: Int } type Payload @authenticated { it: HasText }',
    ],
    ['a subscription', 'type Subscription { noted: Note @authenticated }'],
    [
      'a field of its own type that another type shares',
      'type Shelf @authenticated { first: Note @authenticated }',
    ],
  ])('keeps the server from starting when there is a way round the guard: %s', (_name, typeDefs) => {
    expect(refusal(typeDefs)).toMatch(/leads to Note, which requires notes:read/);
  });
});
