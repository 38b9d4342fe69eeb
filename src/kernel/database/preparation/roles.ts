/**
 * Creates the three roles tenantry_owner, tenantry_app and tenantry_operator.
 *
 * Guarantees: no password or setting of an existing role is changed (except that an operator without LOGIN gets it with
 * its URL, and missing defaults are added if the login may); an existing application role that can bypass row-level
 * security or create temporary tables is refused; no clear-text password is sent to the server; any number of instances
 * may run this at once.
 */
import pg from 'pg';

import { MigrationError, codeOf, messageOf } from '../migration-error.js';
import {
  APP_ROLE,
  type Address,
  OPERATOR_ROLE,
  OWNER_ROLE,
  addressOf,
  ensureDatabase,
  membershipSql,
  withClient,
} from '../owner-connection.js';
import { permitted, setMissingDefaults, temporaryTables } from './role-defaults.js';
import { scramVerifier } from './scram.js';

/** The URLs of the roles. `owner` may be that of a superuser or another administrator. */
export interface RoleUrls {
  readonly owner: string;
  readonly app: string;
  readonly operator?: string | undefined;
}

/** The attributes of a role in the database. */
interface Role {
  readonly name: string;
  readonly superuser: boolean;
  readonly bypassRls: boolean;
  readonly login: boolean;
  readonly createRole: boolean;
  readonly replication: boolean;
  /** Whether it can become tenantry_owner or tenantry_operator. */
  readonly mayRise: boolean;
}

type Roles = ReadonlyMap<string, Role>;

/** A statement, and its text without the password for messages. */
interface Statement {
  readonly sql: string;
  readonly shown: string;
}

const ROLE_LOCK = 7_263_546_102;

// Default limits and costs for sessions of the application. An administrator of the database may change them.
const APP_SETTINGS: Readonly<Record<string, string>> = {
  statement_timeout: '30s',
  idle_in_transaction_session_timeout: '60s',
  lock_timeout: '10s',
  // JIT compilation only helps long analytical queries.
  jit: 'off',
  // Memory and solid-state disks read any page in nearly the same time. With the default, 4, which is meant for other disks,
  // a tenant with more rows than the average has each of its statements planned again, at the cost of reading 20 rows.
  random_page_cost: '1.1',
};

/**
 * Creates missing roles (with the passwords of the URLs), the database, and the owner's rights in it. Afterwards the
 * login of `urls.owner` can run `applyMigrations`. Normally nothing is missing; then no special rights are needed.
 *
 * @throws MigrationError when a URL has a wrong role, when an existing role has wrong attributes, or when the login
 * lacks a right: then with the SQL for a superuser to run
 */
export async function ensureRoles(urls: RoleUrls): Promise<void> {
  const app = addressOf(urls.app, 'DATABASE_URL');
  const operator =
    urls.operator === undefined ? undefined : addressOf(urls.operator, 'DATABASE_OPERATOR_URL');
  const owner = addressOf(urls.owner, 'DATABASE_OWNER_URL');
  requireUser(app, APP_ROLE, 'DATABASE_URL');
  if (operator !== undefined) requireUser(operator, OPERATOR_ROLE, 'DATABASE_OPERATOR_URL');
  if (owner.user === APP_ROLE || owner.user === OPERATOR_ROLE) {
    throw new MigrationError(
      `DATABASE_OWNER_URL has to name ${OWNER_ROLE} or an administrator, not ${owner.user}.`,
    );
  }
  const make = (client: pg.Client): Promise<void> => makeRoles(client, owner, app, operator);
  // The owner must exist before its database can be created.
  const created = await ensureDatabase(urls.owner, make);
  await withClient(urls.owner, async (client) => {
    if (!created) await make(client);
    await locked(client, () => grantRights(client, owner));
  });
}

function requireUser({ user }: Address, role: string, variable: string): void {
  if (user !== role) throw new MigrationError(`${variable} has to name the role ${role}, not "${user}".`);
}

async function makeRoles(client: pg.Client, owner: Address, app: Address, operator?: Address): Promise<void> {
  await locked(client, async () => {
    const roles = await readRoles(client);
    if (!roles.has(OWNER_ROLE)) await execute(client, await ownerStatement(owner));
    if (!roles.has(APP_ROLE)) await execute(client, await appStatement(app));
    const statement = await operatorStatement(roles.get(OPERATOR_ROLE), operator);
    if (statement !== undefined) await execute(client, statement);
    await setMissingDefaults(client);
    await letLoginActAsOwner(client, owner);
    checkRoles(await readRoles(client), operator !== undefined);
  });
}

async function ownerStatement(owner: Address): Promise<Statement> {
  const attributes = 'NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS';
  // If the URL is that of another login, its password is not the owner's: then the owner is a role without LOGIN.
  if (owner.user !== OWNER_ROLE) return plain(`CREATE ROLE ${OWNER_ROLE} NOLOGIN ${attributes}`);
  return withPassword(`CREATE ROLE ${OWNER_ROLE} LOGIN ${attributes}`, owner);
}

async function appStatement(app: Address): Promise<Statement> {
  const create = `CREATE ROLE ${APP_ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS`;
  const settings = Object.entries(APP_SETTINGS).map(
    ([name, value]) => `ALTER ROLE ${APP_ROLE} SET ${name} = '${value}'`,
  );
  const { sql, shown } = await withPassword(create, app);
  // One message is one transaction, so the role never exists without its limits.
  return { sql: [sql, ...settings].join('; '), shown: [shown, ...settings].join('; ') };
}

/** The statement for the operator's role. Without a URL the role only exists for grants of the migrations. */
async function operatorStatement(role: Role | undefined, operator?: Address): Promise<Statement | undefined> {
  const attributes = 'NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION';
  if (operator === undefined) {
    return role === undefined
      ? plain(`CREATE ROLE ${OPERATOR_ROLE} NOLOGIN ${attributes} NOBYPASSRLS`)
      : undefined;
  }
  if (role === undefined)
    return withPassword(`CREATE ROLE ${OPERATOR_ROLE} LOGIN ${attributes} BYPASSRLS`, operator);
  return role.login ? undefined : withPassword(`ALTER ROLE ${OPERATOR_ROLE} LOGIN BYPASSRLS`, operator);
}

function plain(sql: string): Statement {
  return { sql, shown: sql };
}

async function withPassword(sql: string, { password }: Address): Promise<Statement> {
  if (password === undefined) return plain(sql);
  return { sql: `${sql} PASSWORD '${await scramVerifier(password)}'`, shown: `${sql} PASSWORD '…'` };
}

async function readRoles(client: pg.Client): Promise<Roles> {
  const { rows } = await client.query<Role>(
    `SELECT r.rolname AS name, r.rolsuper AS superuser, r.rolbypassrls AS "bypassRls", r.rolcanlogin AS login,
            r.rolcreaterole AS "createRole", r.rolreplication AS replication,
            EXISTS (
              SELECT FROM pg_roles higher
              WHERE higher.rolname IN ('${OWNER_ROLE}', '${OPERATOR_ROLE}') AND higher.oid <> r.oid
                AND pg_has_role(r.oid, higher.oid, 'MEMBER')
            ) AS "mayRise"
     FROM pg_roles r WHERE r.rolname IN ('${OWNER_ROLE}', '${APP_ROLE}', '${OPERATOR_ROLE}')`,
  );
  return new Map(rows.map((role) => [role.name, role]));
}

/** Refuses existing roles that would break isolation, or would not work. */
function checkRoles(roles: Roles, operatorNeeded: boolean): void {
  const app = roles.get(APP_ROLE);
  const operator = roles.get(OPERATOR_ROLE);
  if (app !== undefined) checkApp(app);
  if (operator?.superuser === true) throw unfit(OPERATOR_ROLE, 'is a superuser', 'NOSUPERUSER');
  if (operatorNeeded && operator?.bypassRls === false) {
    throw unfit(OPERATOR_ROLE, 'lacks BYPASSRLS, without which it cannot work across tenants', 'BYPASSRLS');
  }
}

function checkApp(app: Role): void {
  if (app.superuser)
    throw unfit(APP_ROLE, 'is a superuser, whom row-level security does not bind', 'NOSUPERUSER');
  if (app.bypassRls)
    throw unfit(APP_ROLE, 'has BYPASSRLS, so row-level security does not bind it', 'NOBYPASSRLS');
  if (app.createRole)
    throw unfit(APP_ROLE, 'has CREATEROLE, with which it could become another role', 'NOCREATEROLE');
  if (app.replication)
    throw unfit(APP_ROLE, 'has REPLICATION, with which it could read every row', 'NOREPLICATION');
  if (app.mayRise) {
    throw new MigrationError(
      `The role ${APP_ROLE} is a member of a role that row-level security does not hold back; as a superuser, run: ` +
        `REVOKE ${OWNER_ROLE}, ${OPERATOR_ROLE} FROM ${APP_ROLE};`,
    );
  }
  if (!app.login) throw unfit(APP_ROLE, 'cannot log in', 'LOGIN');
}

function unfit(role: string, why: string, attribute: string): MigrationError {
  return new MigrationError(`The role ${role} ${why}; as a superuser, run: ALTER ROLE ${role} ${attribute};`);
}

async function letLoginActAsOwner(client: pg.Client, { user }: Address): Promise<void> {
  const { rows } = await client.query<{ version: number; able: boolean }>(
    `SELECT version,
            pg_has_role(session_user, '${OWNER_ROLE}', CASE WHEN version < 160000 THEN 'MEMBER' ELSE 'SET' END) AS able
     FROM (SELECT current_setting('server_version_num')::integer AS version) server`,
  );
  const [{ version, able } = { version: 0, able: false }] = rows;
  if (able) return;
  const grant = membershipSql(user);
  await execute(client, plain(version >= 160_000 ? `${grant} WITH SET TRUE, INHERIT FALSE` : grant));
}

/** Grants the rights that the owner needs to migrate, and that the other roles need to connect. */
async function grantRights(client: pg.Client, { database, server }: Address): Promise<void> {
  const name = pg.escapeIdentifier(database);
  const grants = [
    `GRANT CONNECT ON DATABASE ${name} TO ${OWNER_ROLE}, ${APP_ROLE}, ${OPERATOR_ROLE}`,
    `GRANT CREATE ON DATABASE ${name} TO ${OWNER_ROLE}`,
    `GRANT USAGE ON SCHEMA public TO ${OWNER_ROLE}, ${APP_ROLE}, ${OPERATOR_ROLE}`,
    `GRANT CREATE ON SCHEMA public TO ${OWNER_ROLE}`,
    ...temporaryTables(database),
  ];
  // If this login may not grant, the existing grants are used.
  for (const grant of grants) await permitted(client, grant);
  // The owner owns a database that was created here, so this login may have to act as the owner.
  if (await permitted(client, `SET ROLE ${OWNER_ROLE}`)) {
    for (const grant of temporaryTables(database)) await permitted(client, grant);
    await client.query('RESET ROLE');
  }
  const missing = await missingRights(client);
  if (missing.length === 0) return;
  throw new MigrationError(
    `The rights of the roles in the database "${database}" at ${server} are not as needed (${missing.join(', ')}); as a superuser, run ` +
      `there: ${grants.join('; ')};`,
  );
}

async function missingRights(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ missing: string }>(
    `SELECT role || ': ' || privilege || ' on ' || target AS missing
     FROM (VALUES
       ('${OWNER_ROLE}', 'CONNECT', 'database'), ('${OWNER_ROLE}', 'CREATE', 'database'),
       ('${OWNER_ROLE}', 'USAGE', 'schema public'), ('${OWNER_ROLE}', 'CREATE', 'schema public'),
       ('${APP_ROLE}', 'CONNECT', 'database'), ('${APP_ROLE}', 'USAGE', 'schema public'),
       ('${OPERATOR_ROLE}', 'CONNECT', 'database'), ('${OPERATOR_ROLE}', 'USAGE', 'schema public')
     ) AS needed (role, privilege, target)
     WHERE NOT CASE target
       WHEN 'database' THEN has_database_privilege(role, current_database(), privilege)
       ELSE has_schema_privilege(role, 'public', privilege)
     END
     UNION ALL
     SELECT '${APP_ROLE}: no TEMPORARY on database'
     WHERE has_database_privilege('${APP_ROLE}', current_database(), 'TEMPORARY')`,
  );
  return rows.map(({ missing }) => missing);
}

/** @throws MigrationError with the SQL for a superuser when the login may not run it itself */
async function execute(client: pg.Client, { sql, shown }: Statement): Promise<void> {
  try {
    await client.query(sql);
  } catch (error) {
    // Roles belong to the whole server, but the lock only to one database: an instance in another database may be
    // faster.
    if (codeOf(error) === '42710' || codeOf(error) === '23505') return;
    if (codeOf(error) !== '42501') throw error;
    throw new MigrationError(
      `The login of DATABASE_OWNER_URL may not do what is missing (${messageOf(error)}); as a superuser, run: ${shown};`,
      { cause: error },
    );
  }
}

const ATTEMPTS = 5;

/**
 * Runs `work` while no other instance in this database does, and repeats it after a conflict with one in another
 * database. So `work` must first check what exists.
 */
async function locked(client: pg.Client, work: () => Promise<void>): Promise<void> {
  await client.query('SELECT pg_advisory_lock($1)', [ROLE_LOCK]);
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await work();
        return;
      } catch (error) {
        if (attempt === ATTEMPTS || !isCollision(error)) throw error;
      }
    }
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [ROLE_LOCK]);
  }
}

function isCollision(error: unknown): boolean {
  return codeOf(error) === 'XX000' && messageOf(error).startsWith('tuple concurrently');
}
