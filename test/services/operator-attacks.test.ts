/**
 * Attacks the operators' door: no credential of a tenant opens it, none of an operator opens the tenants' door, and each
 * limit of the tenants' door holds here, too.
 */
import { describe, expect, test } from 'vitest';
import jwt from 'jsonwebtoken';
import { readConfig } from '../../src/kernel/config/config.js';
import { OperatorPool } from '../../src/services/operator/operator-pool.js';
import type { OperatorConnection } from '../../src/services/operator/operator-connection.js';
import type { TenantClient, TenantTx } from '../../src/kernel/tenancy/tenant-client.js';
import {
  ALL_SCOPES,
  askOperators,
  OPERATOR_AUDIENCE,
  OPERATOR_SECRET,
  OPERATORS,
  operatorToken,
} from '../support/operators.js';
import { countAuditRows, insertApiKey, insertImpersonation } from '../support/rows.js';
import { startTestServer, TEST_SECRET, useServer } from '../support/server.js';
import { streamed } from '../support/stream-client.js';
import { rawSocket } from '../support/subscriber.js';
import { until } from '../support/until.js';

const server = useServer({ env: { ...OPERATORS, CORS_ORIGINS: 'https://app.test' } });
const closed = useServer();

const LIST = '{ tenants(first: 1) { nodes { slug } } }';
const OWNER = { sub: 'demo|acme|owner', tenant_id: 'acme', iss: 'tenantry', aud: 'tenantry' };
const inAMinute = () => Math.floor(Date.now() / 1_000) + 60;

describe('no credential of a tenant opens the operators’ door', () => {
  test.each<[string, () => string | null | Promise<string>]>([
    ['none', () => null],
    ['a member’s token', async () => (await server().as('owner', 'acme')).token],
    [
      'a member’s token with the scopes',
      () => jwt.sign({ ...OWNER, scope: ALL_SCOPES, exp: inAMinute() }, TEST_SECRET),
    ],
    ['a token for operators that is signed with the tenants’ secret', () => operatorToken({}, TEST_SECRET)],
    ['an API key', async () => (await insertApiKey(server().database, 'acme')).key],
    [
      'the credential of an impersonation',
      async () => (await insertImpersonation(server().database, 'acme', { role: 'owner' })).credential,
    ],
    ['a guest’s token', () => jwt.sign({ ...OWNER, sub: 'guest', exp: inAMinute() }, TEST_SECRET)],
    ['an operator’s token that has expired', () => operatorToken({ exp: 1_700_000_000 })],
    ['an operator’s token without an end', () => operatorToken({ exp: undefined })],
    ['an operator’s token for another audience', () => operatorToken({ aud: 'tenantry' })],
    ['an operator’s token from another issuer', () => operatorToken({ iss: 'another' })],
    ['an operator’s token of another secret', () => operatorToken({}, 'another-secret-of-thirty-two-bytes')],
    [
      'an unsigned token',
      () =>
        jwt.sign(
          { sub: 'x', iss: 'tenantry', aud: OPERATOR_AUDIENCE, scope: ALL_SCOPES, exp: inAMinute() },
          '',
          { algorithm: 'none' },
        ),
    ],
    [
      'a token of another algorithm',
      () =>
        jwt.sign(
          { sub: 'x', iss: 'tenantry', aud: OPERATOR_AUDIENCE, scope: ALL_SCOPES, exp: inAMinute() },
          OPERATOR_SECRET,
          {
            algorithm: 'HS512',
          },
        ),
    ],
    ['no token at all', () => 'nothing'],
  ])('%s', async (_what, make) => {
    const token = await make();
    const before = await countAuditRows(server().database);
    for (const query of [
      LIST,
      '{ __schema { queryType { name } } }',
      'mutation { suspendTenant(input: { slug: "acme", reason: "x" }) { tenant { id } } }',
    ]) {
      const { status, data, errors, headers } = await askOperators(server(), query, { token });
      expect([status, data, errors[0]?.extensions.code]).toEqual([401, {}, 'UNAUTHENTICATED']);
      expect(headers.get('www-authenticate')).toBe('Bearer');
    }
    expect(await countAuditRows(server().database)).toBe(before);
  });
});

describe('no credential of an operator opens the tenants’ door', () => {
  test.each<[string, () => string]>([
    ['a token', () => operatorToken()],
    [
      'a token with the claims of an owner',
      () => operatorToken({ sub: 'demo|acme|owner', tenant_id: 'acme' }),
    ],
    [
      'a token for tenants that is signed with the operators’ secret',
      () => jwt.sign({ ...OWNER, exp: inAMinute() }, OPERATOR_SECRET),
    ],
  ])('%s', async (_what, make) => {
    const token = make();
    const posted = await server()
      .withHeaders({ authorization: `Bearer ${token}` })
      .query('{ me { userId } }');
    expect([posted.status, posted.errors[0]?.extensions.code]).toEqual([401, 'UNAUTHENTICATED']);
    const got = await fetch(`${server().url}/graphql?query={me{userId}}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(got.status).toBe(401);
    const socket = await rawSocket(server());
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } });
    await until('the connection is closed', () => socket.closed !== undefined);
    expect(socket.closed).toMatchObject({ code: 4401 });
    const stream = await streamed(server(), token, 'subscription { conversationChanged { id } }');
    expect(stream.end).toBeTruthy();
  });
});

describe('the door', () => {
  test('is closed unless it is configured', async () => {
    const { status, errors } = await askOperators(closed(), LIST);
    expect([status, errors[0]?.extensions.code]).toEqual([404, 'NOT_FOUND']);
  });

  test('takes no other method, no subscription, no batch and no list of documents', async () => {
    const authorization = `Bearer ${operatorToken()}`;
    const got = await fetch(`${server().url}/operator/graphql?query=${encodeURIComponent(LIST)}`, {
      headers: { authorization },
    });
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST']);
    const batch = await fetch(`${server().url}/operator/graphql`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify([{ query: LIST }, { query: LIST }]),
    });
    expect(batch.status).toBe(400);
    const form = await fetch(`${server().url}/operator/graphql`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
      body: `query=${encodeURIComponent(LIST)}`,
    });
    expect(form.status).toBe(415);
    const subscription = await askOperators(server(), 'subscription { tenants }');
    expect([subscription.status, subscription.errors[0]?.extensions.code]).toEqual([400, 'BAD_REQUEST']);
  });

  test('refuses pages of other origins, those of tenants’ front ends included', async () => {
    for (const origin of ['https://app.test', 'https://evil.test', 'null']) {
      const { status, errors, headers } = await askOperators(server(), LIST, { headers: { origin } });
      expect([origin, status, errors[0]?.extensions]).toEqual([
        origin,
        403,
        { code: 'FORBIDDEN', requires: 'origin' },
      ]);
      expect(headers.get('access-control-allow-origin')).toBeNull();
      const preflight = await fetch(`${server().url}/operator/graphql`, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization',
        },
      });
      expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
    }
    const own = await askOperators(server(), LIST, { headers: { origin: server().url } });
    expect(own.errors).toEqual([]);
    const preflight = await fetch(`${server().url}/graphql`, {
      method: 'OPTIONS',
      headers: { origin: 'https://app.test', 'access-control-request-method': 'POST' },
    });
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://app.test');
  });

  test.each<[string, string, number, string]>([
    [
      'too deep',
      `{ __schema { types { ${'fields { type { '.repeat(30)} name ${'} }'.repeat(30)} } } }`,
      400,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    [
      'too many aliases',
      `{ ${Array.from({ length: 60 }, (_, n) => `a${String(n)}: tenants(first: 1) { totalCount }`).join(' ')} }`,
      400,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    ['too long', `{ ${'tenants { totalCount } '.repeat(700)} }`, 400, 'GRAPHQL_PARSE_FAILED'],
    [
      'too costly',
      `{ ${Array.from({ length: 40 }, (_, n) => `a${String(n)}: tenants(first: 100) { nodes { id slug name plan status createdAt } edges { cursor node { id slug name plan status createdAt } } }`).join(' ')} }`,
      400,
      'COST_LIMIT_EXCEEDED',
    ],
    ['of the tenants’ schema', '{ me { userId } }', 400, 'GRAPHQL_VALIDATION_FAILED'],
  ])('refuses an operation that is %s', async (_what, query, status, code) => {
    const answer = await askOperators(server(), query);
    expect([answer.status, answer.errors[0]?.extensions.code]).toEqual([status, code]);
  });

  test('refuses a page that is too large, and an argument that is SQL', async () => {
    const large = await askOperators(server(), '{ tenants(first: 101) { totalCount } }');
    expect(large.errors[0]?.extensions.code).toBe('BAD_USER_INPUT');
    const search = "' OR true; DROP TABLE tenants; --";
    const { data, errors } = await askOperators(
      server(),
      'query ($search: String) { tenants(search: $search) { totalCount } }',
      { variables: { search } },
    );
    expect([data, errors]).toEqual([{ tenants: { totalCount: 0 } }, []]);
    const cursor = Buffer.from(
      JSON.stringify(['slug', "x' OR true --", '00000000-0000-0000-0000-000000000000']),
    ).toString('base64url');
    const paged = await askOperators(
      server(),
      'query ($after: String) { tenants(after: $after) { nodes { slug } } }',
      { variables: { after: cursor } },
    );
    expect(paged.errors).toEqual([]);
  });

  test('masks a defect, and logs no secret', async () => {
    await server().database.asSuperuser('ALTER TABLE tenants RENAME COLUMN plan TO hidden_plan');
    try {
      const { data, errors, text } = await askOperators(server(), LIST);
      expect(data).toEqual({ tenants: null });
      expect(errors[0]?.extensions).toMatchObject({
        code: 'INTERNAL_SERVER_ERROR',
        requestId: expect.any(String) as string,
      });
      expect(text).not.toMatch(/hidden_plan|SELECT|exist/);
    } finally {
      await server().database.asSuperuser('ALTER TABLE tenants RENAME COLUMN hidden_plan TO plan');
    }
  });

  test('limits each operator by itself, and strangers by their address', async () => {
    const limited = await startTestServer({
      database: server().database,
      env: { ...OPERATORS, OPERATOR_REQUESTS_PER_MINUTE: '2', ANONYMOUS_REQUESTS_PER_MINUTE: '3' },
    });
    try {
      const statuses = async (token: string | null, times: number) => {
        const answers = [];
        for (let n = 0; n < times; n++) answers.push((await askOperators(limited, LIST, { token })).status);
        return answers;
      };
      expect(await statuses(operatorToken(), 3)).toEqual([200, 200, 429]);
      expect(await statuses(operatorToken({ sub: 'another@ops.test' }), 1)).toEqual([200]);
      expect(await statuses(null, 4)).toEqual([401, 401, 401, 429]);
      const { headers } = await askOperators(limited, LIST, {
        token: operatorToken({ sub: 'third@ops.test' }),
      });
      expect(headers.get('ratelimit-policy')).toBe('"operator";q=2;w=60');
    } finally {
      await limited.close();
    }
  });
});

describe('a configuration is refused', () => {
  const base = { JWT_SECRET: TEST_SECRET };
  test.each<[string, Record<string, string>, RegExp]>([
    [
      'with the tenants’ audience',
      { ...OPERATORS, OPERATOR_JWT_AUDIENCE: 'tenantry' },
      /OPERATOR_JWT_AUDIENCE and JWT_AUDIENCE are the same/,
    ],
    [
      'with the tenants’ secret',
      { ...OPERATORS, OPERATOR_JWT_SECRET: TEST_SECRET },
      /OPERATOR_JWT_SECRET and JWT_SECRET are the same/,
    ],
    [
      'without a way to verify tokens',
      { OPERATOR_JWT_AUDIENCE: 'x' },
      /OPERATOR_JWT_SECRET or OPERATOR_JWKS_URI is missing/,
    ],
    ['without an audience', { OPERATOR_JWT_SECRET: OPERATOR_SECRET }, /OPERATOR_JWT_AUDIENCE is missing/],
  ])('%s', (_how, env, message) => {
    expect(() => readConfig({ ...base, ...env })).toThrow(message);
  });
});

test('the pool takes the role of the operators only', async () => {
  const { app, contextKey } = server().database;
  const pool = new OperatorPool({ url: app, contextKey, onConnectionError: () => undefined });
  await expect(pool.check()).rejects.toThrow(/has to name the role tenantry_operator, not "tenantry_app"/);
  await pool.close();
});

/* eslint-disable @typescript-eslint/no-unsafe-class-instance-assignment -- that is what the compiler has to refuse */
/** Checked by the compiler: a client of one kind is none of the other. */
export function neitherClientIsTheOther(
  operator: OperatorConnection,
  tenant: TenantClient,
  tx: TenantTx,
): void {
  const tenants: TenantClient[] = [];
  const transactions: TenantTx[] = [];
  const operators: OperatorConnection[] = [];
  // @ts-expect-error -- an operator's client is no tenant's
  tenants.push(operator);
  // @ts-expect-error -- nor the transaction of one
  transactions.push(operator);
  // @ts-expect-error -- a tenant's client is no operator's
  operators.push(tenant);
  // @ts-expect-error -- nor is its transaction
  operators.push(tx);
  // @ts-expect-error -- nor what only looks like one
  operators.push({
    operator: 'x',
    query: operator.query,
    inTenant: operator.inTenant,
    acting: operator.acting,
  });
}
