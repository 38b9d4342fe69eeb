/**
 * The reviewed permissions of the platform modules: the permissions of each role, and the one that each field requires.
 * It repeats the guards on purpose: a change of a guard or a new field must be made here too, and so is reviewed.
 */
import type { Permission, Role } from '../../src/kernel/vocabulary/permissions.js';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import type { MakeArguments, PermissionTable } from './permission-matrix.js';
import { randomUUID } from 'node:crypto';
import {
  insertApiKey,
  insertDelivery,
  insertImpersonation,
  insertInvitation,
  insertJob,
  insertMembership,
  insertTenant,
  insertWebhook,
} from './rows.js';
import { LIFECYCLE_ARGUMENTS, LIFECYCLE_GUARDS } from './lifecycle-permissions.js';
import { sealAll, unsignedHead } from './sealed-trails.js';

export const PLATFORM_GRANTS: Readonly<Record<Role, readonly Permission[]>> = {
  owner: [
    'members:read',
    'users:manage',
    'billing:manage',
    'settings:manage',
    'audit:read',
    'audit:export',
    'audit:redact',
    'events:read',
    'impersonations:end',
    'jobs:manage',
    'webhooks:manage',
    'tenant:export',
    'tenant:erase',
    'persons:erase',
  ],
  admin: [
    'members:read',
    'users:manage',
    'settings:manage',
    'audit:read',
    'events:read',
    'jobs:manage',
    'webhooks:manage',
  ],
  member: ['members:read'],
  viewer: ['members:read'],
};

export const PLATFORM_QUERIES: Readonly<Record<string, Permission | null>> = {
  roles: null,
  errorCodes: null,
  me: null,
  node: null,
  nodes: null,
  tenant: null,
  plans: 'billing:manage',
  settings: 'settings:manage',
  members: 'members:read',
  auditLog: 'audit:read',
  auditVerification: 'audit:read',
  impersonations: 'audit:read',
  events: 'events:read',
  invitations: 'users:manage',
  apiKeys: 'settings:manage',
  jobs: 'jobs:manage',
  webhooks: 'webhooks:manage',
  webhookDeliveries: 'webhooks:manage',
  exports: 'tenant:export',
  tenantErasure: 'tenant:erase',
};

export const PLATFORM_MUTATIONS: Readonly<Record<string, Permission | null>> = {
  updateTenant: 'settings:manage',
  updateTenantSettings: 'settings:manage',
  changePlan: 'billing:manage',
  changeMemberRole: 'users:manage',
  removeMember: 'users:manage',
  inviteMember: 'users:manage',
  revokeInvitation: 'users:manage',
  acceptInvitation: null,
  createApiKey: 'settings:manage',
  revokeApiKey: 'settings:manage',
  redactAuditEntries: 'audit:redact',
  exportAuditLog: 'audit:export',
  endImpersonation: 'impersonations:end',
  retryJob: 'jobs:manage',
  cancelJob: 'jobs:manage',
  createWebhook: 'webhooks:manage',
  updateWebhook: 'webhooks:manage',
  deleteWebhook: 'webhooks:manage',
  rotateWebhookSecret: 'webhooks:manage',
  testWebhook: 'webhooks:manage',
  redeliver: 'webhooks:manage',
  requestTenantExport: 'tenant:export',
  linkTenantExport: 'tenant:export',
  requestTenantErasure: 'tenant:erase',
  cancelTenantErasure: 'tenant:erase',
  erasePerson: 'persons:erase',
};

const allNeed = (permission: Permission, fields: readonly string[]) =>
  Object.fromEntries(fields.map((field) => [field, permission]));

/** Every type except the root types. */
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
    usage: 'billing:manage',
    usageHistory: 'billing:manage',
  },
  DailyUsage: allNeed('billing:manage', ['day', 'requests', 'databaseSeconds', 'rows', 'bytes', 'jobs']),
  ResourceUsage: { resource: 'billing:manage', used: 'billing:manage', limit: 'billing:manage' },
  Viewer: {
    id: null,
    userId: null,
    email: null,
    role: null,
    permissions: null,
    tenant: null,
    memberships: null,
    hasAllMemberships: null,
    fields: null,
  },
  FieldAccess: { coordinate: null, type: null, field: null, requires: null, allowed: null },
  ViewerMembership: { id: null, userId: null, role: null, joinedAt: null, tenant: null },
  Setting: {
    name: 'settings:manage',
    description: 'settings:manage',
    jsonSchema: 'settings:manage',
    value: 'settings:manage',
    defaultValue: 'settings:manage',
  },
  UpdateTenantSettingsPayload: { tenant: 'settings:manage', settings: 'settings:manage' },
  UpdateTenantPayload: { tenant: null },
  ChangePlanPayload: { tenant: null },
  Membership: {
    id: 'members:read',
    userId: 'members:read',
    role: 'members:read',
    joinedAt: 'members:read',
    email: 'users:manage',
    invitedBy: 'users:manage',
    invitedByMember: 'users:manage',
  },
  MembershipConnection: 'members:read',
  MembershipEdge: { node: 'members:read', cursor: 'members:read' },
  ChangeMemberRolePayload: { membership: 'members:read' },
  RemoveMemberPayload: { deletedId: 'users:manage' },
  Invitation: {
    id: 'users:manage',
    email: 'users:manage',
    role: 'users:manage',
    status: 'users:manage',
    invitedBy: 'users:manage',
    invitedByMember: 'members:read',
    invitedAt: 'users:manage',
    expiresAt: 'users:manage',
    acceptedAt: 'users:manage',
    acceptedBy: 'users:manage',
    acceptedByMember: 'members:read',
    revokedAt: 'users:manage',
  },
  InvitationConnection: 'users:manage',
  InvitationEdge: { node: 'users:manage', cursor: 'users:manage' },
  InviteMemberPayload: { invitation: 'users:manage', emailSent: 'users:manage' },
  RevokeInvitationPayload: { invitation: 'users:manage' },
  AcceptInvitationPayload: { membership: null },
  ApiKey: {
    id: 'settings:manage',
    name: 'settings:manage',
    prefix: 'settings:manage',
    permissions: 'settings:manage',
    status: 'settings:manage',
    createdBy: 'settings:manage',
    createdByMember: 'members:read',
    createdAt: 'settings:manage',
    expiresAt: 'settings:manage',
    revokedAt: 'settings:manage',
    lastUsedAt: 'settings:manage',
  },
  ApiKeyConnection: 'settings:manage',
  ApiKeyEdge: { node: 'settings:manage', cursor: 'settings:manage' },
  CreateApiKeyPayload: { secret: 'settings:manage', apiKey: 'settings:manage' },
  RevokeApiKeyPayload: { apiKey: 'settings:manage' },
  AuditEntry: {
    id: 'audit:read',
    actor: 'audit:read',
    actorType: 'audit:read',
    actorMember: 'members:read',
    action: 'audit:read',
    entity: 'audit:read',
    entityId: 'audit:read',
    entityNode: 'audit:read',
    oldValue: 'audit:read',
    newValue: 'audit:read',
    requestId: 'audit:read',
    createdAt: 'audit:read',
    proof: 'audit:read',
  },
  AuditEntryConnection: 'audit:read',
  AuditEntryEdge: { node: 'audit:read', cursor: 'audit:read' },
  AuditVerification: {
    sealedThrough: 'audit:read',
    entries: 'audit:read',
    pending: 'audit:read',
    redacted: 'audit:read',
    dropped: 'audit:read',
    head: 'audit:read',
    intact: 'audit:read',
    firstBroken: 'audit:read',
  },
  BrokenAuditEntry: { entryId: 'audit:read', reason: 'audit:read', explanation: 'audit:read' },
  ExportAuditLogPayload: { url: 'audit:export', expiresAt: 'audit:export' },
  RedactAuditEntriesPayload: { redacted: 'audit:redact', hasMore: 'audit:redact' },
  Impersonation: {
    id: 'audit:read',
    operator: 'audit:read',
    reason: 'audit:read',
    role: 'audit:read',
    userId: 'audit:read',
    createdAt: 'audit:read',
    expiresAt: 'audit:read',
    endedAt: 'audit:read',
    endedBy: 'audit:read',
  },
  ImpersonationConnection: 'audit:read',
  ImpersonationEdge: { node: 'audit:read', cursor: 'audit:read' },
  EndImpersonationPayload: { impersonation: 'audit:read' },
  Job: {
    id: 'jobs:manage',
    task: 'jobs:manage',
    state: 'jobs:manage',
    attempt: 'jobs:manage',
    maxAttempts: 'jobs:manage',
    runAt: 'jobs:manage',
    actor: 'jobs:manage',
    actorType: 'jobs:manage',
    requestId: 'jobs:manage',
    createdAt: 'jobs:manage',
    startedAt: 'jobs:manage',
    finishedAt: 'jobs:manage',
    lastError: 'jobs:manage',
  },
  JobConnection: 'jobs:manage',
  JobEdge: { node: 'jobs:manage', cursor: 'jobs:manage' },
  AuditEvent: 'events:read',
  AuditEventConnection: 'events:read',
  AuditEventEdge: { node: 'events:read', cursor: 'events:read' },
  RetryJobPayload: { job: 'jobs:manage' },
  CancelJobPayload: { job: 'jobs:manage' },
  Webhook: {
    id: 'webhooks:manage',
    url: 'webhooks:manage',
    description: 'webhooks:manage',
    events: 'webhooks:manage',
    payload: 'webhooks:manage',
    createdBy: 'webhooks:manage',
    createdByMember: 'members:read',
    actsFor: 'webhooks:manage',
    createdAt: 'webhooks:manage',
    rotatedAt: 'webhooks:manage',
    disabledAt: 'webhooks:manage',
    disabledBecause: 'webhooks:manage',
    failingSince: 'webhooks:manage',
  },
  WebhookConnection: 'webhooks:manage',
  WebhookEdge: 'webhooks:manage',
  WebhookDelivery: {
    id: 'webhooks:manage',
    webhookId: 'webhooks:manage',
    webhook: 'webhooks:manage',
    event: 'webhooks:manage',
    entity: 'webhooks:manage',
    entityId: 'webhooks:manage',
    occurredAt: 'webhooks:manage',
    status: 'webhooks:manage',
    attempts: 'webhooks:manage',
    answeredStatus: 'webhooks:manage',
    failure: 'webhooks:manage',
    lastAttemptAt: 'webhooks:manage',
    nextAttemptAt: 'webhooks:manage',
    deliveredAt: 'webhooks:manage',
    createdAt: 'webhooks:manage',
  },
  WebhookDeliveryConnection: 'webhooks:manage',
  WebhookDeliveryEdge: 'webhooks:manage',
  CreateWebhookPayload: 'webhooks:manage',
  UpdateWebhookPayload: 'webhooks:manage',
  DeleteWebhookPayload: 'webhooks:manage',
  RotateWebhookSecretPayload: 'webhooks:manage',
  TestWebhookPayload: 'webhooks:manage',
  RedeliverPayload: 'webhooks:manage',
  ...LIFECYCLE_GUARDS,
};

const none: MakeArguments = () => ({});
const onePage: MakeArguments = () => ({ first: 1 });

export const PLATFORM_ARGUMENTS: NonNullable<PermissionTable['arguments']> = {
  'Query.roles': none,
  'Query.me': none,
  'Query.node': async ({ database }) => ({ id: encodeId('Tenant', await database.tenantId('acme')) }),
  'Query.nodes': async ({ database }) => ({ ids: [encodeId('Tenant', await database.tenantId('acme'))] }),
  'Query.errorCodes': none,
  'Query.tenant': none,
  'Query.plans': none,
  'Query.members': onePage,
  'Query.auditLog': onePage,
  // A head that nobody has signed, so that something is broken.
  'Query.auditVerification': async ({ database }) => ({
    head: unsignedHead(await database.tenantId('acme')),
  }),
  'Query.invitations': async ({ database }) => {
    await insertInvitation(database, 'acme');
    return { first: 1 };
  },
  'Query.impersonations': async ({ database }) => {
    await insertImpersonation(database, 'acme');
    return { first: 1 };
  },
  'Query.apiKeys': async ({ database }) => {
    await insertApiKey(database, 'acme');
    return { first: 1 };
  },
  'Query.jobs': async ({ database }) => {
    await insertJob(database, 'acme');
    return { first: 1 };
  },
  'Query.events': async ({ database }) => {
    await sealAll(database);
    return { first: 1 };
  },
  'Query.webhooks': async ({ database }) => {
    await insertWebhook(database, 'acme');
    return { first: 1 };
  },
  'Query.webhookDeliveries': async ({ database }) => {
    await insertDelivery(database, 'acme');
    return { first: 1 };
  },
  ...LIFECYCLE_ARGUMENTS,
  'Mutation.createWebhook': () => ({
    input: { url: 'https://hooks.test/', events: ['membership.updated'] },
  }),
  'Mutation.updateWebhook': async ({ database }) => ({
    input: { id: await insertWebhook(database, 'acme'), description: 'a webhook' },
  }),
  'Mutation.deleteWebhook': async ({ database }) => ({
    input: { id: await insertWebhook(database, 'acme') },
  }),
  'Mutation.rotateWebhookSecret': async ({ database }) => ({
    input: { id: await insertWebhook(database, 'acme') },
  }),
  'Mutation.testWebhook': async ({ database }) => ({ input: { id: await insertWebhook(database, 'acme') } }),
  'Mutation.redeliver': async ({ database }) => ({ input: { id: await insertDelivery(database, 'acme') } }),
  'Mutation.updateTenant': () => ({ input: { name: `Acme ${Math.random()}`, settings: { theme: 'dark' } } }),
  'Mutation.updateTenantSettings': () => ({ input: { settings: {} } }),
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
  // An invitation to a new tenant, because the caller is already a member of acme.
  'Mutation.acceptInvitation': async ({ database }, asker) => {
    const slug = `invites-${randomUUID()}`;
    await insertTenant(database, slug);
    return {
      input: { token: (await insertInvitation(database, slug, { email: `${asker}@acme.test` })).token },
    };
  },
  'Mutation.redactAuditEntries': async ({ database }) => {
    const membership = await insertMembership(database, 'acme');
    const [entry] = await database.asSuperuser<{ id: string }>(
      'SELECT id FROM audit_log WHERE entity_id = $1',
      [membership],
    );
    return { input: { entryIds: [encodeId('AuditEntry', entry!.id)], reason: 'a test' } };
  },
  'Mutation.exportAuditLog': () => ({ input: { format: 'CSV' } }),
  'Mutation.createApiKey': () => ({ input: { name: 'a key', permissions: ['MEMBERS_READ'] } }),
  'Mutation.revokeApiKey': async ({ database }) => ({
    input: { id: (await insertApiKey(database, 'acme')).id },
  }),
  'Mutation.endImpersonation': async ({ database }) => ({
    input: { id: (await insertImpersonation(database, 'acme')).id },
  }),
  'Mutation.retryJob': async ({ database }) => ({ input: { id: await insertJob(database, 'acme') } }),
  'Mutation.cancelJob': async ({ database }) => ({
    input: { id: await insertJob(database, 'acme', { state: 'queued' }) },
  }),
};
