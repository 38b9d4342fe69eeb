/**
 * Proves a table of permissions for callers that no role describes: API keys with one permission each. The table must
 * hold on every path: root fields, everything behind them, and what an error reveals of a row.
 */
import {
  getNamedType,
  isInputObjectType,
  isObjectType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import type { Permission } from '../../src/kernel/vocabulary/permissions.js';
import { useKeyClients } from './key-clients.js';
import type { MakeArguments } from './permission-matrix.js';
import type { Answer, TestServer } from './server.js';

type Field = GraphQLField<unknown, unknown>;

export interface ReviewedPermissions {
  readonly schema: GraphQLSchema;
  /** The permissions that are tested. Each caller holds one of them. */
  readonly permissions: readonly Permission[];
  /** Whether the table covers a field, by its coordinate. */
  readonly isReviewed: (coordinate: string) => boolean;
  /** The permission that each field requires. */
  readonly demanded: (coordinate: string) => Permission | null;
  readonly arguments: Readonly<Record<string, MakeArguments>>;
}

/** Declares the tests. */
export function proveSinglePermissions(
  server: () => TestServer,
  { schema, permissions, isReviewed, demanded, ...table }: ReviewedPermissions,
): void {
  const keyOf = useKeyClients(server);
  const reviewed = (type: string, fields: readonly Field[]) =>
    fields.filter(({ name }) => isReviewed(`${type}.${name}`));
  const queries = reviewed('Query', Object.values(schema.getQueryType()?.getFields() ?? {}));
  const mutations = reviewed('Mutation', Object.values(schema.getMutationType()?.getFields() ?? {}));
  if (permissions.length === 0) return;

  /** Requests a root field with the arguments of the table. */
  const ask = async (
    permission: Permission,
    operation: 'query' | 'mutation',
    field: Field,
    { change = (args) => args, headers = {} }: Asking = {},
  ): Promise<Answer> => {
    const coordinate = `${operation === 'query' ? 'Query' : 'Mutation'}.${field.name}`;
    const given = change({ ...(await table.arguments[coordinate]?.(server(), 'owner')) });
    const names = Object.keys(given);
    const typeOf = (name: string) => String(field.args.find((each) => each.name === name)!.type);
    const declared = names.map((name) => `$${name}: ${typeOf(name)}`).join(', ');
    const passed = names.map((name) => `${name}: $${name}`).join(', ');
    const selection = isObjectType(getNamedType(field.type)) ? '{ __typename }' : '';
    const { token } = await keyOf(permission);
    return server()
      .withHeaders({ authorization: `Bearer ${token}`, ...headers })
      .query(
        `${operation} Ask${declared && `(${declared})`} { ${field.name}${passed && `(${passed})`} ${selection} }`,
        given,
      );
  };

  describe.each(permissions)('an API key with %s alone', (permission) => {
    const isHeld = (guard: Permission | null) => guard === null || guard === permission;

    test.each([
      ['query', queries, 'Query'],
      ['mutation', mutations, 'Mutation'],
    ] as const)('is refused each %s that demands another', async (operation, fields, type) => {
      for (const field of fields) {
        const guard = demanded(`${type}.${field.name}`);
        if (isHeld(guard)) continue;
        const { data, errors } = await ask(permission, operation, field);
        expect(data, field.name).toEqual({ [field.name]: null });
        expect(errors, field.name).toMatchObject([{ extensions: { code: 'FORBIDDEN', requires: guard } }]);
      }
    });

    test('is told of a row in a conflict what it could query, with an Idempotency-Key as well', async () => {
      for (const field of mutations.filter(expectsVersion)) {
        if (!isHeld(demanded(`Mutation.${field.name}`))) continue;
        for (const headers of [{}, { 'idempotency-key': crypto.randomUUID() }]) {
          const { errors } = await ask(permission, 'mutation', field, { change: expectAnother, headers });
          expect(errors, field.name).toMatchObject([{ extensions: { code: 'CONFLICT' } }]);
          const { code, current = {}, ...rest } = errors[0]!.extensions;
          expect([code, rest]).toEqual(['CONFLICT', {}]);
          const shown = Object.keys(current as object);
          const types = typesOfRow(field).filter((type) =>
            shown.every((name) => isHeld(demanded(`${type.name}.${name}`))),
          );
          expect(types, `${field.name} shows ${shown.join(', ')}`).not.toEqual([]);
        }
      }
    });
  });
}

interface Asking {
  readonly change?: (args: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

const expectsVersion = ({ args }: Field): boolean =>
  args.some(({ type }) => {
    const input = getNamedType(type);
    return isInputObjectType(input) && input.getFields()['expectedVersion'] !== undefined;
  });

/** An expected version that no row has. */
const expectAnother = (args: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(args).map(([name, value]) => [name, { ...(value as object), expectedVersion: 987_654 }]),
  );

/** The object types of a payload's fields. One of them is the type of the row. */
function typesOfRow({ type }: Field): GraphQLObjectType[] {
  const payload = getNamedType(type);
  if (!isObjectType(payload)) return [];
  return Object.values(payload.getFields())
    .map((field) => getNamedType(field.type))
    .filter((each) => isObjectType(each));
}
