/** The arguments with which the fields of exports and erasures are tried: see platform-permissions.ts. */
import { randomUUID } from 'node:crypto';
import type { PermissionTable } from './permission-matrix.js';
import { insertErasure, insertMembership, insertTenantExport } from './rows.js';

export const LIFECYCLE_ARGUMENTS: NonNullable<PermissionTable['arguments']> = {
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
