/** The guards of exports and erasures, and the arguments with which their fields are tried: see platform-permissions.ts. */
import { randomUUID } from 'node:crypto';
import type { PermissionTable } from './permission-matrix.js';
import { insertErasure, insertMembership, insertTenantExport } from './rows.js';

export const LIFECYCLE_GUARDS: PermissionTable['guards'] = {
  TenantExport: {
    id: 'tenant:export',
    status: 'tenant:export',
    requestedBy: 'tenant:export',
    anonymised: 'tenant:export',
    createdAt: 'tenant:export',
    finishedAt: 'tenant:export',
    expiresAt: 'tenant:export',
    size: 'tenant:export',
    sha256: 'tenant:export',
    rows: 'tenant:export',
    failure: 'tenant:export',
  },
  TenantExportConnection: 'tenant:export',
  TenantExportEdge: 'tenant:export',
  RequestTenantExportPayload: 'tenant:export',
  LinkTenantExportPayload: 'tenant:export',
  TenantErasure: { requestedAt: 'tenant:erase', requestedBy: 'tenant:erase', executeAt: 'tenant:erase' },
  RequestTenantErasurePayload: 'tenant:erase',
  CancelTenantErasurePayload: 'tenant:erase',
  ErasedRows: 'persons:erase',
  ErasePersonPayload: 'persons:erase',
};

export const LIFECYCLE_ARGUMENTS: NonNullable<PermissionTable['arguments']> = {
  // Servers write what they have counted every ten seconds; the day must be there at once.
  'Tenant.usageHistory': async ({ database }) => {
    await database.asSuperuser(
      `INSERT INTO tenantry.tenant_usage SELECT id, 'day', '2026-01-01', 1, 1, 1, 1, 1 FROM tenants WHERE slug = 'acme'
       ON CONFLICT DO NOTHING`,
    );
    return {};
  },
  'Query.exports': async ({ database }) => {
    await insertTenantExport(database, 'acme');
    return { first: 1 };
  },
  'Query.tenantErasure': async ({ database }) => {
    await insertErasure(database, 'acme');
    return {};
  },
  'Mutation.requestTenantExport': () => ({ input: {} }),
  'Mutation.linkTenantExport': async ({ database }) => ({
    input: { id: await insertTenantExport(database, 'acme') },
  }),
  // One was asked for before, so this one suspends nobody.
  'Mutation.requestTenantErasure': async ({ database }) => {
    await insertErasure(database, 'acme');
    return { input: { confirm: 'erase acme' } };
  },
  'Mutation.cancelTenantErasure': async ({ database }) => {
    await insertErasure(database, 'acme');
    return { input: { slug: 'acme' } };
  },
  'Mutation.erasePerson': async ({ database }) => {
    const userId = `left|${randomUUID()}`;
    await insertMembership(database, 'acme', { userId });
    await insertMembership(database, 'acme', { invitedBy: userId });
    return { input: { userId, confirm: 'erase this person', reason: 'a test' } };
  },
};
