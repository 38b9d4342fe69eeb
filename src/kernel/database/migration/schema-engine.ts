/**
 * Runs Prisma's schema engine, compiled to WebAssembly, in this process. The Prisma CLI would download a native one.
 *
 * Guarantees: a migration's script is sent to PostgreSQL as one simple query, and so runs in one transaction unless it
 * ends one itself; the transaction is repeated while others hold its locks (`patience.ts`). All connections and shadow
 * databases are closed and dropped at the end of a run.
 */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { PrismaPg } from '@prisma/adapter-pg';
import {
  ColumnTypeEnum,
  DriverAdapterError,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
  bindMigrationAwareSqlAdapterFactory,
} from '@prisma/driver-adapter-utils';
import type { SchemaContainer, SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg';
import pg from 'pg';

import { MigrationError, codeOf, messageOf } from '../migration-error.js';
import { PATIENCE, type Patience, runPatiently } from './patience.js';
import {
  OWNER_ROLE,
  actingAsOwner,
  addressOf,
  singleConnectionPool,
  withClient,
  withDatabase,
} from '../owner-connection.js';

/** A script that PostgreSQL refused. The engine reports only the message; this has the details. */
export interface ScriptFailure {
  readonly script: string;
  readonly error: unknown;
}

/** The engine for one run, and details that it does not report. */
export interface EngineRun {
  readonly engine: SchemaEngine;
  /** The last failed script, if there is one. */
  readonly scriptFailure: () => ScriptFailure | undefined;
}

type PgAdapter = Awaited<ReturnType<PrismaPg['connect']>>;
type EngineModule = typeof import('@prisma/schema-engine-wasm/schema_engine_bg');

// TypeScript has types for WebAssembly only in its browser library.
declare const WebAssembly: {
  instantiate(
    bytes: Uint8Array,
    imports: Readonly<Record<string, unknown>>,
  ): Promise<{ readonly instance: { readonly exports: { __wbindgen_start(): void } } }>;
};

let loading: Promise<EngineModule> | undefined;

/**
 * Calls `work` with an engine that is connected to this URL and acts as tenantry_owner. An engine supports only one
 * command with a shadow database, so each run creates one.
 *
 * @throws MigrationError when the login cannot create the shadow database; errors of `work` are passed on
 */
export async function withSchemaEngine<T>(
  ownerUrl: string,
  schema: readonly SchemaContainer[],
  work: (run: EngineRun) => Promise<T>,
  patience: Patience = PATIENCE,
): Promise<T> {
  const { SchemaEngine } = await loadEngine();
  const connections = new EngineConnections(ownerUrl, patience);
  let result: T;
  try {
    const engine = await SchemaEngine.new(
      { datamodels: schema.map(({ path, content }) => [path, content]) },
      () => undefined,
      bindMigrationAwareSqlAdapterFactory(connections),
    );
    result = await work({ engine, scriptFailure: () => connections.scriptFailure });
  } catch (error) {
    // The first failure is the cause of the second.
    await connections.close().catch(() => undefined);
    // The engine would report our own error as an unknown error with a number.
    throw connections.shadowFailure ?? error;
  }
  await connections.close();
  return result;
}

// The package imports its .wasm file as a module, which Node 20 does not support, so this loads it by hand.
function loadEngine(): Promise<EngineModule> {
  loading ??= instantiate();
  return loading;
}

async function instantiate(): Promise<EngineModule> {
  if (!Reflect.has(globalThis, 'PRISMA_WASM_PANIC_REGISTRY')) {
    // The engine stores its panic message here. Without this the error would only be "unreachable".
    Reflect.set(globalThis, 'PRISMA_WASM_PANIC_REGISTRY', { set_message: failWithPanic });
  }
  const engine = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  const main = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm');
  const bytes = await readFile(join(dirname(main), 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': engine });
  engine.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  return engine;
}

function failWithPanic(message: string): never {
  throw new Error(`Prisma's schema engine panicked: ${message}`);
}

/** Opens and closes the engine's connections. */
class EngineConnections implements SqlMigrationAwareDriverAdapterFactory {
  readonly provider = 'postgres';
  readonly adapterName = '@prisma/adapter-pg';
  scriptFailure: ScriptFailure | undefined;
  shadowFailure: MigrationError | undefined;
  readonly #ownerUrl: string;
  readonly #patience: Patience;
  readonly #pools: pg.Pool[] = [];
  readonly #shadows: string[] = [];

  constructor(ownerUrl: string, patience: Patience) {
    this.#ownerUrl = ownerUrl;
    this.#patience = patience;
  }

  connect(): Promise<SqlDriverAdapter> {
    return this.#adapter(this.#ownerUrl);
  }

  async connectToShadowDb(): Promise<SqlDriverAdapter> {
    const database = `tenantry_shadow_${randomUUID().replaceAll('-', '')}`;
    try {
      // template0, because a session connected to template1 would block this.
      await withClient(this.#ownerUrl, (client) =>
        client.query(`CREATE DATABASE ${database} OWNER ${OWNER_ROLE} TEMPLATE template0`),
      );
    } catch (error) {
      this.shadowFailure = shadowFailure(this.#ownerUrl, error);
      throw this.shadowFailure;
    }
    this.#shadows.push(database);
    return this.#adapter(withDatabase(this.#ownerUrl, database));
  }

  /**
   * Closes every connection, then drops every shadow database, because a database with connections cannot be dropped.
   */
  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.end()));
    if (this.#shadows.length === 0) return;
    // As the owner, because the login created it for that role and may not inherit from it.
    await withClient(actingAsOwner(this.#ownerUrl), async (client) => {
      for (const database of this.#shadows) await client.query(`DROP DATABASE IF EXISTS ${database}`);
    });
  }

  async #adapter(url: string): Promise<SqlDriverAdapter> {
    const pool = singleConnectionPool(actingAsOwner(url));
    this.#pools.push(pool);
    const adapter = await adapterFor(pool);
    // The adapter's own method splits at every semicolon, also inside function bodies.
    adapter.executeScript = async (script) => {
      try {
        await runPatiently((sql) => pool.query(sql), script, this.#patience);
      } catch (error) {
        this.scriptFailure = { script, error };
        throw translated(error);
      }
    };
    return adapter;
  }
}

function shadowFailure(ownerUrl: string, error: unknown): MigrationError {
  if (error instanceof MigrationError) return error;
  const { user, server } = addressOf(ownerUrl);
  const remedy =
    codeOf(error) === '42501'
      ? `; as a superuser, run: ALTER ROLE ${pg.escapeIdentifier(user)} CREATEDB;`
      : ` at ${server}.`;
  return new MigrationError(
    `The login "${user}" cannot create the scratch database in which migrations are compared with the models ` +
      `(${messageOf(error)})${remedy}`,
    { cause: error },
  );
}

/** An error of PostgreSQL in the form of the engine; any other error unchanged. */
function translated(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError)) return error;
  const { code = '', severity = 'ERROR', message, detail, column, hint } = error;
  return new DriverAdapterError({ kind: 'postgres', code, severity, message, detail, column, hint });
}

const OID_CHAR = 18;
const OID_BPCHAR = 1042;

/**
 * Makes the adapter accept the catalog's type "char", which the engine reads when it describes a schema, and which the
 * adapter refuses. The pool reports these columns as character(n), which the adapter accepts, and the result for the
 * engine has the type of single characters again.
 */
async function adapterFor(pool: pg.Pool): Promise<PgAdapter> {
  const characters = new WeakMap<object, number[]>();
  const query = async (config: pg.QueryArrayConfig): Promise<pg.QueryArrayResult> => {
    const result = await pool.query(config);
    const columns = result.fields.flatMap(({ dataTypeID }, index) =>
      dataTypeID === OID_CHAR ? [index] : [],
    );
    result.fields = result.fields.map((field, index) =>
      columns.includes(index) ? { ...field, dataTypeID: OID_BPCHAR } : field,
    );
    characters.set(result.rows, columns);
    return result;
  };
  const disguised = new Proxy(pool, {
    get: (target, property): unknown =>
      property === 'query' ? query : Reflect.get(target, property, target),
  });
  const adapter = await new PrismaPg(disguised).connect();
  const queryRaw = adapter.queryRaw.bind(adapter);
  adapter.queryRaw = async (statement) => {
    const result = await queryRaw(statement);
    for (const column of characters.get(result.rows) ?? []) {
      result.columnTypes[column] = ColumnTypeEnum.Character;
    }
    return result;
  };
  return adapter;
}
