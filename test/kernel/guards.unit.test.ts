/**
 * Proves that the server does not start unless the schema has a guard for every field, and that requests are checked as
 * the directives say. The modules are made for these tests.
 */
import { graphql, parse, subscribe } from 'graphql';
import { makeExecutableSchema } from '@graphql-tools/schema';
import { describe, expect, test } from 'vitest';
import { UnguardedSchemaError } from '../../src/kernel/access/guards.js';
import { dataRule, guardSchema } from '../../src/kernel/graphql/shield.js';
import { readConfig } from '../../src/kernel/config/config.js';
import { forbidden } from '../../src/kernel/vocabulary/errors.js';
import { buildApi, type Api } from '../../src/kernel/graphql/schema.js';
import { createServices } from '../../src/create-services.js';
import { moduleOf, notes, withNotes, refusal, ask } from '../support/tiny-modules.js';

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

  // Every caller who has a note can read its `text`, so every path to a note must require NOTES_READ.
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

  // In GraphQL both would have one name, and a field that requires it would be open to the roles of the other.
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

  // Otherwise one of the rules would be lost silently.
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

test('a field for which there is no rule is refused', async () => {
  const schema = makeExecutableSchema({
    typeDefs: 'type Query { known: String forgotten: String }',
    resolvers: { Query: { known: () => 'known', forgotten: () => 'forgotten' } },
  });
  const guards = new Map([['Query.known', null]]);
  guardSchema(schema, { guards, inputGuards: new Map() }, {});
  const { data, errors } = await graphql({
    schema,
    source: '{ known forgotten }',
    contextValue: {},
  });
  expect(data).toEqual({ known: 'known', forgotten: null });
  expect(errors).toMatchObject([{ path: ['forgotten'], extensions: { code: 'FORBIDDEN' } }]);
});
