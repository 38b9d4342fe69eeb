/**
 * Proves what a caller's schema contains: everything that their permissions allow and what that leads to, and nothing
 * else. The modules are made for these tests; test/platform tests the server's answers.
 */
import {
  buildSchema,
  getOperationAST,
  graphqlSync,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isUnionType,
  parse,
  validateSchema,
  type GraphQLSchema,
} from 'graphql';
import { printSchemaWithDirectives, pruneSchema } from '@graphql-tools/utils';
import { describe, expect, test } from 'vitest';
import type { Permission } from '../../src/kernel/vocabulary/permissions.js';
import { IntrospectionAnswers } from '../../src/kernel/access/introspection-answers.js';
import { RoleSchemas, schemaFor } from '../../src/kernel/access/role-schema.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';

const PERMISSIONS = ['books:read', 'books:write', 'secrets:read'] as const satisfies readonly Permission[];

const api = buildApi([
  defineModule({
    name: 'library',
    typeDefs: `
      extend enum Permission { BOOKS_READ BOOKS_WRITE SECRETS_READ }

      enum Genre { POEM NOVEL }
      enum Shelf { UPPER LOWER }
      enum BookOrder { TITLE "By what it cost." PRICE @requires(permission: SECRETS_READ) }
      "Which books."
      input BookFilter {
        genre: Genre
        "What it cost."
        price: PriceRange @requires(permission: SECRETS_READ)
      }
      input PriceRange { from: Int to: Int }

      interface Named { name: String secret: String }
      interface Priced { price(currency: String, exact: Boolean): Int }
      "A book."
      type Book implements Named & Priced @requires(permission: BOOKS_READ) {
        "Its title."
        name: String @deprecated(reason: "Ask for the title.")
        secret: String @requires(permission: SECRETS_READ)
        price(currency: String, exact: Boolean @requires(permission: SECRETS_READ)): Int
        author: Author
      }
      type Author implements Named @requires(permission: BOOKS_READ) { name: String secret: String }
      "Nothing of it is open."
      type Vault implements Named @authenticated {
        name: String @requires(permission: SECRETS_READ)
        secret: String @requires(permission: SECRETS_READ)
      }
      type Visitor @authenticated { name: String vault: Vault latest: Book @requires(permission: BOOKS_READ) }
      union Found = Visitor | Vault

      extend type Query {
        visitor: Visitor @authenticated
        find(text: String): [Found!] @authenticated
        books(
          filter: BookFilter
          orderBy: BookOrder
          secret: String @requires(permission: SECRETS_READ)
        ): [Book!] @requires(permission: BOOKS_READ)
        named: [Named!] @requires(permission: BOOKS_READ)
        priced: [Priced!] @requires(permission: BOOKS_READ)
      }

      input AddBookInput { name: String! genre: Genre! shelf: Shelf }
      type AddBookPayload @requires(permission: BOOKS_WRITE) { book: Book @requires(permission: BOOKS_READ) done: Boolean }
      type Mutation { addBook(input: AddBookInput!): AddBookPayload @requires(permission: BOOKS_WRITE) }
      type Subscription { bookAdded: Book @requires(permission: BOOKS_READ) }`,
    // The generated types have only the fields of this server's modules.
    resolvers: {
      Subscription: { bookAdded: { subscribe: () => Promise.reject(new Error('not asked for')) } },
    } as never,
    permissions: { 'books:read': ['viewer'], 'books:write': ['member'], 'secrets:read': ['owner'] },
  }),
]);

const roleSchema = (...permissions: readonly Permission[]) => schemaFor(api, new Set(permissions));

/** Everything that can be selected, named or passed: `Book.name`, `Query.books(filter:)`, `Genre.POEM`. */
function coordinates(schema: GraphQLSchema): string[] {
  return Object.values(schema.getTypeMap())
    .filter(({ name }) => !name.startsWith('__'))
    .flatMap((type) => {
      const inside: string[] = [];
      if (isObjectType(type) || isInterfaceType(type)) {
        for (const { name, args } of Object.values(type.getFields())) {
          inside.push(`${type.name}.${name}`, ...args.map((arg) => `${type.name}.${name}(${arg.name}:)`));
        }
      }
      if (isInputObjectType(type))
        inside.push(...Object.keys(type.getFields()).map((f) => `${type.name}.${f}`));
      if (isEnumType(type)) inside.push(...type.getValues().map(({ name }) => `${type.name}.${name}`));
      if (isUnionType(type)) inside.push(...type.getTypes().map(({ name }) => `${type.name} = ${name}`));
      return [type.name, ...inside];
    });
}

const names = (schema: GraphQLSchema) => Object.keys(schema.getTypeMap());

describe('without any permission', () => {
  const schema = roleSchema();

  test('what every member may use is there, and what only led to something else is not', () => {
    expect(Object.keys(schema.getQueryType()!.getFields()).sort()).toEqual([
      'errorCodes',
      'find',
      'roles',
      'visitor',
    ]);
    expect(coordinates(schema).filter((each) => each.startsWith('Visitor.'))).toEqual(['Visitor.name']);
  });

  test('a root type that is empty is not there', () => {
    expect(schema.getMutationType()).toBeUndefined();
    expect(schema.getSubscriptionType()).toBeUndefined();
    expect(names(schema)).not.toEqual(expect.arrayContaining(['Mutation']));
    expect(names(schema)).not.toEqual(expect.arrayContaining(['Subscription']));
  });

  test.each([
    ['payloads of refused mutations', 'AddBookPayload'],
    ['their inputs', 'AddBookInput'],
    ['enums of those inputs', 'Shelf'],
    ['types behind refused fields', 'Book'],
    ['types behind those', 'Author'],
    ['filters of refused lists', 'BookFilter'],
    ['types of those filters', 'PriceRange'],
    ['orders of refused lists', 'BookOrder'],
    ['interfaces of which nothing is left', 'Named'],
    ['types of which no field is left', 'Vault'],
  ])('%s are not there', (_what, type) => {
    expect(names(api.schema)).toContain(type);
    expect(names(schema)).not.toContain(type);
  });

  test('a type of which no field is left is in no union and behind no field', () => {
    expect(coordinates(schema).filter((each) => each.includes('Vault'))).toEqual([]);
    expect(coordinates(schema)).toContain('Found = Visitor');
  });

  test('the list of permissions is whole, for `roles` answers with all of them', () => {
    expect(coordinates(schema)).toEqual(
      expect.arrayContaining(['Permission.BOOKS_READ', 'Permission.BOOKS_WRITE', 'Permission.SECRETS_READ']),
    );
  });
});

describe('with a permission', () => {
  test('what it opens is there, with descriptions, directives and deprecations', () => {
    const sdl = printSchemaWithDirectives(roleSchema('books:read'));
    expect(sdl).toContain(
      '"""A book. Requires the permission `books:read`."""\ntype Book implements Named & Priced @requires(permission: BOOKS_READ) {',
    );
    expect(sdl).toContain(
      '"""Its title. Requires the permission `books:read`."""\n  name: String @deprecated(reason: "Ask for the title.")',
    );
    expect(sdl).toContain('"""Which books."""\ninput BookFilter {\n  genre: Genre\n}');
    expect(sdl).toMatch(
      /type Subscription {\n {2}""".*"""\n {2}bookAdded: Book @requires\(permission: BOOKS_READ\)\n}/,
    );
  });

  test('what needs another one as well is not: arguments, fields of inputs, values of enums', () => {
    const left = coordinates(roleSchema('books:read'));
    for (const refused of [
      'Query.books(secret:)',
      'BookFilter.price',
      'BookOrder.PRICE',
      'Book.price(exact:)',
      'PriceRange',
    ]) {
      expect(left).not.toContain(refused);
    }
    expect(left).toEqual(
      expect.arrayContaining([
        'Query.books(filter:)',
        'BookFilter.genre',
        'BookOrder.TITLE',
        'Book.price(currency:)',
      ]),
    );
    expect(coordinates(roleSchema('books:read', 'secrets:read'))).toEqual(
      expect.arrayContaining([
        'Query.books(secret:)',
        'BookFilter.price',
        'BookOrder.PRICE',
        'PriceRange.from',
      ]),
    );
  });

  test('an interface has the fields and arguments that all who implement it have left', () => {
    const left = coordinates(roleSchema('books:read'));
    expect(left).toContain('Named.name');
    expect(left).not.toContain('Named.secret');
    expect(left).toContain('Author.secret');
    expect(left).toContain('Priced.price(currency:)');
    expect(left).not.toContain('Priced.price(exact:)');
  });

  test('a payload is there without what its reader may not see', () => {
    const left = coordinates(roleSchema('books:write'));
    expect(left).toContain('AddBookPayload.done');
    expect(left).not.toContain('AddBookPayload.book');
    expect(left).not.toContain('Book');
  });

  test('a type that several ways lead to is there as long as one of them does', () => {
    expect(names(roleSchema('books:read'))).toContain('Genre');
    expect(names(roleSchema('books:write'))).toContain('Genre');
    expect(names(roleSchema('secrets:read'))).not.toContain('Genre');
  });
});

describe('with every set of permissions', () => {
  const sets = Array.from({ length: 2 ** PERMISSIONS.length }, (_, bits) =>
    PERMISSIONS.filter((_permission, at) => bits & (1 << at)),
  );

  test.each(sets)('%s %s %s, the schema is a valid one', (...held) => {
    const schema = roleSchema(...held);
    expect(validateSchema(schema)).toEqual([]);
    // Printing and parsing the schema must not change it.
    expect(coordinates(buildSchema(printSchemaWithDirectives(schema))).sort()).toEqual(
      coordinates(schema).sort(),
    );
  });

  test('more permissions never show less, and all of them show the whole schema', () => {
    for (const smaller of sets) {
      for (const larger of sets.filter((set) => smaller.every((permission) => set.includes(permission)))) {
        const seen = new Set(coordinates(roleSchema(...larger)));
        const lost = coordinates(roleSchema(...smaller)).filter((each) => !seen.has(each));
        expect(lost).toEqual([]);
      }
    }
    // Leaves out the kernel's scalars and paging types, which this module does not use.
    const inUse = pruneSchema(api.schema);
    expect(printSchemaWithDirectives(roleSchema(...PERMISSIONS))).toBe(printSchemaWithDirectives(inUse));
  });
});

describe('role schemas', () => {
  const many = (n: number) => new Set<Permission>([`a:${n}`]);

  test('are made once for the same permissions, in whichever order', () => {
    const schemas = new RoleSchemas(api);
    const made = schemas.for(new Set<Permission>(['books:read', 'books:write']));
    expect(schemas.for(new Set<Permission>(['books:write', 'books:read']))).toBe(made);
    expect(schemas.for(new Set<Permission>(['books:read']))).not.toBe(made);
  });

  test('are kept in a bounded number, the most recently used', () => {
    const schemas = new RoleSchemas(api);
    const [first, second] = [schemas.for(many(-1)), schemas.for(many(-2))];
    for (let n = 0; n < 49; n++) {
      schemas.for(many(n));
      expect(schemas.for(many(-2))).toBe(second);
    }
    expect(schemas.for(many(-1))).not.toBe(first);
  });
});

describe('answers to introspection', () => {
  const answers = new IntrospectionAnswers(new RoleSchemas(api));
  const ask = async (
    permissions: readonly Permission[],
    source: string,
    { operationName, variables }: { operationName?: string; variables?: Record<string, unknown> } = {},
  ) => {
    const document = parse(source);
    const operation = getOperationAST(document, operationName)!;
    return answers.answer(new Set(permissions), { document, operation, source, operationName, variables });
  };
  const TYPES = '{ __schema { types { name fields { name } } } }';

  test('are those of the permissions, however often and in whichever order they are asked for', async () => {
    const sets: readonly (readonly Permission[])[] = [[], ['books:read'], ['books:read', 'books:write']];
    const expected = sets.map((permissions) =>
      graphqlSync({ schema: schemaFor(api, new Set(permissions)), source: TYPES }),
    );
    expect(new Set(expected.map((each) => JSON.stringify(each))).size).toBe(sets.length);
    for (let time = 0; time < 2; time++) {
      for (const [at, permissions] of sets.entries())
        expect(await ask(permissions, TYPES)).toEqual(JSON.parse(JSON.stringify(expected[at])));
    }
  });

  test('are made once', async () => {
    const { data } = await ask(['books:read'], TYPES);
    expect((await ask(['books:read'], TYPES)).data).toBe(data);
    expect((await ask(['books:write'], TYPES)).data).not.toBe(data);
  });

  test('are those of the variables', async () => {
    const source = 'query ($name: String = "Query") { __type(name: $name) { name } }';
    const named = (name: string | null) => ({ data: { __type: name === null ? null : { name } } });
    for (let time = 0; time < 2; time++) {
      expect(await ask([], source)).toEqual(named('Query'));
      expect(await ask([], source, { variables: { name: 'Boolean' } })).toEqual(named('Boolean'));
      expect(await ask([], source, { variables: { name: 'Nothing', other: 1 } })).toEqual(named(null));
      expect(await ask([], source, { variables: { other: [] } })).toEqual(named('Query'));
      expect((await ask([], source, { variables: { name: ['Boolean'] } })).errors).toHaveLength(1);
    }
  });

  test('are those of the operation', async () => {
    const source = 'query A { __type(name: "Boolean") { name } } query B { __type(name: "Query") { name } }';
    for (let time = 0; time < 2; time++) {
      expect(await ask([], source, { operationName: 'A' })).toEqual({
        data: { __type: { name: 'Boolean' } },
      });
      expect(await ask([], source, { operationName: 'B' })).toEqual({ data: { __type: { name: 'Query' } } });
    }
  });

  test('do not depend on variables that are too deep to be part of a key', async () => {
    const deep = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`) as unknown;
    const source = 'query ($name: String!) { __type(name: $name) { name } }';
    expect(await ask([], source, { variables: { name: 'Boolean', deep } })).toEqual({
      data: { __type: { name: 'Boolean' } },
    });
  });
});
