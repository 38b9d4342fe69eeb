/** A server with fields that fail in every way, and its answers and log. */
import { GraphQLError } from 'graphql';
import { afterEach, beforeAll, expect, vi } from 'vitest';
import { dataRule } from '../../src/kernel/graphql/shield.js';
import { conflict } from '../../src/kernel/vocabulary/errors.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import type { RequestContext } from '../../src/kernel/graphql/request-context.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { useServer } from './server.js';

/** A text that errors contain and that must not leave the server. Its last word is in no id, whose digits are random. */
export const SECRET = 'secret detail xyzzy';

const fails = (error: unknown) => () => {
  throw error as Error;
};

/** An object, because the types of the generated resolvers do not have these fields. */
const faulty: object = {
  Query: {
    throws: fails(new Error(SECRET)),
    rejects: () => Promise.reject(new TypeError(SECRET)),
    returns: () => new Error(SECRET),
    guarded: fails(new Error(SECRET)),
    throwsText: fails(SECRET),
    library: fails(new GraphQLError(SECRET)),
    unlisted: fails(new GraphQLError(SECRET, { extensions: { code: 'TEAPOT', detail: SECRET } })),
    pretends: fails(
      new GraphQLError(SECRET, { extensions: { code: 'INTERNAL_SERVER_ERROR', detail: SECRET } }),
    ),
    missing: () => ({ id: null }),
    wrongType: () => ({ an: 'object' }),
    database: (_parent: unknown, _args: unknown, { db }: RequestContext) =>
      db.$queryRaw(Prisma.sql`SELECT 1 / 0 AS "secret detail xyzzy"`),
    rule: () => 1,
    taken: fails(conflict('This is taken.')),
    echo: (_parent: unknown, { id }: { id: string }) => id,
  },
};

export const faultyModule = defineModule({
  name: 'faulty',
  typeDefs: `
    type Thing @authenticated { id: ID! }
    extend type Query {
      throws: Int @authenticated
      rejects: Int @authenticated
      returns: Int @authenticated
      guarded: Int @requires(permission: SETTINGS_MANAGE)
      throwsText: Int @authenticated
      library: Int @authenticated
      unlisted: Int @authenticated
      pretends: Int @authenticated
      missing: Thing @authenticated
      wrongType: Int @authenticated
      database: Int @authenticated
      rule: Int @authenticated
      taken: Int @authenticated
      echo(id: ID!): ID @authenticated
    }`,
  resolvers: faulty,
  rules: {
    'Query.rule': dataRule('fails', fails(new Error(SECRET))),
  },
});

export const LISTED = 'https://app.example.test';

interface Refusal {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly errors: readonly {
    readonly message: string;
    readonly extensions: Readonly<Record<string, unknown>>;
  }[];
}

export const TRACES = /\n\s+at |\.[cm]?[jt]s:\d+|node_modules|stacktrace|file:\/\//i;

export function expectSafeHeaders(headers: Headers): void {
  expect(Object.fromEntries(headers)).toMatchObject({
    'x-content-type-options': 'nosniff',
    'x-frame-options': expect.any(String) as string,
    'referrer-policy': 'no-referrer',
    'strict-transport-security': expect.stringContaining('max-age=') as string,
    'content-security-policy': expect.stringContaining("default-src 'none'") as string,
    'x-request-id': expect.stringMatching(/./) as string,
  });
  for (const name of ['x-powered-by', 'server', 'set-cookie']) expect(headers.get(name)).toBeNull();
}

/** Call it at the top level. */
export function useFaultyServer() {
  const server = useServer({
    modules: [tenantModule, faultyModule],
    env: { CORS_ORIGINS: `${LISTED}, https://other.example.test` },
  });

  let token = '';
  beforeAll(async () => {
    ({ token } = await server().as('owner', 'acme'));
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const bearer = () => ({ authorization: `Bearer ${token}` });
  const json = () => ({ ...bearer(), 'content-type': 'application/json' });
  const post = (body: string) => ({ method: 'POST', headers: json(), body });
  const operation = (query: string, variables: object = {}) => post(JSON.stringify({ query, variables }));

  async function send(path: string, init: RequestInit = {}): Promise<Refusal> {
    const response = await fetch(server().url + path, init);
    const text = await response.text();
    const body = JSON.parse(text) as { errors?: Refusal['errors'] };
    return { status: response.status, headers: response.headers, text, errors: body.errors ?? [] };
  }

  return { server, bearer, json, post, operation, send };
}
