/**
 * Proves that everything in the schema has a description, and that descriptions contain what introspection cannot show
 * of guards.
 */
import {
  getIntrospectionQuery,
  graphqlSync,
  isSpecifiedDirective,
  isSpecifiedScalarType,
  type IntrospectionQuery,
} from 'graphql';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { describe, expect, test } from 'vitest';
import { schemaFor } from '../../src/kernel/access/role-schema.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import { modules } from '../../src/modules.js';

interface Part {
  readonly description?: string | null | undefined;
}

/** The description of each part of a schema by coordinate, as introspection returns it. */
function descriptionsOf(schema: Parameters<typeof graphqlSync>[0]['schema']): Map<string, string | null> {
  const { data } = graphqlSync({
    schema,
    source: getIntrospectionQuery({ inputValueDeprecation: true, specifiedByUrl: true }),
  });
  const found = new Map<string, string | null>();
  const add = (coordinate: string, { description }: Part) => found.set(coordinate, description ?? null);
  const { types, directives } = (data as unknown as IntrospectionQuery).__schema;
  for (const type of types) {
    if (type.name.startsWith('__') || isSpecifiedScalarType({ name: type.name } as never)) continue;
    add(type.name, type);
    if (type.kind === 'ENUM') for (const value of type.enumValues) add(`${type.name}.${value.name}`, value);
    if (type.kind === 'INPUT_OBJECT')
      for (const field of type.inputFields) add(`${type.name}.${field.name}`, field);
    if (type.kind !== 'OBJECT' && type.kind !== 'INTERFACE') continue;
    for (const field of type.fields) {
      add(`${type.name}.${field.name}`, field);
      for (const argument of field.args) add(`${type.name}.${field.name}(${argument.name}:)`, argument);
    }
  }
  for (const directive of directives) {
    if (isSpecifiedDirective({ name: directive.name } as never)) continue;
    add(`@${directive.name}`, directive);
    for (const argument of directive.args) add(`@${directive.name}(${argument.name}:)`, argument);
  }
  return found;
}

const api = buildApi(modules);

describe('the installed modules', () => {
  const descriptions = descriptionsOf(api.schema);

  test('leave nothing without a description', () => {
    expect(api.undescribed).toEqual([]);
    expect([...descriptions].filter(([, text]) => text === null || text === '')).toEqual([]);
  });

  test('write sentences', () => {
    expect([...descriptions].filter(([, text]) => !/[.:`]$/.test(text ?? ''))).toEqual([]);
  });

  test('say of each guarded part which permission it requires, as the guard has it', () => {
    for (const [coordinate, permission] of [...api.guards, ...api.inputGuards]) {
      if (permission === null) expect(descriptions.get(coordinate)).not.toContain('Requires the permission');
      else expect(descriptions.get(coordinate)).toContain(`Requires the permission \`${permission}\`.`);
    }
  });

  test('say of a root field that it is open', () => {
    expect(descriptions.get('Query.me')).toContain('Open to every member of the tenant.');
    expect(descriptions.get('Mutation.acceptInvitation')).toContain(
      'Open to every user with a verified token',
    );
  });

  test('say the same in the schema of a role, and in print', () => {
    for (const role of ['owner', 'viewer'] as const) {
      const schema = schemaFor(api, api.roles.of(role));
      for (const [coordinate, text] of descriptionsOf(schema)) {
        expect([coordinate, text]).toEqual([coordinate, descriptions.get(coordinate)]);
      }
      expect(printSchemaWithDirectives(schema)).toContain('Requires the permission `members:read`.');
    }
  });

  test('say of a permission how it is written and who holds it', () => {
    expect(descriptions.get('Permission.MEMBERS_READ')).toBe(
      '`members:read` in tokens, keys and errors. The roles that hold it: owner, admin, member, viewer.',
    );
  });

  test('have scalars whose format a standard describes', () => {
    const { data } = graphqlSync({
      schema: api.schema,
      source: '{ __schema { types { name kind specifiedByURL } } }',
    });
    const { types } = (
      data as unknown as {
        __schema: { types: { kind: string; name: string; specifiedByURL: string | null }[] };
      }
    ).__schema;
    const own = types.filter(
      ({ kind, name }) => kind === 'SCALAR' && !isSpecifiedScalarType({ name } as never),
    );
    expect(own.length).toBeGreaterThan(0);
    for (const { specifiedByURL } of own)
      expect(specifiedByURL).toMatch(/^https:\/\/www\.(rfc-editor\.org\/rfc\/rfc\d+|w3\.org\/TR\/)/);
  });
});

describe('a module of one’s own', () => {
  const parts = (typeDefs: string) =>
    buildApi([
      defineModule({
        name: 'things',
        typeDefs,
        resolvers: {},
        permissions: { 'things:read': ['owner'], 'things:write': ['owner'] },
      }),
    ]);

  test('gets the shared descriptions and the sentences about access, and keeps its own', () => {
    const { schema, undescribed } = parts(`
      extend enum Permission { THINGS_READ THINGS_WRITE }
      "A thing."
      type Thing @requires(permission: THINGS_READ) {
        id: ID!
        """
        What people
        call it.
        """
        name: String
        "Its price."
        price: Int @requires(permission: THINGS_WRITE)
        createdAt: DateTime!
        version: Int!
      }
      type ThingConnection @requires(permission: THINGS_READ) {
        nodes: [Thing!]! edges: [ThingEdge!]! pageInfo: PageInfo! totalCount: Int!
      }
      type ThingEdge @requires(permission: THINGS_READ) { node: Thing! cursor: String! }
      input ThingFilter { name: TextFilter price: Int @requires(permission: THINGS_WRITE) }
      enum ThingOrderField { NAME CREATED_AT PRICE @requires(permission: THINGS_WRITE) }
      input ThingOrder { field: ThingOrderField! = NAME direction: OrderDirection! = ASC }
      input ChangeThingInput { id: ID! expectedVersion: Int }
      type ChangeThingPayload @requires(permission: THINGS_WRITE) {
        thing: Thing @requires(permission: THINGS_READ)
        "The key."
        key: String! @secret
      }
      extend type Query {
        "All things."
        things(first: Int, after: String, last: Int, before: String, filter: ThingFilter, orderBy: ThingOrder): ThingConnection
          @requires(permission: THINGS_READ)
      }
      type Mutation {
        "Changes a thing."
        changeThing(input: ChangeThingInput!): ChangeThingPayload
          @requires(permission: THINGS_WRITE)
          @errors(codes: [NOT_FOUND, CONFLICT])
      }
    `);
    expect(undescribed).toEqual([]);
    const texts = descriptionsOf(schema);
    expect(texts.get('Thing')).toBe('A thing. Requires the permission `things:read`.');
    expect(texts.get('Thing.name')).toBe('What people\ncall it.\n\nRequires the permission `things:read`.');
    expect(texts.get('Thing.price')).toBe('Its price. Requires the permission `things:write`.');
    expect(texts.get('ThingFilter.price')).toBe(
      'Only objects with this `price`. Requires the permission `things:write`.',
    );
    expect(texts.get('ThingOrderField.PRICE')).toBe('By `price`. Requires the permission `things:write`.');
    expect(texts.get('ThingConnection')).toContain('A page of a list of `Thing`.');
    expect(texts.get('ChangeThingPayload.key')).toContain('It is shown only once.');
    expect(texts.get('ChangeThingInput')).toBe('The input of the mutation `changeThing`.');
    expect(texts.get('Mutation.changeThing')).toBe(
      'Changes a thing. Requires the permission `things:write`. Its errors: `FORBIDDEN`, `NOT_FOUND`, `CONFLICT`.',
    );
  });

  test('is told what it does not describe', () => {
    const { undescribed } = parts(`
      extend enum Permission { THINGS_READ THINGS_WRITE }
      enum Colour { RED }
      type Thing @requires(permission: THINGS_READ) { colour(dark: Boolean): Colour }
      input Unused { a: Int }
      extend type Query { thing: Thing @requires(permission: THINGS_READ) }
    `);
    expect([...undescribed].sort()).toEqual([
      'Colour',
      'Colour.RED',
      'Query.thing',
      'Thing',
      'Thing.colour',
      'Thing.colour(dark:)',
      'Unused',
      'Unused.a',
    ]);
  });
});
