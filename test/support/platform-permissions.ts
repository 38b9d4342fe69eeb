/**
 * The reviewed permissions of the platform modules: which role holds what, and what each field demands. It is a copy
 * on purpose. Whoever changes a guard or adds a field changes it here too, knowing what they open.
 */
import type { Permission, Role } from '../../src/kernel/vocabulary/permissions.js';
import type { MakeArguments, PermissionTable } from './permission-matrix.js';
import { randomUUID } from 'node:crypto';
import { insertApiKey, insertInvitation, insertMembership, insertTenant } from './rows.js';

export const PLATFORM_GRANTS: Readonly<Record<Role, readonly Permission[]>> = {
  owner: ['members:read', 'users:manage', 'billing:manage', 'settings:manage', 'audit:read'],
  admin: ['members:read', 'users:manage', 'settings:manage', 'audit:read'],
  member: ['members:read'],
  viewer: ['members:read'],
};

export const PLATFORM_QUERIES: Readonly<Record<string, Permission | null>> = {
  roles: null,
  errorCodes: null,
  me: null,
  tenant: null,
  plans: 'billing:manage',
  members: 'members:read',
  auditLog: 'audit:read',
  invitations: 'users:manage',
  apiKeys: 'settings:manage',
};

export const PLATFORM_MUTATIONS: Readonly<Record<string, Permission | null>> = {
  updateTenant: 'settings:manage',
  changePlan: 'billing:manage',
  changeMemberRole: 'users:manage',
  removeMember: 'users:manage',
  inviteMember: 'users:manage',
  revokeInvitation: 'users:manage',
  acceptInvitation: null,
  createApiKey: 'settings:manage',
  revokeApiKey: 'settings:manage',
};

/** Every type but the root types. */
export const PLATFORM_GUARDS: PermissionTable['guards'] = {
  PageInfo: { hasNextPage: null, hasPreviousPage: null, startCursor: null, endCursor: null },
  RolePermissions: { role: null, permissions: null },
  Plan: { name: 'billing:manage' },
  Tenant: {
    id: null,
    slug: null,
    name: null,
    status: null,
    createdAt: null,
    version: null,
    plan: 'billing:manage',
    billingEmail: 'billing:manage',
    settings: 'settings:manage',
  },
  Viewer: {
    userId: null,
    email: null,
    role: null,
    permissions: null,
    tenant: null,
    memberships: null,
    fields: null,
  },
  FieldAccess: { coordinate: null, type: null, field: null, requires: null, allowed: null },
  ViewerMembership: { role: null, joinedAt: null, tenant: null },
  TenantSummary: { id: null, slug: null, name: null, status: null },
  UpdateTenantPayload: { tenant: null },
  ChangePlanPayload: { tenant: null },
  Membership: {
    id: 'members:read',
    userId: 'members:read',
    role: 'members:read',
    joinedAt: 'members:read',
    email: 'users:manage',
    invitedBy: 'users:manage',
  },
  MembershipConnection: {
    nodes: 'members:read',
    edges: 'members:read',
    pageInfo: 'members:read',
    totalCount: 'members:read',
  },
  MembershipEdge: { node: 'members:read', cursor: 'members:read' },
  ChangeMemberRolePayload: { membership: 'members:read' },
  RemoveMemberPayload: { deletedId: 'users:manage' },
  Invitation: {
    id: 'users:manage',
    email: 'users:manage',
    role: 'users:manage',
    status: 'users:manage',
    invitedBy: 'users:manage',
    invitedAt: 'users:manage',
    expiresAt: 'users:manage',
    acceptedAt: 'users:manage',
    acceptedBy: 'users:manage',
    revokedAt: 'users:manage',
  },
  InvitationConnection: {
    nodes: 'users:manage',
    edges: 'users:manage',
    pageInfo: 'users:manage',
    totalCount: 'users:manage',
  },
  InvitationEdge: { node: 'users:manage', cursor: 'users:manage' },
  InviteMemberPayload: { invitation: 'users:manage', emailSent: 'users:manage' },
  RevokeInvitationPayload: { invitation: 'users:manage' },
  AcceptInvitationPayload: { membership: null },
  AcceptedMembership: { id: null, userId: null, role: null, joinedAt: null, tenant: null },
  ApiKey: {
    id: 'settings:manage',
    name: 'settings:manage',
    prefix: 'settings:manage',
    permissions: 'settings:manage',
    status: 'settings:manage',
    createdBy: 'settings:manage',
    createdAt: 'settings:manage',
    expiresAt: 'settings:manage',
    revokedAt: 'settings:manage',
    lastUsedAt: 'settings:manage',
  },
  ApiKeyConnection: {
    nodes: 'settings:manage',
    edges: 'settings:manage',
    pageInfo: 'settings:manage',
    totalCount: 'settings:manage',
  },
  ApiKeyEdge: { node: 'settings:manage', cursor: 'settings:manage' },
  CreateApiKeyPayload: { secret: 'settings:manage', apiKey: 'settings:manage' },
  RevokeApiKeyPayload: { apiKey: 'settings:manage' },
  AuditEntry: {
    id: 'audit:read',
    actor: 'audit:read',
    actorType: 'audit:read',
    action: 'audit:read',
    entity: 'audit:read',
    entityId: 'audit:read',
    oldValue: 'audit:read',
    newValue: 'audit:read',
    requestId: 'audit:read',
    createdAt: 'audit:read',
  },
  AuditEntryConnection: {
    nodes: 'audit:read',
    edges: 'audit:read',
    pageInfo: 'audit:read',
    totalCount: 'audit:read',
  },
  AuditEntryEdge: { node: 'audit:read', cursor: 'audit:read' },
};

const none: MakeArguments = () => ({});
const onePage: MakeArguments = () => ({ first: 1 });

export const PLATFORM_ARGUMENTS: NonNullable<PermissionTable['arguments']> = {
  'Query.roles': none,
  'Query.me': none,
  'Query.errorCodes': none,
  'Query.tenant': none,
  'Query.plans': none,
  'Query.members': onePage,
  'Query.auditLog': onePage,
  'Query.invitations': async ({ database }) => {
    await insertInvitation(database, 'acme');
    return { first: 1 };
  },
  'Query.apiKeys': async ({ database }) => {
    await insertApiKey(database, 'acme');
    return { first: 1 };
  },
  'Mutation.updateTenant': () => ({ input: { name: `Acme ${Math.random()}`, settings: { theme: 'dark' } } }),
  'Mutation.changePlan': () => ({ input: { plan: 'team' } }),
  'Mutation.changeMemberRole': async ({ database }) => ({
    input: { membershipId: await insertMembership(database, 'acme'), role: 'MEMBER' },
  }),
  'Mutation.removeMember': async ({ database }) => ({
    input: { membershipId: await insertMembership(database, 'acme') },
  }),
  'Mutation.inviteMember': () => ({ input: { email: `${randomUUID()}@new.test`, role: 'VIEWER' } }),
  'Mutation.revokeInvitation': async ({ database }) => ({
    input: { id: (await insertInvitation(database, 'acme')).id },
  }),
  // To a tenant of its own: the asker is a member of acme already.
  'Mutation.acceptInvitation': async ({ database }, asker) => {
    const slug = `invites-${randomUUID()}`;
    await insertTenant(database, slug);
    return {
      input: { token: (await insertInvitation(database, slug, { email: `${asker}@acme.test` })).token },
    };
  },
  'Mutation.createApiKey': () => ({ input: { name: 'a key', permissions: ['MEMBERS_READ'] } }),
  'Mutation.revokeApiKey': async ({ database }) => ({
    input: { id: (await insertApiKey(database, 'acme')).id },
  }),
};
