/**
 * Proves what three server processes do together, through PgBouncer in transaction mode and with Redis: they share limits, know
 * of removed access, take jobs fairly, and are replaced under load, also across a migration, without one failed request.
 */
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { issueToken } from '../../src/kernel/auth/issue-token.js';
import { applyMigrations } from '../../src/kernel/database/migration/migrations.js';
import { ask } from '../support/limited.js';
import { useOwnDatabases } from '../support/own-databases.js';
import { withoutPgBouncer } from '../support/pgbouncer.js';
import { tenantWithPlan, usePlansFile } from '../support/plans.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { TEST_SECRET } from '../support/server.js';
import { startLoad, useSeveralServers } from '../support/several-servers.js';
import { until } from '../support/until.js';

const PATIENCE_MS = 120_000;
const COUNT = 3;
const MOST = 30;

describe.skipIf(withoutPgBouncer())('three servers', { timeout: 600_000 }, () => {
  const PLANS_FILE = usePlansFile(
    { name: 'free' },
    { name: 'single', requests: { tenant: 100 * MOST, actor: MOST, windowSeconds: 3_600 } },
  );
  const several = useSeveralServers(COUNT, {
    PLANS_FILE,
    JOB_SLOTS: '1',
    OUTGOING_ALLOWED_HOSTS: '127.0.0.1',
  });
  const { database, balancer, servers } = several;
  const databases = useOwnDatabases();
  const serverOf = (n: number) => servers()[n % COUNT]!;
  const answerOf = async (n: number, token: string, query: string) => {
    const answer = await ask(serverOf(n), { token, query });
    expect(answer).toMatchObject({ status: 200, code: undefined });
    return answer.data!;
  };

  test('admit the requests of one budget, and not one more', async () => {
    let answers: Awaited<ReturnType<typeof ask>>[] = [];
    await until('no server is too busy to answer in time', async () => {
      const { owner } = await tenantWithPlan(database(), 'single');
      answers = await Promise.all(
        Array.from({ length: 2 * MOST }, (_, n) => ask(serverOf(n), { token: owner })),
      );
      return answers.every(({ status }) => status !== 503);
    });
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(MOST);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(MOST);
  });

  test('refuse a member whom one of them has removed', async () => {
    const { slug, owner, member } = await tenantWithPlan(database(), 'free');
    const members = '{ members(first: 10) { nodes { id role } } }';
    // All of them remember the member from now on.
    for (let n = 0; n < COUNT; n++) await answerOf(n, member, '{ me { role } }');
    const { nodes } = (await answerOf(0, owner, members))['members'] as {
      nodes: { id: string; role: string }[];
    };
    const { id } = nodes.find(({ role }) => role === 'MEMBER')!;
    await answerOf(0, owner, `mutation { removeMember(input: { id: "${id}" }) { deletedId } }`);
    for (let n = 0; n < COUNT; n++) {
      const refused = async () => (await ask(serverOf(n), { token: member })).status !== 200;
      await until(`server ${String(n)} refuses ${slug}`, refused);
      expect(await refused()).toBe(true);
    }
  });

  describe('with a receiver that answers when it is told to', () => {
    const waiting: ServerResponse[] = [];
    let receiver: Receiver;
    beforeAll(async () => {
      receiver = await startReceiver((_request, response) => void waiting.push(response));
    });
    afterAll(() => receiver.close());
    const arrived = (slug: string) => receiver.received.filter(({ path }) => path === `/${slug}`).length;

    test('begin the one job of a tenant while others have many', async () => {
      const tenants = await Promise.all([1, 2, 3].map(() => tenantWithPlan(database(), 'free')));
      const [quiet, ...busy] = tenants as [(typeof tenants)[0], ...typeof tenants];
      for (const { slug, owner } of tenants) {
        const input = `{ url: "${receiver.url}/${slug}", events: ["tenant.updated"] }`;
        await answerOf(0, owner, `mutation { createWebhook(input: ${input}) { webhook { id } } }`);
      }
      const happen = (n: number, token: string) =>
        answerOf(
          n,
          token,
          `mutation { updateTenant(input: { name: "Name ${String(n)}" }) { tenant { id } } }`,
        );
      // All servers together send at most two messages of one tenant at a time.
      const many = 10;
      for (let n = 0; n < many; n++) await Promise.all(busy.map(({ owner }) => happen(n, owner)));
      const ofBusy = () => busy.reduce((sum, { slug }) => sum + arrived(slug), 0);
      await until('every server is busy', () => waiting.length >= COUNT, PATIENCE_MS);
      await happen(0, quiet.owner);
      while (arrived(quiet.slug) === 0) {
        expect(ofBusy()).toBeLessThan(many);
        await until('a message waits', () => waiting.length > 0, PATIENCE_MS);
        const before = receiver.received.length;
        waiting.shift()!.writeHead(204).end();
        await until('the next one arrives', () => receiver.received.length > before, PATIENCE_MS);
      }
      const end = setInterval(() => {
        for (const response of waiting.splice(0)) response.writeHead(204).end();
      }, 10);
      await until('all messages have arrived', () => ofBusy() >= many * busy.length, PATIENCE_MS).finally(
        () => clearInterval(end),
      );
    });
  });

  test('are replaced one after the other, and across a migration, without a failed request', async () => {
    const { name, superuser } = database();
    const slug = 'acme';
    const token = issueToken(
      { tenantId: slug, userId: `demo|${slug}|owner`, email: `owner@${slug}.test` },
      { secret: TEST_SECRET, issuer: 'tenantry', audience: 'tenantry' },
      3_600,
    );
    let names = 0;
    const read = () => '{ tenant { slug name } members(first: 5) { totalCount } }';
    // One client writes. Several would wait for each other's row.
    const write = () =>
      `mutation { updateTenant(input: { name: "Name ${String(names++)}" }) { tenant { id } } }`;
    const load = startLoad(balancer().url, token, [write, read, read, read]);
    const more = async (what: string) => {
      const before = load.good;
      await until(what, () => load.good > before + 30 || load.bad.length > 0, PATIENCE_MS);
      expect(load.bad, several.complaints()).toEqual([]);
    };
    try {
      await more('requests are answered');
      await several.replaceOldest();
      await more('requests are answered by the others');
      const prisma = await databases.prismaWith(
        '29990101000000_newer',
        `ALTER TABLE tenants ADD COLUMN newer text; ALTER TABLE memberships ADD COLUMN newer text NOT NULL DEFAULT 'new'`,
      );
      expect(await applyMigrations(superuser, prisma)).toEqual(['29990101000000_newer']);
      await more('requests are answered by the older version');
      for (let each = 0; each < COUNT; each++) {
        await several.replaceOldest();
        await more('requests are answered after the migration');
      }
    } finally {
      await load.end();
    }
    expect(load.bad, several.complaints()).toEqual([]);
    // A server that closed its connections too early would call that the same. On a busy machine, connecting takes too long.
    const lost = several.complaints().split('\n');
    expect(
      lost.filter((each) => each.includes('connection_lost') && !each.includes('connection timeout')),
    ).toEqual([]);
    const [row] = await database().asSuperuser<{ name: string }>('SELECT name FROM tenants WHERE slug = $1', [
      slug,
    ]);
    expect(row, name).toEqual({ name: `Name ${String(names - 1)}` });
  });
});
