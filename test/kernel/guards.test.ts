/**
 * Proves that a schema says of every field who may see it, or the server does not start; and that what the directives
 * and the modules' rules say is what happens to a request. The modules here are made for these tests.
 */
import {
  defaultFieldResolver,
  graphql,
  isObjectType,
  parse,
  subscribe,
  type ExecutionResult,
  type GraphQLResolveInfo,
} from 'graphql';
import { makeExecutableSchema } from '@graphql-tools/schema';
import { describe, expect, test } from 'vitest';
import { UnguardedSchemaError } from '../../src/kernel/access/guards.js';
import type { Permission, PermissionGrants } from '../../src/kernel/vocabulary/permissions.js';
import { dataRule, guardSchema, type DataRules } from '../../src/kernel/graphql/shield.js';
import { readConfig } from '../../src/kernel/config/config.js';
import { conflict, forbidden } from '../../src/kernel/vocabulary/errors.js';
import { defineModule, type Module } from '../../src/kernel/graphql/module.js';
import { buildApi, type Api } from '../../src/kernel/graphql/schema.js';
import { createServices } from '../../src/create-services.js';

interface Parts {
  /** Any: the types of the generated resolvers do not know the types of these modules. */
  readonly resolvers?: object;
  readonly permissions?: PermissionGrants;
  readonly rules?: DataRules;
}

const moduleOf = (typeDefs: string, { resolvers = {}, ...rest }: Parts = {}): Module =>
  defineModule({ name: 'tiny', typeDefs, resolvers, ...rest });

/** Two permissions, and a type that demands the first of them. */
const notes = moduleOf(
  `extend enum Permission { NOTES_READ NOTES_WRITE }
   type Note @requires(permission: NOTES_READ) { id: ID! text: String }`,
  { permissions: { 'notes:read': ['owner', 'member'], 'notes:write': ['owner'] } },
);

const withNotes = (typeDefs: string, parts?: Parts) => buildApi([notes, moduleOf(typeDefs, parts)]);

/** Why a schema is refused. Fails when it is not. */
function refusal(typeDefs: string, parts?: Parts): string {
  try {
    withNotes(typeDefs, parts);
  } catch (error) {
    expect(error).toBeInstanceOf(UnguardedSchemaError);
    return (error as UnguardedSchemaError).message;
  }
  throw new Error('the schema was accepted');
}

/** What a caller with these permissions is answered, before the server masks anything. */
const ask = (api: Api, source: string, permissions: readonly Permission[]): Promise<ExecutionResult> =>
  graphql({
    schema: api.schema,
    source,
    contextValue: { viewer: { permissions: new Set(permissions) }, roles: api.roles },
  });

describe('a schema is refused', () => {
  test('when a query has no guard', () => {
    expect(refusal('extend type Query { open: String }')).toContain(
      'Query.open has neither @requires nor @authenticated',
    );
  });

  test('when a mutation has no guard', () => {
    expect(refusal('type Mutation { change: String }')).toContain('Mutation.change has neither');
  });

  test('when a subscription has no guard', () => {
    expect(refusal('type Subscription { changed: String }')).toContain('Subscription.changed has neither');
  });

  test('when a field of an object type has no guard and its type has none', () => {
    const message = refusal('type Thing { guarded: String @authenticated open: String }');
    expect(message).toContain('Thing.open has neither');
    expect(message).not.toContain('Thing.guarded');
  });

  test('when an extension adds an unguarded field to a type without a guard', () => {
    expect(refusal('type Thing { a: String @authenticated } extend type Thing { b: String }')).toContain(
      'Thing.b has neither',
    );
  });

  test.each([
    ['a query', 'extend type Query @authenticated { open: String @authenticated }', 'Query'],
    ['a mutation', 'type Mutation @authenticated { change: String }', 'Mutation'],
    ['a subscription', 'type Subscription @requires(permission: NOTES_READ) { a: String }', 'Subscription'],
  ])('when the whole root type of %s has a guard', (_name, typeDefs, type) => {
    expect(refusal(typeDefs)).toContain(`${type} is a root type`);
  });

  test('when a guard on a root type would be all that guards a field', () => {
    expect(refusal('type Mutation @authenticated { change: String }')).toContain(
      'Mutation.change has neither',
    );
  });

  test('when a field demands a permission that no module declares', () => {
    expect(
      refusal(`extend enum Permission { NOTES_BURN }
               extend type Query { a: String @requires(permission: NOTES_BURN) }`),
    ).toContain('Query.a requires a permission that no module declares');
  });

  test('when a type demands a permission that is no permission at all', () => {
    expect(refusal('type Thing @requires(permission: NOTHING) { a: String }')).toContain(
      'Thing requires a permission that no module declares',
    );
  });

  test('when a field has two guards', () => {
    expect(
      refusal('extend type Query { a: String @authenticated @requires(permission: NOTES_READ) }'),
    ).toContain('Query.a has more than one guard');
  });

  test('when a type has two guards, the second in an extension', () => {
    expect(
      refusal(`type Thing @requires(permission: NOTES_READ) { a: String }
               extend type Thing @authenticated { b: String }`),
    ).toContain('Thing has more than one guard');
  });

  test.each(['Note', 'Note!', '[Note]', '[Note!]!'])(
    'when a field of type %s does not demand what the type does',
    (type) => {
      expect(refusal(`extend type Query { latest: ${type} @authenticated }`)).toContain(
        'Query.latest leads to Note, which requires notes:read',
      );
    },
  );

  test('when a field leads to a type with another permission than the type demands', () => {
    expect(refusal('extend type Query { latest: Note @requires(permission: NOTES_WRITE) }')).toContain(
      'Query.latest leads to Note',
    );
  });

  test('when a field of an open type leads to a type that demands a permission', () => {
    expect(refusal('type Shelf @authenticated { notes: [Note!] }')).toContain('Shelf.notes leads to Note');
  });

  // The field `text` is open to whoever was given the note, so that every way to a note must demand NOTES_READ.
  test.each([
    ['a union', 'union Found = Diary', ''],
    ['an interface', 'interface Found { id: ID! }', 'implements Found'],
  ])('when a field leads through %s to a type that demands a permission', (_name, abstract, implementing) => {
    expect(
      refusal(`${abstract}
               type Diary ${implementing} @requires(permission: NOTES_READ) {
                 id: ID!
                 text: String @authenticated
               }
               extend type Query { search: [Found!] @authenticated }`),
    ).toContain('Query.search leads to Diary, which requires notes:read');
  });

  test('with every place named at once', () => {
    const message = refusal(
      'extend type Query { a: String b: Note @authenticated } type Thing { c: String }',
    );
    for (const coordinate of ['Query.a', 'Query.b', 'Thing.c']) expect(message).toContain(coordinate);
  });

  test('before the server opens a connection to the database', () => {
    const start = () =>
      createServices({
        config: readConfig({ NODE_ENV: 'test' }),
        modules: [notes, moduleOf('extend type Query { open: String }')],
        databaseUrl: 'postgresql://nobody@127.0.0.1:1/nothing',
        secret: 'not used',
        warn: () => undefined,
      });
    expect(start).toThrow(UnguardedSchemaError);
    expect(start).toThrow('Query.open');
  });
});

describe('a schema is accepted', () => {
  test('when a field that leads to a guarded type demands the same', () => {
    expect(() =>
      withNotes('extend type Query { latest: Note @requires(permission: NOTES_READ) }'),
    ).not.toThrow();
  });

  test('when the type of such a field demands it', () => {
    expect(() =>
      withNotes('type Shelf @requires(permission: NOTES_READ) { notes: [Note!]! count: Int @authenticated }'),
    ).not.toThrow();
  });
});

describe('modules are refused', () => {
  test('when two of them declare the same permission', () => {
    const other = moduleOf('', { permissions: { 'notes:read': ['viewer'] } });
    expect(() => buildApi([notes, { ...other, typeDefs: 'type Thing @authenticated { a: Int }' }])).toThrow(
      'the permission notes:read is declared by two modules',
    );
  });

  // In GraphQL they would be one: a field that demands it would be open to the roles of the other.
  test('when two permissions have the same name in GraphQL', () => {
    expect(() =>
      buildApi([
        moduleOf('extend enum Permission { NOTES_OLD_READ }', {
          permissions: { 'notes:old_read': ['owner'] },
        }),
        moduleOf('type Thing @authenticated { a: Int }', { permissions: { 'notes_old:read': ['viewer'] } }),
      ]),
    ).toThrow(/NOTES_OLD_READ|notes_old:read/);
  });

  test('when a permission is declared that the schema does not have', () => {
    const secret = moduleOf('type Thing @authenticated { a: Int }', {
      permissions: { 'things:read': ['owner'] },
    });
    expect(() => buildApi([notes, secret])).toThrow('THINGS_READ');
  });

  test.each(['Query.nothing', 'Nothing.at', 'Query'])(
    'when a rule names %s, which is no field',
    (coordinate) => {
      const rules = { [coordinate]: dataRule('never', () => true) };
      expect(() => withNotes('extend type Query { a: Int @authenticated }', { rules })).toThrow(
        `a rule names ${coordinate}, which is not in the schema`,
      );
    },
  );

  // Otherwise one of the rules would be dropped without a word.
  test('when two of them have a rule for the same field, or else both rules hold', async () => {
    const first = moduleOf('extend type Query { a: Int @authenticated }', {
      resolvers: { Query: { a: () => 1 } },
      rules: { 'Query.a': dataRule('the first', () => forbidden('first')) },
    });
    const second = moduleOf('type Thing @authenticated { a: Int }', {
      rules: { 'Query.a': dataRule('the second', () => true) },
    });
    let api: Api;
    try {
      api = buildApi([notes, first, second]);
    } catch (error) {
      expect(error).toHaveProperty('message', expect.stringContaining('Query.a'));
      return;
    }
    expect((await ask(api, '{ a }', [])).data).toEqual({ a: null });
  });
});

describe('a guarded field', () => {
  const library = withNotes(
    `extend type Query {
       open: String @authenticated
       note: Note @requires(permission: NOTES_READ)
       mine: Mine @authenticated
       sure: String! @requires(permission: NOTES_READ)
     }
     type Mine @authenticated { id: ID! draft: String @requires(permission: NOTES_WRITE) sure: String! @requires(permission: NOTES_READ) }`,
    {
      resolvers: {
        Query: {
          open: () => 'open',
          note: () => ({ id: '1', text: 'a note' }),
          mine: () => ({ id: '2', draft: 'a draft', sure: 'sure' }),
          sure: () => 'sure',
        },
      },
    },
  );

  test('is given to whoever holds its permission', async () => {
    const { data, errors } = await ask(library, '{ open note { id text } mine { draft } }', [
      'notes:read',
      'notes:write',
    ]);
    expect(errors).toBeUndefined();
    expect(data).toEqual({ open: 'open', note: { id: '1', text: 'a note' }, mine: { draft: 'a draft' } });
  });

  test('is null with an error that names the path and the permission, and the rest stands', async () => {
    const { data, errors } = await ask(library, '{ open note { id } mine { id draft } }', []);
    expect(data).toEqual({ open: 'open', note: null, mine: { id: '2', draft: null } });
    expect(errors?.map(({ path, extensions }) => ({ path, extensions }))).toEqual([
      { path: ['note'], extensions: { code: 'FORBIDDEN', requires: 'notes:read' } },
      { path: ['mine', 'draft'], extensions: { code: 'FORBIDDEN', requires: 'notes:write' } },
    ]);
  });

  test('that must not be null takes its object with it when it is refused, and no more', async () => {
    const { data, errors } = await ask(library, '{ open mine { id sure } }', []);
    expect(data).toEqual({ open: 'open', mine: null });
    expect(errors).toMatchObject([{ path: ['mine', 'sure'], extensions: { requires: 'notes:read' } }]);
  });

  test('at the root that must not be null takes all data with it when it is refused', async () => {
    const { data, errors } = await ask(library, '{ open sure }', []);
    expect(data).toBeNull();
    expect(errors).toMatchObject([{ path: ['sure'], extensions: { code: 'FORBIDDEN' } }]);
  });

  test('is guarded behind an alias, a fragment and a list all the same', async () => {
    const { data, errors } = await ask(
      library,
      '{ a: note { id } b: mine { ...Draft } } fragment Draft on Mine { x: draft }',
      ['notes:read'],
    );
    expect(data).toEqual({ a: { id: '1' }, b: { x: null } });
    expect(errors).toMatchObject([{ path: ['b', 'x'] }]);
  });

  test('is not resolved when it is refused', async () => {
    let resolved = 0;
    const api = withNotes('extend type Query { a: Int @requires(permission: NOTES_READ) }', {
      resolvers: { Query: { a: () => ++resolved } },
    });
    await ask(api, '{ a }', ['notes:write']);
    expect(resolved).toBe(0);
    expect((await ask(api, '{ a }', ['notes:read'])).data).toEqual({ a: 1 });
  });

  test('of a mutation is not resolved when it is refused, though its neighbours are', async () => {
    const done: string[] = [];
    const api = withNotes(
      `type Mutation { first: Int @authenticated second: Int @requires(permission: NOTES_WRITE) third: Int @authenticated }`,
      {
        resolvers: {
          Mutation: Object.fromEntries(
            ['first', 'second', 'third'].map((name) => [name, () => done.push(name)]),
          ),
        },
      },
    );
    const { errors } = await ask(api, 'mutation { first second third }', ['notes:read']);
    expect(done).toEqual(['first', 'third']);
    expect(errors).toMatchObject([{ path: ['second'] }]);
  });

  test('is guarded when its permission was judged in the same request for another field', async () => {
    const api = withNotes(
      `extend type Query {
         a: Int @requires(permission: NOTES_READ)
         b: Int @requires(permission: NOTES_WRITE)
         c: Int @requires(permission: NOTES_READ)
       }`,
      { resolvers: { Query: { a: () => 1, b: () => 2, c: () => 3 } } },
    );
    expect((await ask(api, '{ a b c }', ['notes:read'])).data).toEqual({ a: 1, b: null, c: 3 });
    expect((await ask(api, '{ a b c }', ['notes:write'])).data).toEqual({ a: null, b: 2, c: null });
  });

  test('of a subscription refuses before anything is subscribed to', async () => {
    let subscribed = false;
    const api = withNotes('type Subscription { ticks: Int @requires(permission: NOTES_READ) }', {
      resolvers: {
        Subscription: {
          ticks: {
            subscribe: () => {
              subscribed = true;
              throw new Error('this is not to be reached');
            },
          },
        },
      },
    });
    const answer = await subscribe({
      schema: api.schema,
      document: parse('subscription { ticks }'),
      contextValue: { viewer: { permissions: new Set() } },
    });
    expect(answer).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN', requires: 'notes:read' } }] });
    expect(subscribed).toBe(false);
  });
});

// graphql-middleware guards one function of a field. Of a subscription field that has both, it leaves `subscribe` open.
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
  /** What comes of it for a caller whose permissions may be taken away between two events. */
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
  /** What a resolver gives back by itself: shield gives back a promise, and looks at the viewer. */
  const callWithoutViewer = (type: string, field: string): unknown =>
    fieldsOf(type)[field]!.resolve!({}, {}, {}, {} as GraphQLResolveInfo);

  test('a field that any member may read has its own resolver', () => {
    expect(callWithoutViewer('Query', 'open')).toBe('open');
    expect(fieldsOf('Plain')['a']!.resolve).toBeUndefined();
  });

  test('a field with a permission, or with a rule, has not', async () => {
    for (const field of ['closed', 'judged'])
      expect(callWithoutViewer('Query', field)).toBeInstanceOf(Promise);
    // The rule throws for want of a viewer, and shield gives its refusal back as a value.
    expect(await callWithoutViewer('Query', 'closed')).toMatchObject({ extensions: { code: 'FORBIDDEN' } });
    expect(await callWithoutViewer('Query', 'judged')).toBe('judged');
    expect(fieldsOf('Plain')['b']!.resolve).not.toBe(defaultFieldResolver);
  });
});

test('a field for which there is no rule is refused', async () => {
  const schema = makeExecutableSchema({
    typeDefs: 'type Query { known: String forgotten: String }',
    resolvers: { Query: { known: () => 'known', forgotten: () => 'forgotten' } },
  });
  const guards = new Map([['Query.known', null]]);
  const guarded = guardSchema(schema, { guards, inputGuards: new Map() }, {});
  const { data, errors } = await graphql({
    schema: guarded,
    source: '{ known forgotten }',
    contextValue: {},
  });
  expect(data).toEqual({ known: 'known', forgotten: null });
  expect(errors).toMatchObject([{ path: ['forgotten'], extensions: { code: 'FORBIDDEN' } }]);
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

  // What is unwrapped is safe only while there is no other way to the object.
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
