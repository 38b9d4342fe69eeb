/**
 * A module for the tests of idempotency keys, and a client that sends them. Its mutations add members whose `email` is
 * the name that the test gave. A mutation that runs twice leaves two rows of that name and two audit entries.
 */
import { randomUUID } from 'node:crypto';
import { conflict } from '../../src/kernel/vocabulary/errors.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import type { RequestContext } from '../../src/kernel/graphql/request-context.js';
import type { TenantClient, TenantTx } from '../../src/kernel/tenancy/tenant-client.js';
import type { TestDatabase } from './database.js';
import type { Answer, TestServer } from './server.js';

interface Args {
  readonly name: string;
}

const add = (db: TenantClient | TenantTx, name: string) =>
  db.membership.create({ data: { userId: `test|${randomUUID()}`, email: name, role: 'viewer' } });

export interface KeyedModule {
  readonly module: ReturnType<typeof defineModule>;
  /** How often each resolver ran, by the name in its arguments. */
  readonly runs: Map<string, number>;
  /** Called in `addAfter`, before the row is added. */
  before: (name: string, db: TenantClient) => Promise<void>;
}

export function keyedModule(): KeyedModule {
  const runs = new Map<string, number>();
  const ran = (name: string) => runs.set(name, (runs.get(name) ?? 0) + 1);
  const keyed: KeyedModule = {
    runs,
    before: async () => undefined,
    module: defineModule({ name: 'keyed', typeDefs: TYPES, resolvers: {} }),
  };
  /** An object, because the types of the generated resolvers do not have these fields. */
  const resolvers: object = {
    Mutation: {
      add: async (_parent: unknown, { name }: Args, { db }: RequestContext) => {
        ran(name);
        return add(db, name);
      },
      addInTransaction: async (_parent: unknown, { name }: Args, { db }: RequestContext) =>
        db.transaction((tx) => add(tx, name)),
      addAndFail: async (_parent: unknown, { name }: Args, { db }: RequestContext) => {
        ran(name);
        await add(db, name);
        throw conflict('This is always refused.');
      },
      addAndStumble: async (_parent: unknown, { name }: Args, { db }: RequestContext) => {
        ran(name);
        await db
          .transaction(async (tx) => {
            await add(tx, `${name}, taken back`);
            throw new Error('taken back');
          })
          .catch(() => undefined);
        await db.$queryRaw(Prisma.sql`SELECT 1 / 0`).catch(() => undefined);
        return add(db, name);
      },
      addAfter: async (_parent: unknown, { name }: Args, { db }: RequestContext) => {
        ran(name);
        await keyed.before(name, db);
        return add(db, name);
      },
      restrictedAdd: async (_parent: unknown, { name }: Args, { db }: RequestContext) => {
        ran(name);
        return add(db, name);
      },
    },
    Added: {
      name: ({ email }: { email: string }) => email,
      text: (_parent: unknown, { bytes }: { bytes: number }) => 'x'.repeat(bytes),
      restricted: () => 'for administrators',
      secret: () => 'tk_secret',
      throws: () => {
        throw new Error('a defect');
      },
      mandatory: () => {
        throw conflict('This is never there.');
      },
      database: (_parent: unknown, _args: unknown, { db }: RequestContext) =>
        db.$queryRaw(Prisma.sql`SELECT 1 / 0`),
    },
    Hidden: { __resolveType: () => 'Added' },
    Thing: { __resolveType: () => 'Added' },
  };
  return Object.assign(keyed, {
    module: defineModule({ name: 'keyed', typeDefs: TYPES, resolvers }),
  });
}

const TYPES = `
  interface Hidden { secret: String }
  union Thing = Added
  type Added implements Hidden @authenticated {
    id: ID!
    name: String!
    itself: Added
    thing: Thing
    hidden: Hidden
    text(bytes: Int!): String
    restricted: String @requires(permission: SETTINGS_MANAGE)
    secret: String @secret
    throws: Int
    mandatory: Int!
    database: Int
  }
  extend type Mutation {
    add(name: String!, note: JSONObject): Added @authenticated
    addInTransaction(name: String!): Added @authenticated
    addAndFail(name: String!): Added @authenticated
    addAndStumble(name: String!): Added @authenticated
    addAfter(name: String!): Added @authenticated
    restrictedAdd(name: String!): Added @requires(permission: SETTINGS_MANAGE)
  }`;

/** The numbers of members and of audit entries with this name. */
export async function tracesOf(
  database: TestDatabase,
  name: string,
): Promise<{ rows: number; entries: number }> {
  const [traces] = await database.asSuperuser<{ rows: number; entries: number }>(
    `SELECT (SELECT count(*)::int FROM memberships WHERE email = $1) AS rows,
            (SELECT count(*)::int FROM audit_log WHERE new_value ->> 'email' = $1) AS entries`,
    [name],
  );
  return traces!;
}

export const NOTHING = { rows: 0, entries: 0 };
export const ONCE = { rows: 1, entries: 1 };
export const TWICE = { rows: 2, entries: 2 };

export interface KeyedRequest {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly operationName?: string;
}

/** Sends a request with an idempotency key, or without one when `key` is undefined. */
export async function sendKeyed<Data = Record<string, unknown>>(
  server: TestServer,
  token: string,
  key: string | undefined,
  request: KeyedRequest,
): Promise<Answer<Data> & { readonly replayed: boolean; readonly hasData: boolean }> {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${token}`,
      ...(key !== undefined && { 'idempotency-key': key }),
    },
    body: JSON.stringify(request),
  });
  const text = await response.text();
  const body = JSON.parse(text) as { data?: Data; errors?: Answer['errors'] };
  return {
    status: response.status,
    data: body.data as Data,
    errors: body.errors ?? [],
    headers: response.headers,
    text,
    replayed: response.headers.get('idempotency-replayed') === 'true',
    hasData: 'data' in body,
  };
}
