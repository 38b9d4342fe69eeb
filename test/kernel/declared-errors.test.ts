/**
 * Proves that mutations fail only with the codes that they declare with `@errors`, and that the error of a unique key
 * names the input field.
 */
import { randomUUID } from 'node:crypto';
import { GraphQLError } from 'graphql';
import { describe, expect, test } from 'vitest';
import { usesOf } from '../../src/kernel/access/schema-types.js';
import type { RequestContext } from '../../src/kernel/graphql/request-context.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import { buildApi } from '../../src/kernel/graphql/schema.js';
import { ERROR_CODES } from '../../src/kernel/vocabulary/error-codes.js';
import { badInput, conflict, notFound, unavailable } from '../../src/kernel/vocabulary/errors.js';
import { modules } from '../../src/modules.js';
import { useServer, type TestServer } from '../support/server.js';

interface Given {
  readonly input: { readonly userId: string; readonly email: string };
}

const row = ({ userId, email }: Given['input']) => ({ userId, email, role: 'viewer' });

const failing: Readonly<Record<string, () => Error>> = {
  conflict: () => conflict('It is taken.'),
  notFound,
  badInput: () => badInput('It is wrong.', 'input'),
  unavailable,
  defect: () => new GraphQLError('the secret of the resolver'),
};

const things = defineModule({
  name: 'things',
  typeDefs: `
    input AddMemberInput { userId: ID! email: String! }
    extend type Mutation {
      addMember(input: AddMemberInput!): Boolean @authenticated @errors(codes: [CONFLICT])
      addMemberInTransaction(input: AddMemberInput!): Boolean @authenticated @errors(codes: [CONFLICT])
      changeMember(input: AddMemberInput!): Boolean @authenticated @errors(codes: [CONFLICT])
      addUser(user: ID!): Boolean @authenticated @errors(codes: [CONFLICT])
      fail(with: String!): Boolean @authenticated @errors(codes: [CONFLICT])
      failUndeclared(with: String!): Boolean @authenticated
    }
  `,
  resolvers: {
    Mutation: {
      addMember: async (_parent: unknown, { input }: Given, { db }: RequestContext) => {
        await db.membership.create({ data: row(input) });
        return true;
      },
      addMemberInTransaction: (_parent: unknown, { input }: Given, { db }: RequestContext) =>
        db.transaction(async (tx) => {
          await tx.membership.create({ data: row(input) });
          return true;
        }),
      changeMember: async (_parent: unknown, { input }: Given, { db, viewer }: RequestContext) => {
        const { tenantId, userId } = viewer;
        await db.membership.update({
          where: { tenantId_userId: { tenantId, userId } },
          data: { userId: input.userId },
        });
        return true;
      },
      addUser: async (_parent: unknown, { user }: { user: string }, { db }: RequestContext) => {
        await db.membership.create({ data: row({ userId: user, email: 'x@acme.test' }) });
        return true;
      },
      fail: (_parent: unknown, args: { with: string }) => {
        throw failing[args.with]!();
      },
      failUndeclared: (_parent: unknown, args: { with: string }) => {
        throw failing[args.with]!();
      },
    },
  } as object,
});

const server = useServer({ modules: [...modules, things] });
const production = useServer({
  modules: [...modules, things],
  env: { NODE_ENV: 'production', DATABASE_URL: 'postgresql://tenantry_app@localhost/tenantry' },
});

const failWith = async (on: TestServer, field: string, what: string) => {
  const { errors } = await (await on.as('owner', 'acme')).query(`mutation { ${field}(with: "${what}") }`);
  return errors[0]?.extensions.code;
};

describe('a code', () => {
  test('that is declared reaches the client', async () => {
    expect(await failWith(server(), 'fail', 'conflict')).toBe('CONFLICT');
  });

  test('that any operation can have need not be declared', async () => {
    expect(await failWith(server(), 'fail', 'unavailable')).toBe('UNAVAILABLE');
  });

  test.each(['notFound', 'badInput', 'defect'])('that is not declared is a defect: %s', async (what) => {
    expect(await failWith(server(), 'fail', what)).toBe('INTERNAL_SERVER_ERROR');
  });

  test('of a mutation without a declaration reaches the client', async () => {
    expect(await failWith(server(), 'failUndeclared', 'notFound')).toBe('NOT_FOUND');
  });

  test('reaches the client in production in any case', async () => {
    expect(await failWith(production(), 'fail', 'notFound')).toBe('NOT_FOUND');
    expect(await failWith(production(), 'fail', 'defect')).toBe('INTERNAL_SERVER_ERROR');
  });
});

describe('a unique key that is taken', () => {
  test.each(['addMember', 'addMemberInTransaction', 'changeMember'])(
    'names the field of the input: %s',
    async (mutation) => {
      const owner = await server().as('owner', 'acme');
      const { data } = await owner.query<{ members: { nodes: { userId: string }[] } }>(
        '{ me { userId } members(first: 1, filter: { role: VIEWER }) { nodes { userId } } }',
      );
      const input = { userId: data.members.nodes[0]!.userId, email: `${randomUUID()}@acme.test` };
      const { errors } = await owner.query(
        `mutation ($input: AddMemberInput!) { ${mutation}(input: $input) }`,
        { input },
      );
      expect(errors).toEqual([
        {
          message: 'An object with this key exists already.',
          locations: expect.any(Array) as unknown,
          path: [mutation],
          extensions: { code: 'CONFLICT', field: 'input.userId' },
        },
      ]);
    },
  );

  test('names none when the mutation has no such input', async () => {
    const owner = await server().as('owner', 'acme');
    const { data } = await owner.query<{ me: { userId: string } }>('{ me { userId } }');
    const { errors } = await owner.query('mutation ($user: ID!) { addUser(user: $user) }', {
      user: data.me.userId,
    });
    expect(errors[0]?.extensions).toEqual({ code: 'CONFLICT' });
  });
});

describe('the installed modules', () => {
  const { schema } = buildApi(modules);
  const mutations = Object.values(schema.getMutationType()?.getFields() ?? {});

  test.each(mutations.map(({ name }) => name))('declare the errors of %s, in its description too', (name) => {
    const field = mutations.find((each) => each.name === name)!;
    const [declared] = usesOf(field, 'errors');
    expect(declared, `${name} has no @errors`).toBeDefined();
    const codes = declared!['codes'] as readonly string[];
    for (const code of codes) expect(field.description).toContain(`\`${code}\``);
    expect(field.description).toMatch(/Its errors: /);
  });

  test('have the whole list in the schema, which a client can read', async () => {
    const viewer = await server().as('viewer', 'acme');
    const { data } = await viewer.query<{
      errorCodes: string[];
    }>('{ errorCodes }');
    expect(data.errorCodes).toEqual(ERROR_CODES);
    const answer = await viewer.query<{ __type: { enumValues: { name: string; description: string }[] } }>(
      '{ __type(name: "ErrorCode") { enumValues { name description } } }',
    );
    expect(answer.data.__type.enumValues.map(({ name }) => name)).toEqual(ERROR_CODES);
  });
});
