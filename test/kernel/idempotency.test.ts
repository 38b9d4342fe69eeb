/**
 * Proves that a mutation with an Idempotency-Key takes effect once, in whatever way a client or a network repeats it,
 * and that a failed one leaves nothing.
 */
import { describe, expect, test } from 'vitest';
import { takeKey } from '../../src/services/idempotency/key-store.js';
import { publicError } from '../../src/kernel/vocabulary/errors.js';
import { openTestDatabase } from '../support/database.js';
import { contextOf, rejectionOf } from '../support/demo-tenants.js';
import { PATIENT } from '../support/patience.js';
import { NOTHING, ONCE, TWICE } from '../support/keyed-mutations.js';
import { insertMembership } from '../support/rows.js';
import { until } from '../support/until.js';
import { keyed, unique, newKey, addOf, useIdempotency } from '../support/idempotency.js';

const { server, clientOf, send, traces, keyRows } = useIdempotency();

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
      limits: { ...PATIENT, statementTimeout: 1_000 },
    });
    let isTaken = (): void => undefined;
    let isRefused = (): void => undefined;
    const taken = new Promise<void>((resolve) => (isTaken = resolve));
    const refused = new Promise<void>((resolve) => (isRefused = resolve));
    try {
      const context = contextOf(await database.tenantId('acme'));
      // Its statements have all the time that they need.
      const first = server().services.database.unitOfWork(context, async (_db, tx) => {
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
    // The key of a failed mutation is free, so it may be used with another request.
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
    // The behaviour without a key is unchanged.
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
