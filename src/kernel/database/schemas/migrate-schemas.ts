/**
 * Brings the schemas of tenants to the migrations that `public` has. Each schema is one transaction with an entry of its own in
 * `tenantry.schemas`, so what was cut off goes on with the next call. One schema is the first, alone; when it fails, the others are
 * left as they are.
 *
 * A schema is accepted only when its tables are like those in `public`. Until then the server answers UNAVAILABLE for its tenant.
 */
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { codeOf, MigrationError, messageOf } from '../migration-error.js';
import { PRISMA_FOLDER, readMigrations, type Migration } from '../migration/folder.js';
import { lockMigrations } from '../migration/way-back.js';
import { actingAsOwner, withClient } from '../owner-connection.js';
import { addOwnCheck, inTransaction } from './make-schema.js';
import { schemaOf } from './own-schema.js';
import { splitterFor } from './placed-sql.js';
import { replayOf } from './replay.js';
import {
  differencesOf,
  OWN_CHECK,
  readParts,
  removalOf,
  sentenceOf,
  STEPS,
  TABLES,
  type Part,
} from './structure.js';

/** Connections that work at the same time. */
const WORKERS = 4;
/** A schema whose tables are locked by others is tried again after a pause. */
const ATTEMPTS = 30;
const PAUSE_MS = 200;

interface Behind {
  readonly subject: string;
  readonly migration: string;
}

/**
 * @param prismaFolder that of this version
 * @param tables those of the application
 * @returns how many schemas were brought up to date
 * @throws MigrationError when one could not be; it names them, and `tenantry.schemas` has the reasons
 */
export async function migrateSchemas(
  ownerUrl: string,
  prismaFolder = PRISMA_FOLDER,
  tables: readonly string[] = TABLES,
): Promise<number> {
  const migrations = await readMigrations(prismaFolder);
  const newest = migrations.at(-1)!.name;
  return withClient(actingAsOwner(ownerUrl), async (main) => {
    if ((await behindOf(main, newest)).length === 0) return 0;
    await lockMigrations(main);
    const behind = await behindOf(main, newest);
    const [first, ...others] = behind;
    if (!first) return 0;
    const shared = await inTransaction(main, () => readParts(main, 'public', tables));
    const failed: string[] = [];
    const bring = async (client: pg.Client, one: Behind): Promise<void> => {
      const problem = await bringPatiently(client, one, { migrations, newest, shared, tables });
      if (problem !== undefined) failed.push(`${schemaOf(one.subject)}: ${problem}`);
    };
    await bring(main, first);
    if (failed.length === 0) {
      const queue = [...others];
      const work = (): Promise<void> =>
        withClient(actingAsOwner(ownerUrl), async (client) => {
          for (let next = queue.shift(); next; next = queue.shift()) await bring(client, next);
        });
      await Promise.all(Array.from({ length: Math.min(WORKERS, queue.length) }, work));
    }
    if (failed.length > 0) {
      throw new MigrationError(
        `${String(failed.length)} schemas of tenants could not be brought up to date; the first: ${failed[0]!} ` +
          'Their tenants are not served by this version (docs/schemas.md).',
      );
    }
    return behind.length;
  });
}

const behindOf = async (client: pg.Client, newest: string): Promise<Behind[]> =>
  (
    await client.query<Behind & pg.QueryResultRow>(
      `SELECT subject::text, migration FROM tenantry.schemas
       WHERE migration COLLATE "C" < $1 COLLATE "C" ORDER BY subject`,
      [newest],
    )
  ).rows;

interface Target {
  readonly migrations: readonly Migration[];
  readonly newest: string;
  readonly shared: readonly Part[];
  readonly tables: readonly string[];
}

/** @returns why it failed; the schema is then as it was */
async function bringPatiently(client: pg.Client, one: Behind, target: Target): Promise<string | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      await inTransaction(client, () => bringOne(client, one, target));
      return undefined;
    } catch (error) {
      if (['55P03', '40P01'].includes(codeOf(error)) && attempt < ATTEMPTS) {
        await wait(PAUSE_MS);
        continue;
      }
      const problem = messageOf(error);
      await client.query('UPDATE tenantry.schemas SET problem = $2 WHERE subject = $1', [
        one.subject,
        problem,
      ]);
      return problem;
    }
  }
}

async function bringOne(
  client: pg.Client,
  { subject, migration }: Behind,
  { migrations, newest, shared, tables }: Target,
): Promise<void> {
  const schema = schemaOf(subject);
  const quoted = pg.escapeIdentifier(schema);
  const split = splitterFor(new Set(tables));
  const known = new Set([...tables, ...(await tablesIn(client, schema))]);
  await client.query(`SET LOCAL search_path = ${quoted}, public, pg_temp`);
  for (const pending of migrations.filter(({ name }) => name > migration)) {
    for (const sql of replayOf(pending, known, quoted)) await client.query(sql);
  }
  const { missing, surplus } = differencesOf(shared, await readParts(client, schema, tables), schema);
  for (const part of [...surplus].reverse()) {
    const removal = removalOf(part, `${quoted}.${pg.escapeIdentifier(part.table)}`, schema);
    if (removal !== undefined) await client.query(removal);
  }
  const present = new Set(await tablesIn(client, schema));
  for (const { step, table, sql } of missing) {
    if (step !== STEPS.table || !present.has(table)) await client.query(split(sql).join(quoted));
  }
  await replaceTenantKeys(client, subject, tables);
  const problem = sentenceOf(differencesOf(shared, await readParts(client, schema, tables), schema));
  if (problem !== undefined) throw new MigrationError(`it is not like public: ${problem}`);
  await client.query('UPDATE tenantry.schemas SET migration = $2, problem = NULL WHERE subject = $1', [
    subject,
    newest,
  ]);
}

const tablesIn = async (client: pg.Client, schema: string): Promise<string[]> =>
  (
    await client.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = $1::regnamespace`,
      [schema],
    )
  ).rows.map(({ name }) => name);

/** A new table has the key to `tenants` that its migration gave it; here it has the check instead. */
async function replaceTenantKeys(
  client: pg.Client,
  subject: string,
  tables: readonly string[],
): Promise<void> {
  const schema = schemaOf(subject);
  const { rows: keys } = await client.query<{ sql: string }>(
    `SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS sql
     FROM pg_constraint WHERE connamespace = $1::regnamespace AND contype = 'f'
       AND confrelid = 'public.tenants'::regclass AND cardinality(conkey) = 1`,
    [schema],
  );
  for (const { sql } of keys) await client.query(sql);
  const { rows: checked } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
     WHERE connamespace = $1::regnamespace AND conname = '${OWN_CHECK}'`,
    [schema],
  );
  const has = new Set(checked.map(({ name }) => name));
  for (const table of tables) if (!has.has(table)) await addOwnCheck(client, subject, table);
}
