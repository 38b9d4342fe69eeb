/**
 * Proves that an Idempotency-Key belongs to its actor and tenant, which values are not keys, and what happens with
 * expired keys.
 */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boundAndUndone, connected, contextOf, rejectionOf } from '../support/demo-tenants.js';
import { NOTHING, ONCE, TWICE } from '../support/keyed-mutations.js';
import { insertMembership } from '../support/rows.js';
import { ORIGIN, unique, newKey, addOf, useIdempotency } from '../support/idempotency.js';

const { server, clientOf, send, traces, keyRows } = useIdempotency();

const expire = (key: string) =>
  server().database.asSuperuser(
    "UPDATE idempotency_keys SET expires_at = now() - interval '1 second' WHERE key = $1",
    [key],
  );

describe('a key', () => {
  test('is its actor’s own: another user of the tenant starts anew', async () => {
    const [name, key] = [unique(), newKey()];
    const owner = await send(key, addOf(name));
    const admin = await send(key, addOf(name), { user: 'admin' });
    expect(admin).toMatchObject({ errors: [], replayed: false });
    expect(admin.text).not.toBe(owner.text);
    expect(await traces(name)).toEqual(TWICE);
    expect((await keyRows(key)).map(({ actor }) => actor)).toEqual(['demo|acme|admin', 'demo|acme|owner']);
    // The answer does not reveal that the key is in use.
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
          // Without a key the row stays, because the resolver runs without a transaction.
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
}, 600_000);
