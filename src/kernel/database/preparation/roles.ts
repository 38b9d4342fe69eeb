/**
 * Makes the three roles that section 3 of the architecture rests on: tenantry_owner, tenantry_app, tenantry_operator.
 *
 * Guarantees: what exists is respected, no password or setting of an existing role is changed (an operator that could
 * not log in may from when it is given a URL; defaults that a role lacks are added where the login may); an existing
 * application role that could get round row-level security, or make temporary tables, is refused; no clear-text password
 * reaches the server; any number of instances may do this at once.
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

/** How to reach the database as each of the roles. `owner` may be a superuser's or another administrator's. */
export interface RoleUrls {
  readonly owner: string;
  readonly app: string;
  readonly operator?: string | undefined;
}

/** What the server knows of a role. */
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

/** A statement, and the same without its password for people to read. */
interface Statement {
  readonly sql: string;
  readonly shown: string;
}

const ROLE_LOCK = 7_263_546_102;

// Bounds for a session of the application, whatever it forgets. An operator of the database may change them.
const APP_SETTINGS: Readonly<Record<string, string>> = {
  statement_timeout: '30s',
  idle_in_transaction_session_timeout: '60s',
  lock_timeout: '10s',
  // Compiling pays off in long analytical queries only.
  jit: 'off',
};

/**
 * Creates what is missing: the roles (passwords from the URLs), the database, the owner's rights in it. Afterwards the
 * login of `urls.owner` can run `applyMigrations`. Nothing to do is the normal case, and needs no special rights.
 *
 * @throws MigrationError when a URL names another role than it should, when an existing role is not fit for its part,
 * or when the login may not do what is missing: then with the SQL for a superuser to run
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
  // The owner has to exist before a database can be created for it.
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
  // Somebody else's password is not the owner's: then the owner is a role to act as, and nobody logs in as it.
  if (owner.user !== OWNER_ROLE) return plain(`CREATE ROLE ${OWNER_ROLE} NOLOGIN ${attributes}`);
  return withPassword(`CREATE ROLE ${OWNER_ROLE} LOGIN ${attributes}`, owner);
}

async function appStatement(app: Address): Promise<Statement> {
  const create = `CREATE ROLE ${APP_ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS`;
  const settings = Object.entries(APP_SETTINGS).map(
    ([name, value]) => `ALTER ROLE ${APP_ROLE} SET ${name} = '${value}'`,
  );
  const { sql, shown } = await withPassword(create, app);
  // One message, one transaction: the role never exists without its bounds.
  return { sql: [sql, ...settings].join('; '), shown: [shown, ...settings].join('; ') };
}

/** What the operator's role lacks. Without a URL it is only a name for the migrations to grant to. */
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

/** Refuses existing roles that would not isolate, or could not work. */
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

/** What the owner needs in order to migrate, and the others in order to be there at all. */
async function grantRights(client: pg.Client, { database, server }: Address): Promise<void> {
  const name = pg.escapeIdentifier(database);
  const grants = [
    `GRANT CONNECT ON DATABASE ${name} TO ${OWNER_ROLE}, ${APP_ROLE}, ${OPERATOR_ROLE}`,
    `GRANT CREATE ON DATABASE ${name} TO ${OWNER_ROLE}`,
    `GRANT USAGE ON SCHEMA public TO ${OWNER_ROLE}, ${APP_ROLE}, ${OPERATOR_ROLE}`,
    `GRANT CREATE ON SCHEMA public TO ${OWNER_ROLE}`,
    ...temporaryTables(database),
  ];
  // Where this login may not, what is granted already decides.
  for (const grant of grants) await permitted(client, grant);
  // A database that was created here is the owner's, whose rights this login may have to take on.
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
    // Roles are the whole server's, the lock is one database's: elsewhere somebody may have been quicker.
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
 * Runs `work` while no other instance in this database does, and again when one in another database got in its way;
 * so `work` has to look first at what is there.
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
