import type { OrderDirectionMapper as OrderDirection } from '../kernel/graphql/kernel.mappers.js';
import type { PermissionMapper as Permission } from '../kernel/graphql/kernel.mappers.js';
import type { RoleMapper as Role } from '../kernel/graphql/kernel.mappers.js';
import type { TenantStatusMapper as TenantStatus } from '../platform/tenant/tenant.mappers.js';
import type { InvitationStatusMapper as InvitationStatus } from '../platform/invitation/invitation.mappers.js';
import type { ApiKeyStatusMapper as ApiKeyStatus } from '../platform/api-key/api-key.mappers.js';
import type { ActorTypeMapper as ActorType } from '../platform/audit-log/audit-log.mappers.js';
import type { GraphQLResolveInfo, GraphQLScalarType, GraphQLScalarTypeConfig } from 'graphql';
import type { Tenant as TenantRow, Membership as MembershipRow, Invitation as InvitationRow, ApiKey as ApiKeyRow, AuditEntry as AuditEntryRow, Conversation as ConversationRow, Message as MessageRow } from './prisma/client.js';
import type { ViewerMapper } from '../platform/tenant/tenant.mappers.js';
import type { Connection } from '../kernel/graphql/connection.js';
import type { AcceptedMembershipMapper } from '../platform/invitation/invitation.mappers.js';
import type { RequestContext } from '../kernel/graphql/request-context.js';
export type Maybe<T> = T | null | undefined;
export type InputMaybe<T> = T | null | undefined;
export type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
export type MakeOptional<T, K extends keyof T> = Omit<T, K> & { [SubKey in K]?: Maybe<T[SubKey]> };
export type MakeMaybe<T, K extends keyof T> = Omit<T, K> & { [SubKey in K]: Maybe<T[SubKey]> };
export type MakeEmpty<T extends { [key: string]: unknown }, K extends keyof T> = { [_ in K]?: never };
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
export type Omit<T, K extends keyof T> = Pick<T, Exclude<keyof T, K>>;
export type EnumResolverSignature<T, AllowedValues = any> = { [key in keyof T]?: AllowedValues };
export type RequireFields<T, K extends keyof T> = Omit<T, K> & { [P in K]-?: NonNullable<T[P]> };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** A point in time as text, RFC 3339, in the years 1 to 9999. Answers are in UTC with milliseconds: `2026-11-29T08:15:00.000Z`. */
  DateTime: { input: Date; output: Date; }
  /** A JSON object. */
  JSONObject: { input: Record<string, unknown>; output: Record<string, unknown>; }
};

/** The input of the mutation `acceptInvitation`. */
export type AcceptInvitationInput = {
  /** From the link in the mail. */
  token: Scalars['String']['input'];
};

/** The answer of the mutation `acceptInvitation`. Open to every member of the tenant. */
export type AcceptInvitationPayload = {
  __typename?: 'AcceptInvitationPayload';
  /** The membership that the caller has now. */
  membership: AcceptedMembership;
};

/** The membership that an invitation has become. Its user acts in its tenant from their next request on. Open to every member of the tenant. */
export type AcceptedMembership = {
  __typename?: 'AcceptedMembership';
  /** The id of the object. */
  id: Scalars['ID']['output'];
  /** When the user became a member. */
  joinedAt: Scalars['DateTime']['output'];
  /** The role in the tenant. */
  role: Role;
  /** The tenant of the membership. */
  tenant: TenantSummary;
  /** The `sub` claim of the identity provider. */
  userId: Scalars['ID']['output'];
};

export { ActorType };

/** How a program calls: `Authorization: Bearer tk_…`. It acts in this tenant, with its own permissions. Requires the permission `settings:manage`. */
export type ApiKey = {
  __typename?: 'ApiKey';
  /** When the object was created. Requires the permission `settings:manage`. */
  createdAt: Scalars['DateTime']['output'];
  /** The `userId` of the member who made it. Requires the permission `settings:manage`. */
  createdBy: Scalars['ID']['output'];
  /** From when on it is refused; null when it does not expire. Requires the permission `settings:manage`. */
  expiresAt?: Maybe<Scalars['DateTime']['output']>;
  /** The id of the object. Requires the permission `settings:manage`. */
  id: Scalars['ID']['output'];
  /** Up to a minute late. Requires the permission `settings:manage`. */
  lastUsedAt?: Maybe<Scalars['DateTime']['output']>;
  /** What people call it. Requires the permission `settings:manage`. */
  name: Scalars['String']['output'];
  /** What it was made for. What of it the creator may do no longer, the key may not do either. Requires the permission `settings:manage`. */
  permissions: Array<Permission>;
  /** How the key begins, to recognise it by. Requires the permission `settings:manage`. */
  prefix: Scalars['String']['output'];
  /** When it was revoked; null when it was not. Requires the permission `settings:manage`. */
  revokedAt?: Maybe<Scalars['DateTime']['output']>;
  /** Whether it is accepted. Requires the permission `settings:manage`. */
  status: ApiKeyStatus;
};

/** A page of a list of `ApiKey`. Requires the permission `settings:manage`. */
export type ApiKeyConnection = {
  __typename?: 'ApiKeyConnection';
  /** The objects of this page, each with its cursor. Requires the permission `settings:manage`. */
  edges: Array<ApiKeyEdge>;
  /** The objects of this page. Requires the permission `settings:manage`. */
  nodes: Array<ApiKey>;
  /** The position of this page in the whole list. Requires the permission `settings:manage`. */
  pageInfo: PageInfo;
  /** The number of objects on all pages. They are counted only when this field is selected. Requires the permission `settings:manage`. */
  totalCount: Scalars['Int']['output'];
};

/** A `ApiKey` in a list, with its cursor. Requires the permission `settings:manage`. */
export type ApiKeyEdge = {
  __typename?: 'ApiKeyEdge';
  /** The position of the object in its list, for the arguments `after` and `before`. Requires the permission `settings:manage`. */
  cursor: Scalars['String']['output'];
  /** The object. Requires the permission `settings:manage`. */
  node: ApiKey;
};

export { ApiKeyStatus };

/** One change of this tenant's data. Written by the database with the change, and never changed afterwards. Requires the permission `audit:read`. */
export type AuditEntry = {
  __typename?: 'AuditEntry';
  /** What happened, `membership.updated`. Requires the permission `audit:read`. */
  action: Scalars['String']['output'];
  /** Who made the change: for a user, the `sub` claim. Requires the permission `audit:read`. */
  actor: Scalars['String']['output'];
  /** Whether the actor is a user, an API key or something else. Requires the permission `audit:read`. */
  actorType: ActorType;
  /** When the change was made. Requires the permission `audit:read`. */
  createdAt: Scalars['DateTime']['output'];
  /** The model, `Membership`. Requires the permission `audit:read`. */
  entity: Scalars['String']['output'];
  /** The id of the object that changed; null when the entry is about none. Requires the permission `audit:read`. */
  entityId?: Maybe<Scalars['ID']['output']>;
  /** The id of the object. Requires the permission `audit:read`. */
  id: Scalars['ID']['output'];
  /** The row after the change. Requires the permission `audit:read`. */
  newValue?: Maybe<Scalars['JSONObject']['output']>;
  /** The row before the change, with the column names of the database; without secrets and what the caller may not read. Requires the permission `audit:read`. */
  oldValue?: Maybe<Scalars['JSONObject']['output']>;
  /** The request that made the change, as in its `x-request-id` header. Requires the permission `audit:read`. */
  requestId?: Maybe<Scalars['String']['output']>;
};

/** A page of a list of `AuditEntry`. Requires the permission `audit:read`. */
export type AuditEntryConnection = {
  __typename?: 'AuditEntryConnection';
  /** The objects of this page, each with its cursor. Requires the permission `audit:read`. */
  edges: Array<AuditEntryEdge>;
  /** The objects of this page. Requires the permission `audit:read`. */
  nodes: Array<AuditEntry>;
  /** The position of this page in the whole list. Requires the permission `audit:read`. */
  pageInfo: PageInfo;
  /** The number of objects on all pages. They are counted only when this field is selected. Requires the permission `audit:read`. */
  totalCount: Scalars['Int']['output'];
};

/** A `AuditEntry` in a list, with its cursor. Requires the permission `audit:read`. */
export type AuditEntryEdge = {
  __typename?: 'AuditEntryEdge';
  /** The position of the object in its list, for the arguments `after` and `before`. Requires the permission `audit:read`. */
  cursor: Scalars['String']['output'];
  /** The object. Requires the permission `audit:read`. */
  node: AuditEntry;
};

/** Conditions for a list of `AuditEntry`. An object must meet all that are given. */
export type AuditEntryFilter = {
  /** Only objects with this `action`. */
  action?: InputMaybe<Scalars['String']['input']>;
  /** Only objects with this `actor`. */
  actor?: InputMaybe<Scalars['String']['input']>;
  /** Only objects whose `createdAt` matches. */
  createdAt?: InputMaybe<DateTimeRange>;
  /** Only objects with this `entity`. */
  entity?: InputMaybe<Scalars['String']['input']>;
  /** Only objects with this `entityId`. */
  entityId?: InputMaybe<Scalars['ID']['input']>;
  /** Only objects with this `requestId`. */
  requestId?: InputMaybe<Scalars['String']['input']>;
};

/** What happened to a row. */
export type ChangeKind =
  /** It is new. */
  | 'CREATED'
  /** It no longer exists. */
  | 'DELETED'
  /** At least one of its values changed. */
  | 'UPDATED';

/** The input of the mutation `changeMemberRole`. */
export type ChangeMemberRoleInput = {
  /** The membership to change. */
  membershipId: Scalars['ID']['input'];
  /** The new role: none above that of the caller. */
  role: Role;
};

/** The answer of the mutation `changeMemberRole`. Requires the permission `users:manage`. */
export type ChangeMemberRolePayload = {
  __typename?: 'ChangeMemberRolePayload';
  /** The `Membership` as it is after the change. Requires the permission `members:read`. */
  membership?: Maybe<Membership>;
};

/** The input of the mutation `changePlan`. */
export type ChangePlanInput = {
  /** The name of the plan: one of `plans`. */
  plan: Scalars['String']['input'];
};

/** The answer of the mutation `changePlan`. Open to every member of the tenant. */
export type ChangePlanPayload = {
  __typename?: 'ChangePlanPayload';
  /** The `Tenant` as it is after the change. */
  tenant: Tenant;
};

/** A text that members of the tenant discuss with messages. Requires the permission `conversations:read`. */
export type Conversation = {
  __typename?: 'Conversation';
  /** The author, while they are a member of this tenant. Requires the permission `members:read`. */
  author?: Maybe<Membership>;
  /** The text. Requires the permission `conversations:read`. */
  body: Scalars['String']['output'];
  /** When the object was created. Requires the permission `conversations:read`. */
  createdAt: Scalars['DateTime']['output'];
  /** The id of the object. Requires the permission `conversations:read`. */
  id: Scalars['ID']['output'];
  /** The messages, the oldest first; `last` asks for the newest. Requires the permission `conversations:read`. */
  messages: MessageConnection;
  /** What it is about, in at most 200 characters; null when it has no subject. Requires the permission `conversations:read`. */
  subject?: Maybe<Scalars['String']['output']>;
  /** When the object was last changed. Requires the permission `conversations:read`. */
  updatedAt: Scalars['DateTime']['output'];
  /** The author's `sub` claim. Requires the permission `conversations:read`. */
  userId: Scalars['ID']['output'];
  /** Grows by one with each change. An update takes it as `expectedVersion`. Requires the permission `conversations:read`. */
  version: Scalars['Int']['output'];
};


/** A text that members of the tenant discuss with messages. Requires the permission `conversations:read`. */
export type ConversationMessagesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
};

/** What happened to a conversation. Requires the permission `conversations:read`. */
export type ConversationChange = {
  __typename?: 'ConversationChange';
  /** The conversation as it is now; null when it was deleted. Requires the permission `conversations:read`. */
  conversation?: Maybe<Conversation>;
  /** The id of the object. Requires the permission `conversations:read`. */
  id: Scalars['ID']['output'];
  /** What happened to the object. Requires the permission `conversations:read`. */
  kind: ChangeKind;
};

/** A page of a list of `Conversation`. Requires the permission `conversations:read`. */
export type ConversationConnection = {
  __typename?: 'ConversationConnection';
  /** The objects of this page, each with its cursor. Requires the permission `conversations:read`. */
  edges: Array<ConversationEdge>;
  /** The objects of this page. Requires the permission `conversations:read`. */
  nodes: Array<Conversation>;
  /** The position of this page in the whole list. Requires the permission `conversations:read`. */
  pageInfo: PageInfo;
  /** The number of objects on all pages. They are counted only when this field is selected. Requires the permission `conversations:read`. */
  totalCount: Scalars['Int']['output'];
};

/** A `Conversation` in a list, with its cursor. Requires the permission `conversations:read`. */
export type ConversationEdge = {
  __typename?: 'ConversationEdge';
  /** The position of the object in its list, for the arguments `after` and `before`. Requires the permission `conversations:read`. */
  cursor: Scalars['String']['output'];
  /** The object. Requires the permission `conversations:read`. */
  node: Conversation;
};

/** Conditions for a list of `Conversation`. An object must meet all that are given. */
export type ConversationFilter = {
  /** Only objects whose `createdAt` matches. */
  createdAt?: InputMaybe<DateTimeRange>;
  /** Text that the subject or the body contains, in whatever case. */
  search?: InputMaybe<Scalars['String']['input']>;
  /** Only objects with this `userId`. */
  userId?: InputMaybe<Scalars['ID']['input']>;
};

/** The order of a list of `Conversation`. */
export type ConversationOrder = {
  /** Ascending or descending. */
  direction?: OrderDirection;
  /** What the list is ordered by. */
  field?: ConversationOrderField;
};

/** What a list of `Conversation` can be ordered by. */
export type ConversationOrderField =
  /** By `createdAt`. */
  | 'CREATED_AT'
  /** By `updatedAt`. */
  | 'UPDATED_AT';

/** The input of the mutation `createApiKey`. */
export type CreateApiKeyInput = {
  /** Without it, the key is valid until it is revoked. */
  expiresAt?: InputMaybe<Scalars['DateTime']['input']>;
  /** 1 to 100 characters. */
  name: Scalars['String']['input'];
  /** At least one, and none that the caller lacks. */
  permissions: Array<Permission>;
};

/** The answer of the mutation `createApiKey`. Requires the permission `settings:manage`. */
export type CreateApiKeyPayload = {
  __typename?: 'CreateApiKeyPayload';
  /** The `ApiKey` as it is after the change. Requires the permission `settings:manage`. */
  apiKey?: Maybe<ApiKey>;
  /** The key itself. It is shown this once: only its hash is stored. Requires the permission `settings:manage`. It is shown only once. A mutation that selects it takes no `Idempotency-Key`. */
  secret: Scalars['String']['output'];
};

/** The input of the mutation `createConversation`. */
export type CreateConversationInput = {
  /** 1 to 10,000 characters. */
  body: Scalars['String']['input'];
  /** At most 200 characters. */
  subject?: InputMaybe<Scalars['String']['input']>;
};

/** The answer of the mutation `createConversation`. Requires the permission `conversations:write`. */
export type CreateConversationPayload = {
  __typename?: 'CreateConversationPayload';
  /** The `Conversation` as it is after the change. Requires the permission `conversations:read`. */
  conversation?: Maybe<Conversation>;
};

/** From `from` (included) until `to` (excluded). */
export type DateTimeRange = {
  /** The first time that matches. Without it, the range has no beginning. */
  from?: InputMaybe<Scalars['DateTime']['input']>;
  /** The first time that no longer matches. Without it, the range has no end. */
  to?: InputMaybe<Scalars['DateTime']['input']>;
};

/** The input of the mutation `deleteConversation`. */
export type DeleteConversationInput = {
  /** The id of the object. */
  id: Scalars['ID']['input'];
};

/** The answer of the mutation `deleteConversation`. Requires the permission `conversations:write`. */
export type DeleteConversationPayload = {
  __typename?: 'DeleteConversationPayload';
  /** The id of the deleted object. Requires the permission `conversations:write`. */
  deletedId: Scalars['ID']['output'];
};

/** What went wrong: the values of `extensions.code`. */
export type ErrorCode =
  /** The answer has more bytes than `extensions.limit`. Ask for smaller pages. */
  | 'ANSWER_TOO_LARGE'
  /** The request is not a GraphQL request, or exceeds a limit of HTTP. */
  | 'BAD_REQUEST'
  /** A value is not acceptable. `extensions.field` has its path. */
  | 'BAD_USER_INPUT'
  /** The change conflicts with the state of the data. Read the data again. */
  | 'CONFLICT'
  /** The answer may have too many values. Ask for smaller pages. */
  | 'COST_LIMIT_EXCEEDED'
  /** The request took too long. Ask for less in one request. */
  | 'DEADLINE_EXCEEDED'
  /** The server accepts only trusted documents. */
  | 'DOCUMENT_NOT_TRUSTED'
  /** The caller lacks what `extensions.requires` names. */
  | 'FORBIDDEN'
  /** The document is not GraphQL. */
  | 'GRAPHQL_PARSE_FAILED'
  /** The document does not fit the schema, or is too large. */
  | 'GRAPHQL_VALIDATION_FAILED'
  /** A defect of the server. Report `extensions.requestId`. */
  | 'INTERNAL_SERVER_ERROR'
  /** This tenant has no object with this id. */
  | 'NOT_FOUND'
  /** It is not clear which operation to execute. */
  | 'OPERATION_RESOLUTION_FAILURE'
  /** The server does not know the document of this id. Send the document with its hash. */
  | 'PERSISTED_QUERY_NOT_FOUND'
  /** Too many requests. Try again after `extensions.retryAfter` seconds. */
  | 'RATE_LIMITED'
  /** The token or the API key is for another tenant than the host. */
  | 'TENANT_MISMATCH'
  /** There is no such tenant. */
  | 'TENANT_NOT_FOUND'
  /** Neither the subdomain nor the token names a tenant. */
  | 'TENANT_REQUIRED'
  /** The tenant is suspended. Its data is kept. */
  | 'TENANT_SUSPENDED'
  /** There is no valid token or API key. Sign in again. */
  | 'UNAUTHENTICATED'
  /** The server is too busy, or has no database. Try again later. */
  | 'UNAVAILABLE';

/**
 * Whether the caller holds the permission that a part of the schema demands: a field, a mutation, an argument, a field of
 * an input, a value of an enum. What is not listed is open to every member.
 *
 * Open to every member of the tenant.
 */
export type FieldAccess = {
  __typename?: 'FieldAccess';
  /** False: it would be refused. True: a rule that looks at the data may still refuse it. */
  allowed: Scalars['Boolean']['output'];
  /** `Tenant.plan`, `Mutation.changePlan`; of an argument, `Query.things(secret:)`. */
  coordinate: Scalars['String']['output'];
  /** The coordinate behind the dot. */
  field: Scalars['String']['output'];
  /** The permission that this part of the schema requires. */
  requires: Permission;
  /** The coordinate up to the dot. */
  type: Scalars['String']['output'];
};

/** An e-mail address that was asked to join this tenant. There is one for each address at most. Requires the permission `users:manage`. */
export type Invitation = {
  __typename?: 'Invitation';
  /** When it was accepted; null until then. Requires the permission `users:manage`. */
  acceptedAt?: Maybe<Scalars['DateTime']['output']>;
  /** The `userId` of the member it has become. Requires the permission `users:manage`. */
  acceptedBy?: Maybe<Scalars['ID']['output']>;
  /** In lower case. Requires the permission `users:manage`. */
  email: Scalars['String']['output'];
  /** When its link becomes invalid. Requires the permission `users:manage`. */
  expiresAt: Scalars['DateTime']['output'];
  /** The id of the object. Requires the permission `users:manage`. */
  id: Scalars['ID']['output'];
  /** When it was sent, the last time. Requires the permission `users:manage`. */
  invitedAt: Scalars['DateTime']['output'];
  /** The `userId` of whoever sent it. Requires the permission `users:manage`. */
  invitedBy: Scalars['ID']['output'];
  /** When it was revoked; null when it was not. Requires the permission `users:manage`. */
  revokedAt?: Maybe<Scalars['DateTime']['output']>;
  /** The role of the membership to be. Requires the permission `users:manage`. */
  role: Role;
  /** What has become of it. Requires the permission `users:manage`. */
  status: InvitationStatus;
};

/** A page of a list of `Invitation`. Requires the permission `users:manage`. */
export type InvitationConnection = {
  __typename?: 'InvitationConnection';
  /** The objects of this page, each with its cursor. Requires the permission `users:manage`. */
  edges: Array<InvitationEdge>;
  /** The objects of this page. Requires the permission `users:manage`. */
  nodes: Array<Invitation>;
  /** The position of this page in the whole list. Requires the permission `users:manage`. */
  pageInfo: PageInfo;
  /** The number of objects on all pages. They are counted only when this field is selected. Requires the permission `users:manage`. */
  totalCount: Scalars['Int']['output'];
};

/** A `Invitation` in a list, with its cursor. Requires the permission `users:manage`. */
export type InvitationEdge = {
  __typename?: 'InvitationEdge';
  /** The position of the object in its list, for the arguments `after` and `before`. Requires the permission `users:manage`. */
  cursor: Scalars['String']['output'];
  /** The object. Requires the permission `users:manage`. */
  node: Invitation;
};

/** Conditions for a list of `Invitation`. An object must meet all that are given. */
export type InvitationFilter = {
  /** Only objects with this `status`. */
  status?: InputMaybe<InvitationStatus>;
};

export { InvitationStatus };

/** The input of the mutation `inviteMember`. */
export type InviteMemberInput = {
  /** The address that the mail is sent to: at most 254 characters. */
  email: Scalars['String']['input'];
  /** The role of the membership to be: none above that of the caller. */
  role: Role;
};

/** The answer of the mutation `inviteMember`. Requires the permission `users:manage`. */
export type InviteMemberPayload = {
  __typename?: 'InviteMemberPayload';
  /** False when the mail could not be handed over. The invitation stands; invite again to send another mail. Requires the permission `users:manage`. */
  emailSent: Scalars['Boolean']['output'];
  /** The `Invitation` as it is after the change. Requires the permission `users:manage`. */
  invitation?: Maybe<Invitation>;
};

/** A user's place in this tenant. Requires the permission `members:read`. */
export type Membership = {
  __typename?: 'Membership';
  /** The e-mail address; null when it is not known. Requires the permission `users:manage`. */
  email?: Maybe<Scalars['String']['output']>;
  /** The id of the object. Requires the permission `members:read`. */
  id: Scalars['ID']['output'];
  /** The `userId` of whoever invited this member. Requires the permission `users:manage`. */
  invitedBy?: Maybe<Scalars['ID']['output']>;
  /** When the user became a member. Requires the permission `members:read`. */
  joinedAt: Scalars['DateTime']['output'];
  /** The role, which decides the permissions. Requires the permission `members:read`. */
  role: Role;
  /** The `sub` claim of the identity provider. Requires the permission `members:read`. */
  userId: Scalars['ID']['output'];
};

/** A page of a list of `Membership`. Requires the permission `members:read`. */
export type MembershipConnection = {
  __typename?: 'MembershipConnection';
  /** The objects of this page, each with its cursor. Requires the permission `members:read`. */
  edges: Array<MembershipEdge>;
  /** The objects of this page. Requires the permission `members:read`. */
  nodes: Array<Membership>;
  /** The position of this page in the whole list. Requires the permission `members:read`. */
  pageInfo: PageInfo;
  /** The number of objects on all pages. They are counted only when this field is selected. Requires the permission `members:read`. */
  totalCount: Scalars['Int']['output'];
};

/** A `Membership` in a list, with its cursor. Requires the permission `members:read`. */
export type MembershipEdge = {
  __typename?: 'MembershipEdge';
  /** The position of the object in its list, for the arguments `after` and `before`. Requires the permission `members:read`. */
  cursor: Scalars['String']['output'];
  /** The object. Requires the permission `members:read`. */
  node: Membership;
};

/** Conditions for a list of `Membership`. An object must meet all that are given. */
export type MembershipFilter = {
  /** Only objects with this `role`. */
  role?: InputMaybe<Role>;
  /** Only objects with this `userId`. */
  userId?: InputMaybe<Scalars['ID']['input']>;
};

/** A text in a conversation. Requires the permission `conversations:read`. */
export type Message = {
  __typename?: 'Message';
  /** The author, while they are a member of this tenant. Requires the permission `members:read`. */
  author?: Maybe<Membership>;
  /** The text. Requires the permission `conversations:read`. */
  body: Scalars['String']['output'];
  /** The id of the conversation. Requires the permission `conversations:read`. */
  conversationId: Scalars['ID']['output'];
  /** When the object was created. Requires the permission `conversations:read`. */
  createdAt: Scalars['DateTime']['output'];
  /** The id of the object. Requires the permission `conversations:read`. */
  id: Scalars['ID']['output'];
  /** The author's `sub` claim. Requires the permission `conversations:read`. */
  userId: Scalars['ID']['output'];
};

/** A page of a list of `Message`. Requires the permission `conversations:read`. */
export type MessageConnection = {
  __typename?: 'MessageConnection';
  /** The objects of this page, each with its cursor. Requires the permission `conversations:read`. */
  edges: Array<MessageEdge>;
  /** The objects of this page. Requires the permission `conversations:read`. */
  nodes: Array<Message>;
  /** The position of this page in the whole list. Requires the permission `conversations:read`. */
  pageInfo: PageInfo;
  /** The number of objects on all pages. They are counted only when this field is selected. Requires the permission `conversations:read`. */
  totalCount: Scalars['Int']['output'];
};

/** A `Message` in a list, with its cursor. Requires the permission `conversations:read`. */
export type MessageEdge = {
  __typename?: 'MessageEdge';
  /** The position of the object in its list, for the arguments `after` and `before`. Requires the permission `conversations:read`. */
  cursor: Scalars['String']['output'];
  /** The object. Requires the permission `conversations:read`. */
  node: Message;
};

/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type Mutation = {
  __typename?: 'Mutation';
  /**
   * Makes the caller a member of the tenant that the invitation is for, whichever tenant the request names, if any. Their
   * token must carry the e-mail address that was invited, and that it is verified.
   *
   * Open to every user with a verified token, member of the tenant or not. Its errors: `FORBIDDEN`, `TENANT_SUSPENDED`, `NOT_FOUND`, `CONFLICT`.
   */
  acceptInvitation?: Maybe<AcceptInvitationPayload>;
  /** Nobody grants or changes a role above their own, and a tenant keeps an owner. Requires the permission `users:manage`. Its errors: `FORBIDDEN`, `NOT_FOUND`, `CONFLICT`. */
  changeMemberRole?: Maybe<ChangeMemberRolePayload>;
  /** Moves the tenant to another plan. Requires the permission `billing:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`. */
  changePlan?: Maybe<ChangePlanPayload>;
  /** Creates an API key with some of the permissions of the caller. Only a user may do this, not an API key. Requires the permission `settings:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`. */
  createApiKey?: Maybe<CreateApiKeyPayload>;
  /** Creates a conversation. The caller is its author. Requires the permission `conversations:write`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`. */
  createConversation?: Maybe<CreateConversationPayload>;
  /** Deletes the conversation and its messages. Requires the permission `conversations:write`. Its errors: `FORBIDDEN`, `NOT_FOUND`. */
  deleteConversation?: Maybe<DeleteConversationPayload>;
  /**
   * Sends a mail with a link that makes its recipient a member. Nobody invites to a role above their own. Inviting an
   * address again sends another mail; the link in the one before it is then void.
   *
   * Requires the permission `users:manage`. It takes no `Idempotency-Key`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `CONFLICT`.
   */
  inviteMember?: Maybe<InviteMemberPayload>;
  /** Adds a message to a conversation. The caller is its author. Requires the permission `conversations:write`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`. */
  postMessage?: Maybe<PostMessagePayload>;
  /** Nobody removes a member of a role above their own, and a tenant keeps an owner. Requires the permission `users:manage`. Its errors: `FORBIDDEN`, `NOT_FOUND`, `CONFLICT`. */
  removeMember?: Maybe<RemoveMemberPayload>;
  /** The key is refused on every server within a second. Requires the permission `settings:manage`. Its errors: `FORBIDDEN`, `NOT_FOUND`. */
  revokeApiKey?: Maybe<RevokeApiKeyPayload>;
  /** Makes the link void. Nobody revokes an invitation to a role above their own. Requires the permission `users:manage`. Its errors: `FORBIDDEN`, `NOT_FOUND`, `CONFLICT`. */
  revokeInvitation?: Maybe<RevokeInvitationPayload>;
  /** Changes the text or the subject of a conversation. What is left out stays as it is. Requires the permission `conversations:write`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`, `CONFLICT`. */
  updateConversation?: Maybe<UpdateConversationPayload>;
  /** Changes the name or the settings of the tenant. What is left out stays as it is. Requires the permission `settings:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `CONFLICT`. */
  updateTenant?: Maybe<UpdateTenantPayload>;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationAcceptInvitationArgs = {
  input: AcceptInvitationInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationChangeMemberRoleArgs = {
  input: ChangeMemberRoleInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationChangePlanArgs = {
  input: ChangePlanInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationCreateApiKeyArgs = {
  input: CreateApiKeyInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationCreateConversationArgs = {
  input: CreateConversationInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationDeleteConversationArgs = {
  input: DeleteConversationInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationInviteMemberArgs = {
  input: InviteMemberInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationPostMessageArgs = {
  input: PostMessageInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationRemoveMemberArgs = {
  input: RemoveMemberInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationRevokeApiKeyArgs = {
  input: RevokeApiKeyInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationRevokeInvitationArgs = {
  input: RevokeInvitationInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationUpdateConversationArgs = {
  input: UpdateConversationInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationUpdateTenantArgs = {
  input: UpdateTenantInput;
};

export { OrderDirection };

/** Where a page stands in its list. Open to every member of the tenant. */
export type PageInfo = {
  __typename?: 'PageInfo';
  /** The cursor of the last object; null when the page is empty. */
  endCursor?: Maybe<Scalars['String']['output']>;
  /** Whether there are objects after this page. */
  hasNextPage: Scalars['Boolean']['output'];
  /** Whether there are objects before this page. */
  hasPreviousPage: Scalars['Boolean']['output'];
  /** The cursor of the first object; null when the page is empty. */
  startCursor?: Maybe<Scalars['String']['output']>;
};

export { Permission };

/** A plan that a tenant can have. Requires the permission `billing:manage`. */
export type Plan = {
  __typename?: 'Plan';
  /** Its name, as in `Tenant.plan` and in the input of `changePlan`. Requires the permission `billing:manage`. */
  name: Scalars['String']['output'];
};

/** The input of the mutation `postMessage`. */
export type PostMessageInput = {
  /** 1 to 10,000 characters. */
  body: Scalars['String']['input'];
  /** The id of the conversation. */
  conversationId: Scalars['ID']['input'];
};

/** The answer of the mutation `postMessage`. Requires the permission `conversations:write`. */
export type PostMessagePayload = {
  __typename?: 'PostMessagePayload';
  /** The `Message` as it is after the change. Requires the permission `conversations:read`. */
  message?: Maybe<Message>;
};

/** Reads. A field that the caller may not read is null, with an error that names the missing permission. */
export type Query = {
  __typename?: 'Query';
  /** The API keys of this tenant, the newest first. Requires the permission `settings:manage`. */
  apiKeys?: Maybe<ApiKeyConnection>;
  /** The audit log, the newest entry first. Requires the permission `audit:read`. */
  auditLog?: Maybe<AuditEntryConnection>;
  /** One conversation; null when there is none with this id. Requires the permission `conversations:read`. */
  conversation?: Maybe<Conversation>;
  /** The conversations of this tenant, the newest first unless `orderBy` says otherwise. Requires the permission `conversations:read`. */
  conversations?: Maybe<ConversationConnection>;
  /** All values of `extensions.code`. Code generators make a type of the codes for operations that select it. Open to every member of the tenant. */
  errorCodes: Array<ErrorCode>;
  /** The invitations to this tenant, the newest first. Requires the permission `users:manage`. */
  invitations?: Maybe<InvitationConnection>;
  /** The caller: who they are, and what they may do in this tenant. Open to every member of the tenant. */
  me: Viewer;
  /** The members of this tenant, in the order they joined. Requires the permission `members:read`. */
  members?: Maybe<MembershipConnection>;
  /** The plans that a tenant can have, the smallest first. Requires the permission `billing:manage`. */
  plans?: Maybe<Array<Plan>>;
  /** Which permissions each role holds. Open to every member of the tenant. */
  roles: Array<RolePermissions>;
  /** The tenant that the caller acts in. Open to every member of the tenant. */
  tenant: Tenant;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. */
export type QueryApiKeysArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. */
export type QueryAuditLogArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<AuditEntryFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. */
export type QueryConversationArgs = {
  id: Scalars['ID']['input'];
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. */
export type QueryConversationsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<ConversationFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<ConversationOrder>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. */
export type QueryInvitationsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<InvitationFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. */
export type QueryMembersArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<MembershipFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
};

/** The input of the mutation `removeMember`. */
export type RemoveMemberInput = {
  /** The membership to end. */
  membershipId: Scalars['ID']['input'];
};

/** The answer of the mutation `removeMember`. Requires the permission `users:manage`. */
export type RemoveMemberPayload = {
  __typename?: 'RemoveMemberPayload';
  /** The id of the deleted object. Requires the permission `users:manage`. */
  deletedId: Scalars['ID']['output'];
};

/** The input of the mutation `revokeApiKey`. */
export type RevokeApiKeyInput = {
  /** The id of the object. */
  id: Scalars['ID']['input'];
};

/** The answer of the mutation `revokeApiKey`. Requires the permission `settings:manage`. */
export type RevokeApiKeyPayload = {
  __typename?: 'RevokeApiKeyPayload';
  /** The `ApiKey` as it is after the change. Requires the permission `settings:manage`. */
  apiKey?: Maybe<ApiKey>;
};

/** The input of the mutation `revokeInvitation`. */
export type RevokeInvitationInput = {
  /** The id of the object. */
  id: Scalars['ID']['input'];
};

/** The answer of the mutation `revokeInvitation`. Requires the permission `users:manage`. */
export type RevokeInvitationPayload = {
  __typename?: 'RevokeInvitationPayload';
  /** The `Invitation` as it is after the change. Requires the permission `users:manage`. */
  invitation?: Maybe<Invitation>;
};

export { Role };

/** One row of the role × permission matrix. Open to every member of the tenant. */
export type RolePermissions = {
  __typename?: 'RolePermissions';
  /** The permissions of its members, in alphabetical order. */
  permissions: Array<Permission>;
  /** The role. */
  role: Role;
};

/** Events. Access is checked again for each event. */
export type Subscription = {
  __typename?: 'Subscription';
  /** Every change of a conversation of this tenant. Requires the permission `conversations:read`. */
  conversationChanged?: Maybe<ConversationChange>;
  /** Every message that is posted in a conversation; none for a conversation that does not exist. Requires the permission `conversations:read`. */
  messagePosted?: Maybe<Message>;
};


/** Events. Access is checked again for each event. */
export type SubscriptionMessagePostedArgs = {
  conversationId: Scalars['ID']['input'];
};

/** The customer organisation the caller acts in. Open to every member of the tenant. */
export type Tenant = {
  __typename?: 'Tenant';
  /** The address that bills are sent to; null when there is none. Requires the permission `billing:manage`. */
  billingEmail?: Maybe<Scalars['String']['output']>;
  /** When the object was created. */
  createdAt: Scalars['DateTime']['output'];
  /** The id of the object. */
  id: Scalars['ID']['output'];
  /** The name that people read. */
  name: Scalars['String']['output'];
  /** The name of its plan: one of `plans`. Requires the permission `billing:manage`. */
  plan?: Maybe<Scalars['String']['output']>;
  /** Settings of the product for this tenant. Their form is up to the product. Requires the permission `settings:manage`. */
  settings?: Maybe<Scalars['JSONObject']['output']>;
  /** The subdomain. */
  slug: Scalars['String']['output'];
  /** Always ACTIVE for the caller's own tenant: a suspended tenant answers no requests. */
  status: TenantStatus;
  /** Grows by one with each change. An update takes it as `expectedVersion`. */
  version: Scalars['Int']['output'];
};

export { TenantStatus };

/** What a member may know of each tenant they belong to, whichever they act in. Open to every member of the tenant. */
export type TenantSummary = {
  __typename?: 'TenantSummary';
  /** The id of the object. */
  id: Scalars['ID']['output'];
  /** The name that people read. */
  name: Scalars['String']['output'];
  /** The subdomain. */
  slug: Scalars['String']['output'];
  /** Whether the tenant can be used. */
  status: TenantStatus;
};

/** The input of the mutation `updateConversation`. */
export type UpdateConversationInput = {
  /** 1 to 10,000 characters. Leave it out to keep the text. */
  body?: InputMaybe<Scalars['String']['input']>;
  /** The `version` that is to be changed. If the object has another version, the answer is CONFLICT and nothing changes. */
  expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** The id of the object. */
  id: Scalars['ID']['input'];
  /** Null removes the subject; leave it out to keep it. */
  subject?: InputMaybe<Scalars['String']['input']>;
};

/** The answer of the mutation `updateConversation`. Requires the permission `conversations:write`. */
export type UpdateConversationPayload = {
  __typename?: 'UpdateConversationPayload';
  /** The `Conversation` as it is after the change. Requires the permission `conversations:read`. */
  conversation?: Maybe<Conversation>;
};

/** The input of the mutation `updateTenant`. */
export type UpdateTenantInput = {
  /** The `version` that is to be changed. If the object has another version, the answer is CONFLICT and nothing changes. */
  expectedVersion?: InputMaybe<Scalars['Int']['input']>;
  /** 1 to 200 characters. */
  name?: InputMaybe<Scalars['String']['input']>;
  /** Replaces all settings. At most 16 KiB as JSON. */
  settings?: InputMaybe<Scalars['JSONObject']['input']>;
};

/** The answer of the mutation `updateTenant`. Open to every member of the tenant. */
export type UpdateTenantPayload = {
  __typename?: 'UpdateTenantPayload';
  /** The `Tenant` as it is after the change. */
  tenant: Tenant;
};

/** The authenticated caller, inside one tenant: a user, or an API key. Open to every member of the tenant. */
export type Viewer = {
  __typename?: 'Viewer';
  /** Null for an API key. */
  email?: Maybe<Scalars['String']['output']>;
  /** Every part of the schema that demands a permission, or those of one type, and whether the caller holds it. */
  fields: Array<FieldAccess>;
  /** Every tenant of this user. An API key is a member of none. */
  memberships: Array<ViewerMembership>;
  /** What the caller may do in this tenant, in alphabetical order. */
  permissions: Array<Permission>;
  /** Null for an API key: it has permissions, and no role. */
  role?: Maybe<Role>;
  /** The tenant that the caller acts in. */
  tenant: Tenant;
  /** The `sub` claim of the identity provider. For an API key, the key's id. */
  userId: Scalars['ID']['output'];
};


/** The authenticated caller, inside one tenant: a user, or an API key. Open to every member of the tenant. */
export type ViewerFieldsArgs = {
  type?: InputMaybe<Scalars['String']['input']>;
};

/** One of the caller's own memberships, in whichever tenant. Open to every member of the tenant. */
export type ViewerMembership = {
  __typename?: 'ViewerMembership';
  /** When the caller became a member. */
  joinedAt: Scalars['DateTime']['output'];
  /** The role of the caller in that tenant. */
  role: Role;
  /** The tenant of the membership. */
  tenant: TenantSummary;
};



export type ResolverTypeWrapper<T> = Promise<T> | T;


export type ResolverWithResolve<TResult, TParent, TContext, TArgs> = {
  resolve: ResolverFn<TResult, TParent, TContext, TArgs>;
};
export type Resolver<TResult, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = ResolverFn<TResult, TParent, TContext, TArgs> | ResolverWithResolve<TResult, TParent, TContext, TArgs>;

export type ResolverFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => Promise<TResult> | TResult;

export type SubscriptionSubscribeFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => AsyncIterable<TResult> | Promise<AsyncIterable<TResult>>;

export type SubscriptionResolveFn<TResult, TParent, TContext, TArgs> = (
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;

export interface SubscriptionSubscriberObject<TResult, TKey extends string, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<{ [key in TKey]: TResult }, TParent, TContext, TArgs>;
  resolve?: SubscriptionResolveFn<TResult, { [key in TKey]: TResult }, TContext, TArgs>;
}

export interface SubscriptionResolverObject<TResult, TParent, TContext, TArgs> {
  subscribe: SubscriptionSubscribeFn<any, TParent, TContext, TArgs>;
  resolve: SubscriptionResolveFn<TResult, any, TContext, TArgs>;
}

export type SubscriptionObject<TResult, TKey extends string, TParent, TContext, TArgs> =
  | SubscriptionSubscriberObject<TResult, TKey, TParent, TContext, TArgs>
  | SubscriptionResolverObject<TResult, TParent, TContext, TArgs>;

export type SubscriptionResolver<TResult, TKey extends string, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> =
  | ((...args: any[]) => SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>)
  | SubscriptionObject<TResult, TKey, TParent, TContext, TArgs>;

export type TypeResolveFn<TTypes, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (
  parent: TParent,
  context: TContext,
  info: GraphQLResolveInfo
) => Maybe<TTypes> | Promise<Maybe<TTypes>>;

export type IsTypeOfResolverFn<T = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>> = (obj: T, context: TContext, info: GraphQLResolveInfo) => boolean | Promise<boolean>;

export type NextResolverFn<T> = () => Promise<T>;

export type DirectiveResolverFn<TResult = Record<PropertyKey, never>, TParent = Record<PropertyKey, never>, TContext = Record<PropertyKey, never>, TArgs = Record<PropertyKey, never>> = (
  next: NextResolverFn<TResult>,
  parent: TParent,
  args: TArgs,
  context: TContext,
  info: GraphQLResolveInfo
) => TResult | Promise<TResult>;





/** Mapping between all available schema types and the resolvers types */
export type ResolversTypes = {
  AcceptInvitationInput: AcceptInvitationInput;
  AcceptInvitationPayload: ResolverTypeWrapper<Omit<AcceptInvitationPayload, 'membership'> & { membership: ResolversTypes['AcceptedMembership'] }>;
  AcceptedMembership: ResolverTypeWrapper<AcceptedMembershipMapper>;
  ActorType: ActorType;
  ApiKey: ResolverTypeWrapper<ApiKeyRow>;
  ApiKeyConnection: ResolverTypeWrapper<Connection<ApiKeyRow>>;
  ApiKeyEdge: ResolverTypeWrapper<Omit<ApiKeyEdge, 'node'> & { node: ResolversTypes['ApiKey'] }>;
  ApiKeyStatus: ApiKeyStatus;
  AuditEntry: ResolverTypeWrapper<AuditEntryRow>;
  AuditEntryConnection: ResolverTypeWrapper<Connection<AuditEntryRow>>;
  AuditEntryEdge: ResolverTypeWrapper<Omit<AuditEntryEdge, 'node'> & { node: ResolversTypes['AuditEntry'] }>;
  AuditEntryFilter: AuditEntryFilter;
  Boolean: ResolverTypeWrapper<Scalars['Boolean']['output']>;
  ChangeKind: ChangeKind;
  ChangeMemberRoleInput: ChangeMemberRoleInput;
  ChangeMemberRolePayload: ResolverTypeWrapper<Omit<ChangeMemberRolePayload, 'membership'> & { membership?: Maybe<ResolversTypes['Membership']> }>;
  ChangePlanInput: ChangePlanInput;
  ChangePlanPayload: ResolverTypeWrapper<Omit<ChangePlanPayload, 'tenant'> & { tenant: ResolversTypes['Tenant'] }>;
  Conversation: ResolverTypeWrapper<ConversationRow>;
  ConversationChange: ResolverTypeWrapper<Omit<ConversationChange, 'conversation'> & { conversation?: Maybe<ResolversTypes['Conversation']> }>;
  ConversationConnection: ResolverTypeWrapper<Connection<ConversationRow>>;
  ConversationEdge: ResolverTypeWrapper<Omit<ConversationEdge, 'node'> & { node: ResolversTypes['Conversation'] }>;
  ConversationFilter: ConversationFilter;
  ConversationOrder: ConversationOrder;
  ConversationOrderField: ConversationOrderField;
  CreateApiKeyInput: CreateApiKeyInput;
  CreateApiKeyPayload: ResolverTypeWrapper<Omit<CreateApiKeyPayload, 'apiKey'> & { apiKey?: Maybe<ResolversTypes['ApiKey']> }>;
  CreateConversationInput: CreateConversationInput;
  CreateConversationPayload: ResolverTypeWrapper<Omit<CreateConversationPayload, 'conversation'> & { conversation?: Maybe<ResolversTypes['Conversation']> }>;
  DateTime: ResolverTypeWrapper<Scalars['DateTime']['output']>;
  DateTimeRange: DateTimeRange;
  DeleteConversationInput: DeleteConversationInput;
  DeleteConversationPayload: ResolverTypeWrapper<DeleteConversationPayload>;
  ErrorCode: ErrorCode;
  FieldAccess: ResolverTypeWrapper<FieldAccess>;
  ID: ResolverTypeWrapper<Scalars['ID']['output']>;
  Int: ResolverTypeWrapper<Scalars['Int']['output']>;
  Invitation: ResolverTypeWrapper<InvitationRow>;
  InvitationConnection: ResolverTypeWrapper<Connection<InvitationRow>>;
  InvitationEdge: ResolverTypeWrapper<Omit<InvitationEdge, 'node'> & { node: ResolversTypes['Invitation'] }>;
  InvitationFilter: InvitationFilter;
  InvitationStatus: InvitationStatus;
  InviteMemberInput: InviteMemberInput;
  InviteMemberPayload: ResolverTypeWrapper<Omit<InviteMemberPayload, 'invitation'> & { invitation?: Maybe<ResolversTypes['Invitation']> }>;
  JSONObject: ResolverTypeWrapper<Scalars['JSONObject']['output']>;
  Membership: ResolverTypeWrapper<MembershipRow>;
  MembershipConnection: ResolverTypeWrapper<Connection<MembershipRow>>;
  MembershipEdge: ResolverTypeWrapper<Omit<MembershipEdge, 'node'> & { node: ResolversTypes['Membership'] }>;
  MembershipFilter: MembershipFilter;
  Message: ResolverTypeWrapper<MessageRow>;
  MessageConnection: ResolverTypeWrapper<Connection<MessageRow>>;
  MessageEdge: ResolverTypeWrapper<Omit<MessageEdge, 'node'> & { node: ResolversTypes['Message'] }>;
  Mutation: ResolverTypeWrapper<Record<PropertyKey, never>>;
  OrderDirection: OrderDirection;
  PageInfo: ResolverTypeWrapper<PageInfo>;
  Permission: Permission;
  Plan: ResolverTypeWrapper<Plan>;
  PostMessageInput: PostMessageInput;
  PostMessagePayload: ResolverTypeWrapper<Omit<PostMessagePayload, 'message'> & { message?: Maybe<ResolversTypes['Message']> }>;
  Query: ResolverTypeWrapper<Record<PropertyKey, never>>;
  RemoveMemberInput: RemoveMemberInput;
  RemoveMemberPayload: ResolverTypeWrapper<RemoveMemberPayload>;
  RevokeApiKeyInput: RevokeApiKeyInput;
  RevokeApiKeyPayload: ResolverTypeWrapper<Omit<RevokeApiKeyPayload, 'apiKey'> & { apiKey?: Maybe<ResolversTypes['ApiKey']> }>;
  RevokeInvitationInput: RevokeInvitationInput;
  RevokeInvitationPayload: ResolverTypeWrapper<Omit<RevokeInvitationPayload, 'invitation'> & { invitation?: Maybe<ResolversTypes['Invitation']> }>;
  Role: Role;
  RolePermissions: ResolverTypeWrapper<RolePermissions>;
  String: ResolverTypeWrapper<Scalars['String']['output']>;
  Subscription: ResolverTypeWrapper<Record<PropertyKey, never>>;
  Tenant: ResolverTypeWrapper<TenantRow>;
  TenantStatus: TenantStatus;
  TenantSummary: ResolverTypeWrapper<TenantSummary>;
  UpdateConversationInput: UpdateConversationInput;
  UpdateConversationPayload: ResolverTypeWrapper<Omit<UpdateConversationPayload, 'conversation'> & { conversation?: Maybe<ResolversTypes['Conversation']> }>;
  UpdateTenantInput: UpdateTenantInput;
  UpdateTenantPayload: ResolverTypeWrapper<Omit<UpdateTenantPayload, 'tenant'> & { tenant: ResolversTypes['Tenant'] }>;
  Viewer: ResolverTypeWrapper<ViewerMapper>;
  ViewerMembership: ResolverTypeWrapper<ViewerMembership>;
};

/** Mapping between all available schema types and the resolvers parents */
export type ResolversParentTypes = {
  AcceptInvitationInput: AcceptInvitationInput;
  AcceptInvitationPayload: Omit<AcceptInvitationPayload, 'membership'> & { membership: ResolversParentTypes['AcceptedMembership'] };
  AcceptedMembership: AcceptedMembershipMapper;
  ApiKey: ApiKeyRow;
  ApiKeyConnection: Connection<ApiKeyRow>;
  ApiKeyEdge: Omit<ApiKeyEdge, 'node'> & { node: ResolversParentTypes['ApiKey'] };
  AuditEntry: AuditEntryRow;
  AuditEntryConnection: Connection<AuditEntryRow>;
  AuditEntryEdge: Omit<AuditEntryEdge, 'node'> & { node: ResolversParentTypes['AuditEntry'] };
  AuditEntryFilter: AuditEntryFilter;
  Boolean: Scalars['Boolean']['output'];
  ChangeMemberRoleInput: ChangeMemberRoleInput;
  ChangeMemberRolePayload: Omit<ChangeMemberRolePayload, 'membership'> & { membership?: Maybe<ResolversParentTypes['Membership']> };
  ChangePlanInput: ChangePlanInput;
  ChangePlanPayload: Omit<ChangePlanPayload, 'tenant'> & { tenant: ResolversParentTypes['Tenant'] };
  Conversation: ConversationRow;
  ConversationChange: Omit<ConversationChange, 'conversation'> & { conversation?: Maybe<ResolversParentTypes['Conversation']> };
  ConversationConnection: Connection<ConversationRow>;
  ConversationEdge: Omit<ConversationEdge, 'node'> & { node: ResolversParentTypes['Conversation'] };
  ConversationFilter: ConversationFilter;
  ConversationOrder: ConversationOrder;
  CreateApiKeyInput: CreateApiKeyInput;
  CreateApiKeyPayload: Omit<CreateApiKeyPayload, 'apiKey'> & { apiKey?: Maybe<ResolversParentTypes['ApiKey']> };
  CreateConversationInput: CreateConversationInput;
  CreateConversationPayload: Omit<CreateConversationPayload, 'conversation'> & { conversation?: Maybe<ResolversParentTypes['Conversation']> };
  DateTime: Scalars['DateTime']['output'];
  DateTimeRange: DateTimeRange;
  DeleteConversationInput: DeleteConversationInput;
  DeleteConversationPayload: DeleteConversationPayload;
  FieldAccess: FieldAccess;
  ID: Scalars['ID']['output'];
  Int: Scalars['Int']['output'];
  Invitation: InvitationRow;
  InvitationConnection: Connection<InvitationRow>;
  InvitationEdge: Omit<InvitationEdge, 'node'> & { node: ResolversParentTypes['Invitation'] };
  InvitationFilter: InvitationFilter;
  InviteMemberInput: InviteMemberInput;
  InviteMemberPayload: Omit<InviteMemberPayload, 'invitation'> & { invitation?: Maybe<ResolversParentTypes['Invitation']> };
  JSONObject: Scalars['JSONObject']['output'];
  Membership: MembershipRow;
  MembershipConnection: Connection<MembershipRow>;
  MembershipEdge: Omit<MembershipEdge, 'node'> & { node: ResolversParentTypes['Membership'] };
  MembershipFilter: MembershipFilter;
  Message: MessageRow;
  MessageConnection: Connection<MessageRow>;
  MessageEdge: Omit<MessageEdge, 'node'> & { node: ResolversParentTypes['Message'] };
  Mutation: Record<PropertyKey, never>;
  PageInfo: PageInfo;
  Plan: Plan;
  PostMessageInput: PostMessageInput;
  PostMessagePayload: Omit<PostMessagePayload, 'message'> & { message?: Maybe<ResolversParentTypes['Message']> };
  Query: Record<PropertyKey, never>;
  RemoveMemberInput: RemoveMemberInput;
  RemoveMemberPayload: RemoveMemberPayload;
  RevokeApiKeyInput: RevokeApiKeyInput;
  RevokeApiKeyPayload: Omit<RevokeApiKeyPayload, 'apiKey'> & { apiKey?: Maybe<ResolversParentTypes['ApiKey']> };
  RevokeInvitationInput: RevokeInvitationInput;
  RevokeInvitationPayload: Omit<RevokeInvitationPayload, 'invitation'> & { invitation?: Maybe<ResolversParentTypes['Invitation']> };
  RolePermissions: RolePermissions;
  String: Scalars['String']['output'];
  Subscription: Record<PropertyKey, never>;
  Tenant: TenantRow;
  TenantSummary: TenantSummary;
  UpdateConversationInput: UpdateConversationInput;
  UpdateConversationPayload: Omit<UpdateConversationPayload, 'conversation'> & { conversation?: Maybe<ResolversParentTypes['Conversation']> };
  UpdateTenantInput: UpdateTenantInput;
  UpdateTenantPayload: Omit<UpdateTenantPayload, 'tenant'> & { tenant: ResolversParentTypes['Tenant'] };
  Viewer: ViewerMapper;
  ViewerMembership: ViewerMembership;
};

export type AuthenticatedDirectiveArgs = {
  member?: Scalars['Boolean']['input'];
};

export type AuthenticatedDirectiveResolver<Result, Parent, ContextType = RequestContext, Args = AuthenticatedDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type ErrorsDirectiveArgs = {
  codes: Array<ErrorCode>;
};

export type ErrorsDirectiveResolver<Result, Parent, ContextType = RequestContext, Args = ErrorsDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type RequiresDirectiveArgs = {
  permission: Permission;
};

export type RequiresDirectiveResolver<Result, Parent, ContextType = RequestContext, Args = RequiresDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type SecretDirectiveArgs = { };

export type SecretDirectiveResolver<Result, Parent, ContextType = RequestContext, Args = SecretDirectiveArgs> = DirectiveResolverFn<Result, Parent, ContextType, Args>;

export type AcceptInvitationPayloadResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['AcceptInvitationPayload'] = ResolversParentTypes['AcceptInvitationPayload']> = {
  membership?: Resolver<ResolversTypes['AcceptedMembership'], ParentType, ContextType>;
};

export type AcceptedMembershipResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['AcceptedMembership'] = ResolversParentTypes['AcceptedMembership']> = {
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  joinedAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  role?: Resolver<ResolversTypes['Role'], ParentType, ContextType>;
  tenant?: Resolver<ResolversTypes['TenantSummary'], ParentType, ContextType>;
  userId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
};

export type ActorTypeResolvers = EnumResolverSignature<{ API_KEY?: any, JOB?: any, OPERATOR?: any, SYSTEM?: any, USER?: any }, ResolversTypes['ActorType']>;

export type ApiKeyResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['ApiKey'] = ResolversParentTypes['ApiKey']> = {
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  createdBy?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  expiresAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  lastUsedAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  permissions?: Resolver<Array<ResolversTypes['Permission']>, ParentType, ContextType>;
  prefix?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  revokedAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  status?: Resolver<ResolversTypes['ApiKeyStatus'], ParentType, ContextType>;
};

export type ApiKeyConnectionResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['ApiKeyConnection'] = ResolversParentTypes['ApiKeyConnection']> = {
  edges?: Resolver<Array<ResolversTypes['ApiKeyEdge']>, ParentType, ContextType>;
  nodes?: Resolver<Array<ResolversTypes['ApiKey']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type ApiKeyEdgeResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['ApiKeyEdge'] = ResolversParentTypes['ApiKeyEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['ApiKey'], ParentType, ContextType>;
};

export type ApiKeyStatusResolvers = EnumResolverSignature<{ ACTIVE?: any, EXPIRED?: any, REVOKED?: any }, ResolversTypes['ApiKeyStatus']>;

export type AuditEntryResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['AuditEntry'] = ResolversParentTypes['AuditEntry']> = {
  action?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  actor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  actorType?: Resolver<ResolversTypes['ActorType'], ParentType, ContextType>;
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  entity?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  entityId?: Resolver<Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  newValue?: Resolver<Maybe<ResolversTypes['JSONObject']>, ParentType, ContextType>;
  oldValue?: Resolver<Maybe<ResolversTypes['JSONObject']>, ParentType, ContextType>;
  requestId?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type AuditEntryConnectionResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['AuditEntryConnection'] = ResolversParentTypes['AuditEntryConnection']> = {
  edges?: Resolver<Array<ResolversTypes['AuditEntryEdge']>, ParentType, ContextType>;
  nodes?: Resolver<Array<ResolversTypes['AuditEntry']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type AuditEntryEdgeResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['AuditEntryEdge'] = ResolversParentTypes['AuditEntryEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['AuditEntry'], ParentType, ContextType>;
};

export type ChangeMemberRolePayloadResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['ChangeMemberRolePayload'] = ResolversParentTypes['ChangeMemberRolePayload']> = {
  membership?: Resolver<Maybe<ResolversTypes['Membership']>, ParentType, ContextType>;
};

export type ChangePlanPayloadResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['ChangePlanPayload'] = ResolversParentTypes['ChangePlanPayload']> = {
  tenant?: Resolver<ResolversTypes['Tenant'], ParentType, ContextType>;
};

export type ConversationResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Conversation'] = ResolversParentTypes['Conversation']> = {
  author?: Resolver<Maybe<ResolversTypes['Membership']>, ParentType, ContextType>;
  body?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  messages?: Resolver<ResolversTypes['MessageConnection'], ParentType, ContextType, Partial<ConversationMessagesArgs>>;
  subject?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  updatedAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  userId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  version?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type ConversationChangeResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['ConversationChange'] = ResolversParentTypes['ConversationChange']> = {
  conversation?: Resolver<Maybe<ResolversTypes['Conversation']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  kind?: Resolver<ResolversTypes['ChangeKind'], ParentType, ContextType>;
};

export type ConversationConnectionResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['ConversationConnection'] = ResolversParentTypes['ConversationConnection']> = {
  edges?: Resolver<Array<ResolversTypes['ConversationEdge']>, ParentType, ContextType>;
  nodes?: Resolver<Array<ResolversTypes['Conversation']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type ConversationEdgeResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['ConversationEdge'] = ResolversParentTypes['ConversationEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Conversation'], ParentType, ContextType>;
};

export type CreateApiKeyPayloadResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['CreateApiKeyPayload'] = ResolversParentTypes['CreateApiKeyPayload']> = {
  apiKey?: Resolver<Maybe<ResolversTypes['ApiKey']>, ParentType, ContextType>;
  secret?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type CreateConversationPayloadResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['CreateConversationPayload'] = ResolversParentTypes['CreateConversationPayload']> = {
  conversation?: Resolver<Maybe<ResolversTypes['Conversation']>, ParentType, ContextType>;
};

export interface DateTimeScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['DateTime'], any> {
  name: 'DateTime';
}

export type DeleteConversationPayloadResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['DeleteConversationPayload'] = ResolversParentTypes['DeleteConversationPayload']> = {
  deletedId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
};

export type FieldAccessResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['FieldAccess'] = ResolversParentTypes['FieldAccess']> = {
  allowed?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  coordinate?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  field?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  requires?: Resolver<ResolversTypes['Permission'], ParentType, ContextType>;
  type?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type InvitationResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Invitation'] = ResolversParentTypes['Invitation']> = {
  acceptedAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  acceptedBy?: Resolver<Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  email?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  expiresAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  invitedAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  invitedBy?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  revokedAt?: Resolver<Maybe<ResolversTypes['DateTime']>, ParentType, ContextType>;
  role?: Resolver<ResolversTypes['Role'], ParentType, ContextType>;
  status?: Resolver<ResolversTypes['InvitationStatus'], ParentType, ContextType>;
};

export type InvitationConnectionResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['InvitationConnection'] = ResolversParentTypes['InvitationConnection']> = {
  edges?: Resolver<Array<ResolversTypes['InvitationEdge']>, ParentType, ContextType>;
  nodes?: Resolver<Array<ResolversTypes['Invitation']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type InvitationEdgeResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['InvitationEdge'] = ResolversParentTypes['InvitationEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Invitation'], ParentType, ContextType>;
};

export type InvitationStatusResolvers = EnumResolverSignature<{ ACCEPTED?: any, EXPIRED?: any, PENDING?: any, REVOKED?: any }, ResolversTypes['InvitationStatus']>;

export type InviteMemberPayloadResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['InviteMemberPayload'] = ResolversParentTypes['InviteMemberPayload']> = {
  emailSent?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  invitation?: Resolver<Maybe<ResolversTypes['Invitation']>, ParentType, ContextType>;
};

export interface JsonObjectScalarConfig extends GraphQLScalarTypeConfig<ResolversTypes['JSONObject'], any> {
  name: 'JSONObject';
}

export type MembershipResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Membership'] = ResolversParentTypes['Membership']> = {
  email?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  invitedBy?: Resolver<Maybe<ResolversTypes['ID']>, ParentType, ContextType>;
  joinedAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  role?: Resolver<ResolversTypes['Role'], ParentType, ContextType>;
  userId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
};

export type MembershipConnectionResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['MembershipConnection'] = ResolversParentTypes['MembershipConnection']> = {
  edges?: Resolver<Array<ResolversTypes['MembershipEdge']>, ParentType, ContextType>;
  nodes?: Resolver<Array<ResolversTypes['Membership']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type MembershipEdgeResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['MembershipEdge'] = ResolversParentTypes['MembershipEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Membership'], ParentType, ContextType>;
};

export type MessageResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Message'] = ResolversParentTypes['Message']> = {
  author?: Resolver<Maybe<ResolversTypes['Membership']>, ParentType, ContextType>;
  body?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  conversationId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  userId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
};

export type MessageConnectionResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['MessageConnection'] = ResolversParentTypes['MessageConnection']> = {
  edges?: Resolver<Array<ResolversTypes['MessageEdge']>, ParentType, ContextType>;
  nodes?: Resolver<Array<ResolversTypes['Message']>, ParentType, ContextType>;
  pageInfo?: Resolver<ResolversTypes['PageInfo'], ParentType, ContextType>;
  totalCount?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type MessageEdgeResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['MessageEdge'] = ResolversParentTypes['MessageEdge']> = {
  cursor?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  node?: Resolver<ResolversTypes['Message'], ParentType, ContextType>;
};

export type MutationResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Mutation'] = ResolversParentTypes['Mutation']> = {
  acceptInvitation?: Resolver<Maybe<ResolversTypes['AcceptInvitationPayload']>, ParentType, ContextType, RequireFields<MutationAcceptInvitationArgs, 'input'>>;
  changeMemberRole?: Resolver<Maybe<ResolversTypes['ChangeMemberRolePayload']>, ParentType, ContextType, RequireFields<MutationChangeMemberRoleArgs, 'input'>>;
  changePlan?: Resolver<Maybe<ResolversTypes['ChangePlanPayload']>, ParentType, ContextType, RequireFields<MutationChangePlanArgs, 'input'>>;
  createApiKey?: Resolver<Maybe<ResolversTypes['CreateApiKeyPayload']>, ParentType, ContextType, RequireFields<MutationCreateApiKeyArgs, 'input'>>;
  createConversation?: Resolver<Maybe<ResolversTypes['CreateConversationPayload']>, ParentType, ContextType, RequireFields<MutationCreateConversationArgs, 'input'>>;
  deleteConversation?: Resolver<Maybe<ResolversTypes['DeleteConversationPayload']>, ParentType, ContextType, RequireFields<MutationDeleteConversationArgs, 'input'>>;
  inviteMember?: Resolver<Maybe<ResolversTypes['InviteMemberPayload']>, ParentType, ContextType, RequireFields<MutationInviteMemberArgs, 'input'>>;
  postMessage?: Resolver<Maybe<ResolversTypes['PostMessagePayload']>, ParentType, ContextType, RequireFields<MutationPostMessageArgs, 'input'>>;
  removeMember?: Resolver<Maybe<ResolversTypes['RemoveMemberPayload']>, ParentType, ContextType, RequireFields<MutationRemoveMemberArgs, 'input'>>;
  revokeApiKey?: Resolver<Maybe<ResolversTypes['RevokeApiKeyPayload']>, ParentType, ContextType, RequireFields<MutationRevokeApiKeyArgs, 'input'>>;
  revokeInvitation?: Resolver<Maybe<ResolversTypes['RevokeInvitationPayload']>, ParentType, ContextType, RequireFields<MutationRevokeInvitationArgs, 'input'>>;
  updateConversation?: Resolver<Maybe<ResolversTypes['UpdateConversationPayload']>, ParentType, ContextType, RequireFields<MutationUpdateConversationArgs, 'input'>>;
  updateTenant?: Resolver<Maybe<ResolversTypes['UpdateTenantPayload']>, ParentType, ContextType, RequireFields<MutationUpdateTenantArgs, 'input'>>;
};

export type OrderDirectionResolvers = EnumResolverSignature<{ ASC?: any, DESC?: any }, ResolversTypes['OrderDirection']>;

export type PageInfoResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['PageInfo'] = ResolversParentTypes['PageInfo']> = {
  endCursor?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  hasNextPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  hasPreviousPage?: Resolver<ResolversTypes['Boolean'], ParentType, ContextType>;
  startCursor?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
};

export type PermissionResolvers = EnumResolverSignature<{ AUDIT_READ?: any, BILLING_MANAGE?: any, CONVERSATIONS_READ?: any, CONVERSATIONS_WRITE?: any, MEMBERS_READ?: any, SETTINGS_MANAGE?: any, USERS_MANAGE?: any }, ResolversTypes['Permission']>;

export type PlanResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Plan'] = ResolversParentTypes['Plan']> = {
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
};

export type PostMessagePayloadResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['PostMessagePayload'] = ResolversParentTypes['PostMessagePayload']> = {
  message?: Resolver<Maybe<ResolversTypes['Message']>, ParentType, ContextType>;
};

export type QueryResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Query'] = ResolversParentTypes['Query']> = {
  apiKeys?: Resolver<Maybe<ResolversTypes['ApiKeyConnection']>, ParentType, ContextType, Partial<QueryApiKeysArgs>>;
  auditLog?: Resolver<Maybe<ResolversTypes['AuditEntryConnection']>, ParentType, ContextType, Partial<QueryAuditLogArgs>>;
  conversation?: Resolver<Maybe<ResolversTypes['Conversation']>, ParentType, ContextType, RequireFields<QueryConversationArgs, 'id'>>;
  conversations?: Resolver<Maybe<ResolversTypes['ConversationConnection']>, ParentType, ContextType, Partial<QueryConversationsArgs>>;
  errorCodes?: Resolver<Array<ResolversTypes['ErrorCode']>, ParentType, ContextType>;
  invitations?: Resolver<Maybe<ResolversTypes['InvitationConnection']>, ParentType, ContextType, Partial<QueryInvitationsArgs>>;
  me?: Resolver<ResolversTypes['Viewer'], ParentType, ContextType>;
  members?: Resolver<Maybe<ResolversTypes['MembershipConnection']>, ParentType, ContextType, Partial<QueryMembersArgs>>;
  plans?: Resolver<Maybe<Array<ResolversTypes['Plan']>>, ParentType, ContextType>;
  roles?: Resolver<Array<ResolversTypes['RolePermissions']>, ParentType, ContextType>;
  tenant?: Resolver<ResolversTypes['Tenant'], ParentType, ContextType>;
};

export type RemoveMemberPayloadResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['RemoveMemberPayload'] = ResolversParentTypes['RemoveMemberPayload']> = {
  deletedId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
};

export type RevokeApiKeyPayloadResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['RevokeApiKeyPayload'] = ResolversParentTypes['RevokeApiKeyPayload']> = {
  apiKey?: Resolver<Maybe<ResolversTypes['ApiKey']>, ParentType, ContextType>;
};

export type RevokeInvitationPayloadResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['RevokeInvitationPayload'] = ResolversParentTypes['RevokeInvitationPayload']> = {
  invitation?: Resolver<Maybe<ResolversTypes['Invitation']>, ParentType, ContextType>;
};

export type RoleResolvers = EnumResolverSignature<{ ADMIN?: any, MEMBER?: any, OWNER?: any, VIEWER?: any }, ResolversTypes['Role']>;

export type RolePermissionsResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['RolePermissions'] = ResolversParentTypes['RolePermissions']> = {
  permissions?: Resolver<Array<ResolversTypes['Permission']>, ParentType, ContextType>;
  role?: Resolver<ResolversTypes['Role'], ParentType, ContextType>;
};

export type SubscriptionResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Subscription'] = ResolversParentTypes['Subscription']> = {
  conversationChanged?: SubscriptionResolver<Maybe<ResolversTypes['ConversationChange']>, "conversationChanged", ParentType, ContextType>;
  messagePosted?: SubscriptionResolver<Maybe<ResolversTypes['Message']>, "messagePosted", ParentType, ContextType, RequireFields<SubscriptionMessagePostedArgs, 'conversationId'>>;
};

export type TenantResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Tenant'] = ResolversParentTypes['Tenant']> = {
  billingEmail?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  createdAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  plan?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  settings?: Resolver<Maybe<ResolversTypes['JSONObject']>, ParentType, ContextType>;
  slug?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  status?: Resolver<ResolversTypes['TenantStatus'], ParentType, ContextType>;
  version?: Resolver<ResolversTypes['Int'], ParentType, ContextType>;
};

export type TenantStatusResolvers = EnumResolverSignature<{ ACTIVE?: any, SUSPENDED?: any }, ResolversTypes['TenantStatus']>;

export type TenantSummaryResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['TenantSummary'] = ResolversParentTypes['TenantSummary']> = {
  id?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
  name?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  slug?: Resolver<ResolversTypes['String'], ParentType, ContextType>;
  status?: Resolver<ResolversTypes['TenantStatus'], ParentType, ContextType>;
};

export type UpdateConversationPayloadResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['UpdateConversationPayload'] = ResolversParentTypes['UpdateConversationPayload']> = {
  conversation?: Resolver<Maybe<ResolversTypes['Conversation']>, ParentType, ContextType>;
};

export type UpdateTenantPayloadResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['UpdateTenantPayload'] = ResolversParentTypes['UpdateTenantPayload']> = {
  tenant?: Resolver<ResolversTypes['Tenant'], ParentType, ContextType>;
};

export type ViewerResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['Viewer'] = ResolversParentTypes['Viewer']> = {
  email?: Resolver<Maybe<ResolversTypes['String']>, ParentType, ContextType>;
  fields?: Resolver<Array<ResolversTypes['FieldAccess']>, ParentType, ContextType, Partial<ViewerFieldsArgs>>;
  memberships?: Resolver<Array<ResolversTypes['ViewerMembership']>, ParentType, ContextType>;
  permissions?: Resolver<Array<ResolversTypes['Permission']>, ParentType, ContextType>;
  role?: Resolver<Maybe<ResolversTypes['Role']>, ParentType, ContextType>;
  tenant?: Resolver<ResolversTypes['Tenant'], ParentType, ContextType>;
  userId?: Resolver<ResolversTypes['ID'], ParentType, ContextType>;
};

export type ViewerMembershipResolvers<ContextType = RequestContext, ParentType extends ResolversParentTypes['ViewerMembership'] = ResolversParentTypes['ViewerMembership']> = {
  joinedAt?: Resolver<ResolversTypes['DateTime'], ParentType, ContextType>;
  role?: Resolver<ResolversTypes['Role'], ParentType, ContextType>;
  tenant?: Resolver<ResolversTypes['TenantSummary'], ParentType, ContextType>;
};

export type Resolvers<ContextType = RequestContext> = {
  AcceptInvitationPayload?: AcceptInvitationPayloadResolvers<ContextType>;
  AcceptedMembership?: AcceptedMembershipResolvers<ContextType>;
  ActorType?: ActorTypeResolvers;
  ApiKey?: ApiKeyResolvers<ContextType>;
  ApiKeyConnection?: ApiKeyConnectionResolvers<ContextType>;
  ApiKeyEdge?: ApiKeyEdgeResolvers<ContextType>;
  ApiKeyStatus?: ApiKeyStatusResolvers;
  AuditEntry?: AuditEntryResolvers<ContextType>;
  AuditEntryConnection?: AuditEntryConnectionResolvers<ContextType>;
  AuditEntryEdge?: AuditEntryEdgeResolvers<ContextType>;
  ChangeMemberRolePayload?: ChangeMemberRolePayloadResolvers<ContextType>;
  ChangePlanPayload?: ChangePlanPayloadResolvers<ContextType>;
  Conversation?: ConversationResolvers<ContextType>;
  ConversationChange?: ConversationChangeResolvers<ContextType>;
  ConversationConnection?: ConversationConnectionResolvers<ContextType>;
  ConversationEdge?: ConversationEdgeResolvers<ContextType>;
  CreateApiKeyPayload?: CreateApiKeyPayloadResolvers<ContextType>;
  CreateConversationPayload?: CreateConversationPayloadResolvers<ContextType>;
  DateTime?: GraphQLScalarType;
  DeleteConversationPayload?: DeleteConversationPayloadResolvers<ContextType>;
  FieldAccess?: FieldAccessResolvers<ContextType>;
  Invitation?: InvitationResolvers<ContextType>;
  InvitationConnection?: InvitationConnectionResolvers<ContextType>;
  InvitationEdge?: InvitationEdgeResolvers<ContextType>;
  InvitationStatus?: InvitationStatusResolvers;
  InviteMemberPayload?: InviteMemberPayloadResolvers<ContextType>;
  JSONObject?: GraphQLScalarType;
  Membership?: MembershipResolvers<ContextType>;
  MembershipConnection?: MembershipConnectionResolvers<ContextType>;
  MembershipEdge?: MembershipEdgeResolvers<ContextType>;
  Message?: MessageResolvers<ContextType>;
  MessageConnection?: MessageConnectionResolvers<ContextType>;
  MessageEdge?: MessageEdgeResolvers<ContextType>;
  Mutation?: MutationResolvers<ContextType>;
  OrderDirection?: OrderDirectionResolvers;
  PageInfo?: PageInfoResolvers<ContextType>;
  Permission?: PermissionResolvers;
  Plan?: PlanResolvers<ContextType>;
  PostMessagePayload?: PostMessagePayloadResolvers<ContextType>;
  Query?: QueryResolvers<ContextType>;
  RemoveMemberPayload?: RemoveMemberPayloadResolvers<ContextType>;
  RevokeApiKeyPayload?: RevokeApiKeyPayloadResolvers<ContextType>;
  RevokeInvitationPayload?: RevokeInvitationPayloadResolvers<ContextType>;
  Role?: RoleResolvers;
  RolePermissions?: RolePermissionsResolvers<ContextType>;
  Subscription?: SubscriptionResolvers<ContextType>;
  Tenant?: TenantResolvers<ContextType>;
  TenantStatus?: TenantStatusResolvers;
  TenantSummary?: TenantSummaryResolvers<ContextType>;
  UpdateConversationPayload?: UpdateConversationPayloadResolvers<ContextType>;
  UpdateTenantPayload?: UpdateTenantPayloadResolvers<ContextType>;
  Viewer?: ViewerResolvers<ContextType>;
  ViewerMembership?: ViewerMembershipResolvers<ContextType>;
};

export type DirectiveResolvers<ContextType = RequestContext> = {
  authenticated?: AuthenticatedDirectiveResolver<any, any, ContextType>;
  errors?: ErrorsDirectiveResolver<any, any, ContextType>;
  requires?: RequiresDirectiveResolver<any, any, ContextType>;
  secret?: SecretDirectiveResolver<any, any, ContextType>;
};
