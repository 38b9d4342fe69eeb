/**
 * The resolver behind the membership cache. Proves that an answer that was requested before a change is not cached, and
 * that nothing is cached while changes may be missed. A test decides when the database answers.
 */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type {
  AccessChange,
  AccessInvalidations,
} from '../../src/kernel/notifications/access-invalidations.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import { AccessCache } from '../../src/kernel/auth/access-cache.js';
import { createAccessResolver } from '../../src/kernel/auth/resolve-access.js';

describe('the resolver', () => {
  interface Row {
    readonly tenant_id: string;
    readonly slug: string;
    readonly status: string;
    readonly role: string | null;
  }
  const MEMBER: Row = { tenant_id: 't-1', slug: 'acme', status: 'active', role: 'member' };

  /** A resolver whose database answers when and what the test says. */
  function staged(live = true) {
    const pending: ((rows: Row[]) => void)[] = [];
    const questions: (readonly unknown[])[] = [];
    let tell: (change: AccessChange | undefined) => void = () => undefined;
    const invalidations = {
      isLive: live,
      onChange: (listener: typeof tell) => {
        tell = listener;
      },
    };
    const database: Pick<Database, 'query' | 'sign'> = {
      sign: () => ({ expires: null, signature: null }),
      query: (_sql, values = []) => {
        questions.push(values.slice(0, 2));
        return new Promise((resolve) => {
          pending.push((rows) => resolve(rows as never));
        });
      },
    };
    const resolver = createAccessResolver(database as Database, invalidations satisfies AccessInvalidations);
    return {
      invalidations,
      questions,
      tell: (each: AccessChange | undefined) => tell(each),
      answer: (row: Row | undefined) => pending.shift()?.(row ? [row] : []),
      resolve: (tenantRef = 'acme', userId = 'u-1') => resolver.resolve(tenantRef, userId),
    };
  }
  type Staged = ReturnType<typeof staged>;

  async function ask(stage: Staged, row: Row = MEMBER): Promise<string | undefined> {
    const answer = stage.resolve();
    stage.answer(row);
    return (await answer)?.role;
  }

  test('keeps an answer during which nothing happened', async () => {
    const stage = staged();
    await ask(stage);
    expect((await stage.resolve())?.role).toBe('member');
    expect(stage.questions).toHaveLength(1);
  });

  const INVALIDATIONS: Readonly<Record<string, AccessChange | undefined>> = {
    'of this member': { tenantId: 't-1', userId: 'u-1' },
    'of the whole tenant': { tenantId: 't-1' },
    'of anything': undefined,
  };
  for (const [what, invalidations] of Object.entries(INVALIDATIONS)) {
    test(`forgets an answer upon news ${what}`, async () => {
      const stage = staged();
      await ask(stage);
      stage.tell(invalidations);
      expect(await ask(stage, { ...MEMBER, role: 'viewer' })).toBe('viewer');
      expect(stage.questions).toHaveLength(2);
    });

    test(`does not keep an answer that was under way when there was news ${what}`, async () => {
      const stage = staged();
      const underWay = stage.resolve();
      stage.tell(invalidations);
      stage.answer({ ...MEMBER, role: 'owner' });
      expect((await underWay)?.role).toBe('owner');
      expect(await ask(stage, { ...MEMBER, role: 'viewer' })).toBe('viewer');
      expect(stage.questions).toHaveLength(2);
    });
  }

  test('forgets exactly the answers that news concerns, in whatever order they came and went', async () => {
    const small = fc.nat({ max: 2 });
    const step = fc.record({ tenant: small, user: small, by: fc.constantFrom('id', 'slug') });
    const news = fc.record({ tenant: small, user: fc.option(small, { nil: undefined }) });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(step, news), { maxLength: 40 }), async (steps) => {
        let tell: (change: AccessChange | undefined) => void = () => undefined;
        const cache = new AccessCache<object>({ isLive: true, onChange: (listener) => (tell = listener) });
        const known = new Map<string, string>();
        for (const { tenant, user, ...asked } of steps) {
          const tenantId = `t-${String(tenant)}`;
          const of = `${tenantId} u-${String(user)}`;
          if (!('by' in asked)) {
            tell({ tenantId, ...(user !== undefined && { userId: `u-${String(user)}` }) });
            for (const [key, its] of known) {
              if (user === undefined ? its.startsWith(`${tenantId} `) : its === of) known.delete(key);
            }
            continue;
          }
          const key = `${asked.by} ${of}`;
          const ask = vi.fn(async () => ({}));
          await cache.get(key, ask, () => ({ tenantId, userId: `u-${String(user)}` }));
          expect(ask).toHaveBeenCalledTimes(known.has(key) ? 0 : 1);
          known.set(key, of);
        }
      }),
    );
  });

  test('asks once for all who ask the same at the same time, and for nobody else', async () => {
    const stage = staged();
    const [one, two] = [stage.resolve(), stage.resolve()];
    const other = stage.resolve('acme', 'u-2');
    expect(stage.questions).toEqual([
      ['acme', 'u-1'],
      ['acme', 'u-2'],
    ]);
    stage.answer(MEMBER);
    stage.answer({ ...MEMBER, role: 'viewer' });
    expect((await Promise.all([one, two, other])).map((access) => access?.role)).toEqual([
      'member',
      'member',
      'viewer',
    ]);
  });

  test('asks again for whoever comes after news, though the question before is not answered', async () => {
    const stage = staged();
    const before = stage.resolve();
    stage.tell({ tenantId: 't-1' });
    const after = [stage.resolve(), stage.resolve()];
    stage.answer(MEMBER);
    expect((await before)?.role).toBe('member');
    await expect.poll(() => stage.questions.length).toBe(2);
    stage.answer({ ...MEMBER, role: 'viewer' });
    expect((await Promise.all(after)).map((access) => access?.role)).toEqual(['viewer', 'viewer']);
  });

  test('while it does not hear, serves nobody from a question that was asked before they came', async () => {
    const stage = staged(false);
    const first = stage.resolve();
    const next = [stage.resolve(), stage.resolve()];
    expect(stage.questions).toHaveLength(1);
    stage.answer(MEMBER);
    expect((await first)?.role).toBe('member');
    await expect.poll(() => stage.questions.length).toBe(2);
    // The second question has been sent already, so its answer may be older than a change since then.
    const last = stage.resolve();
    stage.answer({ ...MEMBER, role: 'viewer' });
    expect((await Promise.all(next)).map((access) => access?.role)).toEqual(['viewer', 'viewer']);
    await expect.poll(() => stage.questions.length).toBe(3);
    stage.answer({ ...MEMBER, role: 'owner' });
    expect((await last)?.role).toBe('owner');
  });

  test('is asked anew after a failure, which all who waited for it are told', async () => {
    const failing = vi.fn(() => Promise.reject(new Error('no connection')));
    const { invalidations } = staged();
    const kept = new AccessCache<{ name: string }>(invalidations, { absences: true });
    const who = { tenantId: 't-1', userId: 'u-1' };
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => kept.get('key', failing, () => who)));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(failing).toHaveBeenCalledTimes(1);
    expect(
      await kept.get(
        'key',
        async () => ({ name: 'found' }),
        () => who,
      ),
    ).toEqual({ name: 'found' });
  });

  test('keeps that there is nothing only when told to, and while it hears', async () => {
    for (const [live, times] of [
      [true, 1],
      [false, 3],
    ] as const) {
      const { invalidations } = staged(live);
      const listeners: ((change: AccessChange | undefined) => void)[] = [];
      const kept = new AccessCache<{ name: string }>(
        { ...invalidations, onChange: (listener) => void listeners.push(listener) },
        { absences: true },
      );
      const nothing = vi.fn(async () => undefined);
      for (let round = 0; round < 3; round++) await kept.get('key', nothing, () => undefined);
      expect(nothing).toHaveBeenCalledTimes(times);
      for (const listener of listeners) listener({ tenantId: 'any' });
      await kept.get('key', nothing, () => undefined);
      expect(nothing).toHaveBeenCalledTimes(times + 1);
    }
  });

  test('does not keep an answer that was under way when the listener was lost, or lost and found', async () => {
    for (const liveAgain of [false, true]) {
      const stage = staged();
      const underWay = stage.resolve();
      stage.invalidations.isLive = false;
      stage.tell(undefined);
      stage.invalidations.isLive = liveAgain;
      stage.answer({ ...MEMBER, role: 'owner' });
      await underWay;
      stage.invalidations.isLive = true;
      expect(await ask(stage, { ...MEMBER, role: 'viewer' })).toBe('viewer');
    }
  });

  test('does not keep an answer to a question that was asked before the listener was live', async () => {
    // Between the question and the moment the listener was live, a change may have happened without a notification.
    const stage = staged(false);
    const underWay = stage.resolve();
    stage.invalidations.isLive = true;
    stage.answer({ ...MEMBER, role: 'owner' });
    await underWay;
    expect(await ask(stage, { ...MEMBER, role: 'viewer' })).toBe('viewer');
  });

  test('neither keeps nor believes anything while the listener is not live', async () => {
    const stage = staged();
    await ask(stage);
    stage.invalidations.isLive = false;
    expect(await ask(stage, { ...MEMBER, role: 'viewer' })).toBe('viewer');
    expect(await ask(stage, { ...MEMBER, role: 'admin' })).toBe('admin');
    expect(stage.questions).toHaveLength(3);
  });

  test('keeps neither the refusal of a stranger, nor an unknown tenant, nor an unknown role', async () => {
    for (const row of [{ ...MEMBER, role: null }, undefined, { ...MEMBER, role: 'superuser' }]) {
      const stage = staged();
      for (let round = 0; round < 2; round++) {
        const answer = stage.resolve();
        stage.answer(row);
        expect((await answer)?.role).toBeUndefined();
      }
      expect(stage.questions).toHaveLength(2);
    }
  });

  test('does not keep that the database failed', async () => {
    let failing = true;
    const database: Pick<Database, 'query' | 'sign'> = {
      sign: () => ({ expires: null, signature: null }),
      query: () => (failing ? Promise.reject(new Error('gone')) : Promise.resolve([MEMBER] as never)),
    };
    const resolver = createAccessResolver(database as Database, staged().invalidations);
    await expect(resolver.resolve('acme', 'u-1')).rejects.toThrow('gone');
    failing = false;
    expect((await resolver.resolve('acme', 'u-1'))?.role).toBe('member');
  });

  test('never answers one tenant or user from what it keeps of another, whatever characters they are made of', async () => {
    const tricky = fc.string({
      unit: fc.constantFrom('a', 'b', '"', ',', '\\', '\n', '[', ']', ' ', ':', '\u2028'),
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(tricky, tricky), { minLength: 2, maxLength: 8 }), async (pairs) => {
        const database: Pick<Database, 'query' | 'sign'> = {
          sign: () => ({ expires: null, signature: null }),
          query: (_sql, values = []) =>
            Promise.resolve([
              { ...MEMBER, tenant_id: JSON.stringify(values.slice(0, 2)), slug: String(values[0]) },
            ] as never),
        };
        const resolver = createAccessResolver(database as Database, staged().invalidations);
        for (const [tenantRef, userId] of [...pairs, ...pairs]) {
          const access = await resolver.resolve(tenantRef, userId);
          expect(access?.tenantId).toBe(JSON.stringify([tenantRef, userId]));
        }
      }),
    );
    const stage = staged();
    for (const [tenantRef, userId] of [
      ['a\nb', 'c'],
      ['a', 'b\nc'],
      ['a","b', 'c'],
      ['a', 'b","c'],
      ['', 'a'],
      ['a', ''],
    ] as const) {
      const answer = stage.resolve(tenantRef, userId);
      stage.answer(MEMBER);
      await answer;
    }
    expect(stage.questions).toHaveLength(6);
  });

  test('asks the database nothing about names with U+0000', async () => {
    const stage = staged();
    expect(await stage.resolve('acme\u0000', 'u-1')).toBeUndefined();
    expect(await stage.resolve('acme', '\u0000')).toBeUndefined();
    expect(stage.questions).toEqual([]);
  });
});
