/**
 * Proves that the server does not start with a guard that would have no effect: on an interface whose types lack it, in
 * a place where guards are not read, or one that another module replaces. The directive of the object type decides.
 */
import { graphql } from 'graphql';
import { describe, expect, test } from 'vitest';
import type { Permission } from '../../src/kernel/vocabulary/permissions.js';
import { UnguardedSchemaError } from '../../src/kernel/access/guards.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';

const READ = '@requires(permission: NOTES_READ)';
const WRITE = '@requires(permission: NOTES_WRITE)';

const moduleOf = (name: string, typeDefs: string, resolvers: object = {}) =>
  defineModule({ name, typeDefs, resolvers });

const notes = defineModule({
  name: 'notes',
  typeDefs: 'extend enum Permission { NOTES_READ NOTES_WRITE }',
  resolvers: {},
  permissions: { 'notes:read': ['owner', 'viewer'], 'notes:write': ['owner'] },
});

const build = (...typeDefs: string[]) =>
  buildApi([notes, ...typeDefs.map((source, at) => moduleOf(`module ${String(at)}`, source))]);

const QUERY = 'extend type Query { animal: Animal @authenticated }';

describe('an interface whose field has a guard is refused', () => {
  test.each([
    ['in a type that has no guard for it', `type Cat implements Animal @authenticated { secret: String }`],
    [
      'in a type that demands another',
      `type Cat implements Animal @authenticated { secret: String ${READ} }`,
    ],
    [
      'in a type that takes its guard back',
      'type Cat implements Animal @authenticated { secret: String @authenticated }',
    ],
    [
      'in one type of several',
      `type Dog implements Animal @authenticated { secret: String ${WRITE} }
       type Cat implements Animal @authenticated { secret: String }`,
    ],
  ])('%s', (_where, types) => {
    const start = () => build(`interface Animal { secret: String ${WRITE} } ${types} ${QUERY}`);
    expect(start).toThrow(UnguardedSchemaError);
    expect(start).toThrow('Cat.secret does not demand notes:write, as Animal.secret of its interface does');
  });

  test('when the field came with an extension', () => {
    expect(() =>
      build(
        `interface Animal { id: ID } extend interface Animal { secret: String ${WRITE} }
         type Cat implements Animal @authenticated { id: ID secret: String } ${QUERY}`,
      ),
    ).toThrow('Cat.secret does not demand notes:write');
  });

  test('when the interface is implemented by way of another', () => {
    expect(() =>
      build(
        `interface Being { secret: String ${WRITE} } interface Animal implements Being { secret: String }
         type Cat implements Being & Animal @authenticated { secret: String } ${QUERY}`,
      ),
    ).toThrow('Cat.secret does not demand notes:write, as Being.secret of its interface does');
  });

  test('when a second interface demands something else', () => {
    expect(() =>
      build(
        `interface Being { secret: String ${READ} } interface Animal { secret: String ${WRITE} }
         type Cat implements Being & Animal @authenticated { secret: String ${WRITE} } ${QUERY}`,
      ),
    ).toThrow('Cat.secret does not demand notes:read, as Being.secret of its interface does');
  });

  test('with a permission that no module declares', () => {
    expect(() =>
      build(
        `interface Animal { secret: String @requires(permission: NOTHING) }
         type Cat implements Animal @authenticated { secret: String } ${QUERY}`,
      ),
    ).toThrow('Animal.secret requires a permission that no module declares');
  });
});

describe('an interface is refused', () => {
  test('when its field is @secret, and that of a type is not', () => {
    const start = () =>
      build(
        `interface Animal { key: String @secret } type Cat implements Animal @authenticated { key: String } ${QUERY}`,
      );
    expect(start).toThrow(UnguardedSchemaError);
    expect(start).toThrow('Cat.key is not @secret, as Animal.key of its interface is');
  });

  test('when an argument of its field has a guard, and that of a type has not', () => {
    const start = () =>
      build(
        `interface Animal { name(full: Boolean ${WRITE}): String }
         type Cat implements Animal @authenticated { name(full: Boolean): String } ${QUERY}`,
      );
    expect(start).toThrow(UnguardedSchemaError);
    expect(start).toThrow(
      'Cat.name(full:) does not demand notes:write, as Animal.name(full:) of its interface does',
    );
  });

  test.each([
    ['an interface', `interface Animal ${WRITE} { id: ID }`],
    ['an extension of an interface', `interface Animal { id: ID } extend interface Animal ${WRITE}`],
    ['a union', `union Animal ${WRITE} = Cat`],
    ['an extension of a union', `union Animal = Cat extend union Animal ${WRITE}`],
  ])('when %s as a whole has a guard: nothing would ask for it', (_what, abstract) => {
    const implementing = abstract.startsWith('interface') ? 'implements Animal' : '';
    expect(() => build(`${abstract} type Cat ${implementing} @authenticated { id: ID } ${QUERY}`)).toThrow(
      /Directive "@requires" may not be used on (INTERFACE|UNION)/,
    );
  });

  test.each([
    ['secret', 'on a type', 'type Cat @authenticated @secret { id: ID }'],
    ['secret', 'on an argument', 'type Cat @authenticated { id(a: Int @secret): ID }'],
    [
      'secret',
      'on a field of an input',
      'input I { a: Int @secret } type Cat @authenticated { id(i: I): ID }',
    ],
    ['authenticated', 'on an argument', 'type Cat @authenticated { id(a: Int @authenticated): ID }'],
    ['requires', 'on a scalar', `scalar S ${WRITE} type Cat @authenticated { id: S }`],
    ['requires', 'on an enum', `enum E ${WRITE} { A } type Cat @authenticated { id: E }`],
    ['requires', 'on an input', `input I ${WRITE} { a: Int } type Cat @authenticated { id(i: I): ID }`],
  ])('when @%s stands %s', (directive, _where, types) => {
    expect(() => build(`${types} union Animal = Cat ${QUERY}`)).toThrow(
      `Directive "@${directive}" may not be used on`,
    );
  });
});

describe('an interface is accepted', () => {
  test.each([
    [
      'each type demands the same',
      `type Cat implements Animal @authenticated { secret: String ${WRITE} }`,
      'Animal @authenticated',
    ],
    ['a whole type does', `type Cat implements Animal ${WRITE} { secret: String }`, `Animal ${WRITE}`],
    [
      'a whole type does, and its field more',
      `type Cat implements Animal ${WRITE} { secret: String ${READ} }`,
      `Animal ${WRITE}`,
    ],
  ])('when %s, and the guard holds', async (_how, types, leading) => {
    const { schema, roles } = buildApi([
      notes,
      moduleOf(
        'animals',
        `interface Animal { secret: String ${WRITE} } ${types} extend type Query { animal: ${leading} }`,
        {
          Query: { animal: () => ({ secret: 'the secret' }) },
          Animal: { __resolveType: () => 'Cat' },
        },
      ),
    ]);
    const ask = (...permissions: Permission[]) =>
      graphql({
        schema,
        source: '{ animal { secret } }',
        contextValue: { viewer: { permissions: new Set(permissions) }, roles },
      });
    expect(JSON.stringify(await ask())).not.toContain('the secret');
    expect(JSON.stringify(await ask('notes:read'))).not.toContain('the secret');
    expect((await ask('notes:read', 'notes:write')).data).toEqual({ animal: { secret: 'the secret' } });
  });

  test('when its types are stricter than it is', () => {
    const { guards } = build(
      `interface Animal { a: String @authenticated b: String }
       type Cat implements Animal @authenticated { a: String ${READ} b: String ${WRITE} } ${QUERY}`,
    );
    expect([guards.get('Cat.a'), guards.get('Cat.b')]).toEqual(['notes:read', 'notes:write']);
  });

  test('when nothing implements it', () => {
    expect(() => build(`interface Animal { secret: String ${WRITE} }`)).not.toThrow();
  });
});

describe('modules are refused when one replaces what another has guarded', () => {
  test.each([
    [
      'a field',
      `type Cat @authenticated { secret: String ${WRITE} }`,
      `extend type Cat { secret: String ${READ} }`,
      'Cat.secret',
    ],
    [
      'a field, to lose the guard of its argument',
      `type Cat @authenticated { name(full: Boolean ${WRITE}): String }`,
      'extend type Cat { name(full: Boolean): String }',
      'Cat.name',
    ],
    ['a type', `type Cat ${WRITE} { id: ID }`, `type Cat ${READ} { name: String }`, 'Cat @requires'],
    [
      'a field of an input',
      `input CatFilter { secret: String ${WRITE} name: String }`,
      'extend input CatFilter { secret: String }',
      'CatFilter.secret',
    ],
    [
      'a value of an enum',
      `enum CatOrder { NAME SECRET ${WRITE} }`,
      'extend enum CatOrder { SECRET }',
      'CatOrder.SECRET',
    ],
    [
      'a directive, to have it anywhere',
      'type Cat @authenticated { id: ID }',
      'directive @requires(permission: Permission!) on INTERFACE | UNION',
      '@requires',
    ],
  ])('%s', (_what, one, other, named) => {
    expect(() => build(one, other)).toThrow(`The modules define more than once: ${named}`);
    expect(() => build(other, one)).toThrow(`The modules define more than once: ${named}`);
  });
});
