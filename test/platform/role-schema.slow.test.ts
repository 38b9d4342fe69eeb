/**
 * Proves over HTTP that introspection shows a caller exactly what they may use, that there is no path to the rest of
 * the schema, and that operations are still validated against the full schema.
 */
import {
  buildClientSchema,
  buildSchema,
  getIntrospectionQuery,
  getNamedType,
  graphqlSync,
  isInterfaceType,
  isObjectType,
  type GraphQLSchema,
  type IntrospectionQuery,
} from 'graphql';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { describe, expect, test } from 'vitest';
import { ROLES, type Role } from '../../src/kernel/vocabulary/permissions.js';
import { schemaFor } from '../../src/kernel/access/role-schema.js';
import { useClients } from '../support/clients.js';
import { tenantry } from '../support/running-server.js';
import { useServer, type TestClient } from '../support/server.js';

const server = useServer();
const clientOf = useClients(server);

const OPTIONS = {
  directiveIsRepeatable: true,
  inputValueDeprecation: true,
  specifiedByUrl: true,
  oneOf: true,
};

async function introspect(client: Pick<TestClient, 'query'>): Promise<IntrospectionQuery> {
  const { data, errors, status } = await client.query<IntrospectionQuery>(getIntrospectionQuery(OPTIONS));
  expect({ errors, status }).toEqual({ errors: [], status: 200 });
  return inOrder(data);
}

function introspectionOf(sdl: string): unknown {
  const { data, errors } = graphqlSync({
    schema: buildSchema(sdl),
    source: getIntrospectionQuery(OPTIONS),
  });
  expect(errors).toBeUndefined();
  return inOrder(data as unknown as IntrospectionQuery);
}

/** Sorts the types, because their order in a schema depends on how it was built. */
function inOrder({ __schema }: IntrospectionQuery): IntrospectionQuery {
  const types = __schema.types.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  return { __schema: { ...__schema, types } };
}

/**
 * Each field that some way of allowed fields leads to. Written down anew, to compare with. A field that answers any `Node`
 * leads nowhere new: it refuses a type whose permission the caller lacks.
 */
function reachable(schema: GraphQLSchema, isAllowed: (coordinate: string) => boolean): string[] {
  const found = new Set<string>();
  const open = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap(
    (type) => (type ? [type] : []),
  );
  const seen = new Set(open);
  for (let type = open.pop(); type; type = open.pop()) {
    for (const field of Object.values(type.getFields())) {
      const coordinate = `${type.name}.${field.name}`;
      if (!isAllowed(coordinate)) continue;
      found.add(coordinate);
      const target = getNamedType(field.type);
      const next = isObjectType(target)
        ? [target]
        : isInterfaceType(target) && target.name !== 'Node'
          ? schema.getPossibleTypes(target)
          : [];
      for (const each of next) {
        if (!seen.has(each)) open.push(each);
        seen.add(each);
      }
    }
  }
  return [...found].sort();
}

const fieldsOf = (schema: GraphQLSchema): string[] =>
  Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .filter(({ name }) => !name.startsWith('__'))
    .flatMap((type) => Object.keys(type.getFields()).map((field) => `${type.name}.${field}`))
    .sort();

describe.each(ROLES)('introspection as %s', (role) => {
  const heldBy = (holder: Role) => {
    const { api } = server().services;
    return (coordinate: string) => {
      const guard = api.guards.get(coordinate);
      return guard === null || (guard !== undefined && api.roles.of(holder).has(guard));
    };
  };

  test('shows every field that the role’s permissions lead to, and no other', async () => {
    const shown = buildClientSchema(await introspect(await clientOf(role)));
    expect(fieldsOf(shown)).toEqual(reachable(server().services.api.schema, heldBy(role)));
  });

  test('shows exactly what is printed for the role', async () => {
    const { api } = server().services;
    const printed = printSchemaWithDirectives(schemaFor(api, api.roles.of(role)));
    expect(await introspect(await clientOf(role))).toEqual(introspectionOf(printed));
  });
});

test('`tenantry schema --role` prints what introspection shows', async () => {
  const { code, stdout, stderr } = await tenantry(['schema', '--role', 'viewer']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(await introspect(await clientOf('viewer'))).toEqual(introspectionOf(stdout));
});

test('a role that there is not is wrong use', async () => {
  const { code, stdout, stderr } = await tenantry(['schema', '--role', 'nobody']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('owner, admin, member, viewer');
});

describe('a viewer', () => {
  const HIDDEN = ['AuditEntry', 'UpdateTenantInput', 'UpdateTenantPayload', 'ActorType', 'AuditEntryFilter'];

  test('sees neither fields they may not use nor what only those lead to', async () => {
    const schema = buildClientSchema(await introspect(await clientOf('viewer')));
    for (const name of HIDDEN) expect(schema.getType(name)).toBeUndefined();
    const tenant = schema.getType('Tenant');
    expect(isObjectType(tenant) && Object.keys(tenant.getFields()).sort()).toEqual(
      ['createdAt', 'id', 'name', 'slug', 'status', 'version'].sort(),
    );
  });

  test.each([
    ['by name', (type: string) => [`{ __type(name: "${type}") { name } }`, {}] as const],
    [
      'by a variable',
      (name: string) => ['query ($name: String!) { __type(name: $name) { name } }', { name }] as const,
    ],
    [
      'in a fragment',
      (type: string) =>
        [`{ ...F } fragment F on Query { ... { __type(name: "${type}") { name } } }`, {}] as const,
    ],
    [
      'in the second operation',
      (type: string) =>
        [`query A { __typename } query B { __type(name: "${type}") { name } }`, {}, 'B'] as const,
    ],
  ])('is told of no hidden type %s', async (_how, make) => {
    const { token } = await clientOf('viewer');
    const owner = await clientOf('owner');
    for (const type of HIDDEN) {
      const [query, variables, operationName] = make(type);
      const body = JSON.stringify({ query, variables, operationName });
      const ask = async (bearer: string) => {
        const answer = await fetch(`${server().url}/graphql`, {
          method: 'POST',
          headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
          body,
        });
        // The cost is the same for all callers.
        const { extensions, ...rest } = (await answer.json()) as { extensions: unknown };
        expect(extensions).toHaveProperty('cost');
        return rest;
      };
      expect(await ask(token)).toEqual({ data: { __type: null } });
      expect(await ask(owner.token)).toEqual({ data: { __type: { name: type } } });
    }
  });

  test.each([
    ['side by side', '{ me { role } __schema { types { name } } }'],
    [
      'in fragments',
      '{ ...A ...B } fragment A on Query { me { role } } fragment B on Query { __schema { types { name } } }',
    ],
    ['when data comes under another name', '{ __type(name: "AuditEntry") { name } x: me { role } }'],
    [
      'when data is left out',
      'query ($no: Boolean = false) { me @include(if: $no) { role } __schema { types { name } } }',
    ],
    ['when the schema is left out', '{ me { role } ... @skip(if: true) { __schema { types { name } } } }'],
    [
      'in one of several operations',
      'query A { roles { role } } query B { me { role } __schema { types { name } } }',
    ],
  ])('is refused the schema and data in one operation, %s', async (_how, query) => {
    const { status, text } = await (await clientOf('viewer')).query(query);
    expect(status).toBe(400);
    const { errors, data } = JSON.parse(text) as { errors: unknown; data?: unknown };
    expect(data).toBeUndefined();
    expect(errors).toMatchObject([
      {
        message: expect.stringMatching(/^Ask for __(schema|type) in an operation of its own/) as string,
        extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
      },
    ]);
    expect(text).not.toContain('AuditEntry');
  });

  test('is told what is wrong with a variable of an introspection', async () => {
    const query = 'query ($name: String!) { __type(name: $name) { name } }';
    const { status, errors, text } = await (await clientOf('viewer')).query(query);
    expect(status).toBe(400);
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(text).not.toContain('"data"');
  });

  test('is refused what is hidden as ever: null, with what is missing', async () => {
    const { status, data, errors } = await (
      await clientOf('viewer')
    ).query('{ tenant { slug plan } auditLog { totalCount } }');
    expect(status).toBe(200);
    expect(data).toEqual({ tenant: { slug: 'acme', plan: null }, auditLog: null });
    expect(errors.map(({ path, extensions }) => [path?.join('.'), extensions])).toEqual(
      expect.arrayContaining([
        ['tenant.plan', { code: 'FORBIDDEN', requires: 'billing:manage' }],
        ['auditLog', { code: 'FORBIDDEN', requires: 'audit:read' }],
      ]),
    );
  });

  test('may ask for the type of an object beside its data', async () => {
    const { data, errors } = await (
      await clientOf('viewer')
    ).query('{ __typename tenant { __typename slug } }');
    expect(errors).toEqual([]);
    expect(data).toEqual({ __typename: 'Query', tenant: { __typename: 'Tenant', slug: 'acme' } });
  });
});

test('what one caller was shown is not shown to the next', async () => {
  const documents = [getIntrospectionQuery(OPTIONS), '{ __type(name: "AuditEntry") { name } }'];
  for (const document of documents) {
    const answers: Record<string, string> = {};
    for (const role of ['owner', 'viewer', 'owner', 'viewer', 'member', 'viewer'] as const) {
      const { text } = await (await clientOf(role)).query(document);
      answers[role] ??= text;
      expect(text).toBe(answers[role]);
    }
    expect(answers['viewer']).not.toBe(answers['owner']);
  }
});

test('a member whose role changes is shown the schema of the new one', async () => {
  const count = async () => {
    const { data } = await (
      await server().as('admin', 'globex')
    ).query<{ __type: unknown }>('{ __type(name: "AuditEntry") { name } }');
    return data.__type;
  };
  expect(await count()).not.toBeNull();
  const owner = await server().as('owner', 'globex');
  const { data } = await owner.query<{ members: { nodes: { id: string }[] } }>(
    '{ members(filter: { role: ADMIN }) { nodes { id } } }',
  );
  const input = { membershipId: data.members.nodes[0]!.id, role: 'VIEWER' };
  const changed = await owner.query(
    'mutation ($input: ChangeMemberRoleInput!) { changeMemberRole(input: $input) { membership { role } } }',
    { input },
  );
  expect(changed.errors).toEqual([]);
  await expect.poll(count).toBeNull();
});

describe('a stranger', () => {
  const production = useServer({
    env: { NODE_ENV: 'production', DATABASE_URL: 'postgresql://a@localhost/a' },
  });

  test.each([
    ['in development', server],
    ['in production', production],
  ])('is shown no schema %s', async (_where, target) => {
    for (const headers of [{}, { authorization: 'Bearer nonsense' }]) {
      const { status, errors, text } = await target().withHeaders(headers).query(getIntrospectionQuery());
      expect(status).toBe(401);
      expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
      expect(text).not.toContain('__schema');
    }
  });

  test('is the only one: a member in production is shown their own', async () => {
    const shown = await introspect(await production().as('viewer', 'acme'));
    expect(shown).toEqual(await introspect(await clientOf('viewer')));
  });
});

describe('me { fields }', () => {
  interface Access {
    readonly coordinate: string;
    readonly type: string;
    readonly field: string;
    readonly requires: string;
    readonly allowed: boolean;
  }
  const ask = async (role: Role, type?: string) => {
    const { data, errors } = await (
      await clientOf(role)
    ).query<{ me: { fields: Access[] } }>(
      'query ($type: String) { me { fields(type: $type) { coordinate type field requires allowed } } }',
      { type },
    );
    expect(errors).toEqual([]);
    return data.me.fields;
  };

  test.each(ROLES)('tells %s of each guarded part of the schema whether they may use it', async (role) => {
    const { api } = server().services;
    const guarded = [...api.guards, ...api.inputGuards].filter(([, guard]) => guard !== null);
    const listed = await ask(role);
    expect(listed.map(({ coordinate, allowed }) => [coordinate, allowed])).toEqual(
      guarded
        .map(([coordinate, guard]) => [coordinate, api.roles.of(role).has(guard!)] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
    for (const { coordinate, type, field } of listed) expect(`${type}.${field}`).toBe(coordinate);
  });

  test('tells of one type when asked for one', async () => {
    expect(await ask('admin', 'Tenant')).toEqual([
      {
        coordinate: 'Tenant.billingEmail',
        type: 'Tenant',
        field: 'billingEmail',
        requires: 'BILLING_MANAGE',
        allowed: false,
      },
      {
        coordinate: 'Tenant.plan',
        type: 'Tenant',
        field: 'plan',
        requires: 'BILLING_MANAGE',
        allowed: false,
      },
      {
        coordinate: 'Tenant.settings',
        type: 'Tenant',
        field: 'settings',
        requires: 'SETTINGS_MANAGE',
        allowed: true,
      },
      {
        coordinate: 'Tenant.usage',
        type: 'Tenant',
        field: 'usage',
        requires: 'BILLING_MANAGE',
        allowed: false,
      },
      {
        coordinate: 'Tenant.usageHistory',
        type: 'Tenant',
        field: 'usageHistory',
        requires: 'BILLING_MANAGE',
        allowed: false,
      },
    ]);
    expect(await ask('admin', 'Nothing')).toEqual([]);
  });
});
