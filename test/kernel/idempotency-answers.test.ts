/**
 * Proves that the kept answer is the one that was sent, and that a retry returns only what the caller may see at that
 * time.
 */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { MOST_KEPT_BYTES } from '../../src/services/idempotency/execute-once.js';
import { ONCE, TWICE } from '../support/keyed-mutations.js';
import { insertMembership } from '../support/rows.js';
import { keyed, unique, newKey, addOf, useIdempotency } from '../support/idempotency.js';

const { server, clientOf, send, traces, keyRows } = useIdempotency();

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
    // A search that follows every path would visit the last fragment 2 ** 40 times.
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
    // A caller who has gained the permission gets the same answer, because that is what was answered then.
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
