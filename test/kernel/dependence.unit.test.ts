/**
 * Proves which answers depend on their viewer, and which kept answers are sent to others. The default is not to share.
 */
import { GraphQLError } from 'graphql';
import { describe, expect, test } from 'vitest';
import type { Viewer } from '../../src/kernel/vocabulary/viewer.js';
import { forbidden, unavailable } from '../../src/kernel/vocabulary/errors.js';
import type { RequestContext } from '../../src/kernel/graphql/request-context.js';
import { Answers } from '../../src/services/subscriptions/answers.js';
import { Dependence } from '../../src/services/subscriptions/dependence.js';
import { largePlan } from '../support/plans.js';

const VIEWER: Viewer = {
  actor: { type: 'user', id: 'u-1' },
  userId: 'u-1',
  memberId: 'u-1',
  email: 'u@example.test',
  verifiedEmail: undefined,
  tenantId: 't-1',
  tenantSlug: 'acme',
  plan: largePlan(),
  role: 'member',
  permissions: new Set(['members:read']),
  expiresAt: 1_000,
};
const reads = { models: new Set(['membership']), leadingElsewhere: new Set(['idempotencyKeys', '_count']) };

class Delegate {
  readonly #rows = ['a row'];
  findMany(): unknown {
    return this.#rows;
  }
  update(): string {
    return 'changed';
  }
}
const database = () => ({
  context: { tenantId: 't-1', actor: VIEWER.actor, requestId: 'r-1' },
  key: (id: string) => ({ id }),
  $queryRaw: () => [],
  membership: new Delegate(),
  idempotencyKey: new Delegate(),
});
const contextOf = (viewer: Viewer = VIEWER) =>
  ({
    viewer,
    user: viewer,
    db: Object.freeze(database()),
    changes: {},
    loaders: { of: 'this context' },
    roles: {},
    invitations: {},
    guards: new Map(),
    inputGuards: new Map(),
    requestId: 'r-1',
    idempotencyKey: undefined,
    log: {},
  }) as unknown as RequestContext;

type Look = (context: RequestContext) => unknown;

function lookedAt(look: Look) {
  const dependence = new Dependence(reads);
  const seen = look(dependence.of(contextOf()));
  return { dependence, seen };
}
const membership = (context: RequestContext) => context.db.membership as unknown as Delegate;

describe('an answer is for others as well', () => {
  test.each<[string, Look, unknown]>([
    ['that asks for the tenant', ({ viewer }) => [viewer.tenantId, viewer.tenantSlug], ['t-1', 'acme']],
    ['that asks for its plan', ({ viewer }) => viewer.plan.mostRowsPerPage, 100],
    ['that asks for it of the client', ({ db }) => db.context.tenantId, 't-1'],
    ['that uses loaders', ({ loaders }) => loaders, { of: 'this context' }],
    ['that makes keys', ({ db }) => db.key('x'), { id: 'x' }],
    ['that reads', (context) => membership(context).findMany(), ['a row']],
    [
      'that uses what it has left in the context itself',
      (context) => {
        Object.assign(context, { mine: 1 });
        return (context as unknown as { mine: number }).mine;
      },
      1,
    ],
  ])('%s', (_name, look, expected) => {
    const { dependence, seen } = lookedAt(look);
    expect(seen).toEqual(expected);
    expect(dependence.isPersonal).toBe(false);
    expect(dependence.holdsFor({ ...VIEWER, userId: 'u-2', permissions: new Set() })).toBe(true);
  });

  test('as far as their permissions answer the same', () => {
    const { dependence } = lookedAt(({ viewer }) => [
      viewer.permissions.has('members:read'),
      viewer.permissions.has('users:manage'),
    ]);
    const holdsFor = (...permissions: string[]) =>
      dependence.holdsFor({ ...VIEWER, permissions: new Set(permissions) as Viewer['permissions'] });
    expect(holdsFor('members:read')).toBe(true);
    expect(holdsFor('members:read', 'audit:read')).toBe(true);
    expect(holdsFor()).toBe(false);
    expect(holdsFor('members:read', 'users:manage')).toBe(false);
  });
});

describe('an answer is personal', () => {
  const shared = ['viewer', 'db', 'loaders', 'roles', 'guards', 'inputGuards'];
  const ofContext = Object.keys(contextOf()).filter((name) => !shared.includes(name));
  const ofViewer = Object.keys(VIEWER).filter(
    (name) => !['permissions', 'tenantId', 'tenantSlug', 'plan'].includes(name),
  );
  const property = (name: string) => (of: object) => (of as Record<string, unknown>)[name];

  test.each<[string, Look]>([
    ...ofContext.map((name): [string, Look] => [`that looks at ${name}`, property(name)]),
    ...ofViewer.map((name): [string, Look] => [
      `that looks at the viewer’s ${name}`,
      ({ viewer }) => property(name)(viewer),
    ]),
    ['that asks for what nobody knows yet', property('added later')],
    ['that copies the context', (context) => ({ ...context })],
    ['that copies the viewer', ({ viewer }) => ({ ...viewer })],
    ['that lists the viewer', ({ viewer }) => Object.keys(viewer)],
    ['that writes the viewer out', ({ viewer }) => JSON.stringify(viewer)],
    ['that asks whether the viewer has something', ({ viewer }) => 'role' in viewer],
    ['that counts permissions', ({ viewer }) => viewer.permissions.size],
    ['that goes through permissions', ({ viewer }) => [...viewer.permissions]],
    ['that asks the client for its actor', ({ db }) => db.context.actor],
    ['that reads by raw SQL', ({ db }) => (db as unknown as { $queryRaw(): unknown }).$queryRaw()],
    ['that writes', (context) => membership(context).update()],
    ['that reads another model', ({ db }) => db.idempotencyKey],
    [
      'that reads across to it',
      ({ db }) => db.membership.findMany({ where: { tenant: { is: { idempotencyKeys: { none: {} } } } } }),
    ],
    [
      'that counts what is across',
      ({ db }) => db.membership.findMany({ include: { _count: true } } as never),
    ],
  ])('%s', (_name, look) => {
    const { dependence } = lookedAt(look);
    expect(dependence.isPersonal).toBe(true);
    expect(dependence.holdsFor(VIEWER)).toBe(false);
  });
});

describe('an answer that is kept', () => {
  const answerOf = (errors: readonly GraphQLError[] = []) => ({
    viewer: VIEWER,
    dependence: new Dependence(reads),
    result: { data: { note: 'a note' }, ...(errors.length > 0 && { errors }) },
    bytes: 100,
    begunAt: performance.now(),
  });

  test('for the subscriber it was made for is told to nobody else, and not to who they have become', () => {
    const changed: Viewer[] = [
      { ...VIEWER, role: 'viewer' },
      { ...VIEWER, permissions: new Set() },
      { ...VIEWER, permissions: new Set(['audit:read']) },
      { ...VIEWER, actor: { type: 'api_key', id: 'u-1' } },
      { ...VIEWER, userId: 'u-2' },
      { ...VIEWER, email: undefined },
    ];
    const answers = new Answers();
    for (const viewer of changed) {
      answers.keep('own', answerOf());
      expect(answers.own('own', viewer)).toBeUndefined();
    }
    answers.keep('own', answerOf());
    const same = { ...VIEWER, permissions: new Set(VIEWER.permissions) };
    expect(answers.own('own', same)).toEqual({ data: { note: 'a note' } });
    expect(answers.own('own', same)).toBeUndefined();
  });

  test('is none that failed, for it may not fail the next time', () => {
    const located = (originalError: Error) => new GraphQLError('it failed', { originalError });
    const answers = new Answers();
    answers.keep('failed', answerOf([located(forbidden('audit:read')), located(unavailable())]));
    answers.keep('broken', answerOf([located(new Error('a defect'))]));
    answers.keep('refused', answerOf([located(forbidden('audit:read'))]));
    expect(['failed', 'broken', 'refused'].map((key) => answers.has(key))).toEqual([false, false, true]);
  });

  test('is told for a second after its read began, and no longer', () => {
    const answers = new Answers();
    const before = (milliseconds: number) => ({
      ...answerOf(),
      begunAt: performance.now() - milliseconds,
    });
    for (const tell of ['own', 'shared'] as const) {
      answers.keep(`old ${tell}`, before(1_000));
      answers.keep(`young ${tell}`, before(0));
      expect(answers[tell](`old ${tell}`, VIEWER)).toBeUndefined();
      expect(answers[tell](`young ${tell}`, VIEWER)).toBeDefined();
    }
    // An answer that is added under the same key does not extend the life of the older one.
    answers.keep('joined', before(1_000));
    answers.keep('joined', { ...before(0), result: { data: { note: 'a newer note' } } });
    expect(answers.shared('joined', VIEWER)).toEqual({ data: { note: 'a newer note' } });
  });

  test('goes when many are: they are kept in so many bytes', () => {
    const answers = new Answers();
    for (let n = 0; n < 40; n++) answers.keep(String(n), { ...answerOf(), bytes: 1024 * 1024 });
    const kept = Array.from({ length: 40 }, (_, n) => answers.has(String(n))).filter(Boolean);
    expect(kept.length).toBeLessThanOrEqual(16);
    answers.keep('too large', { ...answerOf(), bytes: 20 * 1024 * 1024 });
    expect(answers.has('too large')).toBe(false);
  });
});
