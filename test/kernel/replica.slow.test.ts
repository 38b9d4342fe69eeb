/**
 * Proves, with a streaming replica, what docs/replicas.md promises: which reads it answers, that callers see their own
 * writes, that nothing is older than allowed, that rows stay with their tenant there, and that a replica which is away, behind
 * or silent costs no request.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestDatabase } from '../support/database.js';
import { withoutDebianPostgres } from '../support/debian-postgres.js';
import { connected, contextOf } from '../support/demo-tenants.js';
import { startReplicated, type ReplicatedDatabase } from '../support/replicated.js';
import { startTestServer, type TestClient, type TestServer } from '../support/server.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';
import { LIMITS } from '../../src/create-services.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import { createSign } from '../../src/kernel/database/context-signature.js';
import { PipeliningClient } from '../../src/kernel/driver/pipelining-client.js';
import { Placements } from '../../src/kernel/driver/placements.js';
import { Replica } from '../../src/kernel/replica/replica.js';
import { Freshness } from '../../src/kernel/request/freshness.js';

const LONG_MS = 60_000;

describe.skipIf(withoutDebianPostgres())('a streaming replica', { timeout: 300_000 }, () => {
  let both: ReplicatedDatabase;
  let server: TestServer;
  let owner: TestClient;
  let member: TestClient;

  const start = (env: Record<string, string> = {}): Promise<TestServer> =>
    startTestServer({
      database: both.database,
      env: {
        DATABASE_URL: both.database.app,
        DATABASE_REPLICA_URL: both.replicaUrl,
        // A busy machine must not part them: tests say when the replica is behind.
        DATABASE_REPLICA_MAX_LAG_MS: String(LONG_MS),
        REQUEST_TIMEOUT_MS: '60000',
        ...env,
      },
    });
  const stateOf = ({ services }: TestServer) => services.database.replica!.state;
  const nameSeenBy = async (client: Pick<TestClient, 'query'>) => {
    const { data, errors } = await client.query<{ tenant: { name: string } }>('{ tenant { name } }');
    expect(errors).toEqual([]);
    return data.tenant.name;
  };
  const rename = async (client: TestClient, name: string) => {
    const answer = await client.query(
      'mutation ($name: String!) { updateTenant(input: { name: $name }) { tenant { name } } }',
      { name },
    );
    expect(answer.errors).toEqual([]);
    return answer.headers.get('read-after') ?? undefined;
  };
  /** Repeats a read until the replica answers it. */
  const readsAtReplica = (of: TestServer, client: Pick<TestClient, 'query'>) =>
    until('the replica answers', async () => {
      const before = stateOf(of).answered;
      await nameSeenBy(client);
      return stateOf(of).answered > before;
    });

  beforeAll(async () => {
    both = await startReplicated();
    server = await start();
    owner = await server.as('owner', 'acme');
    member = await server.as('member', 'acme');
  }, 300_000);
  afterAll(async () => {
    await server.close();
    await both.stop();
  });

  test('answers queries whose fields are declared, and no others', async () => {
    await readsAtReplica(server, owner);
    const { answered, failed } = stateOf(server);
    for (const query of [
      '{ jobs(first: 1) { nodes { id } } }',
      '{ tenant { name } jobs(first: 1) { nodes { id } } }',
      '{ ...all } fragment all on Query { me { user { id } } invitations(first: 1) { nodes { id } } }',
    ]) {
      await owner.query(query);
    }
    expect(stateOf(server)).toMatchObject({ answered, failed });
    await until('a declared field in a fragment is answered there', async () => {
      const { errors } = await owner.query(
        '{ ...all } fragment all on Query { members(first: 2) { totalCount } }',
      );
      expect(errors).toEqual([]);
      return stateOf(server).answered > answered;
    });
  });

  test('a caller sees its own writes, while others see what the replica has', async () => {
    await readsAtReplica(server, member);
    await rename(owner, 'Before the pause');
    await until('the replica has it', async () => (await nameSeenBy(member)) === 'Before the pause');
    await both.whilePaused(async () => {
      await rename(owner, 'In the pause');
      const { answered } = stateOf(server);
      for (let times = 0; times < 5; times++) expect(await nameSeenBy(owner)).toBe('In the pause');
      expect(stateOf(server).answered).toBe(answered);
      await until('others read the replica', async () => (await nameSeenBy(member)) === 'Before the pause');
    });
    await readsAtReplica(server, owner);
    expect(await nameSeenBy(owner)).toBe('In the pause');
  });

  test('at another server a caller sees its writes with the header of the answer', async () => {
    const other = await start();
    try {
      await readsAtReplica(other, await other.as('member', 'acme'));
      await rename(owner, 'Known everywhere');
      const here = other.withHeaders({ authorization: `Bearer ${owner.token}` });
      await until('the replica has it', async () => (await nameSeenBy(here)) === 'Known everywhere');
      await both.whilePaused(async () => {
        const readAfter = await rename(owner, 'Known at one');
        expect(readAfter).toMatch(/^1\./);
        await until('it reads the replica', async () => (await nameSeenBy(here)) === 'Known everywhere');
        const at = (header: string) =>
          other.withHeaders({ authorization: `Bearer ${owner.token}`, 'read-after': header });
        expect(await nameSeenBy(at(readAfter!))).toBe('Known at one');
        // What cannot be read asks for everything.
        for (const wrong of ['0/0', readAfter!.slice(0, -4), 'x'.repeat(5_000)]) {
          expect(await nameSeenBy(at(wrong))).toBe('Known at one');
        }
      });
    } finally {
      await other.close();
    }
  });

  test('nothing is older than allowed', async () => {
    const strict = await start({ DATABASE_REPLICA_MAX_LAG_MS: '500' });
    try {
      const reader = await strict.as('member', 'acme');
      await rename(owner, 'Old');
      await until('it is read', async () => (await nameSeenBy(reader)) === 'Old');
      await both.whilePaused(async () => {
        await rename(owner, 'New');
        const writtenAt = performance.now();
        await until('it is read', async () => {
          const askedAt = performance.now();
          const name = await nameSeenBy(reader);
          // Whatever is asked half a second later is newer.
          if (askedAt - writtenAt > 500) expect(name).toBe('New');
          return name === 'New' && askedAt - writtenAt > 500;
        });
      });
    } finally {
      await strict.close();
    }
  });

  test('rows stay with their tenant there, by row-level security alone', async () => {
    const database = openTestDatabase({
      url: both.database.app,
      poolSize: 2,
      limits: LIMITS,
      contextKey: both.database.contextKey,
      replica: { url: both.replicaUrl, maxLagMs: LONG_MS, onChange: () => undefined },
    });
    try {
      const acme = contextOf(await both.database.tenantId('acme'));
      const globex = await both.database.tenantId('globex');
      const count = Prisma.sql`SELECT count(*) FILTER (WHERE tenant_id = ${globex}::uuid)::int AS theirs, count(*)::int AS ours FROM memberships`;
      const read = async () => {
        const freshness = new Freshness(acme.actor);
        freshness.allowLag();
        const client = database.forTenant({ ...acme, freshness });
        const [row] = await client.$queryRaw<{ theirs: number; ours: number }>(count);
        expect(row!.theirs).toBe(0);
        expect(row!.ours).toBeGreaterThan(0);
        // A write of the same request ends it.
        await client.$executeRaw(Prisma.sql`SELECT 1`);
        expect(freshness.mayLag).toBe(false);
      };
      await until('the replica answers', async () => {
        await read();
        return database.replica!.state.answered > 0;
      });
    } finally {
      await database.close();
    }
  });

  test('each connection is asked for its position, whatever was heard of the replica before', async () => {
    const second = await both.startReplica();
    const { app, contextKey } = both.database;
    // Two replicas behind one name: one is watched, and the reads arrive at the other.
    const pool = new pg.Pool({ connectionString: second.urlOf(app), max: 1, Client: PipeliningClient });
    pool.on('error', () => undefined);
    const replica = new Replica({
      pool,
      url: both.replicaUrl,
      primaryUrl: app,
      poolSize: 1,
      perTenant: 1,
      maxLagMs: LONG_MS,
      onChange: () => undefined,
      sign: createSign(contextKey),
      placements: new Placements(),
      statementName: () => '',
      placedStatementName: () => '',
      statementTimeout: 10_000,
    });
    try {
      const asked: string[] = [];
      const send = replica.inFrontOf(async () => void asked.push('primary'));
      const { actor, ...acme } = contextOf(await both.database.tenantId('acme'));
      const read = async (after = 0n) => {
        const freshness = new Freshness(actor, after);
        freshness.allowLag();
        await send({ ...acme, actor, freshness }, 'read', [{ text: 'SELECT 1 AS one', values: [] }], {
          bound: () => undefined,
          answered: () => void asked.push('replica'),
        });
        return asked.at(-1);
      };
      await until('the replica is read', async () => (await read()) === 'replica');
      await connected(second.urlOf(both.database.superuser), (client) =>
        client.query('SELECT pg_wal_replay_pause()'),
      );
      await rename(owner, 'Only at one replica');
      const after = await replica.position();
      const { failed } = replica.state;
      await until('the replica that is watched has it', async () => {
        expect(await read(after)).toBe('primary');
        return replica.state.failed > failed;
      });
    } finally {
      await replica.close();
      await second.stop();
    }
  });

  test('killed and started again under load, it costs no request', async () => {
    await readsAtReplica(server, owner);
    let isOver = false;
    const wrong: unknown[] = [];
    const load = Promise.all(
      Array.from({ length: 6 }, async (_, n) => {
        const client = n % 2 ? owner : member;
        while (!isOver) {
          const { status, errors } = await client.query(
            '{ tenant { name } members(first: 5) { totalCount } }',
          );
          if (status !== 200 || errors.length > 0) wrong.push(status, errors);
        }
      }),
    );
    try {
      for (let times = 0; times < 2; times++) {
        await both.replica.kill();
        await until('the server knows', () => stateOf(server).lagMs === undefined);
        const { answered } = stateOf(server);
        await rename(owner, `Without a replica ${String(times)}`);
        expect(await nameSeenBy(owner)).toBe(`Without a replica ${String(times)}`);
        expect(stateOf(server).answered).toBe(answered);
        await both.replica.start();
        await until('it is read again', () => stateOf(server).answered > answered + 10);
      }
    } finally {
      isOver = true;
      await load;
    }
    expect(wrong).toEqual([]);
    expect(server.warnings).toContain('the replica is read');
    expect(server.warnings.join('\n')).toContain('the replica is not read, and the primary answers');
  });

  test('one that answers nothing any more costs no request', async () => {
    const proxy = await startTcpProxy(both.replicaUrl);
    const far = await start({ DATABASE_REPLICA_URL: proxy.through(both.replicaUrl) });
    try {
      const reader = await far.as('owner', 'acme');
      await readsAtReplica(far, reader);
      const { answered } = stateOf(far);
      proxy.silence();
      const name = await nameSeenBy(owner);
      expect(await Promise.all([1, 2, 3].map(() => nameSeenBy(reader)))).toEqual([name, name, name]);
      expect(stateOf(far).answered).toBe(answered);
      await until('the server knows', () => stateOf(far).lagMs === undefined);
      proxy.restore();
      await readsAtReplica(far, reader);
    } finally {
      await far.close();
      await proxy.close();
    }
  });

  test.each([
    ['the primary itself', () => both.database.app, 'it takes writes itself'],
    [
      'another database of the replica',
      () => both.replicaUrl.replace(/\/tenantry$/, '/postgres'),
      'its URL names another database or role',
    ],
    [
      'another role, which sees all rows',
      () => both.replica.urlOf(both.database.superuser),
      'its URL names another database or role',
    ],
  ])('%s is never read', async (_what, url, reason) => {
    const mistaken = await start({ DATABASE_REPLICA_URL: url() });
    try {
      await until('the server says so', () => mistaken.warnings.join('\n').includes(reason));
      await nameSeenBy(await mistaken.as('owner', 'acme'));
      expect(stateOf(mistaken)).toEqual({ answered: 0, failed: 0, lagMs: undefined });
    } finally {
      await mistaken.close();
    }
  });
});
