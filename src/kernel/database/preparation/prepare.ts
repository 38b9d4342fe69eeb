/**
 * Prepares the server's database: the embedded one, one that it may set up (with an owner's URL), or one that is set up
 * elsewhere. In all cases the server connects as tenantry_app, after a check that this role cannot bypass row-level
 * security.
 */
import type { EmbeddedDatabase } from '@tenantry/embedded-postgres';
import pg from 'pg';
import type { Config } from '../../config/config.js';
import { embeddedPostgres } from '../../config/development-package.js';
import { addContextKey, checkContextSigning } from './context-keys.js';
import type { Query } from '../migration/history.js';
import { applyMigrations, differenceTo, MigrationError, type ApplyOptions } from '../migration/migrations.js';
import { checkProtection } from './protection.js';
import { APP_ROLE, MIGRATE_FIRST, OWNER_ROLE, withClient } from '../owner-connection.js';
import { temporaryTables } from './role-defaults.js';
import { migrateSchemas } from '../schemas/migrate-schemas.js';
import { ensureRoles } from './roles.js';

export interface PreparedDatabase {
  /** The URL of the role tenantry_app. */
  readonly url: string;
  /** The URL of the role tenantry_operator, if there is one. */
  readonly operatorUrl: string | undefined;
  /** The key that signs contexts; undefined when they are unsigned. */
  readonly contextKey: string | undefined;
  /** The embedded server, if this process uses one. */
  readonly embedded: EmbeddedDatabase | undefined;
  readonly appliedMigrations: readonly string[];
  /** The database's migrations that belong to a newer version. */
  readonly newerMigrations: readonly string[];
  /** Why schemas of tenants are behind; undefined when none is, as far as the owner's URL is known. */
  readonly schemaProblem: string | undefined;
  /** Stops what was started here. */
  stop(): Promise<void>;
}

type Addresses = Pick<
  Config,
  'databaseUrl' | 'databaseOwnerUrl' | 'databaseOperatorUrl' | 'contextSigningKey' | 'dataDir'
>;

/**
 * @param tell called before each step that takes long with the embedded database, with what it is
 * @throws MigrationError or EmbeddedDatabaseError with one sentence: what is wrong and what to do
 */
export async function prepareDatabase(
  config: Addresses,
  tell: (step: string) => void = () => undefined,
): Promise<PreparedDatabase> {
  if (config.databaseUrl === undefined) return prepareEmbedded(config, tell);
  const { databaseUrl: url, databaseOwnerUrl: owner, databaseOperatorUrl: operatorUrl } = config;
  const contextKey = config.contextSigningKey;
  const appliedMigrations =
    owner === undefined
      ? []
      : await migrate({ owner, app: url, operator: operatorUrl }, contextKey, { acceptNewer: true });
  const schemaProblem = owner === undefined ? undefined : await bringSchemas(owner);
  const { newerMigrations } = await checkRuntimeRole(url, contextKey);
  return {
    url,
    operatorUrl,
    contextKey,
    embedded: undefined,
    appliedMigrations,
    newerMigrations,
    schemaProblem,
    stop: () => Promise.resolve(),
  };
}

async function prepareEmbedded(config: Addresses, tell: (step: string) => void): Promise<PreparedDatabase> {
  const { startEmbedded } = await embeddedPostgres();
  tell(`Starting PostgreSQL in ${config.dataDir}`);
  const embedded = await startEmbedded(config.dataDir);
  try {
    const { superuser, app, operator } = embedded;
    const contextKey = config.contextSigningKey;
    const urls = { owner: superuser, app, operator };
    tell('Applying missing migrations');
    const appliedMigrations = await migrate(urls, contextKey, { acceptNewer: true });
    const schemaProblem = await bringSchemas(superuser);
    const { newerMigrations } = await checkRuntimeRole(app, contextKey);
    return {
      url: app,
      operatorUrl: operator,
      contextKey,
      embedded,
      appliedMigrations,
      newerMigrations,
      schemaProblem,
      stop: () => embedded.stop(),
    };
  } catch (error) {
    await embedded.stop();
    throw error;
  }
}

/**
 * Brings the schemas of tenants up to date. One that stays behind keeps its tenant from being served, and nobody else.
 *
 * @returns why some are behind
 */
async function bringSchemas(owner: string): Promise<string | undefined> {
  try {
    await migrateSchemas(owner);
    return undefined;
  } catch (error) {
    if (error instanceof MigrationError) return error.message;
    throw error;
  }
}

/**
 * Creates missing roles and applies missing migrations.
 *
 * @param contextKey the key that signs contexts from now on, if there is one
 * @param options a newer database is refused unless they accept it
 */
export async function migrate(
  urls: { readonly owner: string; readonly app: string; readonly operator: string | undefined },
  contextKey?: string,
  options?: ApplyOptions,
): Promise<string[]> {
  await ensureRoles(urls);
  const applied = await applyMigrations(urls.owner, undefined, options);
  if (contextKey !== undefined) await addContextKey(urls.owner, contextKey);
  return applied;
}

/**
 * Refuses a login that bypasses row-level security, and a database that lacks migrations of this version, has lost its
 * protection, or has other signing keys.
 *
 * @returns the database's migrations of a newer version
 * @throws MigrationError
 */
export async function checkRuntimeRole(
  url: string,
  contextKey?: string,
): Promise<Pick<PreparedDatabase, 'newerMigrations'>> {
  return withClient(url, async (client) => {
    const [role] = (await client.query<RuntimeRole>(RUNTIME_ROLE)).rows;
    if (role?.name !== APP_ROLE) {
      throw new MigrationError(`DATABASE_URL has to name the role ${APP_ROLE}, not "${role?.name}".`);
    }
    const power = powerOf(role);
    if (power !== undefined) {
      throw new MigrationError(`The role ${APP_ROLE} ${power}: row-level security would not hold it back.`);
    }
    const query: Query = (sql) => client.query(sql);
    const { pending, newer } = await differenceTo(query).catch(historyUnreadable);
    if (pending.length > 0) {
      throw new MigrationError(`The database lacks the migrations ${pending.join(', ')}: ${MIGRATE_FIRST}.`);
    }
    await checkProtection(client);
    if (role.temporary) {
      throw new MigrationError(
        `The role ${APP_ROLE} may make temporary tables, which capture later requests of a pooled connection; as the ` +
          `owner of the database, run: ${temporaryTables(role.database)[0]};`,
      );
    }
    await checkContextSigning(client, contextKey);
    return { newerMigrations: newer };
  });
}

interface RuntimeRole {
  readonly name: string;
  readonly superuser: boolean;
  readonly bypass: boolean;
  readonly owner: boolean;
  readonly owns: boolean;
  /** Whether it may create temporary tables in this database. */
  readonly temporary: boolean;
  readonly database: string;
}

const RUNTIME_ROLE = `
  SELECT rolname AS name, rolsuper AS superuser,
         EXISTS (SELECT FROM pg_roles r WHERE r.rolbypassrls AND pg_has_role(me.oid, r.oid, 'MEMBER')) AS bypass,
         EXISTS (SELECT FROM pg_roles r WHERE r.rolname = '${OWNER_ROLE}' AND pg_has_role(me.oid, r.oid, 'MEMBER')) AS owner,
         EXISTS (
           SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE (n.nspname IN ('public', 'tenantry') OR n.nspname ~ '^tenant_[0-9a-f]{32}$')
             AND pg_has_role(me.oid, c.relowner, 'MEMBER')
         ) AS owns,
         has_database_privilege(current_database(), 'TEMPORARY') AS temporary, current_database() AS database
  FROM pg_roles me WHERE rolname = current_user`;

function powerOf(role: RuntimeRole): string | undefined {
  if (role.superuser) return 'is a superuser';
  if (role.bypass) return 'has BYPASSRLS, or can become a role that has';
  if (role.owner) return `can become ${OWNER_ROLE}`;
  if (role.owns) return 'owns tables';
  return undefined;
}

function historyUnreadable(error: unknown): never {
  const code = error instanceof pg.DatabaseError ? error.code : undefined;
  if (code !== '42P01' && code !== '42501') throw error;
  throw new MigrationError(`The database has no migrations yet: ${MIGRATE_FIRST}.`, { cause: error });
}
