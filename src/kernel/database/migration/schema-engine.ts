/**
 * Prisma's schema engine, compiled to WebAssembly, in this process. The Prisma CLI would download a native one.
 *
 * Guarantees: a migration's script reaches PostgreSQL whole, as one simple query, hence (unless it says otherwise) in
 * one transaction, which is begun again while its locks are held by others (`patience.ts`); and whatever the engine opened, connections and shadow databases, is gone when a run is over.
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

/** A script that PostgreSQL refused. The engine reports only its message; this keeps the rest. */
export interface ScriptFailure {
  readonly script: string;
  readonly error: unknown;
}

/** What a run of the engine was given, and what it could not say itself. */
export interface EngineRun {
  readonly engine: SchemaEngine;
  /** The script that failed last, if one did. */
  readonly scriptFailure: () => ScriptFailure | undefined;
}

type PgAdapter = Awaited<ReturnType<PrismaPg['connect']>>;
type EngineModule = typeof import('@prisma/schema-engine-wasm/schema_engine_bg');

// TypeScript knows WebAssembly from browser typings only.
declare const WebAssembly: {
  instantiate(
    bytes: Uint8Array,
    imports: Readonly<Record<string, unknown>>,
  ): Promise<{ readonly instance: { readonly exports: { __wbindgen_start(): void } } }>;
};

let loading: Promise<EngineModule> | undefined;

/**
 * Gives `work` an engine that is connected with this URL and acts as tenantry_owner. An engine is good for one
 * command that uses a shadow database, so each run makes its own.
 *
 * @throws MigrationError when the login cannot create the shadow database; what `work` throws passes unchanged
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
    // The first failure explains the second.
    await connections.close().catch(() => undefined);
    // The engine would report what we threw ourselves as an unknown error with a number.
    throw connections.shadowFailure ?? error;
  }
  await connections.close();
  return result;
}

// The package imports its .wasm file as a module, which Node 20 cannot; so it is put together by hand.
function loadEngine(): Promise<EngineModule> {
  loading ??= instantiate();
  return loading;
}

async function instantiate(): Promise<EngineModule> {
  if (!Reflect.has(globalThis, 'PRISMA_WASM_PANIC_REGISTRY')) {
    // Where the engine leaves its last words. Without this a panic reads "unreachable".
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

/** Hands the engine its connections, and takes them back. */
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
      // template0, because a session that happens to be connected to template1 would block this.
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

  /** Closes every connection, then drops every shadow database: what is connected to cannot be dropped. */
  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.end()));
    if (this.#shadows.length === 0) return;
    // As the owner, since the login created it for that role and need not inherit from it.
    await withClient(actingAsOwner(this.#ownerUrl), async (client) => {
      for (const database of this.#shadows) await client.query(`DROP DATABASE IF EXISTS ${database}`);
    });
  }

  async #adapter(url: string): Promise<SqlDriverAdapter> {
    const pool = singleConnectionPool(actingAsOwner(url));
    this.#pools.push(pool);
    const adapter = await adapterFor(pool);
    // The adapter's own splits at every semicolon, which cuts function bodies in pieces.
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

/** A refusal by PostgreSQL as the engine understands it; anything else as it is. */
function translated(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError)) return error;
  const { code = '', severity = 'ERROR', message, detail, column, hint } = error;
  return new DriverAdapterError({ kind: 'postgres', code, severity, message, detail, column, hint });
}

const OID_CHAR = 18;
const OID_BPCHAR = 1042;

/**
 * Teaches the adapter the system catalog's type "char". The engine reads columns of that type when it describes a
 * schema, and it is the one type the adapter refuses. So the pool passes them off as character(n), which the adapter
 * takes, and the engine, which would take nothing but single characters, is told the truth.
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
