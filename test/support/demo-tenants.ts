/** The contexts of the demo tenants, and plain connections that are bound to them. */
import pg from 'pg';
import { beforeAll } from 'vitest';
import { sqlState } from '../../src/kernel/vocabulary/sql-state.js';
import type { Actor } from '../../src/kernel/vocabulary/actor.js';
import type { TenantContext } from '../../src/kernel/request/tenant-context.js';
import { signContext, type Sign } from '../../src/kernel/database/context-signature.js';
import { sign as signAsServer, type TestDatabase } from './database.js';

export interface DemoTenants {
  readonly acme: TenantContext;
  readonly globex: TenantContext;
}

const OWNER: Actor = { type: 'user', id: 'demo|acme|owner' };

/** A context in a tenant. By default the actor is the owner of acme. */
export const contextOf = (tenantId: string, actor: Actor = OWNER, requestId = 'test'): TenantContext => ({
  tenantId,
  actor,
  requestId,
});

/** Returns the contexts of the two demo tenants. Call it at the top level after useDatabase(). */
export function useDemoTenants(database: () => TestDatabase): () => DemoTenants {
  let tenants: DemoTenants | undefined;
  beforeAll(async () => {
    const [acme, globex] = await Promise.all([database().tenantId('acme'), database().tenantId('globex')]);
    tenants = {
      acme: contextOf(acme, OWNER, 'request-acme'),
      globex: contextOf(globex, { type: 'user', id: 'demo|globex|owner' }, 'request-globex'),
    };
  });
  return () => {
    if (!tenants) throw new Error('the tenants exist in tests only');
    return tenants;
  };
}

/** Runs `work` with a plain connection and closes it afterwards. */
export async function connected<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The statement that binds a transaction. Its parameters are {@link bindingValues}. */
export const BIND = 'SELECT tenantry.bind($1, $2, $3, $4, $5, $6, $7, $8)';

/** The parameters that bind a context, signed as the server signs it. */
export function bindingValues(context: TenantContext, sign: Sign = signAsServer): unknown[] {
  const { tenantId, actor, requestId } = context;
  const { expires, signature } = signContext(sign, context);
  return [tenantId, actor.id, actor.type, requestId, 5_000, false, expires, signature];
}

/** Binds the open transaction of a plain connection in the same way as the server does. */
export async function bind(client: pg.Client, context: TenantContext): Promise<void> {
  await client.query(BIND, bindingValues(context));
}

/**
 * Runs `work` in a transaction of a plain connection that is bound to a tenant, and rolls it back, so that tests do not
 * affect each other.
 */
export async function boundAndUndone<Result>(
  url: string,
  context: TenantContext,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  return connected(url, async (client) => {
    await client.query('BEGIN');
    await bind(client, context);
    try {
      return await work(client);
    } finally {
      await client.query('ROLLBACK');
    }
  });
}

/** The SQLSTATE and the message of the error with which the database refuses `work`. Throws when `work` succeeds. */
export async function refusalOf(
  work: Promise<unknown>,
): Promise<{ readonly state: string; readonly message: string }> {
  const error = await rejectionOf(work);
  return { state: sqlState(error) ?? '', message: error instanceof Error ? error.message : String(error) };
}

/** The error with which `work` rejects. Throws when `work` succeeds. */
export async function rejectionOf(work: Promise<unknown>): Promise<unknown> {
  const outcome = await work.then(
    () => SUCCEEDED,
    (reason: unknown) => reason,
  );
  if (outcome === SUCCEEDED) throw new Error('what had to be refused succeeded');
  return outcome;
}

const SUCCEEDED = Symbol('succeeded');
