/**
 * Starting, stopping and commanding the real thing, as processes of their own. Proves that `npm start` needs nothing
 * but Node, that a database of one's own is set up or refused in one sentence, that a configuration which would be
 * unsafe does not start, that a signal loses no request, and that commands keep their exit codes and their stdout.
 */
import { randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { readConfig } from '../../src/kernel/config/config.js';
import { findEmbedded, startEmbedded, type EmbeddedDatabase } from '@tenantry/embedded-postgres';
import { withDatabase as onDatabase } from '../../src/kernel/database/owner-connection.js';
import { prepareDatabase } from '../../src/kernel/database/preparation/prepare.js';
import { explain } from '../../src/explain.js';
import { endChildrenAfterAll, runChild, startChild, type Ended } from '../support/child.js';
import { useDatabase } from '../support/database.js';
import {
  askServer,
  makeDataFolder,
  removeDataFolder,
  startServer,
  tenantry,
  type RunningServer,
} from '../support/running-server.js';
import { TEST_SECRET } from '../support/server.js';
import { until } from '../support/until.js';

endChildrenAfterAll();

const start = (env: Readonly<Record<string, string>>) => runChild('src/main.ts', [], { PORT: '0', ...env });

/** The process failed, and said why in one sentence: no stack, no data on stdout, none of these secrets. */
function expectSentence(ended: Ended, sentence: RegExp, ...secrets: readonly string[]): void {
  expect(ended).toMatchObject({ code: 1, signal: null, stdout: '' });
  expect(ended.stderr).toMatch(sentence);
  expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1);
  for (const secret of secrets) expect(ended.stderr).not.toContain(secret);
}

const ME = '{ me { role tenant { slug } } }';

/** Runs `work` while the row of acme is locked by a transaction of somebody else. */
async function whileLocked(
  url: string,
  work: (release: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const holder = new pg.Client({ connectionString: url });
  // When the database is stopped under it, the next statement says so.
  holder.on('error', () => undefined);
  await holder.connect();
  try {
    await holder.query('BEGIN');
    await holder.query("SELECT FROM tenants WHERE slug = 'acme' FOR UPDATE");
    await work(async () => {
      await holder.query('COMMIT');
    });
  } finally {
    await holder.end();
  }
}

/** The answer to a mutation, to come: it waits for the lock. */
async function waitingMutation(
  server: RunningServer,
  superuser: string,
  token: string,
  name: string,
): Promise<{ readonly answer: ReturnType<typeof askServer> }> {
  const answer = askServer(
    server.url,
    token,
    `mutation { updateTenant(input: { name: "${name}" }) { tenant { name } } }`,
  );
  answer.catch(() => undefined);
  const client = new pg.Client({ connectionString: superuser });
  await client.connect();
  const waiting = async () => {
    const { rowCount } = await client.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    return rowCount;
  };
  await until('a mutation waits for the lock', async () => (await waiting()) === 1);
  await client.end();
  return { answer };
}

const isListening = (server: RunningServer) =>
  fetch(`${server.url}/healthz`).then(
    () => true,
    () => false,
  );

const untilDraining = (server: RunningServer) =>
  until('the server accepts no connection', async () => !(await isListening(server)));

describe.concurrent('npm start on a machine with only Node', { timeout: 150_000 }, () => {
  let dataDir: string;
  let first: RunningServer;
  let bearer: string;
  const env = () => ({ TENANTRY_DATA_DIR: dataDir });

  beforeAll(async () => {
    dataDir = await makeDataFolder();
  });
  afterAll(async () => {
    await removeDataFolder(dataDir);
  });

  test(
    'creates a database, and prints tokens of the demo users that work',
    { concurrent: false },
    async () => {
      first = await startServer(env());
      bearer = first.tokens['owner@acme.test'] ?? '';
      const answers = await Promise.all(
        ['owner@acme.test', 'viewer@acme.test', 'member@globex.test'].map((email) =>
          askServer(first.url, first.tokens[email] ?? '', ME),
        ),
      );
      expect(answers.map(({ data }) => data)).toEqual([
        { me: { role: 'OWNER', tenant: { slug: 'acme' } } },
        { me: { role: 'VIEWER', tenant: { slug: 'acme' } } },
        { me: { role: 'MEMBER', tenant: { slug: 'globex' } } },
      ]);
    },
  );

  test('has nothing to complain of', { concurrent: false }, () => {
    expect(first.stderr).toBe('');
  });

  test('serves the health checks, the metrics and the page to try it', { concurrent: false }, async () => {
    for (const path of ['/healthz', '/readyz', '/metrics', '/graphiql']) {
      expect((await fetch(first.url + path)).status).toBe(200);
    }
  });

  test(
    'takes an empty data folder for its own, and closes it and the secret in it to others',
    { concurrent: false },
    async () => {
      // Without this mark the folder keeps the mode it had, and as root its database ends up elsewhere.
      expect(await readdir(dataDir)).toContain('.tenantry-data');
      expect((await stat(join(dataDir, 'jwt-secret'))).mode & 0o077).toBe(0);
    },
  );

  test(
    'for a second time attaches to the same database, and leaves it running when it ends',
    { concurrent: false },
    async () => {
      const second = await startServer(env());
      expect(second.url).not.toBe(first.url);
      expect((await askServer(second.url, bearer, ME)).data).toEqual({
        me: { role: 'OWNER', tenant: { slug: 'acme' } },
      });
      expect((await askServer(first.url, second.tokens['viewer@acme.test'] ?? '', ME)).status).toBe(200);
      second.kill('SIGTERM');
      expect(await second.ended).toMatchObject({ code: 0, signal: null });
      expect((await askServer(first.url, bearer, ME)).status).toBe(200);
    },
  );

  test(
    'lets commands find its database: `token` prints a token that works, and nothing else',
    { concurrent: false },
    async () => {
      const { code, stdout, stderr } = await tenantry(
        ['token', '--tenant', 'globex', '--user', 'admin@globex.test'],
        env(),
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
      expect((await askServer(first.url, stdout.trim(), ME)).data).toEqual({
        me: { role: 'ADMIN', tenant: { slug: 'globex' } },
      });
    },
  );

  test('lets `seed` and `migrate` find that there is nothing to do', { concurrent: false }, async () => {
    const [seeded, migrated] = await Promise.all([tenantry(['seed'], env()), tenantry(['migrate'], env())]);
    expect(seeded).toMatchObject({ code: 0, stdout: '', stderr: 'The demo tenants exist already.\n' });
    expect(migrated).toMatchObject({ code: 0, stdout: '', stderr: 'Nothing to apply.\n' });
  });

  test(
    'ends upon SIGTERM when the request under way is answered, and its database with it',
    { concurrent: false },
    async () => {
      const { superuser } = (await findEmbedded(dataDir)) ?? { superuser: '' };
      await whileLocked(superuser, async (release) => {
        const { answer } = await waitingMutation(first, superuser, bearer, 'Saved at the last moment');
        first.kill('SIGTERM');
        await untilDraining(first);
        await release();
        expect(await answer).toMatchObject({
          status: 200,
          data: { updateTenant: { tenant: { name: 'Saved at the last moment' } } },
        });
      });
      expect(await first.ended).toMatchObject({ code: 0, signal: null });
      expect(await findEmbedded(dataDir)).toBeUndefined();
    },
  );

  test('leaves no database to commands when it has ended', { concurrent: false }, async () => {
    expectSentence(
      await tenantry(['token', '--tenant', 'acme', '--user', 'owner@acme.test'], env()),
      /npm start/,
    );
  });

  test(
    'on a port in use says so in one sentence, and stops the database it has started',
    { concurrent: false },
    async () => {
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(0, 'localhost', resolve));
      const address = other.address();
      const port = typeof address === 'object' && address !== null ? String(address.port) : '';
      try {
        const ended = await start({ ...env(), PORT: port, LOG_LEVEL: 'warn' });
        expectSentence(ended, new RegExp(`^Port ${port} is in use`));
      } finally {
        other.close();
      }
      expect(await findEmbedded(dataDir)).toBeUndefined();
    },
  );

  test(
    'again finds its data and honours its tokens, and ends in order upon Ctrl-C, which all its processes get',
    { concurrent: false },
    async () => {
      const again = await startServer(env());
      expect((await askServer(again.url, bearer, '{ tenant { name } }')).data).toEqual({
        tenant: { name: 'Saved at the last moment' },
      });
      const { superuser } = (await findEmbedded(dataDir)) ?? { superuser: '' };
      await whileLocked(superuser, async (release) => {
        const { answer } = await waitingMutation(again, superuser, bearer, 'Saved upon Ctrl-C');
        again.interrupt();
        await untilDraining(again);
        await release();
        expect(await answer).toMatchObject({
          status: 200,
          data: { updateTenant: { tenant: { name: 'Saved upon Ctrl-C' } } },
        });
      });
      expect(await again.ended).toMatchObject({ code: 0, signal: null });
      expect(await findEmbedded(dataDir)).toBeUndefined();
    },
  );
});

describe.concurrent('two first starts at the same moment', { timeout: 150_000 }, () => {
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await makeDataFolder();
  });
  afterAll(async () => {
    await removeDataFolder(dataDir);
  });

  test('share one database and both serve', async () => {
    const both = await Promise.all([0, 1].map(() => startServer({ TENANTRY_DATA_DIR: dataDir })));
    for (const { url, tokens } of both) {
      expect((await askServer(url, tokens['viewer@acme.test'] ?? '', ME)).status).toBe(200);
      expect((await askServer(url, tokens['member@globex.test'] ?? '', ME)).status).toBe(200);
    }
    for (const each of both) each.kill('SIGTERM');
    for (const each of both) expect(await each.ended).toMatchObject({ code: 0, signal: null });
    expect(await findEmbedded(dataDir)).toBeUndefined();
  });
});

describe.concurrent('a database of one’s own', { timeout: 150_000 }, () => {
  let folder: string;
  let bare: EmbeddedDatabase;
  const urls = (database: string) => ({
    DATABASE_URL: onDatabase(bare.app, database),
    DATABASE_OWNER_URL: onDatabase(bare.superuser, database),
    DATABASE_OPERATOR_URL: onDatabase(bare.operator, database),
    TENANTRY_DATA_DIR: join(folder, 'unused'),
    JWT_SECRET: TEST_SECRET,
  });
  const passwords = () =>
    [bare.superuser, bare.owner, bare.app, bare.operator].map((url) => new URL(url).password);

  async function ask<Row extends pg.QueryResultRow>(database: string, sql: string): Promise<Row[]> {
    const client = new pg.Client({ connectionString: onDatabase(bare.superuser, database) });
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  beforeAll(async () => {
    folder = await makeDataFolder();
    bare = await startEmbedded(folder, { durable: false });
  });
  afterAll(async () => {
    await bare.stop();
    await removeDataFolder(folder);
  });

  test(
    'is created, gets its roles and tables, is served, and is not seeded',
    { concurrent: false },
    async () => {
      expect(await ask('postgres', "SELECT FROM pg_roles WHERE rolname LIKE 'tenantry%'")).toEqual([]);
      const server = await startServer(urls('fresh'));
      expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
      expect(server.tokens).toEqual({});
      expect(await ask('fresh', 'SELECT FROM tenants')).toEqual([]);
      expect(
        await ask(
          'postgres',
          "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname LIKE 'tenantry%' ORDER BY rolname",
        ),
      ).toEqual([
        { rolname: 'tenantry_app', rolsuper: false, rolbypassrls: false },
        { rolname: 'tenantry_operator', rolsuper: false, rolbypassrls: true },
        { rolname: 'tenantry_owner', rolsuper: false, rolbypassrls: false },
      ]);
      expect(
        await ask(
          'fresh',
          "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'fresh' AND application_name LIKE 'tenantry%'",
        ),
      ).toEqual([{ usename: 'tenantry_app' }]);
      server.kill('SIGTERM');
      const { code, stdout, stderr } = await server.ended;
      expect(code).toBe(0);
      for (const password of passwords()) expect(stdout + stderr).not.toContain(password);
    },
  );

  test(
    'without migrations and without an owner’s URL is refused in one sentence, which says what to do',
    { concurrent: false },
    async () => {
      await ask('postgres', 'CREATE DATABASE unmigrated');
      const { DATABASE_URL } = urls('unmigrated');
      expectSentence(
        await start({ DATABASE_URL, JWT_SECRET: TEST_SECRET }),
        /migrate.*DATABASE_OWNER_URL/,
        ...passwords(),
      );
    },
  );

  test(
    'is migrated by `migrate`, and seeded by `seed`: each does its work once, and is harmless after that',
    { concurrent: false },
    async () => {
      const env = urls('by_command');
      const migrated = await tenantry(['migrate'], env);
      expect(migrated).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(/^Applied \d+\.\n$/) as string,
      });
      expect(migrated.stdout).toMatch(/^(\d{14}_\w+\n)+$/);
      const seeded = await tenantry(['seed'], env);
      expect(seeded).toMatchObject({ code: 0, stdout: '', stderr: 'Created acme and globex.\n' });
      const count =
        'SELECT (SELECT count(*) FROM memberships) AS members, (SELECT count(*) FROM audit_log) AS entries';
      const before = await ask('by_command', count);
      const [migratedAgain, seededAgain] = await Promise.all([
        tenantry(['migrate'], env),
        tenantry(['seed'], env),
      ]);
      expect(migratedAgain).toMatchObject({ code: 0, stdout: '', stderr: 'Nothing to apply.\n' });
      expect(seededAgain).toMatchObject({ code: 0, stdout: '', stderr: 'The demo tenants exist already.\n' });
      expect(await ask('by_command', count)).toEqual(before);
    },
  );

  test('is left by `migrate` as soon as that is done', { concurrent: false }, async () => {
    const migrating = startChild('src/cli/main.ts', ['migrate'], urls('left_alone'));
    await migrating.says(/Applied \d+\./);
    let ended = false;
    void migrating.ended.then(() => {
      ended = true;
    });
    await until('the command ends', () => ended);
  });

  test('is not seeded in production', { concurrent: false }, async () => {
    const env = { ...urls('by_command'), NODE_ENV: 'production' };
    expectSentence(await tenantry(['seed'], env), /production/, ...passwords());
  });
});

describe.concurrent('the tenantry command', { timeout: 150_000 }, () => {
  const database = useDatabase();
  const env = () => ({
    DATABASE_URL: database().app,
    DATABASE_OPERATOR_URL: database().operator,
    JWT_SECRET: TEST_SECRET,
  });

  const WRONG_USE: readonly (readonly string[])[] = [
    [],
    ['no-such-command'],
    ['tenant', 'show'],
    ['tenant', 'show', 'acme', 'globex'],
    ['tenant', 'list', '--no-such-option'],
    ['tenant', 'create', 'umbrella', '--name', 'Umbrella'],
    ['token', '--tenant', 'acme', '--user'],
  ];
  test('exits with 2 for wrong use, and says on stderr how it is used', async () => {
    const ended = await Promise.all(
      WRONG_USE.map(async (args) => ({ args, ...(await tenantry(args, env())) })),
    );
    for (const { args, code, stdout, stderr } of ended) {
      expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' });
      expect(stderr).not.toBe('');
      expect(stderr).not.toMatch(/^\s+at /m);
    }
  });

  test('exits with 0 when asked for help, on stdout', async () => {
    const [help, schema] = await Promise.all([tenantry(['--help']), tenantry(['schema'])]);
    expect(help).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('token') as string });
    expect(schema).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('type Query') as string,
    });
  });

  const create = (slug: string) => [
    'tenant',
    'create',
    slug,
    '--name',
    'N',
    '--owner',
    'o',
    '--email',
    'o@n.test',
  ];
  const FAILURES: Readonly<Record<string, readonly string[]>> = {
    'an unknown tenant’s token': ['token', '--tenant', 'umbrella', '--user', 'owner@acme.test'],
    'a stranger’s token': ['token', '--tenant', 'acme', '--user', 'owner@globex.test'],
    'suspending an unknown tenant': ['tenant', 'suspend', 'umbrella'],
    'creating a tenant whose slug is taken': create('acme'),
    'creating a tenant whose slug is no DNS label': create('No_Label'),
    'migrating without an owner’s URL': ['migrate'],
  };
  for (const [what, args] of Object.entries(FAILURES)) {
    test.concurrent(`exits with 1 and one sentence upon ${what}`, async () => {
      expectSentence(
        await tenantry(args, env()),
        /./,
        ...[env().DATABASE_URL, env().DATABASE_OPERATOR_URL].map((url) => new URL(url).password),
      );
    });
  }

  test('exits with 1 and one sentence where there is no database, and leaves nothing behind', async ({
    onTestFinished,
  }) => {
    const folder = await makeDataFolder();
    onTestFinished(() => removeDataFolder(folder));
    const nowhere = { TENANTRY_DATA_DIR: join(folder, 'data') };
    const ended = await Promise.all(
      [
        ['token', '--tenant', 'acme', '--user', 'owner@acme.test'],
        ['seed'],
        ['migrate'],
        ['tenant', 'list'],
      ].map((args) => tenantry(args, nowhere)),
    );
    for (const each of ended) expectSentence(each, /npm start.*DATABASE_URL/);
    expect(await readdir(folder)).toEqual([]);
  });

  test('creates, lists, shows, suspends and resumes tenants, and each change is in the tenant’s audit log', async () => {
    const run = async (...args: string[]): Promise<Record<string, unknown>[]> => {
      const { code, stdout, stderr } = await tenantry(['tenant', ...args], env());
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    const owner = ['--name', 'Hooli', '--owner', 'idp|gavin', '--email', 'gavin@hooli.test'];
    const [created] = await run('create', 'hooli', ...owner);
    expect(created).toMatchObject({ slug: 'hooli', name: 'Hooli', plan: 'free', status: 'active' });
    expect((await run('list')).map(({ slug }) => slug)).toEqual(['acme', 'globex', 'hooli']);
    expect(await run('show', 'hooli')).toEqual([created]);
    expect(await run('suspend', 'hooli')).toEqual([{ ...created, status: 'suspended' }]);
    expect(await run('resume', 'hooli')).toEqual([created]);

    const entries = await database().asSuperuser(
      `SELECT action, entity, actor, actor_type, old_value->>'status' AS before, new_value->>'status' AS after
       FROM audit_log WHERE tenant_id = $1 ORDER BY id`,
      [created?.['id']],
    );
    const operator = { actor: userInfo().username, actor_type: 'operator' };
    expect(entries).toEqual([
      { action: 'tenant.created', entity: 'Tenant', before: null, after: 'active', ...operator },
      { action: 'membership.created', entity: 'Membership', before: null, after: null, ...operator },
      { action: 'tenant.updated', entity: 'Tenant', before: 'active', after: 'suspended', ...operator },
      { action: 'tenant.updated', entity: 'Tenant', before: 'suspended', after: 'active', ...operator },
    ]);
  });
});

describe.concurrent('a second signal', { timeout: 150_000 }, () => {
  const database = useDatabase();

  test('ends the process at once, for those who cannot wait', async () => {
    const env = { DATABASE_URL: database().app, JWT_SECRET: TEST_SECRET };
    const server = await startServer(env);
    await whileLocked(database().superuser, async () => {
      const token = await tenantry(['token', '--tenant', 'acme', '--user', 'owner@acme.test'], env);
      const { answer } = await waitingMutation(server, database().superuser, token.stdout.trim(), 'Lost');
      server.kill('SIGINT');
      await untilDraining(server);
      server.kill('SIGINT');
      expect(await server.ended).toMatchObject({ code: 1 });
      await expect(answer).rejects.toThrow(/socket hang up|ECONNRESET/);
    });
  });
});

/** What `npm start` would say of this environment before it serves anything: the same steps, in this process. */
async function refusal(env: Readonly<Record<string, string>>): Promise<string> {
  try {
    const prepared = await prepareDatabase(readConfig(env));
    await prepared.stop();
  } catch (error) {
    return explain(error);
  }
  throw new Error('what had to be refused was accepted');
}

function changed(url: string, change: (url: URL) => void): string {
  const parsed = new URL(url);
  change(parsed);
  return parsed.toString();
}

describe('a database that cannot be used is refused in one sentence without its password', () => {
  const app = () => inject('postgres').app;
  const passwords = () => [app(), inject('postgres').superuser].map((url) => new URL(url).password);
  const withPassword = (url: string, password: string) =>
    changed(url, (parsed) => {
      parsed.password = password;
    });
  type Case = readonly [env: () => Record<string, string>, sentence: RegExp];
  const IN_EARNEST: Readonly<Record<string, Case>> = {
    'no URL at all': [
      () => ({ DATABASE_URL: 'hunter2' }),
      /^DATABASE_URL must be a URL of the form postgresql:/,
    ],
    'a wrong password': [
      () => ({ DATABASE_URL: withPassword(app(), 'hunter2') }),
      /refused the login "tenantry_app"/,
    ],
    'a server that is not there': [
      () => ({ DATABASE_URL: 'postgresql://tenantry_app:hunter2@127.0.0.1:9/tenantry' }),
      /127\.0\.0\.1:9 cannot be reached/,
    ],
    'the superuser': [
      () => ({ DATABASE_URL: inject('postgres').superuser }),
      /has to name the role tenantry_app/,
    ],
  };
  const CASES: Readonly<Record<string, Case>> = {
    'the URL of something else': [
      () => ({ DATABASE_URL: 'https://tenantry_app:hunter2@127.0.0.1/tenantry' }),
      /^DATABASE_URL must be a URL of the form postgresql:/,
    ],
    'a URL without a database': [
      () => ({ DATABASE_URL: 'postgresql://tenantry_app:hunter2@127.0.0.1:5432' }),
      /^DATABASE_URL must be a URL of the form postgresql:/,
    ],
    'a URL with a badly encoded password': [
      () => ({ DATABASE_URL: 'postgresql://tenantry_app:hunter2%@127.0.0.1:5432/tenantry' }),
      /is not of the form|cannot be reached/,
    ],
    'no password': [
      () => ({ DATABASE_URL: withPassword(app(), '') }),
      /asks for a password for "tenantry_app"/,
    ],
    'a database that is not there': [
      () => ({ DATABASE_URL: onDatabase(app(), 'not_there') }),
      /The database "not_there" does not exist/,
    ],
    'a host that is not there': [
      () => ({ DATABASE_URL: 'postgresql://tenantry_app:hunter2@no-such-host.invalid:5432/tenantry' }),
      /no-such-host\.invalid:5432 cannot be reached/,
    ],
    'the operator': [
      () => ({ DATABASE_URL: inject('postgres').operator }),
      /has to name the role tenantry_app/,
    ],
    'an owner with a wrong password': [
      () => ({
        DATABASE_URL: app(),
        DATABASE_OWNER_URL: withPassword(inject('postgres').superuser, 'hunter2'),
      }),
      /refused the login "postgres"/,
    ],
    'the application as the owner': [
      () => ({ DATABASE_URL: app(), DATABASE_OWNER_URL: app() }),
      /^DATABASE_OWNER_URL has to name/,
    ],
    'the superuser as the operator': [
      () => ({
        DATABASE_URL: app(),
        DATABASE_OWNER_URL: inject('postgres').superuser,
        DATABASE_OPERATOR_URL: inject('postgres').superuser,
      }),
      /^DATABASE_OPERATOR_URL has to name the role tenantry_operator/,
    ],
  };
  for (const [what, [env, sentence]] of Object.entries(IN_EARNEST)) {
    test.concurrent(`by the process: ${what}`, async () => {
      expectSentence(await start({ JWT_SECRET: TEST_SECRET, ...env() }), sentence, 'hunter2', ...passwords());
    });
  }
  for (const [what, [env, sentence]] of Object.entries(CASES)) {
    test.concurrent(what, async () => {
      const said = await refusal({ JWT_SECRET: TEST_SECRET, ...env() });
      expect(said).toMatch(sentence);
      expect(said).not.toContain('\n');
      for (const secret of ['hunter2', ...passwords()]) expect(said).not.toContain(secret);
    });
  }
});

describe('a configuration that is not safe does not start', () => {
  const production = {
    NODE_ENV: 'production',
    DATABASE_URL: 'postgresql://tenantry_app:hunter2@127.0.0.1:9/tenantry',
  };
  type Case = readonly [env: Record<string, string>, sentence: RegExp];
  const development = `development-${randomBytes(32).toString('base64url')}`;
  const IN_EARNEST: Readonly<Record<string, Case>> = {
    'production without DATABASE_URL': [
      { NODE_ENV: 'production', JWT_SECRET: TEST_SECRET },
      /^DATABASE_URL is missing/,
    ],
    'production without JWT_SECRET': [production, /^JWT_SECRET or JWKS_URI is missing/],
    'production with a secret made for development': [
      { ...production, JWT_SECRET: development },
      /^JWT_SECRET looks like a development secret/,
    ],
  };
  const CASES: Readonly<Record<string, Case>> = {
    'production with an empty DATABASE_URL': [
      { NODE_ENV: 'production', DATABASE_URL: '', JWT_SECRET: TEST_SECRET },
      /^DATABASE_URL is missing/,
    ],
    'production with an empty JWT_SECRET': [
      { ...production, JWT_SECRET: '' },
      /^JWT_SECRET or JWKS_URI is missing/,
    ],
    'production with a short secret': [{ ...production, JWT_SECRET: 'hunter2' }, /^JWT_SECRET is too short/],
    'production with a placeholder': [
      { ...production, JWT_SECRET: 'change-me-hunter2-0123456789abcdefghij' },
      /^JWT_SECRET looks like/,
    ],
    'production with a monotonous secret': [
      { ...production, JWT_SECRET: 'ab'.repeat(32) },
      /^JWT_SECRET looks like/,
    ],
    'production with a weak secret beside a JWKS': [
      { ...production, JWT_SECRET: 'hunter2', JWKS_URI: 'https://identity.example/jwks' },
      /^JWT_SECRET is too short/,
    ],
    'an owner’s URL alone': [
      { DATABASE_OWNER_URL: 'postgresql://postgres:hunter2@127.0.0.1:9/tenantry' },
      /^DATABASE_URL is missing/,
    ],
    'a port that is none': [{ PORT: 'hunter2' }, /^PORT must be a port number/],
    'a JWKS_URI that is none': [{ JWKS_URI: 'file:///hunter2' }, /^JWKS_URI must be an http or https URL/],
    'a base domain with a scheme': [
      { BASE_DOMAIN: 'https://hunter2.example' },
      /^BASE_DOMAIN must be a domain name/,
    ],
  };
  for (const [what, [env, sentence]] of Object.entries(IN_EARNEST)) {
    test.concurrent(`by the process: ${what}`, async () => {
      expectSentence(await start(env), sentence, 'hunter2', env['JWT_SECRET'] ?? 'hunter2');
    });
  }
  for (const [what, [env, sentence]] of Object.entries(CASES)) {
    test(what, async () => {
      const said = await refusal(env);
      expect(said).toMatch(sentence);
      expect(said).not.toMatch(/\n|hunter2/);
    });
  }
});
