/* eslint-disable */
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
export type Maybe<T> = T | null;
export type InputMaybe<T> = T | null | undefined;
export type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
export type MakeOptional<T, K extends keyof T> = Omit<T, K> & { [SubKey in K]?: Maybe<T[SubKey]> };
export type MakeMaybe<T, K extends keyof T> = Omit<T, K> & { [SubKey in K]: Maybe<T[SubKey]> };
export type MakeEmpty<T extends { [key: string]: unknown }, K extends keyof T> = { [_ in K]?: never };
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** A point in time, RFC 3339. */
  DateTime: { input: string; output: string; }
  /** A JSON object. */
  JSONObject: { input: Record<string, unknown>; output: Record<string, unknown>; }
};

export type AcceptInvitationInput = {
  /** From the link in the mail. */
  token: Scalars['String']['input'];
};

export type AcceptInvitationPayload = {
  __typename?: 'AcceptInvitationPayload';
  membership: AcceptedMembership;
};

/** The membership that an invitation has become. Its user acts in its tenant from their next request on. */
export type AcceptedMembership = {
  __typename?: 'AcceptedMembership';
  id: Scalars['ID']['output'];
  joinedAt: Scalars['DateTime']['output'];
  role: Role;
  tenant: TenantSummary;
  userId: Scalars['ID']['output'];
};

export type ActorType =
  | 'API_KEY'
  | 'JOB'
  | 'OPERATOR'
  | 'SYSTEM'
  | 'USER';

/** How a program calls: `Authorization: Bearer tk_…`. It acts in this tenant, with its own permissions. */
export type ApiKey = {
  __typename?: 'ApiKey';
  createdAt: Scalars['DateTime']['output'];
  /** The `userId` of the member who made it. */
  createdBy: Scalars['ID']['output'];
  expiresAt?: Maybe<Scalars['DateTime']['output']>;
  id: Scalars['ID']['output'];
  /** Up to a minute late. */
  lastUsedAt?: Maybe<Scalars['DateTime']['output']>;
  name: Scalars['String']['output'];
  /** What it was made for. What of it the creator may do no longer, the key may not do either. */
  permissions: Array<Permission>;
  /** How the key begins, to recognise it by. */
  prefix: Scalars['String']['output'];
  revokedAt?: Maybe<Scalars['DateTime']['output']>;
  status: ApiKeyStatus;
};

export type ApiKeyConnection = {
  __typename?: 'ApiKeyConnection';
  edges: Array<ApiKeyEdge>;
  nodes: Array<ApiKey>;
  pageInfo: PageInfo;
  totalCount: Scalars['Int']['output'];
};

export type ApiKeyEdge = {
  __typename?: 'ApiKeyEdge';
  cursor: Scalars['String']['output'];
  node: ApiKey;
};

export type ApiKeyStatus =
  | 'ACTIVE'
  | 'EXPIRED'
  /** By somebody, or because its creator has left the tenant. */
  | 'REVOKED';

/** One change of this tenant's data. Written by the database with the change, and never changed afterwards. */
export type AuditEntry = {
  __typename?: 'AuditEntry';
  /** What happened, `membership.updated`. */
  action: Scalars['String']['output'];
  /** Who made the change: for a user, the `sub` claim. */
  actor: Scalars['String']['output'];
  actorType: ActorType;
  createdAt: Scalars['DateTime']['output'];
  /** The model, `Membership`. */
  entity: Scalars['String']['output'];
  entityId?: Maybe<Scalars['ID']['output']>;
  id: Scalars['ID']['output'];
  /** The row after the change. */
  newValue?: Maybe<Scalars['JSONObject']['output']>;
  /** The row before the change, with the column names of the database; without secrets and what the caller may not read. */
  oldValue?: Maybe<Scalars['JSONObject']['output']>;
  /** The request that made the change, as in its `x-request-id` header. */
  requestId?: Maybe<Scalars['String']['output']>;
};

export type AuditEntryConnection = {
  __typename?: 'AuditEntryConnection';
  edges: Array<AuditEntryEdge>;
  nodes: Array<AuditEntry>;
  pageInfo: PageInfo;
  totalCount: Scalars['Int']['output'];
};

export type AuditEntryEdge = {
  __typename?: 'AuditEntryEdge';
  cursor: Scalars['String']['output'];
  node: AuditEntry;
};

export type AuditEntryFilter = {
  action?: InputMaybe<Scalars['String']['input']>;
  actor?: InputMaybe<Scalars['String']['input']>;
  createdAt?: InputMaybe<DateTimeRange>;
  entity?: InputMaybe<Scalars['String']['input']>;
  entityId?: InputMaybe<Scalars['ID']['input']>;
  requestId?: InputMaybe<Scalars['String']['input']>;
};

/** What happened to a row. */
export type ChangeKind =
  | 'CREATED'
  | 'DELETED'
  | 'UPDATED';

export type ChangeMemberRoleInput = {
  membershipId: Scalars['ID']['input'];
  role: Role;
};

export type ChangeMemberRolePayload = {
  __typename?: 'ChangeMemberRolePayload';
  membership?: Maybe<Membership>;
};

export type ChangePlanInput = {
  /** `free`, `starter`, `pro`, `team`, `business` or `enterprise`. */
  plan: Scalars['String']['input'];
};

export type ChangePlanPayload = {
  __typename?: 'ChangePlanPayload';
  tenant: Tenant;
};

export type Conversation = {
  __typename?: 'Conversation';
  /** The author, while they are a member of this tenant. */
  author?: Maybe<Membership>;
  body: Scalars['String']['output'];
  createdAt: Scalars['DateTime']['output'];
  id: Scalars['ID']['output'];
  /** The messages, the oldest first; `last` asks for the newest. */
  messages: MessageConnection;
  subject?: Maybe<Scalars['String']['output']>;
  updatedAt: Scalars['DateTime']['output'];
  /** The author's `sub` claim. */
  userId: Scalars['ID']['output'];
  /** Grows by one with each change; `expectedVersion` of an update takes it. */
  version: Scalars['Int']['output'];
};


export type ConversationMessagesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
};

/** What happened to a conversation. */
export type ConversationChange = {
  __typename?: 'ConversationChange';
  /** The conversation as it is now; null when it was deleted. */
  conversation?: Maybe<Conversation>;
  id: Scalars['ID']['output'];
  kind: ChangeKind;
};

export type ConversationConnection = {
  __typename?: 'ConversationConnection';
  edges: Array<ConversationEdge>;
  nodes: Array<Conversation>;
  pageInfo: PageInfo;
  totalCount: Scalars['Int']['output'];
};

export type ConversationEdge = {
  __typename?: 'ConversationEdge';
  cursor: Scalars['String']['output'];
  node: Conversation;
};

export type ConversationFilter = {
  createdAt?: InputMaybe<DateTimeRange>;
  /** Text that the subject or the body contains, in whatever case. */
  search?: InputMaybe<Scalars['String']['input']>;
  userId?: InputMaybe<Scalars['ID']['input']>;
};

export type ConversationOrder = {
  direction?: OrderDirection;
  field?: ConversationOrderField;
};

export type ConversationOrderField =
  | 'CREATED_AT'
  | 'UPDATED_AT';

export type CreateApiKeyInput = {
  /** Without it, the key is valid until it is revoked. */
  expiresAt?: InputMaybe<Scalars['DateTime']['input']>;
  /** 1 to 100 characters. */
  name: Scalars['String']['input'];
  /** At least one, and none that the caller lacks. */
  permissions: Array<Permission>;
};

export type CreateApiKeyPayload = {
  __typename?: 'CreateApiKeyPayload';
  apiKey?: Maybe<ApiKey>;
  /** The key itself. It is shown this once: only its hash is stored. */
  secret: Scalars['String']['output'];
};

export type CreateConversationInput = {
  /** 1 to 10,000 characters. */
  body: Scalars['String']['input'];
  /** At most 200 characters. */
  subject?: InputMaybe<Scalars['String']['input']>;
};

export type CreateConversationPayload = {
  __typename?: 'CreateConversationPayload';
  conversation?: Maybe<Conversation>;
};

/** From `from` (included) until `to` (excluded). */
export type DateTimeRange = {
  from?: InputMaybe<Scalars['DateTime']['input']>;
  to?: InputMaybe<Scalars['DateTime']['input']>;
};

export type DeleteConversationInput = {
  id: Scalars['ID']['input'];
};

export type DeleteConversationPayload = {
  __typename?: 'DeleteConversationPayload';
  deletedId: Scalars['ID']['output'];
};

/**
 * Whether the caller holds the permission that a part of the schema demands: a field, a mutation, an argument, a field of
 * an input, a value of an enum. What is not listed is open to every member.
 */
export type FieldAccess = {
  __typename?: 'FieldAccess';
  /** False: it would be refused. True: a rule that looks at the data may still refuse it. */
  allowed: Scalars['Boolean']['output'];
  /** `Tenant.plan`, `Mutation.changePlan`; of an argument, `Query.things(secret:)`. */
  coordinate: Scalars['String']['output'];
  /** The coordinate behind the dot. */
  field: Scalars['String']['output'];
  requires: Permission;
  /** The coordinate up to the dot. */
  type: Scalars['String']['output'];
};

/** An e-mail address that was asked to join this tenant. There is one for each address at most. */
export type Invitation = {
  __typename?: 'Invitation';
  acceptedAt?: Maybe<Scalars['DateTime']['output']>;
  /** The `userId` of the member it has become. */
  acceptedBy?: Maybe<Scalars['ID']['output']>;
  /** In lower case. */
  email: Scalars['String']['output'];
  expiresAt: Scalars['DateTime']['output'];
  id: Scalars['ID']['output'];
  /** When it was sent, the last time. */
  invitedAt: Scalars['DateTime']['output'];
  /** The `userId` of whoever sent it. */
  invitedBy: Scalars['ID']['output'];
  revokedAt?: Maybe<Scalars['DateTime']['output']>;
  /** The role of the membership to be. */
  role: Role;
  status: InvitationStatus;
};

export type InvitationConnection = {
  __typename?: 'InvitationConnection';
  edges: Array<InvitationEdge>;
  nodes: Array<Invitation>;
  pageInfo: PageInfo;
  totalCount: Scalars['Int']['output'];
};

export type InvitationEdge = {
  __typename?: 'InvitationEdge';
  cursor: Scalars['String']['output'];
  node: Invitation;
};

export type InvitationFilter = {
  status?: InputMaybe<InvitationStatus>;
};

export type InvitationStatus =
  | 'ACCEPTED'
  | 'EXPIRED'
  /** Can be accepted. */
  | 'PENDING'
  /** By somebody, or because whoever sent it has left the tenant or fallen in rank. */
  | 'REVOKED';

export type InviteMemberInput = {
  email: Scalars['String']['input'];
  role: Role;
};

export type InviteMemberPayload = {
  __typename?: 'InviteMemberPayload';
  /** False when the mail could not be handed over. The invitation stands; invite again to send another mail. */
  emailSent: Scalars['Boolean']['output'];
  invitation?: Maybe<Invitation>;
};

/** A user's place in this tenant. */
export type Membership = {
  __typename?: 'Membership';
  email?: Maybe<Scalars['String']['output']>;
  id: Scalars['ID']['output'];
  /** The `userId` of whoever invited this member. */
  invitedBy?: Maybe<Scalars['ID']['output']>;
  joinedAt: Scalars['DateTime']['output'];
  role: Role;
  /** The `sub` claim of the identity provider. */
  userId: Scalars['ID']['output'];
};

export type MembershipConnection = {
  __typename?: 'MembershipConnection';
  edges: Array<MembershipEdge>;
  nodes: Array<Membership>;
  pageInfo: PageInfo;
  totalCount: Scalars['Int']['output'];
};

export type MembershipEdge = {
  __typename?: 'MembershipEdge';
  cursor: Scalars['String']['output'];
  node: Membership;
};

export type MembershipFilter = {
  role?: InputMaybe<Role>;
  userId?: InputMaybe<Scalars['ID']['input']>;
};

export type Message = {
  __typename?: 'Message';
  /** The author, while they are a member of this tenant. */
  author?: Maybe<Membership>;
  body: Scalars['String']['output'];
  conversationId: Scalars['ID']['output'];
  createdAt: Scalars['DateTime']['output'];
  id: Scalars['ID']['output'];
  /** The author's `sub` claim. */
  userId: Scalars['ID']['output'];
};

export type MessageConnection = {
  __typename?: 'MessageConnection';
  edges: Array<MessageEdge>;
  nodes: Array<Message>;
  pageInfo: PageInfo;
  totalCount: Scalars['Int']['output'];
};

export type MessageEdge = {
  __typename?: 'MessageEdge';
  cursor: Scalars['String']['output'];
  node: Message;
};

export type Mutation = {
  __typename?: 'Mutation';
  /**
   * Makes the caller a member of the tenant that the invitation is for, whichever tenant the request names, if any. Their
   * token must carry the e-mail address that was invited, and that it is verified.
   */
  acceptInvitation?: Maybe<AcceptInvitationPayload>;
  /** Nobody grants or changes a role above their own, and a tenant keeps an owner. */
  changeMemberRole?: Maybe<ChangeMemberRolePayload>;
  changePlan?: Maybe<ChangePlanPayload>;
  createApiKey?: Maybe<CreateApiKeyPayload>;
  createConversation?: Maybe<CreateConversationPayload>;
  /** Deletes the conversation and its messages. */
  deleteConversation?: Maybe<DeleteConversationPayload>;
  /**
   * Sends a mail with a link that makes its recipient a member. Nobody invites to a role above their own. Inviting an
   * address again sends another mail; the link in the one before it is then void.
   */
  inviteMember?: Maybe<InviteMemberPayload>;
  postMessage?: Maybe<PostMessagePayload>;
  /** Nobody removes a member of a role above their own, and a tenant keeps an owner. */
  removeMember?: Maybe<RemoveMemberPayload>;
  /** The key is refused on every server within a second. */
  revokeApiKey?: Maybe<RevokeApiKeyPayload>;
  /** Makes the link void. Nobody revokes an invitation to a role above their own. */
  revokeInvitation?: Maybe<RevokeInvitationPayload>;
  updateConversation?: Maybe<UpdateConversationPayload>;
  updateTenant?: Maybe<UpdateTenantPayload>;
};


export type MutationAcceptInvitationArgs = {
  input: AcceptInvitationInput;
};


export type MutationChangeMemberRoleArgs = {
  input: ChangeMemberRoleInput;
};


export type MutationChangePlanArgs = {
  input: ChangePlanInput;
};


export type MutationCreateApiKeyArgs = {
  input: CreateApiKeyInput;
};


export type MutationCreateConversationArgs = {
  input: CreateConversationInput;
};


export type MutationDeleteConversationArgs = {
  input: DeleteConversationInput;
};


export type MutationInviteMemberArgs = {
  input: InviteMemberInput;
};


export type MutationPostMessageArgs = {
  input: PostMessageInput;
};


export type MutationRemoveMemberArgs = {
  input: RemoveMemberInput;
};


export type MutationRevokeApiKeyArgs = {
  input: RevokeApiKeyInput;
};


export type MutationRevokeInvitationArgs = {
  input: RevokeInvitationInput;
};


export type MutationUpdateConversationArgs = {
  input: UpdateConversationInput;
};


export type MutationUpdateTenantArgs = {
  input: UpdateTenantInput;
};

export type OrderDirection =
  | 'ASC'
  | 'DESC';

/** Where a page stands in its list. */
export type PageInfo = {
  __typename?: 'PageInfo';
  endCursor?: Maybe<Scalars['String']['output']>;
  hasNextPage: Scalars['Boolean']['output'];
  hasPreviousPage: Scalars['Boolean']['output'];
  startCursor?: Maybe<Scalars['String']['output']>;
};

/** What a role may do. Modules add their own. */
export type Permission =
  | 'AUDIT_READ'
  | 'BILLING_MANAGE'
  | 'CONVERSATIONS_READ'
  | 'CONVERSATIONS_WRITE'
  | 'MEMBERS_READ'
  | 'SETTINGS_MANAGE'
  | 'USERS_MANAGE';

export type PostMessageInput = {
  /** 1 to 10,000 characters. */
  body: Scalars['String']['input'];
  conversationId: Scalars['ID']['input'];
};

export type PostMessagePayload = {
  __typename?: 'PostMessagePayload';
  message?: Maybe<Message>;
};

export type Query = {
  __typename?: 'Query';
  /** The API keys of this tenant, the newest first. */
  apiKeys?: Maybe<ApiKeyConnection>;
  /** The audit log, the newest entry first. */
  auditLog?: Maybe<AuditEntryConnection>;
  /** One conversation; null when there is none with this id. */
  conversation?: Maybe<Conversation>;
  /** The conversations of this tenant, the newest first unless `orderBy` says otherwise. */
  conversations?: Maybe<ConversationConnection>;
  /** The invitations to this tenant, the newest first. */
  invitations?: Maybe<InvitationConnection>;
  me: Viewer;
  /** The members of this tenant, in the order they joined. */
  members?: Maybe<MembershipConnection>;
  /** Which permissions each role holds. */
  roles: Array<RolePermissions>;
  tenant: Tenant;
};


export type QueryApiKeysArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryAuditLogArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<AuditEntryFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryConversationArgs = {
  id: Scalars['ID']['input'];
};


export type QueryConversationsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<ConversationFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<ConversationOrder>;
};


export type QueryInvitationsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<InvitationFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
};


export type QueryMembersArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<MembershipFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
};

export type RemoveMemberInput = {
  membershipId: Scalars['ID']['input'];
};

export type RemoveMemberPayload = {
  __typename?: 'RemoveMemberPayload';
  deletedId: Scalars['ID']['output'];
};

export type RevokeApiKeyInput = {
  id: Scalars['ID']['input'];
};

export type RevokeApiKeyPayload = {
  __typename?: 'RevokeApiKeyPayload';
  apiKey?: Maybe<ApiKey>;
};

export type RevokeInvitationInput = {
  id: Scalars['ID']['input'];
};

export type RevokeInvitationPayload = {
  __typename?: 'RevokeInvitationPayload';
  invitation?: Maybe<Invitation>;
};

/** A member's role in a tenant, the most powerful first. */
export type Role =
  | 'ADMIN'
  | 'MEMBER'
  | 'OWNER'
  | 'VIEWER';

/** One row of the role × permission matrix. */
export type RolePermissions = {
  __typename?: 'RolePermissions';
  permissions: Array<Permission>;
  role: Role;
};

export type Subscription = {
  __typename?: 'Subscription';
  /** Every change of a conversation of this tenant. */
  conversationChanged?: Maybe<ConversationChange>;
  /** Every message that is posted in a conversation; none for a conversation that does not exist. */
  messagePosted?: Maybe<Message>;
};


export type SubscriptionMessagePostedArgs = {
  conversationId: Scalars['ID']['input'];
};

/** The customer organisation the caller acts in. */
export type Tenant = {
  __typename?: 'Tenant';
  billingEmail?: Maybe<Scalars['String']['output']>;
  createdAt: Scalars['DateTime']['output'];
  id: Scalars['ID']['output'];
  name: Scalars['String']['output'];
  plan?: Maybe<Scalars['String']['output']>;
  settings?: Maybe<Scalars['JSONObject']['output']>;
  /** The subdomain. */
  slug: Scalars['String']['output'];
  status: TenantStatus;
  /** Grows by one with each change; `expectedVersion` of an update takes it. */
  version: Scalars['Int']['output'];
};

export type TenantStatus =
  | 'ACTIVE'
  | 'SUSPENDED';

/** What a member may know of each tenant they belong to, whichever they act in. */
export type TenantSummary = {
  __typename?: 'TenantSummary';
  id: Scalars['ID']['output'];
  name: Scalars['String']['output'];
  slug: Scalars['String']['output'];
  status: TenantStatus;
};

export type UpdateConversationInput = {
  body?: InputMaybe<Scalars['String']['input']>;
  /** The `version` that is to be changed. When it is no longer that, the update is a CONFLICT and changes nothing. */
  expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  id: Scalars['ID']['input'];
  /** Null removes the subject; leave it out to keep it. */
  subject?: InputMaybe<Scalars['String']['input']>;
};

export type UpdateConversationPayload = {
  __typename?: 'UpdateConversationPayload';
  conversation?: Maybe<Conversation>;
};

export type UpdateTenantInput = {
  /** The `version` that is to be changed. When it is no longer that, the update is a CONFLICT and changes nothing. */
  expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** 1 to 200 characters. */
  name?: InputMaybe<Scalars['String']['input']>;
  /** Replaces all settings. At most 16 KiB as JSON. */
  settings?: InputMaybe<Scalars['JSONObject']['input']>;
};

export type UpdateTenantPayload = {
  __typename?: 'UpdateTenantPayload';
  tenant: Tenant;
};

/** The authenticated caller, inside one tenant: a user, or an API key. */
export type Viewer = {
  __typename?: 'Viewer';
  /** Null for an API key. */
  email?: Maybe<Scalars['String']['output']>;
  /** Every part of the schema that demands a permission, or those of one type, and whether the caller holds it. */
  fields: Array<FieldAccess>;
  /** Every tenant of this user. An API key is a member of none. */
  memberships: Array<ViewerMembership>;
  permissions: Array<Permission>;
  /** Null for an API key: it has permissions, and no role. */
  role?: Maybe<Role>;
  tenant: Tenant;
  /** The `sub` claim of the identity provider. For an API key, the key's id. */
  userId: Scalars['ID']['output'];
};


/** The authenticated caller, inside one tenant: a user, or an API key. */
export type ViewerFieldsArgs = {
  type?: InputMaybe<Scalars['String']['input']>;
};

/** One of the caller's own memberships, in whichever tenant. */
export type ViewerMembership = {
  __typename?: 'ViewerMembership';
  joinedAt: Scalars['DateTime']['output'];
  role: Role;
  tenant: TenantSummary;
};

export type ConversationRowFragment = { __typename?: 'Conversation', id: string, subject?: string | null, version: number };

export type MeQueryVariables = Exact<{ [key: string]: never; }>;


export type MeQuery = { __typename?: 'Query', me: { __typename?: 'Viewer', role?: Role | null, tenant: { __typename?: 'Tenant', id: string, slug: string } } };

export type PlanQueryVariables = Exact<{ [key: string]: never; }>;


export type PlanQuery = { __typename?: 'Query', tenant: { __typename?: 'Tenant', id: string, name: string, plan?: string | null } };

export type ConversationsQueryVariables = Exact<{
  first: Scalars['Int']['input'];
  after?: InputMaybe<Scalars['String']['input']>;
}>;


export type ConversationsQuery = { __typename?: 'Query', conversations?: { __typename?: 'ConversationConnection', edges: Array<{ __typename?: 'ConversationEdge', cursor: string, node: { __typename?: 'Conversation', id: string, subject?: string | null, version: number } }>, pageInfo: { __typename?: 'PageInfo', hasNextPage: boolean, endCursor?: string | null } } | null };

export type ConversationQueryVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type ConversationQuery = { __typename?: 'Query', conversation?: { __typename?: 'Conversation', id: string, subject?: string | null, version: number } | null };

export type CreateConversationMutationVariables = Exact<{
  input: CreateConversationInput;
}>;


export type CreateConversationMutation = { __typename?: 'Mutation', createConversation?: { __typename?: 'CreateConversationPayload', conversation?: { __typename?: 'Conversation', id: string, subject?: string | null, version: number } | null } | null };

export type UpdateConversationMutationVariables = Exact<{
  input: UpdateConversationInput;
}>;


export type UpdateConversationMutation = { __typename?: 'Mutation', updateConversation?: { __typename?: 'UpdateConversationPayload', conversation?: { __typename?: 'Conversation', id: string, subject?: string | null, version: number } | null } | null };

export type ConversationChangedSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type ConversationChangedSubscription = { __typename?: 'Subscription', conversationChanged?: { __typename?: 'ConversationChange', kind: ChangeKind, id: string, conversation?: { __typename?: 'Conversation', id: string, subject?: string | null, version: number } | null } | null };

export const ConversationRowFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ConversationRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Conversation"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"subject"}},{"kind":"Field","name":{"kind":"Name","value":"version"}}]}}]} as unknown as DocumentNode<ConversationRowFragment, unknown>;
export const MeDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Me"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"me"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"role"}},{"kind":"Field","name":{"kind":"Name","value":"tenant"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"slug"}}]}}]}}]}}]} as unknown as DocumentNode<MeQuery, MeQueryVariables>;
export const PlanDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Plan"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"tenant"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"plan"}}]}}]}}]} as unknown as DocumentNode<PlanQuery, PlanQueryVariables>;
export const ConversationsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Conversations"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"first"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"conversations"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"Variable","name":{"kind":"Name","value":"first"}}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"edges"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"cursor"}},{"kind":"Field","name":{"kind":"Name","value":"node"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"ConversationRow"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ConversationRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Conversation"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"subject"}},{"kind":"Field","name":{"kind":"Name","value":"version"}}]}}]} as unknown as DocumentNode<ConversationsQuery, ConversationsQueryVariables>;
export const ConversationDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Conversation"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"id"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"conversation"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"id"},"value":{"kind":"Variable","name":{"kind":"Name","value":"id"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"ConversationRow"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ConversationRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Conversation"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"subject"}},{"kind":"Field","name":{"kind":"Name","value":"version"}}]}}]} as unknown as DocumentNode<ConversationQuery, ConversationQueryVariables>;
export const CreateConversationDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateConversation"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CreateConversationInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createConversation"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"conversation"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"ConversationRow"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ConversationRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Conversation"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"subject"}},{"kind":"Field","name":{"kind":"Name","value":"version"}}]}}]} as unknown as DocumentNode<CreateConversationMutation, CreateConversationMutationVariables>;
export const UpdateConversationDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"UpdateConversation"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UpdateConversationInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"updateConversation"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"conversation"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"ConversationRow"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ConversationRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Conversation"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"subject"}},{"kind":"Field","name":{"kind":"Name","value":"version"}}]}}]} as unknown as DocumentNode<UpdateConversationMutation, UpdateConversationMutationVariables>;
export const ConversationChangedDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"ConversationChanged"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"conversationChanged"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"kind"}},{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"conversation"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"ConversationRow"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"ConversationRow"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Conversation"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"subject"}},{"kind":"Field","name":{"kind":"Name","value":"version"}}]}}]} as unknown as DocumentNode<ConversationChangedSubscription, ConversationChangedSubscriptionVariables>;