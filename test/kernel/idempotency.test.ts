/**
 * Proves that a mutation with an Idempotency-Key takes effect once: by sending it again in every way a client, a
 * network and an attacker can.
 */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { MOST_KEPT_BYTES } from '../../src/services/idempotency/execute-once.js';
import { takeKey } from '../../src/services/idempotency/key-store.js';
import { publicError } from '../../src/kernel/vocabulary/errors.js';
import { LIMITS } from '../../src/create-services.js';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { useClients } from '../support/clients.js';
import { openTestDatabase } from '../support/database.js';
import { boundAndUndone, connected, contextOf, rejectionOf } from '../support/demo-tenants.js';
import {
  keyedModule,
  NOTHING,
  ONCE,
  sendKeyed,
  tracesOf,
  TWICE,
  type KeyedRequest,
} from '../support/keyed-mutations.js';
import { insertMembership } from '../support/rows.js';
import { useServer } from '../support/server.js';
import { until } from '../support/until.js';

const keyed = keyedModule();
const ORIGIN = 'https://app.example.test';
const server = useServer({
  modules: [tenantModule, membershipModule, keyed.module],
  env: { CORS_ORIGINS: ORIGIN },
});
const clientOf = useClients(server);

beforeAll(async () => {
  await server().database.asSuperuser(
    `ALTER ROLE tenantry_app IN DATABASE ${server().database.name} SET deadlock_timeout = '20ms'`,
  );
});
afterEach(() => {
  keyed.before = async () => undefined;
  vi.restoreAllMocks();
});

interface Caller {
  readonly user?: string;
  readonly tenant?: string;
}

const send = async (
  key: string | undefined,
  request: KeyedRequest | string,
  { user = 'owner', tenant = 'acme' }: Caller = {},
) => {
  const { token } = await clientOf(user, tenant);
  return sendKeyed(server(), token, key, typeof request === 'string' ? { query: request } : request);
};

const traces = (name: string) => tracesOf(server().database, name);
const unique = (what = 'name') => `${what} ${randomUUID()}`;
const newKey = () => randomUUID();
const addOf = (name: string, selection = 'id name', field = 'add') =>
  `mutation { ${field}(name: ${JSON.stringify(name)}) { ${selection} } }`;

interface KeyRow {
  readonly actor: string;
  readonly result: unknown;
  readonly expires_in: number;
}

const keyRows = (key: string) =>
  server().database.asSuperuser<KeyRow>(
    `SELECT actor, result, extract(epoch FROM expires_at - now())::int AS expires_in
     FROM idempotency_keys WHERE key = $1 ORDER BY actor`,
    [key],
  );

const expire = (key: string) =>
  server().database.asSuperuser(
    "UPDATE idempotency_keys SET expires_at = now() - interval '1 second' WHERE key = $1",
    [key],
  );

describe('a mutation with a key', () => {
  test('takes effect once; its retry is given the same answer, and told so', async () => {
    const [name, key] = [unique(), newKey()];
    const first = await send(key, addOf(name));
    expect(first).toMatchObject({ status: 200, errors: [], replayed: false, data: { add: { name } } });
    for (let retry = 0; retry < 3; retry++) {
      const again = await send(key, addOf(name));
      expect(again).toMatchObject({ status: 200, replayed: true });
      expect(again.text).toBe(first.text);
    }
    expect(await traces(name)).toEqual(ONCE);
    expect(keyed.runs.get(name)).toBe(1);
    const [row] = await keyRows(key);
    expect(row).toMatchObject({ actor: 'demo|acme|owner', result: { data: first.data } });
    expect(row!.expires_in).toBeGreaterThan(24 * 3600 - 60);
    expect(row!.expires_in).toBeLessThanOrEqual(24 * 3600);
  });

  test('without one takes effect as often as it is sent', async () => {
    const name = unique();
    await send(undefined, addOf(name));
    expect(await send(undefined, addOf(name))).toMatchObject({ errors: [], replayed: false });
    expect(await traces(name)).toEqual(TWICE);
  });

  test('leaves nothing of its key in the audit log', async () => {
    await send(newKey(), addOf(unique()));
    expect(
      await server().database.asSuperuser("SELECT FROM audit_log WHERE entity ILIKE '%idempotency%'"),
    ).toEqual([]);
  });

  test('twenty times at once takes effect once, and nobody is told otherwise', async () => {
    const [name, key] = [unique(), newKey()];
    await clientOf('owner');
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(key, addOf(name))));
    const given = answers.filter(({ errors }) => errors.length === 0);
    expect(given.length).toBeGreaterThan(0);
    expect(new Set(given.map(({ text }) => text)).size).toBe(1);
    expect(given.filter(({ replayed }) => !replayed)).toHaveLength(1);
    for (const { errors } of answers) {
      for (const { extensions } of errors)
        expect(extensions.code).toMatch(/^(CONFLICT|RATE_LIMITED|UNAVAILABLE)$/);
    }
    expect(await traces(name)).toEqual(ONCE);
    expect(keyed.runs.get(name)).toBe(1);
    expect(await keyRows(key)).toHaveLength(1);
  });

  test('waits for its duplicate, and runs when that fails', async () => {
    const [name, key] = [unique(), newKey()];
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    keyed.before = async () => {
      if (keyed.runs.get(name) !== 1) return;
      await held;
      throw new Error('the first attempt fails');
    };
    const first = send(key, addOf(name, 'id', 'addAfter'));
    await until('the first runs', () => keyed.runs.get(name) === 1);
    const second = send(key, addOf(name, 'id', 'addAfter'));
    await until('the second waits for the first', async () => {
      const [{ waiting } = { waiting: 0 }] = await server().database.asSuperuser<{ waiting: number }>(
        "SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'transactionid'",
      );
      return waiting === 1;
    });
    expect(keyed.runs.get(name)).toBe(1);
    release();
    expect((await first).errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
    expect(await second).toMatchObject({ errors: [], replayed: false });
    expect(await traces(name)).toEqual(ONCE);
  });

  test('that outlasts the patience of its duplicate leaves it a CONFLICT', async () => {
    const { database } = server();
    const key = newKey();
    const opened = openTestDatabase({
      url: database.app,
      poolSize: 4,
      perTenant: 4,
      limits: { ...LIMITS, statementTimeout: 200 },
    });
    let isTaken = (): void => undefined;
    let isRefused = (): void => undefined;
    const taken = new Promise<void>((resolve) => (isTaken = resolve));
    const refused = new Promise<void>((resolve) => (isRefused = resolve));
    try {
      const context = contextOf(await database.tenantId('acme'));
      const first = opened.unitOfWork(context, async (_db, tx) => {
        expect(await takeKey(tx, key, 'fingerprint')).toBeUndefined();
        isTaken();
        await refused;
      });
      await taken;
      const duplicate = opened.unitOfWork(context, (_other, other) => takeKey(other, key, 'fingerprint'));
      expect(publicError(await rejectionOf(duplicate))).toMatchObject({
        code: 'CONFLICT',
        message: expect.stringContaining('still under way') as string,
      });
      isRefused();
      await first;
    } finally {
      await opened.close();
    }
  });

  test.each([
    ['another name', { query: 'mutation A($name: String!) { add(name: $name) { id } }', operationName: 'A' }],
    ['another document', { query: 'mutation  A($name: String!) { add(name: $name) { id } }' }],
  ])('is a CONFLICT with %s, and changes nothing', async (what, request) => {
    const key = newKey();
    const [one, other] = [unique(), unique()];
    const query = 'mutation A($name: String!) { add(name: $name) { id } }';
    await send(key, { query, operationName: 'A', variables: { name: one } });
    const name = what === 'another name' ? other : one;
    const answer = await send(key, { ...request, variables: { name } });
    expect(answer).toMatchObject({ status: 409, hasData: false, replayed: false });
    expect(answer.errors).toEqual([
      { message: 'This Idempotency-Key came with another request.', extensions: { code: 'CONFLICT' } },
    ]);
    expect(await traces(one)).toEqual(ONCE);
    expect(await traces(other)).toEqual(NOTHING);
  });

  test('is a CONFLICT with another operation of the same document', async () => {
    const [key, name] = [newKey(), unique()];
    const query = `mutation A { add(name: "${name}") { id } } mutation B { add(name: "${name}") { id } }`;
    expect((await send(key, { query, operationName: 'A' })).errors).toEqual([]);
    expect(await send(key, { query, operationName: 'B' })).toMatchObject({ status: 409 });
    expect(await traces(name)).toEqual(ONCE);
  });

  test('is the same whatever the order of its variables, and whether or not its only operation is named', async () => {
    const [key, name] = [newKey(), unique()];
    const query = 'mutation A($name: String!, $note: JSONObject) { add(name: $name, note: $note) { id } }';
    const note = { a: 1, b: [{ c: 2, d: 3 }] };
    const first = await send(key, { query, operationName: 'A', variables: { name, note } });
    const swapped = { b: [{ d: 3, c: 2 }], a: 1 };
    const again = await send(key, { query, variables: { note: swapped, name } });
    expect(again).toMatchObject({ replayed: true, text: first.text });
    const reordered = { a: 1, b: [{ c: 2 }, { d: 3 }] };
    expect(await send(key, { query, variables: { note: reordered, name } })).toMatchObject({ status: 409 });
    expect(await traces(name)).toEqual(ONCE);
  });

  test('knows variables, aliases and fragments', async () => {
    const [key, name] = [newKey(), unique()];
    const query = `
      mutation ($one: String!, $two: String!) {
        first: add(name: $one) { ...Names }
        ...Second
      }
      fragment Second on Mutation { second: add(name: $two) { ...Names ... on Hidden { __typename } } }
      fragment Names on Added { called: name thing { ... on Added { itself { id } } } }`;
    const variables = { one: name, two: name };
    const first = await send(key, { query, variables });
    expect(first).toMatchObject({
      errors: [],
      data: { first: { called: name }, second: { called: name, __typename: 'Added' } },
    });
    expect(await send(key, { query, variables })).toMatchObject({ replayed: true, text: first.text });
    expect(await traces(name)).toEqual(TWICE);
  });

  test('that selects nothing of the schema is kept as well', async () => {
    const key = newKey();
    await send(key, 'mutation { __typename }');
    expect(await send(key, 'mutation { __typename }')).toMatchObject({
      replayed: true,
      data: { __typename: 'Mutation' },
    });
  });

  test('handles failures inside as without a key', async () => {
    const [name, key] = [unique(), newKey()];
    const first = await send(key, addOf(name, 'name', 'addAndStumble'));
    expect(first).toMatchObject({ errors: [], data: { addAndStumble: { name } } });
    expect(await send(key, addOf(name, 'name', 'addAndStumble'))).toMatchObject({ replayed: true });
    expect(await traces(name)).toEqual(ONCE);
    expect(await traces(`${name}, taken back`)).toEqual(NOTHING);
  });

  test('that deadlocks with another is repeated as a whole', async () => {
    const { database } = server();
    const ids = await Promise.all([insertMembership(database, 'acme'), insertMembership(database, 'acme')]);
    const names = [unique(), unique()] as const;
    let arrived = 0;
    let open: () => void = () => undefined;
    const bothHoldOne = new Promise<void>((resolve) => (open = resolve));
    keyed.before = async (name, db) => {
      const order = name === names[0] ? ids : [...ids].reverse();
      const touch = (id: string) => db.membership.update({ where: db.key(id), data: { invitedBy: name } });
      await touch(order[0]!);
      if (++arrived === 2) open();
      await bothHoldOne;
      await touch(order[1]!);
    };
    const answers = await Promise.all(names.map((name) => send(newKey(), addOf(name, 'name', 'addAfter'))));
    expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
    expect(arrived).toBeGreaterThanOrEqual(3);
    for (const name of names) expect(await traces(name)).toEqual(ONCE);
  });
});

describe('a key', () => {
  test('is its actor’s own: another user of the tenant starts anew', async () => {
    const [name, key] = [unique(), newKey()];
    const owner = await send(key, addOf(name));
    const admin = await send(key, addOf(name), { user: 'admin' });
    expect(admin).toMatchObject({ errors: [], replayed: false });
    expect(admin.text).not.toBe(owner.text);
    expect(await traces(name)).toEqual(TWICE);
    expect((await keyRows(key)).map(({ actor }) => actor)).toEqual(['demo|acme|admin', 'demo|acme|owner']);
    // Nor is it told that the key is in use.
    expect(await send(key, addOf(unique()), { user: 'viewer' })).toMatchObject({ errors: [], status: 200 });
  });

  test('is its tenant’s own, for the same user as well', async () => {
    const [name, key] = [unique(), newKey()];
    await insertMembership(server().database, 'globex', {
      userId: 'demo|acme|owner',
      email: 'both@globex.test',
    });
    const acme = await send(key, addOf(name));
    const globex = await send(key, addOf(name), { user: 'both@globex.test', tenant: 'globex' });
    expect(globex).toMatchObject({ errors: [], replayed: false });
    expect(globex.text).not.toBe(acme.text);
    expect((await keyRows(key)).map(({ actor }) => actor)).toEqual(['demo|acme|owner', 'demo|acme|owner']);
    expect(await send(key, addOf(unique()), { user: 'owner', tenant: 'globex' })).toMatchObject({
      errors: [],
    });
  });

  test('that the database is asked for without any condition shows the actor’s own rows only', async () => {
    const { database } = server();
    const key = newKey();
    await send(key, addOf(unique()));
    await send(key, addOf(unique()), { user: 'admin' });
    await send(key, addOf(unique()), { user: 'owner', tenant: 'globex' });
    const acme = await database.tenantId('acme');
    const as = (id: string, type: 'user' | 'api_key' = 'user') => contextOf(acme, { type, id });
    const select = 'SELECT actor FROM idempotency_keys WHERE key = $1';
    for (const [context, actors] of [
      [as('demo|acme|owner'), ['demo|acme|owner']],
      [as('demo|acme|admin'), ['demo|acme|admin']],
      [as('demo|acme|viewer'), []],
      [as('demo|acme|owner', 'api_key'), []],
    ] as const) {
      await boundAndUndone(database.app, context, async (client) => {
        const { rows } = await client.query<{ actor: string }>(select, [key]);
        expect(rows.map(({ actor }) => actor)).toEqual(actors);
        const { rowCount } = await client.query("UPDATE idempotency_keys SET result = '{}' WHERE key = $1", [
          key,
        ]);
        expect(rowCount).toBe(actors.length);
        expect((await client.query('DELETE FROM idempotency_keys WHERE key = $1', [key])).rowCount).toBe(
          actors.length,
        );
      });
    }
    await boundAndUndone(database.app, as('demo|acme|viewer'), async (client) => {
      const forged = client.query(
        "INSERT INTO idempotency_keys (actor_type, actor, key, fingerprint, expires_at) VALUES ('user', 'demo|acme|owner', 'forged', '', now())",
      );
      expect(await rejectionOf(forged)).toMatchObject({ code: '42501' });
    });
    await connected(database.app, async (client) => {
      expect(await rejectionOf(client.query('SELECT FROM idempotency_keys'))).toMatchObject({
        code: '42501',
      });
    });
  });

  test.each([
    ['empty', ''],
    ['of 256 characters', 'k'.repeat(256)],
    ['of many thousand characters', 'k'.repeat(12_000)],
    ['with a space', 'a b'],
    ['with a tab', 'a\tb'],
    ['with a letter that is not ASCII', 'schlüssel'],
  ])('that is %s is refused before anything runs', async (_what, key) => {
    const name = unique();
    const answer = await send(key, addOf(name));
    expect(answer).toMatchObject({ status: 400, hasData: false });
    expect(answer.errors).toEqual([
      {
        message: 'An Idempotency-Key has 1 to 255 visible ASCII characters.',
        extensions: { code: 'BAD_REQUEST' },
      },
    ]);
    expect(await traces(name)).toEqual(NOTHING);
  });

  test('that is sent twice in one request is none', async () => {
    const { token } = await clientOf('owner');
    const name = unique();
    const response = await fetch(`${server().url}/graphql`, {
      method: 'POST',
      headers: [
        ['content-type', 'application/json'],
        ['authorization', `Bearer ${token}`],
        ['idempotency-key', 'one'],
        ['idempotency-key', 'other'],
      ],
      body: JSON.stringify({ query: addOf(name) }),
    });
    expect(response.status).toBe(400);
    expect(await traces(name)).toEqual(NOTHING);
  });

  test.each(['k', `"${newKey()}"`, `${'~!#'.repeat(84)}${newKey().slice(0, 3)}`])(
    'may be %s',
    async (key) => {
      const name = unique();
      expect(await send(key, addOf(name))).toMatchObject({ errors: [] });
      expect(await send(key, addOf(name))).toMatchObject({ errors: [], replayed: true });
      expect(await traces(name)).toEqual(ONCE);
    },
  );

  test('is none for a query, whatever it is', async () => {
    const key = newKey();
    for (const each of [key, 'not one', '']) {
      expect(await send(each, '{ me { userId } }')).toMatchObject({
        errors: [],
        status: 200,
        replayed: false,
      });
    }
    expect(await keyRows(key)).toEqual([]);
  });

  test('does not make up for a document that is refused', async () => {
    const key = newKey();
    for (const [request, code] of [
      ['mutation { nothing }', 'GRAPHQL_VALIDATION_FAILED'],
      ['mutation {', 'GRAPHQL_PARSE_FAILED'],
      [{ query: 'mutation A { __typename }', operationName: 'B' }, 'OPERATION_RESOLUTION_FAILURE'],
      [
        { query: 'mutation ($name: String!) { add(name: $name) { id } }', variables: { name: 1 } },
        'BAD_USER_INPUT',
      ],
    ] as const) {
      const withKey = await send(key, request);
      const without = await send(undefined, request);
      expect(withKey.errors[0]?.extensions.code).toBe(code);
      expect({ status: withKey.status, text: withKey.text }).toEqual({
        status: without.status,
        text: without.text,
      });
    }
    expect(await keyRows(key)).toEqual([]);
  });

  test('goes with variables that are nested thousands deep, and nothing breaks', async () => {
    const { token } = await clientOf('owner');
    const name = unique();
    const deep = `${'['.repeat(45_000)}${']'.repeat(45_000)}`;
    const response = await fetch(`${server().url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${token}`,
        'idempotency-key': newKey(),
      },
      body: `{"query":${JSON.stringify(addOf(name))},"variables":{"unused":${deep}}}`,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
    expect(await traces(name)).toEqual(NOTHING);
  });

  test('may come from the browsers of listed origins, which see whether the answer was given before', async () => {
    const response = await fetch(`${server().url}/graphql`, {
      method: 'OPTIONS',
      headers: {
        origin: ORIGIN,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'idempotency-key',
      },
    });
    expect(response.headers.get('access-control-allow-headers')).toContain('idempotency-key');
    const { token } = await clientOf('owner');
    const answer = await fetch(`${server().url}/graphql`, {
      method: 'POST',
      headers: { origin: ORIGIN, 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: '{ me { userId } }' }),
    });
    expect(answer.headers.get('access-control-expose-headers')).toContain('idempotency-replayed');
  });
});

describe('a mutation with a key that fails', () => {
  test('leaves nothing, and its retry runs anew', async () => {
    const [name, key] = [unique(), newKey()];
    for (let attempt = 1; attempt <= 2; attempt++) {
      const { status, data, errors, replayed } = await send(key, addOf(name, 'id', 'addAndFail'));
      expect({ status, data, replayed }).toEqual({
        status: 200,
        data: { addAndFail: null },
        replayed: false,
      });
      expect(errors).toMatchObject([{ path: ['addAndFail'], extensions: { code: 'CONFLICT' } }]);
      expect(keyed.runs.get(name)).toBe(attempt);
    }
    expect(await traces(name)).toEqual(NOTHING);
    expect(await keyRows(key)).toEqual([]);
    // The key stands for nothing, so that it may come with another request.
    expect(await send(key, addOf(name))).toMatchObject({ errors: [] });
    expect(await traces(name)).toEqual(ONCE);
  });

  test('in its last field undoes the first ones, and does not show them', async () => {
    const [name, other, key] = [unique(), unique(), newKey()];
    const both = `mutation { good: add(name: "${name}") { id } bad: addAndFail(name: "${other}") { id } }`;
    const { data, errors } = await send(key, both);
    expect(data).toBeNull();
    expect(errors).toMatchObject([{ path: ['bad'], extensions: { code: 'CONFLICT' } }]);
    expect(await traces(name)).toEqual(NOTHING);
    expect(await traces(other)).toEqual(NOTHING);
    // As it was ever without.
    const without = await send(undefined, both);
    expect(without.data).toMatchObject({ good: { id: expect.any(String) as string }, bad: null });
    expect(await traces(name)).toEqual(ONCE);
  });

  test('for want of a permission leaves nothing', async () => {
    const [name, key] = [unique(), newKey()];
    const both = `mutation { add(name: "${name}") { id } restrictedAdd(name: "${name}") { id } }`;
    const { data, errors } = await send(key, both, { user: 'member' });
    expect(data).toBeNull();
    expect(errors).toMatchObject([
      { path: ['restrictedAdd'], extensions: { code: 'FORBIDDEN', requires: 'settings:manage' } },
    ]);
    expect(await traces(name)).toEqual(NOTHING);
    expect(await keyRows(key)).toEqual([]);
  });

  test('since what it selects must not be null leaves nothing: null with an error means that nothing happened', async () => {
    const [name, key] = [unique(), newKey()];
    const { data, errors } = await send(key, addOf(name, 'mandatory'));
    expect(data).toEqual({ add: null });
    expect(errors).toMatchObject([{ path: ['add', 'mandatory'] }]);
    expect(await traces(name)).toEqual(NOTHING);
  });
});

describe('the answer that is kept', () => {
  test('has the errors of nested fields, as they were sent, and logs no defect twice', async () => {
    const logged = vi.spyOn(server().app.log, 'child');
    const [name, key] = [unique(), newKey()];
    const selection = 'id restricted throws database itself { restricted }';
    const first = await send(key, addOf(name, selection), { user: 'member' });
    expect(first.errors.map(({ path, extensions }) => [path?.join('.'), extensions.code])).toEqual(
      expect.arrayContaining([
        ['add.restricted', 'FORBIDDEN'],
        ['add.throws', 'INTERNAL_SERVER_ERROR'],
        ['add.database', 'INTERNAL_SERVER_ERROR'],
      ]),
    );
    const requestId = first.headers.get('x-request-id');
    expect(first.text).toContain(`"requestId":"${requestId ?? ''}"`);
    const errorsLogged = vi.fn();
    logged.mockImplementation(() => {
      const logger = { ...server().app.log, error: errorsLogged, child: () => logger };
      return logger as never;
    });
    const again = await send(key, addOf(name, selection), { user: 'member' });
    expect(again).toMatchObject({ status: 200, replayed: true });
    expect(JSON.parse(again.text)).toEqual(JSON.parse(first.text));
    expect(errorsLogged).not.toHaveBeenCalled();
    expect(await traces(name)).toEqual(ONCE);
  });

  test('is bounded: one that is larger is sent, not kept, and does not run again', async () => {
    const [name, key] = [unique(), newKey()];
    const request = addOf(name, `text(bytes: ${String(MOST_KEPT_BYTES)})`);
    expect((await send(key, request)).text.length).toBeGreaterThan(MOST_KEPT_BYTES);
    const again = await send(key, request);
    expect(again).toMatchObject({ status: 409, hasData: false, replayed: false });
    expect(again.errors).toMatchObject([
      { message: 'This took effect before. Its answer was too large to be kept.' },
    ]);
    expect(await traces(name)).toEqual(ONCE);

    const [small, smallKey] = [unique(), newKey()];
    const fits = addOf(small, `text(bytes: ${String(MOST_KEPT_BYTES - 100)})`);
    const first = await send(smallKey, fits);
    expect(await send(smallKey, fits)).toMatchObject({ replayed: true, text: first.text });
  });

  test.each([
    ['itself', (name: string) => addOf(name, 'id secret')],
    ['under another name', (name: string) => addOf(name, 'id name: secret')],
    ['deep below', (name: string) => addOf(name, 'itself { thing { ... on Added { itself { secret } } } }')],
    ['through an interface', (name: string) => addOf(name, 'hidden { secret }')],
    ['through a condition', (name: string) => addOf(name, '... on Hidden { secret }')],
    ['with @skip', (name: string) => addOf(name, 'id secret @skip(if: true)')],
    [
      'in fragments',
      (name: string) =>
        `${addOf(name, '...A')} fragment A on Added { id ...B } fragment B on Added { ... { secret } }`,
    ],
    [
      'in another root field',
      (name: string) => `mutation { a: add(name: "${name}") { id } b: add(name: "${name}") { secret } }`,
    ],
  ])('never has a secret: an operation that selects one %s is refused before it runs', async (_how, of) => {
    const [name, key] = [unique(), newKey()];
    const answer = await send(key, of(name));
    expect(answer).toMatchObject({ status: 400, hasData: false });
    expect(answer.errors).toEqual([
      {
        message: 'The answer of Added.secret is not kept: send this mutation without an Idempotency-Key.',
        extensions: { code: 'BAD_USER_INPUT' },
      },
    ]);
    expect(keyed.runs.has(name)).toBe(false);
    expect(await keyRows(key)).toEqual([]);
    expect((await send(undefined, of(name))).errors).toEqual([]);
  });

  test('is looked for with care: fragments in fragments do not take for ever', async () => {
    // Looked at once for each way to it, the last fragment would be looked at 2 ** 40 times.
    const depth = 40;
    const chain = Array.from({ length: depth }, (_value, at) => {
      const next = `...F${String(at + 1)}`;
      return `fragment F${String(at)} on Added { ${next} ${next} }`;
    }).join(' ');
    const name = unique();
    const { errors } = await send(
      newKey(),
      `${addOf(name, '...F0')} ${chain} fragment F${String(depth)} on Added { id }`,
    );
    expect(errors).toEqual([]);
  });
});

describe('a caller who has lost a permission since', () => {
  let user = '';
  const setRole = async (role: string) => {
    await server().database.asSuperuser('UPDATE memberships SET role = $2 WHERE email = $1', [user, role]);
    const client = await clientOf(user);
    await expect
      .poll(async () => (await client.query<{ me: { role: string } }>('{ me { role } }')).data.me.role)
      .toBe(role.toUpperCase());
  };

  beforeAll(async () => {
    user = `${randomUUID()}@acme.test`;
    await insertMembership(server().database, 'acme', { role: 'admin', email: user });
  });

  test('is refused the root field it guards, and is given the rest', async () => {
    await setRole('admin');
    const [name, key] = [unique(), newKey()];
    const both = `mutation { restrictedAdd(name: "${name}") { id } add(name: "${name}") { name throws } }`;
    const first = await send(key, both, { user });
    await setRole('member');
    const refused = await send(key, both, { user });
    expect(refused).toMatchObject({ status: 200, replayed: true });
    expect(refused.data).toEqual({ restrictedAdd: null, add: { name, throws: null } });
    expect(refused.errors).toEqual([
      {
        message: 'This needs the permission settings:manage.',
        locations: [expect.any(Object)],
        path: ['restrictedAdd'],
        extensions: { code: 'FORBIDDEN', requires: 'settings:manage' },
      },
      first.errors[0],
    ]);
    await setRole('admin');
    expect((await send(key, both, { user })).text).toBe(first.text);
    expect(await traces(name)).toEqual(TWICE);
  });

  test('is refused what guarded values the answer holds, wherever', async () => {
    await setRole('admin');
    const [name, key] = [unique(), newKey()];
    const request = addOf(name, 'itself { id } ...R') + ' fragment R on Added { value: restricted }';
    const first = await send(key, request, { user });
    expect(first.text).toContain('for administrators');
    await setRole('viewer');
    const refused = await send(key, request, { user });
    expect(refused.text).not.toContain('for administrators');
    expect(refused.data).toEqual({ add: null });
    expect(refused.errors).toMatchObject([
      { path: ['add'], extensions: { code: 'FORBIDDEN', requires: 'settings:manage' } },
    ]);
    expect(await traces(name)).toEqual(ONCE);
  });

  test('is given again what was refused then as it was refused', async () => {
    await setRole('member');
    const [name, key] = [unique(), newKey()];
    const request = addOf(name, 'name restricted');
    const first = await send(key, request, { user });
    expect(first.data).toEqual({ add: { name, restricted: null } });
    await setRole('viewer');
    expect(await send(key, request, { user })).toMatchObject({ replayed: true, text: first.text });
    // One who has gained it does not find it there either: this is what was answered.
    await setRole('admin');
    expect(await send(key, request, { user })).toMatchObject({ replayed: true, text: first.text });
  });

  test('is given nothing when it was the membership', async () => {
    await setRole('admin');
    const [name, key] = [unique(), newKey()];
    await send(key, addOf(name), { user });
    await server().database.asSuperuser('DELETE FROM memberships WHERE email = $1', [user]);
    await expect.poll(async () => (await send(key, addOf(name), { user })).status).toBe(403);
    expect(await send(key, addOf(name), { user })).toMatchObject({ hasData: false, replayed: false });
  });
});

describe('an expired key', () => {
  test('stands for nothing: the request runs anew, whatever it is', async () => {
    const [name, other, key] = [unique(), unique(), newKey()];
    await send(key, addOf(name));
    await expire(key);
    const anew = await send(key, addOf(other));
    expect(anew).toMatchObject({ errors: [], replayed: false });
    expect(await traces(other)).toEqual(ONCE);
    expect(await send(key, addOf(other))).toMatchObject({ replayed: true, text: anew.text });
    expect(await send(key, addOf(name))).toMatchObject({ status: 409 });
    expect(await keyRows(key)).toHaveLength(1);
  });

  test('by twenty at once is used anew by one', async () => {
    const [name, key] = [unique(), newKey()];
    await send(key, addOf(name));
    await expire(key);
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(key, addOf(name))));
    expect(answers.filter(({ errors, replayed }) => errors.length === 0 && !replayed)).toHaveLength(1);
    expect(await traces(name)).toEqual(TWICE);
  });

  test('that is used anew in vain stays as it was', async () => {
    const [name, key] = [unique(), newKey()];
    await send(key, addOf(name));
    await expire(key);
    await send(key, addOf(name, 'id', 'addAndFail'));
    expect((await keyRows(key))[0]?.result).not.toBeNull();
    expect(await traces(name)).toEqual(ONCE);
  });

  test('is removed by whoever comes next, a few at a time, in the same tenant', async () => {
    const { database } = server();
    await database.asSuperuser('DELETE FROM idempotency_keys');
    await database.asSuperuser(
      `INSERT INTO idempotency_keys (tenant_id, actor_type, actor, key, fingerprint, expires_at)
       SELECT id, 'user', 'somebody else', 'old ' || n, '', now() - interval '1 hour'
       FROM tenants, generate_series(1, 50) AS n WHERE slug IN ('acme', 'globex')`,
    );
    await database.asSuperuser(
      `INSERT INTO idempotency_keys (tenant_id, actor_type, actor, key, fingerprint, expires_at)
       SELECT id, 'user', 'somebody else', 'new', '', now() + interval '1 hour' FROM tenants WHERE slug = 'acme'`,
    );
    const left = async () =>
      (
        await database.asSuperuser<{ slug: string; left: number }>(
          `SELECT slug, count(*)::int AS left FROM idempotency_keys k JOIN tenants t ON t.id = k.tenant_id
           WHERE actor = 'somebody else' GROUP BY slug ORDER BY slug`,
        )
      ).map(({ left }) => left);
    const counts: number[][] = [await left()];
    for (let request = 0; request < 3; request++) {
      await send(newKey(), addOf(unique()));
      counts.push(await left());
    }
    expect(counts).toEqual([
      [51, 50],
      [31, 50],
      [11, 50],
      [1, 50],
    ]);
  });
});

test('whatever is sent in whatever order, what happened is what was answered', async () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', undefined),
    user: fc.constantFrom('owner', 'viewer'),
    field: fc.constantFrom('add', 'addAndFail', 'addAndStumble'),
    input: fc.constantFrom(1, 2),
    expires: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const run = randomUUID();
      const known = new Map<string, { request: string; text: string }>();
      const added = new Map<string, number>();
      for (const { key, user, field, input, expires } of steps) {
        const name = `${run} ${String(input)}`;
        const request = addOf(name, 'id name', field);
        const sent = key === undefined ? undefined : `${run}-${key}`;
        if (sent !== undefined && expires) {
          await expire(sent);
          for (const each of [...known.keys()]) if (each.startsWith(sent)) known.delete(each);
        }
        const answer = await send(sent, request, { user });
        const held = known.get(`${String(sent)} ${user}`);
        if (held && held.request !== request) {
          expect(answer).toMatchObject({ status: 409, hasData: false });
        } else if (held) {
          expect(answer).toMatchObject({ text: held.text, replayed: true });
        } else if (field === 'addAndFail') {
          expect(answer).toMatchObject({ data: { addAndFail: null }, replayed: false });
          // Without a key the row stays, as ever: the resolver has no transaction.
          if (sent === undefined) added.set(name, (added.get(name) ?? 0) + 1);
        } else {
          expect(answer).toMatchObject({ errors: [], replayed: false });
          added.set(name, (added.get(name) ?? 0) + 1);
          if (sent !== undefined) known.set(`${sent} ${user}`, { request, text: answer.text });
        }
      }
      for (const input of [1, 2]) {
        const name = `${run} ${String(input)}`;
        const count = added.get(name) ?? 0;
        expect(await traces(name)).toEqual({ rows: count, entries: count });
      }
    }),
    { numRuns: 40 },
  );
}, 60_000);
