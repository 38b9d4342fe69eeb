/** A database whose contexts are signed, and transactions of acme that run injected SQL. */
import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { beforeAll } from 'vitest';
import { addContextKey } from '../../src/kernel/database/preparation/context-keys.js';
import { createSign, type Sign } from '../../src/kernel/database/context-signature.js';
import { useDatabase, type TestDatabase } from './database.js';
import { BIND, bindingValues, connected, contextOf, useDemoTenants } from './demo-tenants.js';

export const KEY = randomBytes(48).toString('base64url');
export const sign = createSign(KEY);

export const ALTERED = 'the context of this transaction is not the one it was bound to';

/** Runs an attack in a transaction that is bound to acme, and rolls it back. */
export async function inAcme<Result>(
  database: TestDatabase,
  signing: Sign,
  attack: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const acme = contextOf(await database.tenantId('acme'));
  return connected(database.app, async (client) => {
    await client.query('BEGIN');
    await client.query(BIND, bindingValues(acme, signing));
    try {
      return await attack(client);
    } finally {
      await client.query('ROLLBACK');
    }
  });
}

/** Call it at the top level. */
export function useSignedContexts() {
  const signed = useDatabase();
  const tenants = useDemoTenants(signed);
  beforeAll(() => addContextKey(signed().superuser, KEY));

  const attacked = <Result>(attack: (client: pg.Client) => Promise<Result>) => inAcme(signed(), sign, attack);

  return { signed, tenants, attacked };
}
