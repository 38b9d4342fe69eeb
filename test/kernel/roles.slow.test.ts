import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { inspect } from 'node:util';

import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { type EmbeddedDatabase, startEmbedded } from '@tenantry/embedded-postgres';
import {
  MigrationError,
  applyMigrations,
  schemaDrift,
} from '../../src/kernel/database/migration/migrations.js';
import { ensureRoles } from '../../src/kernel/database/preparation/roles.js';

// Roles belong to a whole server, so these tests have their own. TENANTRY_TEST_BARE_POSTGRES, a superuser's URL with a
// password, runs them on another server, for example an older PostgreSQL. Its tenantry_* roles are dropped.
let embedded: EmbeddedDatabase | undefined;
let superuser = process.env['TENANTRY_TEST_BARE_POSTGRES'] ?? '';
let folder = '';

const APP_PASSWORD = 'pässwörd ½ with spaces';
const DATABASE = 'roles_test';

/** The URL of a login on the bare server. */
function as(user: string, password: string, database = DATABASE): string {
  const url = new URL(superuser);
  url.username = user;
  url.password = password;
  url.pathname = `/${database}`;
  return url.href;
}

function superuserOf(database = DATABASE): string {
  const url = new URL(superuser);
  url.pathname = `/${database}`;
  return url.href;
}

async function run<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

const admin = <Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> =>
  run<Row>(superuserOf('postgres'), sql);

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(MigrationError);
  return (error as MigrationError).message;
}

function urls(operator?: string): Parameters<typeof ensureRoles>[0] {
  return { owner: superuserOf(), app: as('tenantry_app', APP_PASSWORD), operator };
}

const OPERATOR = (): string => as('tenantry_operator', 'operate');

async function roleNames(): Promise<string[]> {
  const rows = await admin<{ rolname: string }>(
    "SELECT rolname FROM pg_roles WHERE rolname LIKE 'tenantry%' OR rolname IN ('manager', 'nobody') ORDER BY 1",
  );
  return rows.map(({ rolname }) => rolname);
}

beforeAll(async () => {
  if (superuser !== '') return;
  folder = await mkdtemp(join(tmpdir(), 'tenantry-roles-'));
  embedded = await startEmbedded(join(folder, 'data'), { durable: false });
  superuser = embedded.superuser;
}, 60_000);

afterAll(async () => {
  await embedded?.stop();
  if (folder !== '') await rm(folder, { recursive: true });
});

/** Resets the server to its initial state: without our databases and roles. */
beforeEach(async () => {
  await admin(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`);
  for (const name of await roleNames()) await admin(`DROP OWNED BY ${name}`);
  const names = await roleNames();
  if (names.length > 0) await admin(`DROP ROLE ${names.join(', ')}`);
});

describe('ensureRoles on a bare server', () => {
  it('makes roles, database and rights, so that the migrations apply and the application can log in', async () => {
    await ensureRoles(urls(OPERATOR()));
    expect(await applyMigrations(superuserOf())).not.toEqual([]);
    expect(await schemaDrift(superuserOf())).toBe('');

    const roles = await admin(
      `SELECT rolname, rolcanlogin AS login, rolbypassrls AS bypass, rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication AS strong
       FROM pg_roles WHERE rolname LIKE 'tenantry%' ORDER BY 1`,
    );
    expect(roles).toEqual([
      { rolname: 'tenantry_app', login: true, bypass: false, strong: false },
      { rolname: 'tenantry_operator', login: true, bypass: true, strong: false },
      { rolname: 'tenantry_owner', login: false, bypass: false, strong: false },
    ]);
    // The password is right and the role works in the database: the read fails only because no tenant is bound.
    await expect(run(urls().app, 'SELECT * FROM memberships')).rejects.toThrow('no tenant is bound');
    expect(await run(OPERATOR(), 'SELECT * FROM memberships')).toEqual([]);
    await expect(run(as('tenantry_app', 'wrong'), 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  });

  it('bounds the sessions of the application', async () => {
    await ensureRoles(urls());
    const settings = ['statement_timeout', 'idle_in_transaction_session_timeout', 'lock_timeout', 'jit'];
    const shown = await Promise.all(
      settings.map((name) => run<Record<string, string>>(urls().app, `SHOW ${name}`)),
    );
    expect(shown.map(([row]) => Object.values(row ?? {})[0])).toEqual(['30s', '1min', '10s', 'off']);
  });

  it('gives the sessions of the application and of operators the settings that the code is written for', async () => {
    await ensureRoles(urls(OPERATOR()));
    await admin(`ALTER DATABASE ${DATABASE} SET TimeZone = 'Asia/Kolkata'`);
    await admin(`ALTER DATABASE ${DATABASE} SET default_transaction_read_only = on`);
    for (const url of [urls().app, OPERATOR()]) {
      const [row] = await run(
        url,
        `SELECT current_setting('TimeZone') AS zone, current_setting('DateStyle') AS dates,
                current_setting('search_path') AS path, current_setting('default_transaction_read_only') AS "readOnly"`,
      );
      expect(row).toEqual({ zone: 'UTC', dates: 'ISO, MDY', path: 'public, pg_temp', readOnly: 'off' });
    }
  });

  it('takes temporary tables from everybody but the owner, again whenever somebody has given them back', async () => {
    const mayMake = async (): Promise<unknown> =>
      run(
        superuserOf(),
        `SELECT role, has_database_privilege(role, current_database(), 'TEMPORARY') AS may
         FROM unnest(ARRAY['tenantry_app', 'tenantry_operator', 'tenantry_owner']) AS role ORDER BY role`,
      );
    const expected = [
      { role: 'tenantry_app', may: false },
      { role: 'tenantry_operator', may: false },
      { role: 'tenantry_owner', may: true },
    ];
    await ensureRoles(urls());
    expect(await mayMake()).toEqual(expected);
    await admin(`GRANT TEMPORARY ON DATABASE ${DATABASE} TO PUBLIC, tenantry_app`);
    await ensureRoles(urls());
    expect(await mayMake()).toEqual(expected);
  });

  it('sends no password in clear text', async () => {
    const sent: Buffer[] = [];
    const { hostname, port } = new URL(superuser);
    const proxy = createServer((incoming) => {
      const server = connect(Number(port), hostname);
      incoming.on('data', (bytes) => sent.push(bytes));
      // The client reports a broken connection, so it is ignored here.
      pipeline(incoming, server, incoming, () => undefined);
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    try {
      const owner = new URL(superuserOf());
      owner.host = `127.0.0.1:${String((proxy.address() as AddressInfo).port)}`;
      await ensureRoles({ ...urls(OPERATOR()), owner: owner.href });
    } finally {
      proxy.close();
    }
    const text = Buffer.concat(sent).toString();
    expect(text).toMatch(/CREATE ROLE tenantry_app .* PASSWORD 'SCRAM-SHA-256\$4096:/);
    expect(text).toMatch(/CREATE ROLE tenantry_operator .* PASSWORD 'SCRAM-SHA-256\$4096:/);
    expect(text).not.toContain(APP_PASSWORD);
    expect(text).not.toContain("'operate'");
    await run(urls().app, 'SELECT 1');
  });

  it('is safe when five instances do it at once, and five more in another database', async () => {
    const other = 'roles_test_other';
    const start = async (database: string): Promise<string[]> => {
      const owner = superuserOf(database);
      await ensureRoles({
        owner,
        app: as('tenantry_app', 'a', database),
        operator: as('tenantry_operator', 'o'),
      });
      return applyMigrations(owner);
    };
    try {
      const databases = Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? DATABASE : other));
      const applied = await Promise.all(databases.map(start));
      expect(applied.filter((names) => names.length > 0)).toHaveLength(2);
    } finally {
      await admin(`DROP DATABASE IF EXISTS ${other} WITH (FORCE)`);
    }
  });
});

describe('ensureRoles on a server with roles', () => {
  it('changes neither password nor settings of what exists', async () => {
    await admin(
      "CREATE ROLE tenantry_app LOGIN PASSWORD 'chosen'; ALTER ROLE tenantry_app SET statement_timeout = '5s'",
    );
    await ensureRoles(urls());
    expect(await run(as('tenantry_app', 'chosen'), 'SHOW statement_timeout')).toEqual([
      { statement_timeout: '5s' },
    ]);
    await expect(run(urls().app, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  });

  it('adds the settings that a role lacks, and keeps those that it has', async () => {
    await admin(
      "CREATE ROLE tenantry_app LOGIN PASSWORD 'chosen'; ALTER ROLE tenantry_app SET default_transaction_read_only = on",
    );
    await ensureRoles(urls());
    expect(
      await run(
        as('tenantry_app', 'chosen'),
        `SELECT current_setting('default_transaction_read_only') AS "readOnly", current_setting('TimeZone') AS zone`,
      ),
    ).toEqual([{ readOnly: 'on', zone: 'UTC' }]);
  });

  it('keeps the operator out until it is given a URL', async () => {
    await ensureRoles(urls());
    const operator = "SELECT rolcanlogin, rolbypassrls FROM pg_roles WHERE rolname = 'tenantry_operator'";
    expect(await admin(operator)).toEqual([{ rolcanlogin: false, rolbypassrls: false }]);
    await ensureRoles(urls(OPERATOR()));
    expect(await admin(operator)).toEqual([{ rolcanlogin: true, rolbypassrls: true }]);
    expect(await run(OPERATOR(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it.each([
    ['SUPERUSER', 'is a superuser'],
    ['BYPASSRLS', 'has BYPASSRLS'],
    ['CREATEROLE', 'has CREATEROLE'],
    ['REPLICATION', 'has REPLICATION'],
  ])('refuses an application role with %s', async (attribute, reason) => {
    await admin(`CREATE ROLE tenantry_app LOGIN ${attribute}`);
    const sentence = await refusal(ensureRoles(urls()));
    expect(sentence).toContain(`The role tenantry_app ${reason}`);
    expect(sentence).toContain(`ALTER ROLE tenantry_app NO${attribute};`);
  });

  it('refuses an application role that may become the owner', async () => {
    await admin('CREATE ROLE tenantry_owner; CREATE ROLE tenantry_app LOGIN IN ROLE tenantry_owner');
    expect(await refusal(ensureRoles(urls()))).toContain(
      'REVOKE tenantry_owner, tenantry_operator FROM tenantry_app;',
    );
  });

  it('refuses an operator that cannot work across tenants', async () => {
    await admin('CREATE ROLE tenantry_operator LOGIN');
    expect(await refusal(ensureRoles(urls(OPERATOR())))).toContain('ALTER ROLE tenantry_operator BYPASSRLS;');
  });
});

describe('ensureRoles without a superuser', () => {
  it('needs CREATEROLE and CREATEDB only, and the login acts as the owner afterwards', async () => {
    await admin("CREATE ROLE manager LOGIN CREATEROLE CREATEDB PASSWORD 'm'");
    const owner = as('manager', 'm');
    await ensureRoles({ owner, app: urls().app });
    await ensureRoles({ owner, app: urls().app });
    expect(await applyMigrations(owner)).not.toEqual([]);
    expect(await applyMigrations(owner)).toEqual([]);
    expect(await schemaDrift(owner)).toBe('');
    expect(await admin("SELECT datname FROM pg_database WHERE datname LIKE 'tenantry_shadow%'")).toEqual([]);
    expect(
      await admin(`SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = '${DATABASE}'`),
    ).toEqual([{ owner: 'tenantry_owner' }]);
  });

  it('says what a superuser has to run when it may not make the operator, without the password', async () => {
    await admin("CREATE ROLE manager LOGIN CREATEROLE CREATEDB PASSWORD 'm'");
    const work = ensureRoles({ owner: as('manager', 'm'), app: urls().app, operator: OPERATOR() });
    const error: unknown = await work.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(MigrationError);
    expect((error as MigrationError).message).toMatch(
      /as a superuser, run: CREATE ROLE tenantry_operator LOGIN .* BYPASSRLS PASSWORD '…';$/,
    );
    expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/operate|SCRAM-SHA-256\$/);
  });

  it('works for tenantry_owner itself, where an administrator made the roles and the database', async () => {
    await ensureRoles(urls());
    await admin("ALTER ROLE tenantry_owner LOGIN PASSWORD 'own'");
    const owner = as('tenantry_owner', 'own');
    await ensureRoles({ owner, app: urls().app });
    expect(await applyMigrations(owner)).not.toEqual([]);
    const sentence = await refusal(schemaDrift(owner));
    expect(sentence).toContain('cannot create the scratch database');
    expect(sentence).toContain('ALTER ROLE "tenantry_owner" CREATEDB;');
    await admin('ALTER ROLE tenantry_owner CREATEDB');
    expect(await schemaDrift(owner)).toBe('');
  });

  it('tells a login without rights what is missing', async () => {
    await admin("CREATE ROLE nobody LOGIN PASSWORD 'n'");
    const owner = as('nobody', 'n');
    expect(await refusal(ensureRoles({ owner, app: urls().app }))).toContain(
      'run: CREATE ROLE tenantry_owner',
    );
    await ensureRoles(urls());
    expect(await refusal(ensureRoles({ owner, app: urls().app }))).toMatch(
      /run: GRANT tenantry_owner TO "nobody"/,
    );
    expect(await refusal(applyMigrations(owner))).toMatch(/run: GRANT tenantry_owner TO "nobody";/);
  });

  it('tells the owner what is missing in a database that is not its own', async () => {
    await admin(`CREATE DATABASE ${DATABASE}`);
    await admin(
      "CREATE ROLE tenantry_owner LOGIN PASSWORD 'own'; CREATE ROLE tenantry_app LOGIN; CREATE ROLE tenantry_operator",
    );
    const sentence = await refusal(ensureRoles({ owner: as('tenantry_owner', 'own'), app: urls().app }));
    expect(sentence).toContain('tenantry_owner: CREATE on database');
    expect(sentence).toContain('tenantry_app: no TEMPORARY on database');
    const [, remedy = ''] = /run there: (.*)$/.exec(sentence) ?? [];
    await run(superuserOf(), remedy);
    await ensureRoles({ owner: as('tenantry_owner', 'own'), app: urls().app });
    expect(await applyMigrations(as('tenantry_owner', 'own'))).not.toEqual([]);
  });
});

describe('ensureRoles with wrong URLs', () => {
  it('refuses roles that are not for the part', async () => {
    const { owner, app } = urls();
    expect(await refusal(ensureRoles({ owner, app: owner }))).toContain(
      'DATABASE_URL has to name the role tenantry_app',
    );
    expect(await refusal(ensureRoles({ owner, app, operator: app }))).toContain(
      'DATABASE_OPERATOR_URL has to name the role tenantry_operator',
    );
    expect(await refusal(ensureRoles({ owner: app, app }))).toContain(
      'DATABASE_OWNER_URL has to name tenantry_owner',
    );
    expect(await refusal(ensureRoles({ owner, app: 'tenantry_app' }))).toContain(
      'DATABASE_URL is not of the form postgres://',
    );
  });

  it('says that the roles are missing when the migrations come first', async () => {
    expect(await refusal(applyMigrations(superuserOf()))).toContain('The role tenantry_owner does not exist');
    expect(await refusal(applyMigrations(superuserOf('postgres')))).toContain(
      'The role tenantry_owner does not exist',
    );
  });
});
