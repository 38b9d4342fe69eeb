/**
 * Proves that a CONFLICT shows only those values of the present row that a query would give the same caller, although
 * the error does not pass through the guarded fields. The callers are API keys with the permissions that a test names.
 */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Permission } from '../../src/kernel/vocabulary/permissions.js';
import { conflict } from '../../src/kernel/vocabulary/errors.js';
import { updateExpecting } from '../../src/kernel/graphql/expected-version.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import type { RequestContext } from '../../src/kernel/graphql/request-context.js';
import type { GraphQLResolveInfo } from 'graphql';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { sendKeyed } from '../support/keyed-mutations.js';
import { useKeyClients } from '../support/key-clients.js';
import { useServer } from '../support/server.js';

const PLAIN = 'id: ID! name: String! plan: String @requires(permission: REPORTS_PRICE) once: String @secret';

const update =
  (type: string, field: string) =>
  async (_parent: unknown, _args: object, context: RequestContext, info: GraphQLResolveInfo) => {
    const { db, viewer } = context;
    const where = { id: viewer.tenantId };
    const row = await updateExpecting(
      -1,
      {
        type,
        update: (at) => db.tenant.update({ where: { ...where, ...at }, data: { name: 'never' } }),
        find: () => db.tenant.findUnique({ where }),
      },
      context,
      info,
    );
    return { [field]: row };
  };

/** An object, because the types of the generated resolvers do not have these fields. */
const resolvers: object = {
  Mutation: {
    updateReport: update('Report', 'report'),
    updateOpen: update('Open', 'open'),
    updateSilently: update('Report', 'done'),
    updateElsewhere: update('Elsewhere', 'done'),
    touch: () => ({}),
  },
  Query: { report: () => ({}), open: () => ({}) },
  Report: { once: () => 'shown once' },
  Open: { once: () => 'shown once' },
  Touched: {
    note: () => {
      throw conflict('This note has changed.', { current: { text: 'the secret text' } });
    },
  },
};

const reports = defineModule({
  name: 'reports',
  typeDefs: `
    extend enum Permission { REPORTS_READ REPORTS_WRITE REPORTS_PRICE }
    type Report @requires(permission: REPORTS_READ) { ${PLAIN} slug: String @authenticated }
    type Open @authenticated { ${PLAIN} }
    "Nothing leads to it."
    type Elsewhere @authenticated { ${PLAIN} }
    type UpdateReportPayload @requires(permission: REPORTS_WRITE) {
      report: Report @requires(permission: REPORTS_READ)
    }
    type UpdateOpenPayload @requires(permission: REPORTS_WRITE) {
      open: Open @requires(permission: REPORTS_READ)
    }
    type Done @authenticated { done: Boolean }
    type Touched @authenticated { note: String }
    extend type Query {
      report: Report @requires(permission: REPORTS_READ)
      open: Open @authenticated
    }
    extend type Mutation {
      updateReport: UpdateReportPayload @requires(permission: REPORTS_WRITE)
      updateOpen: UpdateOpenPayload @requires(permission: REPORTS_WRITE)
      updateSilently: Done @requires(permission: REPORTS_WRITE)
      updateElsewhere: Done @requires(permission: REPORTS_WRITE)
      touch: Touched @authenticated
    }`,
  permissions: { 'reports:read': ['owner'], 'reports:write': ['owner'], 'reports:price': ['owner'] },
  resolvers,
});

const server = useServer({ modules: [tenantModule, reports] });
const keyOf = useKeyClients(server);

let row: { readonly id: string; readonly name: string; readonly slug: string; readonly plan: string };
beforeAll(async () => {
  [row] = (await server().database.asSuperuser<typeof row>(
    "SELECT id, name, slug, plan FROM tenants WHERE slug = 'acme'",
  )) as [typeof row];
});

/** The extensions of a conflict, which must be equal with and without an Idempotency-Key. */
async function conflictOf(field: string, permissions: readonly Permission[]) {
  const { token } = await keyOf(...permissions);
  const query = `mutation { ${field} { __typename } }`;
  const without = await sendKeyed(server(), token, undefined, { query });
  const withKey = await sendKeyed(server(), token, randomUUID(), { query });
  expect(withKey.errors).toEqual(without.errors);
  expect(without.errors).toHaveLength(1);
  return without.errors[0]!.extensions;
}

const CONFLICT = { code: 'CONFLICT' };

describe('the present state in a conflict', () => {
  test('is none for a caller who may not read the type', async () => {
    expect(await conflictOf('updateReport', ['reports:write'])).toEqual(CONFLICT);
  });

  test('is none for a caller who holds the permission of a field, and not that of its type', async () => {
    expect(await conflictOf('updateReport', ['reports:write', 'reports:price'])).toEqual(CONFLICT);
  });

  test('has the fields of the type for a caller who may read it, and no secret', async () => {
    const { id, name, slug } = row;
    expect(await conflictOf('updateReport', ['reports:write', 'reports:read'])).toEqual({
      ...CONFLICT,
      current: { id, name, slug },
    });
  });

  test('has a field with a guard of its own for a caller who holds that as well', async () => {
    expect(await conflictOf('updateReport', ['reports:write', 'reports:read', 'reports:price'])).toEqual({
      ...CONFLICT,
      current: row,
    });
  });

  test('is none where the payload demands more than the type, and the caller lacks it', async () => {
    expect(await conflictOf('updateOpen', ['reports:write'])).toEqual(CONFLICT);
    const { id, name } = row;
    expect(await conflictOf('updateOpen', ['reports:write', 'reports:read'])).toEqual({
      ...CONFLICT,
      current: { id, name },
    });
  });

  test('follows the type where the payload does not have the row', async () => {
    expect(await conflictOf('updateSilently', ['reports:write'])).toEqual(CONFLICT);
    expect(await conflictOf('updateSilently', ['reports:write', 'reports:read'])).toMatchObject({
      current: { name: row.name },
    });
  });

  test('is none of a type that no operation gives to anybody', async () => {
    expect(await conflictOf('updateElsewhere', ['reports:write', 'reports:read', 'reports:price'])).toEqual(
      CONFLICT,
    );
  });
});

test('what an error of a kept answer shows is not shown again to a caller who has lost a permission', async () => {
  const { token } = await keyOf('reports:read', 'reports:price');
  const [key, query] = [randomUUID(), 'mutation { touch { note } }'];
  const first = await sendKeyed(server(), token, key, { query });
  expect(first.text).toContain('the secret text');
  expect(await sendKeyed(server(), token, key, { query })).toMatchObject({
    text: first.text,
    replayed: true,
  });

  await server().database.asSuperuser(
    "UPDATE api_keys SET permissions = ARRAY['reports:read'] WHERE permissions = ARRAY['reports:price', 'reports:read'] OR permissions = ARRAY['reports:read', 'reports:price']",
  );
  const again = () => sendKeyed(server(), token, key, { query });
  await expect.poll(async () => (await again()).text).not.toContain('the secret text');
  expect((await again()).errors).toEqual([
    {
      message: 'This note has changed.',
      locations: expect.anything() as unknown,
      path: ['touch', 'note'],
      extensions: CONFLICT,
    },
  ]);
});
