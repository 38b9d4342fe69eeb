/** A database client with one connection, on which no transaction may leave anything. */
import { expect } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { sqlState } from '../../src/kernel/vocabulary/sql-state.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import type { TenantClient } from '../../src/kernel/tenancy/tenant-client.js';
import { openTestDatabase, useDatabase } from './database.js';
import { rejectionOf, useDemoTenants } from './demo-tenants.js';
import { PATIENT } from './patience.js';

// eslint-disable-next-line no-restricted-syntax -- the text is that of these tests
export const raw = (sql: string) => Prisma.sql`${Prisma.raw(sql)}`;
export const stateOf = async (work: Promise<unknown>) => sqlState(await rejectionOf(work));

export const newMember = (userId: string) => ({ userId, email: `${userId}@acme.test`, role: 'viewer' });

/** Call it at the top level. */
export function useOneConnection() {
  const database = useDatabase();
  const tenants = useDemoTenants(database);

  /** The pool has one connection, so the next caller gets whatever the last one left on it. */
  async function onOneConnection(
    work: (acme: TenantClient, opened: Database) => Promise<void>,
    { url = database().app, statementTimeout = PATIENT.statementTimeout } = {},
  ): Promise<void> {
    const opened = openTestDatabase({
      url,
      poolSize: 1,
      limits: { ...PATIENT, statementTimeout },
    });
    try {
      await work(opened.forTenant(tenants().acme), opened);
    } finally {
      await opened.close();
    }
  }

  /** Requires that the connection has no settings of a tenant and shows no rows. */
  async function expectClean(opened: Database): Promise<void> {
    const [left] = await opened.query(
      `SELECT coalesce(current_setting('app.current_tenant', true), '') AS tenant,
            coalesce(current_setting('app.current_actor', true), '') AS actor,
            current_setting('transaction_read_only') AS "readOnly", current_setting('statement_timeout') AS timeout,
            now() = statement_timestamp() AS "isAlone"`,
    );
    expect(left).toEqual({ tenant: '', actor: '', readOnly: 'off', timeout: '30s', isAlone: true });
    expect(await stateOf(opened.query('SELECT * FROM memberships'))).toBe('42501');
    const globex = opened.forTenant(tenants().globex);
    const members = await globex.membership.findMany();
    expect(members.length).toBeGreaterThan(0);
    for (const { tenantId } of members) expect(tenantId).toBe(tenants().globex.tenantId);
  }
  const rowsOf = (userId: string) =>
    database().asSuperuser('SELECT 1 FROM memberships WHERE user_id = $1', [userId]);

  return { database, tenants, onOneConnection, expectClean, rowsOf };
}
