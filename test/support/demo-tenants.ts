/** The demo tenants as tests see them: their contexts, and raw connections that are bound to them. */
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

/** A context in a tenant, by default of the owner of acme. */
export const contextOf = (tenantId: string, actor: Actor = OWNER, requestId = 'test'): TenantContext => ({
  tenantId,
  actor,
  requestId,
});

/** The contexts of the two demo tenants, for the tests of this file; call it at the top level after useDatabase(). */
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

/** A plain connection for `work`, closed afterwards. */
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

/** What binds a transaction, with {@link bindingValues}. */
export const BIND = 'SELECT tenantry.bind($1, $2, $3, $4, $5, $6, $7, $8)';

/** What binds to a context, signed as the server signs it. */
export function bindingValues(context: TenantContext, sign: Sign = signAsServer): unknown[] {
  const { tenantId, actor, requestId } = context;
  const { expires, signature } = signContext(sign, context);
  return [tenantId, actor.id, actor.type, requestId, 5_000, false, expires, signature];
}

/** Binds the open transaction of a plain connection, as every transaction of the server is bound, and no more. */
export async function bind(client: pg.Client, context: TenantContext): Promise<void> {
  await client.query(BIND, bindingValues(context));
}

/** Runs `work` in a transaction of a plain connection that is bound to a tenant, and undoes it: tests stay apart. */
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

/** The SQLSTATE and message with which the database refuses `work`; fails when it does not. */
export async function refusalOf(
  work: Promise<unknown>,
): Promise<{ readonly state: string; readonly message: string }> {
  const error = await rejectionOf(work);
  return { state: sqlState(error) ?? '', message: error instanceof Error ? error.message : String(error) };
}

/** What `work` fails with; fails when it succeeds. */
export async function rejectionOf(work: Promise<unknown>): Promise<unknown> {
  const outcome = await work.then(
    () => SUCCEEDED,
    (reason: unknown) => reason,
  );
  if (outcome === SUCCEEDED) throw new Error('what had to be refused succeeded');
  return outcome;
}

const SUCCEEDED = Symbol('succeeded');
