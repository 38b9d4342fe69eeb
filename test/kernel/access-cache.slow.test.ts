/**
 * The cache of membership look-ups. Proves that repeated requests do not ask the database; that a change of a role, a
 * membership or a tenant takes effect on every server within a second; and that a server caches nothing while it may
 * miss changes.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi, type MockInstance } from 'vitest';
import type { AccessChange } from '../../src/kernel/notifications/access-invalidations.js';
import { issueToken } from '../../src/kernel/auth/issue-token.js';
import { listenForAccessChanges } from '../support/access-invalidations.js';
import { whileHearing } from '../support/hearing.js';
import { startTestServer, TEST_SECRET, useServer, type Answer, type TestServer } from '../support/server.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { addMember, createTestTenant } from '../support/tenant-fixtures.js';
import { until } from '../support/until.js';

const server = useServer();
let replica: TestServer;
let lookUps: ReadonlyMap<TestServer, MockInstance>;
let undisturbed: ReturnType<typeof whileHearing>;

beforeAll(async () => {
  replica = await startTestServer({ database: server().database });
  lookUps = new Map(
    [server(), replica].map((each) => [each, vi.spyOn(each.services.database, 'query')] as const),
  );
  undisturbed = whileHearing(server(), replica);
});
afterAll(async () => {
  await replica.close();
});

/** Less than 30 seconds, the time after which a server would notice a change without a notification. */
const SOON = { timeout: 10_000, interval: 20 };
/** The time in which a listener reconnects. */
const RECONNECTED = { timeout: 30_000, interval: 50 };

const replicas = (): TestServer[] => [server(), replica];

/** The number of access look-ups that a server has sent to the database. */
const asked = (at: TestServer): number =>
  lookUps.get(at)?.mock.calls.filter(([sql]) => String(sql).includes('tenantry.resolve_access')).length ?? 0;

interface Who {
  readonly slug: string;
  readonly userId: string;
}
type Me = Answer<{ readonly me: { readonly role: string } | null }>;

async function me(at: TestServer, { slug, userId }: Who): Promise<Me> {
  const token = issueToken(
    { userId, email: 'somebody@example.test', tenantId: slug },
    { secret: TEST_SECRET, issuer: 'tenantry', audience: 'tenantry' },
    60,
  );
  return at.withHeaders({ authorization: `Bearer ${token}` }).query('{ me { role } }');
}

/** The role in a server's answer, or the code of its refusal. */
async function seen(at: TestServer, who: Who): Promise<string | undefined> {
  const { data, errors } = await me(at, who);
  return errors[0]?.extensions.code ?? data.me?.role;
}

/** Whether a server answers this user without asking the database. */
async function isCached(at: TestServer, who: Who): Promise<boolean> {
  await me(at, who);
  const before = asked(at);
  await me(at, who);
  return asked(at) === before;
}

async function untilCached(who: Who, at = replicas()): Promise<void> {
  for (const each of at) await expect.poll(() => isCached(each, who), RECONNECTED).toBe(true);
}

async function expectEverywhere(who: Who, expected: string): Promise<void> {
  const answers = () => Promise.all(replicas().map((each) => seen(each, who)));
  await expect.poll(answers, SOON).toEqual(replicas().map(() => expected));
}

/** Creates a tenant with a member whose access is cached on every server. */
async function cachedMember(slug: string, role: string): Promise<Who> {
  const { database } = server();
  await createTestTenant(database, slug);
  const who = { slug, userId: `member|${slug}` };
  await addMember(database, { ...who, email: `member@${slug}.test`, role });
  await untilCached(who);
  return who;
}

const change = (sql: string, ...values: readonly unknown[]) => server().database.asSuperuser(sql, values);

describe('on every replica', () => {
  test('repeated requests of a member do not ask the database again', async () => {
    const who = await cachedMember('cached', 'member');
    await undisturbed(async () => {
      await untilCached(who);
      const before = replicas().map(asked);
      for (let round = 0; round < 5; round++) {
        for (const each of replicas()) expect(await seen(each, who)).toBe('MEMBER');
      }
      expect(replicas().map(asked)).toEqual(before);
    });
  });

  test('a changed role is in force within a second', async () => {
    const who = await cachedMember('promoted', 'viewer');
    await change("UPDATE memberships SET role = 'admin' WHERE user_id = $1", who.userId);
    await expectEverywhere(who, 'ADMIN');
    await untilCached(who);
    await change("UPDATE memberships SET role = 'viewer' WHERE user_id = $1", who.userId);
    await expectEverywhere(who, 'VIEWER');
  });

  test('a role changed through the API of one replica is in force on the other', async () => {
    const who = await cachedMember('administered', 'admin');
    const token = issueToken(
      { userId: 'owner|administered', email: 'owner@administered.test', tenantId: who.slug },
      { secret: TEST_SECRET, issuer: 'tenantry', audience: 'tenantry' },
      60,
    );
    const owner = server().withHeaders({ authorization: `Bearer ${token}` });
    const found = await owner.query<{ members: { nodes: { id: string }[] } }>(
      'query ($userId: ID) { members(filter: { userId: $userId }) { nodes { id } } }',
      { userId: who.userId },
    );
    const id = found.data.members.nodes[0]?.id;
    const changed = await owner.query(
      'mutation ($id: ID!) { changeMemberRole(input: { membershipId: $id, role: VIEWER }) { membership { role } } }',
      { id },
    );
    expect(changed.errors).toEqual([]);
    await expectEverywhere(who, 'VIEWER');
    await untilCached(who);
    const removed = await owner.query(
      'mutation ($id: ID!) { removeMember(input: { membershipId: $id }) { deletedId } }',
      { id },
    );
    expect(removed.errors).toEqual([]);
    await expectEverywhere(who, 'FORBIDDEN');
  });

  test('a removed member is refused within a second, and let in again as soon as they are a member', async () => {
    const who = await cachedMember('removed', 'member');
    await change('DELETE FROM memberships WHERE user_id = $1', who.userId);
    await expectEverywhere(who, 'FORBIDDEN');
    await addMember(server().database, { ...who, email: 'member@removed.test', role: 'viewer' });
    expect(await Promise.all(replicas().map((each) => seen(each, who)))).toEqual(['VIEWER', 'VIEWER']);
  });

  test('a membership that is handed to another user leaves the first within a second', async () => {
    const who = await cachedMember('handed-over', 'member');
    await change("UPDATE memberships SET user_id = 'successor' WHERE user_id = $1", who.userId);
    await expectEverywhere(who, 'FORBIDDEN');
    await expectEverywhere({ slug: who.slug, userId: 'successor' }, 'MEMBER');
  });

  test('a suspended tenant is refused within a second to all of its members, and served again when resumed', async () => {
    const who = await cachedMember('suspended', 'member');
    const owner = { slug: who.slug, userId: 'owner|suspended' };
    await untilCached(owner);
    await change("UPDATE tenants SET status = 'suspended' WHERE slug = $1", who.slug);
    await expectEverywhere(who, 'TENANT_SUSPENDED');
    await expectEverywhere(owner, 'TENANT_SUSPENDED');
    await untilCached(who);
    await change("UPDATE tenants SET status = 'active' WHERE slug = $1", who.slug);
    await expectEverywhere(who, 'MEMBER');
    await expectEverywhere(owner, 'OWNER');
  });

  test('a slug that passes to another tenant leads to that tenant within a second', async () => {
    const who = await cachedMember('traded', 'member');
    await createTestTenant(server().database, 'buyer');
    await change("UPDATE tenants SET slug = 'traded-before' WHERE slug = 'traded'");
    await change("UPDATE tenants SET slug = 'traded' WHERE slug = 'buyer'");
    await expectEverywhere(who, 'FORBIDDEN');
    await expectEverywhere({ ...who, slug: 'traded-before' }, 'MEMBER');
  });

  test('a change of one member leaves what is cached of the others', async () => {
    const who = await cachedMember('neighbours', 'member');
    const owner = { slug: who.slug, userId: 'owner|neighbours' };
    await undisturbed(async () => {
      await change("UPDATE memberships SET role = 'member' WHERE user_id = $1", who.userId);
      await expectEverywhere(who, 'MEMBER');
      await untilCached(owner);
      const before = replicas().map(asked);
      await change("UPDATE memberships SET role = 'viewer' WHERE user_id = $1", who.userId);
      for (const each of replicas()) expect(await seen(each, owner)).toBe('OWNER');
      expect(replicas().map(asked)).toEqual(before);
      await expectEverywhere(who, 'VIEWER');
    });
  });

  test('a change that is rolled back changes nothing', async () => {
    const who = await cachedMember('rolled-back', 'member');
    await change(
      `DO $$ BEGIN
         UPDATE memberships SET role = 'owner' WHERE user_id = 'member|rolled-back';
         RAISE EXCEPTION 'no';
       EXCEPTION WHEN raise_exception THEN NULL;
       END $$`,
    );
    expect(await Promise.all(replicas().map((each) => seen(each, who)))).toEqual(['MEMBER', 'MEMBER']);
  });

  test('the refusal of a stranger is not kept: they are let in with the first request as a member', async () => {
    const { slug } = await cachedMember('welcoming', 'member');
    const stranger = { slug, userId: 'not-yet' };
    for (const each of replicas()) {
      const before = asked(each);
      expect(await seen(each, stranger)).toBe('FORBIDDEN');
      expect(await seen(each, stranger)).toBe('FORBIDDEN');
      expect(asked(each)).toBe(before + 2);
    }
    await addMember(server().database, { ...stranger, email: 'not-yet@welcoming.test', role: 'viewer' });
    for (const each of replicas()) expect(await seen(each, stranger)).toBe('VIEWER');
  });

  test('nor is it kept that there is no such tenant', async () => {
    const who = { slug: 'founded-later', userId: 'owner|founded-later' };
    for (const each of replicas()) expect(await seen(each, who)).toBe('TENANT_NOT_FOUND');
    await createTestTenant(server().database, who.slug);
    for (const each of replicas()) expect(await seen(each, who)).toBe('OWNER');
  });

  test('garbage on the notification channel does no harm', async () => {
    const who = await cachedMember('garbage', 'member');
    // On a busy machine the notifications may be late, which is no harm.
    const harm = () =>
      replicas().flatMap(({ warnings }) => warnings.filter((each) => !each.includes('do not arrive')));
    const before = harm();
    for (const payload of [
      '',
      'garbage',
      '{',
      'null',
      '[]',
      '0',
      '"tenantId"',
      '{}',
      '{"tenantId":null}',
      '{"tenantId":"x","userId":{}}',
      '{"tenantId":"x","userId":"y"}',
      '{"__proto__":{"tenantId":"x"}}',
      `{"tenantId":"${'x'.repeat(7_900)}"}`,
    ]) {
      await change('SELECT pg_notify($1, $2)', 'tenantry_access', payload);
      for (const each of replicas()) expect(await seen(each, who)).toBe('MEMBER');
    }
    await untilCached(who);
    await change("UPDATE memberships SET role = 'viewer' WHERE user_id = $1", who.userId);
    await expectEverywhere(who, 'VIEWER');
    expect(harm()).toEqual(before);
  });
});

describe('when the listening connection is killed', () => {
  const LISTENERS =
    "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tenantry listener'";

  /** Kills them, and waits until the servers know. */
  const killListeners = async () => {
    await change(`SELECT pg_terminate_backend(pid) ${LISTENERS}`);
    await until('they have ended', async () => (await change(`SELECT ${LISTENERS}`)).length === 0);
    await until('the servers know', () => replicas().every(({ services }) => !services.invalidations.isLive));
  };
  const warned = () => replicas().map(({ warnings }) => warnings.length);

  /** Applies to the server's roles, not to the superuser. */
  const limitConnections = (limit: number) =>
    change(`ALTER DATABASE ${server().database.name} CONNECTION LIMIT ${limit}`);

  test('nothing is kept, every request asks the database, and a change is seen at once', async () => {
    const who = await cachedMember('unheard', 'member');
    const before = warned();
    await limitConnections(0);
    try {
      await killListeners();
      for (const [at, each] of replicas().entries()) {
        expect(warned()[at]).toBeGreaterThan(before[at]!);
        expect(each.warnings.at(-1)).toMatch(/^memberships are not cached for now: /);
        expect(each.warnings.at(-1)).not.toContain(new URL(server().database.app).password);
        const count = asked(each);
        for (let request = 1; request <= 3; request++) {
          expect(await seen(each, who)).toBe('MEMBER');
          expect(asked(each)).toBe(count + request);
        }
      }
      await change("UPDATE memberships SET role = 'viewer' WHERE user_id = $1", who.userId);
      expect(await Promise.all(replicas().map((each) => seen(each, who)))).toEqual(['VIEWER', 'VIEWER']);
    } finally {
      await limitConnections(-1);
    }
    await untilCached(who);
  });

  test('it is made again, what changed meanwhile is seen, and what changes from then on', async () => {
    const who = await cachedMember('heard-again', 'member');
    await limitConnections(0);
    try {
      await killListeners();
      await change("UPDATE memberships SET role = 'admin' WHERE user_id = $1", who.userId);
    } finally {
      await limitConnections(-1);
    }
    await untilCached(who);
    expect(await Promise.all(replicas().map((each) => seen(each, who)))).toEqual(['ADMIN', 'ADMIN']);
    await change('DELETE FROM memberships WHERE user_id = $1', who.userId);
    await expectEverywhere(who, 'FORBIDDEN');
  });
});

describe('the listener', () => {
  test('knows within two seconds that a connection was lost without a sound, and hears again afterwards', async () => {
    const { database } = server();
    const proxy = await startTcpProxy(database.app);
    const changes: (AccessChange | undefined)[] = [];
    const problems: string[] = [];
    const invalidations = listenForAccessChanges(proxy.through(database.app), (problem) =>
      problems.push(problem),
    );
    invalidations.onChange((each) => changes.push(each));
    try {
      await expect.poll(() => invalidations.isLive, RECONNECTED).toBe(true);
      // When the listener connects, it reports one change of everything; on a busy machine, again when it is late.
      expect(new Set(changes.splice(0))).toEqual(new Set([undefined]));
      problems.length = 0;
      proxy.silence();
      await expect.poll(() => invalidations.isLive, { timeout: 10_000, interval: 20 }).toBe(false);
      expect(changes).toEqual([undefined]);
      expect(problems).toHaveLength(1);
      proxy.restore();
      await expect.poll(() => invalidations.isLive, RECONNECTED).toBe(true);
      await change('SELECT pg_notify($1, $2)', 'tenantry_access', '{"tenantId":"t","userId":"u"}');
      await expect.poll(() => changes, SOON).toContainEqual({ tenantId: 't', userId: 'u' });
    } finally {
      await invalidations.close();
      await proxy.close();
    }
  });

  test('does not take the pulse of another server for its own', async () => {
    const payloads = ['someone-else 1', ' 1', ''];
    const changes: unknown[] = [];
    const invalidations = listenForAccessChanges(server().database.app, () => undefined);
    invalidations.onChange((each) => changes.push(each));
    try {
      await expect.poll(() => invalidations.isLive, RECONNECTED).toBe(true);
      for (const payload of payloads) await change('SELECT pg_notify($1, $2)', 'tenantry_pulse', payload);
      await change('SELECT pg_notify($1, $2)', 'tenantry_access', '{"tenantId":"last"}');
      await expect.poll(() => changes, SOON).toContainEqual({ tenantId: 'last' });
      expect(changes.filter((each) => each !== undefined)).toEqual([{ tenantId: 'last' }]);
      await expect.poll(() => invalidations.isLive, RECONNECTED).toBe(true);
    } finally {
      await invalidations.close();
    }
  });

  test('complains once, however often connecting fails, and without the password', async () => {
    const attempts = vi.spyOn(pg.Client.prototype, 'connect');
    const problems: string[] = [];
    const url = 'postgresql://tenantry_app:hunter2@127.0.0.1:9/none';
    const invalidations = listenForAccessChanges(url, (problem) => problems.push(problem));
    const failed = () =>
      attempts.mock.results.filter(({ type }, at) => type === 'return' && isFor(attempts.mock.contexts[at]))
        .length;
    const isFor = (client: unknown) => client instanceof pg.Client && client.port === 9;
    try {
      await expect.poll(failed, RECONNECTED).toBeGreaterThanOrEqual(3);
      expect(problems).toHaveLength(1);
      expect(problems[0]).not.toContain('hunter2');
      expect(invalidations.isLive).toBe(false);
    } finally {
      await invalidations.close();
      attempts.mockRestore();
    }
  });

  test('ends in order although it was never connected', async () => {
    const invalidations = listenForAccessChanges(
      'postgresql://nobody:nothing@127.0.0.1:9/none',
      () => undefined,
    );
    expect(invalidations.isLive).toBe(false);
    await invalidations.close();
    expect(invalidations.isLive).toBe(false);
  });
});
