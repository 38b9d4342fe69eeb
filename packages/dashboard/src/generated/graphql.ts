/* eslint-disable */
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
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
  /** A whole number of 64 bits, as text: JSON numbers are exact to 53 bits only. Takes a number as well, while it is exact. */
  BigInt: { input: string; output: string; }
  /** A day, `2026-11-29`. */
  Date: { input: string; output: string; }
  /** A point in time as text, RFC 3339, in the years 1 to 9999. Answers are in UTC with milliseconds: `2026-11-29T08:15:00.000Z`. */
  DateTime: { input: string; output: string; }
  /** Any JSON value. */
  JSON: { input: unknown; output: unknown; }
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
  /** The membership that the invitation has become. Its user acts in its tenant from their next request on. */
  membership: ViewerMembership;
};

/** Who can make a change. */
export type ActorType =
  /** A program with an API key of the tenant. */
  | 'API_KEY'
  /** Background work of the server. */
  | 'JOB'
  /** Somebody who operates the service. */
  | 'OPERATOR'
  /** The service itself, or a change without a known actor. */
  | 'SYSTEM'
  /** A member of the tenant. */
  | 'USER';

/** How a program calls: `Authorization: Bearer tk_…`. It acts in this tenant, with its own permissions. Requires the permission `settings:manage`. */
export type ApiKey = Node & {
  __typename?: 'ApiKey';
  /** When the object was created. Requires the permission `settings:manage`. */
  createdAt: Scalars['DateTime']['output'];
  /** The `userId` of the member who made it. Requires the permission `settings:manage`. */
  createdBy: Scalars['ID']['output'];
  /** The member who made it, while they are one. Requires the permission `members:read`. */
  createdByMember?: Maybe<Membership>;
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

/** Conditions for a list of `ApiKey`. An object must meet all that are given. */
export type ApiKeyFilter = {
  /** Only objects whose `createdAt` matches. */
  createdAt?: InputMaybe<DateTimeRange>;
  /** Only objects with this `createdBy`. */
  createdBy?: InputMaybe<Scalars['ID']['input']>;
  /** Only objects whose `name` matches. */
  name?: InputMaybe<TextFilter>;
  /** Only objects with this `status`. */
  status?: InputMaybe<ApiKeyStatus>;
};

/** The order of a list of `ApiKey`. */
export type ApiKeyOrder = {
  /** Ascending or descending. */
  direction?: OrderDirection;
  /** What the list is ordered by. */
  field?: ApiKeyOrderField;
};

/** What a list of `ApiKey` can be ordered by. */
export type ApiKeyOrderField =
  /** When it was made. */
  | 'CREATED_AT';

/** Whether an API key is accepted. */
export type ApiKeyStatus =
  /** It is accepted. */
  | 'ACTIVE'
  /** Its time is over. */
  | 'EXPIRED'
  /** By somebody, or because its creator has left the tenant. */
  | 'REVOKED';

/** How the audit log differs from what was sealed. */
export type AuditDefect =
  /** The entry is not the one that was sealed. */
  | 'CHANGED'
  /** The trail ends before the given head. */
  | 'CUT'
  /** An entry is there that was not sealed when it should have been. */
  | 'INSERTED'
  /** The entries of a block are not those, or not in the order, that were sealed. */
  | 'REARRANGED'
  /** A sealed entry is missing. */
  | 'REMOVED'
  /** A seal was not made with a trusted key, or is not the one that another seal or the given head names. */
  | 'RESEALED'
  /** Values are missing from the entry, and no entry says that they were deleted. */
  | 'UNRECORDED';

/** One change of this tenant's data. Written by the database with the change, and never changed afterwards. Requires the permission `audit:read`. */
export type AuditEntry = Node & {
  __typename?: 'AuditEntry';
  /** What happened, `membership.updated`. Requires the permission `audit:read`. */
  action: Scalars['String']['output'];
  /** Who made the change: for a user, the `sub` claim; for an API key, its `id`. Requires the permission `audit:read`. */
  actor: Scalars['String']['output'];
  /** The member who made the change, while they are one. Requires the permission `members:read`. */
  actorMember?: Maybe<Membership>;
  /** Whether the actor is a user, an API key or something else. Requires the permission `audit:read`. */
  actorType: ActorType;
  /** When the change was made. Requires the permission `audit:read`. */
  createdAt: Scalars['DateTime']['output'];
  /** The model, `Membership`. Requires the permission `audit:read`. */
  entity: Scalars['String']['output'];
  /** The id of the object that changed; null when the entry is about none. Requires the permission `audit:read`. */
  entityId?: Maybe<Scalars['ID']['output']>;
  /** The object as it is now; null when there is none any more. Requires the permission `audit:read`. */
  entityNode?: Maybe<Node>;
  /** The id of the object. Requires the permission `audit:read`. */
  id: Scalars['ID']['output'];
  /** The row after the change. Requires the permission `audit:read`. */
  newValue?: Maybe<Scalars['JSONObject']['output']>;
  /**
   * The row before the change, with the names, ids and enums of this schema; without secrets and what the caller may not
   * read.
   *
   * Requires the permission `audit:read`.
   */
  oldValue?: Maybe<Scalars['JSONObject']['output']>;
  /**
   * Proves that the entry is in the sealed trail, to whoever has a head of it: `tenantry-verify --proof`. It shows the
   * values that the caller may read, and hashes of the others. Null while the entry is not sealed, which takes a second.
   *
   * Requires the permission `audit:read`.
   */
  proof?: Maybe<Scalars['JSONObject']['output']>;
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
  /** Only objects with this `actorType`. */
  actorType?: InputMaybe<ActorType>;
  /** Only objects whose `createdAt` matches. */
  createdAt?: InputMaybe<DateTimeRange>;
  /** Only objects with this `entity`. */
  entity?: InputMaybe<Scalars['String']['input']>;
  /** Only objects with this `entityId`. */
  entityId?: InputMaybe<Scalars['ID']['input']>;
  /** Only objects with this `requestId`. */
  requestId?: InputMaybe<Scalars['String']['input']>;
};

/** The order of a list of `AuditEntry`. */
export type AuditEntryOrder = {
  /** Ascending or descending. */
  direction?: OrderDirection;
  /** What the list is ordered by. */
  field?: AuditEntryOrderField;
};

/** What a list of `AuditEntry` can be ordered by. */
export type AuditEntryOrderField =
  /** When the change was made, by the microsecond. */
  | 'CREATED_AT';

/** Something that has happened in this tenant, as the audit log has it, without the values. Requires the permission `events:read`. */
export type AuditEvent = Node & {
  __typename?: 'AuditEvent';
  /** What happened, `membership.updated`. Requires the permission `events:read`. */
  action: Scalars['String']['output'];
  /** When it happened. Requires the permission `events:read`. */
  createdAt: Scalars['DateTime']['output'];
  /** The model, `Membership`. Requires the permission `events:read`. */
  entity: Scalars['String']['output'];
  /** The id of the object; null when the event is about none. Requires the permission `events:read`. */
  entityId?: Maybe<Scalars['ID']['output']>;
  /** The object as it is now; null when there is none any more. Requires the permission `events:read`. */
  entityNode?: Maybe<Node>;
  /** The id of the object. Requires the permission `events:read`. */
  id: Scalars['ID']['output'];
  /** The request that caused it, as in its `x-request-id` header. Requires the permission `events:read`. */
  requestId?: Maybe<Scalars['String']['output']>;
};

/** A page of a list of `AuditEvent`. Requires the permission `events:read`. */
export type AuditEventConnection = {
  __typename?: 'AuditEventConnection';
  /** The objects of this page, each with its cursor. Requires the permission `events:read`. */
  edges: Array<AuditEventEdge>;
  /** The objects of this page. Requires the permission `events:read`. */
  nodes: Array<AuditEvent>;
  /** `endCursor` is null when there is nothing new: go on with the cursor that you have. Requires the permission `events:read`. */
  pageInfo: PageInfo;
  /** The number of events that are kept. Requires the permission `events:read`. */
  totalCount: Scalars['Int']['output'];
};

/** A `AuditEvent` in a list, with its cursor. Requires the permission `events:read`. */
export type AuditEventEdge = {
  __typename?: 'AuditEventEdge';
  /** The position of the object in its list, for the arguments `after` and `before`. Requires the permission `events:read`. */
  cursor: Scalars['String']['output'];
  /** The object. Requires the permission `events:read`. */
  node: AuditEvent;
};

/** How an export is written. */
export type AuditExportFormat =
  /** For spreadsheets. It cannot be verified. Text that could be a formula has an apostrophe before it. */
  | 'CSV'
  /** One JSON object in each line, which `tenantry-verify` verifies. */
  | 'NDJSON';

/** The audit log of this tenant, compared with its seals. Requires the permission `audit:read`. */
export type AuditVerification = {
  __typename?: 'AuditVerification';
  /** The number of entries that were dropped because the plan no longer keeps them. Their hashes are verified. Requires the permission `audit:read`. */
  dropped: Scalars['Int']['output'];
  /** The number of sealed entries. Requires the permission `audit:read`. */
  entries: Scalars['Int']['output'];
  /** Null when everything is as it was sealed. Requires the permission `audit:read`. */
  firstBroken?: Maybe<BrokenAuditEntry>;
  /** The newest seal. Keep it where nobody who can change the database can change it. Requires the permission `audit:read`. */
  head?: Maybe<Scalars['JSONObject']['output']>;
  /** Whether everything is as it was sealed; null when this server has no keys to tell. Requires the permission `audit:read`. */
  intact?: Maybe<Scalars['Boolean']['output']>;
  /** The number of entries that are not sealed yet. Requires the permission `audit:read`. */
  pending: Scalars['Int']['output'];
  /** The number of entries of which values were deleted. Requires the permission `audit:read`. */
  redacted: Scalars['Int']['output'];
  /** When the newest entries were sealed; null when none are. Requires the permission `audit:read`. */
  sealedThrough?: Maybe<Scalars['DateTime']['output']>;
};

/** What was found first when the audit log was compared with its seals. Requires the permission `audit:read`. */
export type BrokenAuditEntry = {
  __typename?: 'BrokenAuditEntry';
  /** The first entry that is known to be wrong; null when it is a seal that is wrong, or nothing is left of the entry. Requires the permission `audit:read`. */
  entryId?: Maybe<Scalars['ID']['output']>;
  /** The same as a sentence. Requires the permission `audit:read`. */
  explanation: Scalars['String']['output'];
  /** What is wrong. Requires the permission `audit:read`. */
  reason: AuditDefect;
};

/** The input of the mutation `cancelJob`. */
export type CancelJobInput = {
  /** The id of the object. */
  id: Scalars['ID']['input'];
};

/** The answer of the mutation `cancelJob`. Requires the permission `jobs:manage`. */
export type CancelJobPayload = {
  __typename?: 'CancelJobPayload';
  /** The `Job` as it is after the change. Requires the permission `jobs:manage`. */
  job?: Maybe<Job>;
};

/** Which tenant is to be kept. */
export type CancelTenantErasureInput = {
  /** The slug of this tenant. */
  slug: Scalars['String']['input'];
};

/** The answer of the mutation `cancelTenantErasure`. Requires the permission `tenant:erase`. */
export type CancelTenantErasurePayload = {
  __typename?: 'CancelTenantErasurePayload';
  /** Whether the tenant is in use again. It is not when it was suspended before. Requires the permission `tenant:erase`. */
  active: Scalars['Boolean']['output'];
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
  /** The id of the membership. */
  id?: InputMaybe<Scalars['ID']['input']>;
  /**
   * The former name of `id`.
   * @deprecated Use `id`.
   */
  membershipId?: InputMaybe<Scalars['ID']['input']>;
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
export type Conversation = Node & {
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
  /** The conversation’s id. Requires the permission `conversations:read`. */
  conversationId: Scalars['ID']['output'];
  /** The same id when it was deleted, else null: for caches that take what is deleted from a field of this name. Requires the permission `conversations:read`. */
  deletedId?: Maybe<Scalars['ID']['output']>;
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

/** The input of the mutation `createWebhook`. */
export type CreateWebhookInput = {
  /** At most 200 characters. */
  description?: InputMaybe<Scalars['String']['input']>;
  /** 1 to 50 actions of the audit log. */
  events: Array<Scalars['String']['input']>;
  /** How much it is told. */
  payload?: WebhookPayloadKind;
  /** An https URL of at most 2,048 characters, of a host on the public Internet. */
  url: Scalars['String']['input'];
};

/** The answer of the mutation `createWebhook`. Requires the permission `webhooks:manage`. */
export type CreateWebhookPayload = {
  __typename?: 'CreateWebhookPayload';
  /** The key with which the receiver verifies messages, `whsec_…`. It is shown this once. Requires the permission `webhooks:manage`. It is shown only once. A mutation that selects it takes no `Idempotency-Key`. */
  secret: Scalars['String']['output'];
  /** The `Webhook` as it is after the change. Requires the permission `webhooks:manage`. */
  webhook?: Maybe<Webhook>;
};

/** What the tenant has used on one day, from midnight to midnight in UTC. Today’s numbers are some seconds old. Requires the permission `billing:manage`. */
export type DailyUsage = {
  __typename?: 'DailyUsage';
  /** The bytes of answers and events, before compression. Requires the permission `billing:manage`. */
  bytes: Scalars['BigInt']['output'];
  /** How long the tenant’s transactions have held connections to the database, in seconds. Requires the permission `billing:manage`. */
  databaseSeconds: Scalars['Float']['output'];
  /** The day. Requires the permission `billing:manage`. */
  day: Scalars['Date']['output'];
  /** Attempts of jobs. Requires the permission `billing:manage`. */
  jobs: Scalars['BigInt']['output'];
  /** Operations that began: queries, mutations and subscriptions. Refused requests do not count. Requires the permission `billing:manage`. */
  requests: Scalars['BigInt']['output'];
  /** Rows that statements have read or written. Requires the permission `billing:manage`. */
  rows: Scalars['BigInt']['output'];
};

/** From `from` (included) until `to` (excluded). */
export type DateRange = {
  /** The first day that matches. Without it, the range has no beginning. */
  from?: InputMaybe<Scalars['Date']['input']>;
  /** The first day that no longer matches. Without it, the range has no end. */
  to?: InputMaybe<Scalars['Date']['input']>;
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

/** The input of the mutation `deleteWebhook`. */
export type DeleteWebhookInput = {
  /** The id of the object. */
  id: Scalars['ID']['input'];
};

/** The answer of the mutation `deleteWebhook`. Requires the permission `webhooks:manage`. */
export type DeleteWebhookPayload = {
  __typename?: 'DeleteWebhookPayload';
  /** The id of the deleted object. Requires the permission `webhooks:manage`. */
  deletedId: Scalars['ID']['output'];
};

/** The input of the mutation `endImpersonation`. */
export type EndImpersonationInput = {
  /** The id of the object. */
  id: Scalars['ID']['input'];
};

/** The answer of the mutation `endImpersonation`. Requires the permission `impersonations:end`. */
export type EndImpersonationPayload = {
  __typename?: 'EndImpersonationPayload';
  /** The `Impersonation` as it is after the change. Requires the permission `audit:read`. */
  impersonation?: Maybe<Impersonation>;
};

/** Whose data is erased: by a user's id, by an address, or by both. */
export type ErasePersonInput = {
  /** The words `erase this person`. */
  confirm: Scalars['String']['input'];
  /** An e-mail address, for somebody who was only invited. */
  email?: InputMaybe<Scalars['String']['input']>;
  /** Why, 1 to 500 characters. It stays in the audit log: it must not repeat what is erased. */
  reason: Scalars['String']['input'];
  /** The `sub` claim. */
  userId?: InputMaybe<Scalars['String']['input']>;
};

/** What was erased of a person. Requires the permission `persons:erase`. */
export type ErasePersonPayload = {
  __typename?: 'ErasePersonPayload';
  /** Entries of the audit log that lost values. Requires the permission `persons:erase`. */
  auditEntries: Scalars['Int']['output'];
  /** Columns in which the id or the address was replaced by a random text. Requires the permission `persons:erase`. */
  changed: Array<ErasedRows>;
  /** Archives of the tenant that were deleted, because they are copies. Requires the permission `persons:erase`. */
  exports: Scalars['Int']['output'];
  /** Invitations that were deleted. Requires the permission `persons:erase`. */
  invitations: Scalars['Int']['output'];
  /** Memberships that were deleted. What the person could use is revoked. Requires the permission `persons:erase`. */
  memberships: Scalars['Int']['output'];
  /** Rows in which the id or the address still is, within a longer text: somebody has to look at them. Requires the permission `persons:erase`. */
  remaining: Array<ErasedRows>;
};

/** Rows of a table. Requires the permission `persons:erase`. */
export type ErasedRows = {
  __typename?: 'ErasedRows';
  /** The column; null for rows as a whole. Requires the permission `persons:erase`. */
  column?: Maybe<Scalars['String']['output']>;
  /** How many. Requires the permission `persons:erase`. */
  rows: Scalars['Int']['output'];
  /** The table in the database. Requires the permission `persons:erase`. */
  table: Scalars['String']['output'];
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
  /** The plan of the tenant allows no more of `extensions.resource`. Remove some, or change the plan. */
  | 'QUOTA_EXCEEDED'
  /** Too many requests. Try again after `extensions.retryAfter` seconds. */
  | 'RATE_LIMITED'
  /** The token or the API key is for another tenant than the host. */
  | 'TENANT_MISMATCH'
  /** There is no such tenant. */
  | 'TENANT_NOT_FOUND'
  /** Neither the subdomain nor the token names a tenant. */
  | 'TENANT_REQUIRED'
  /** The tenant is suspended. Its data is kept. `extensions.reason` says why. */
  | 'TENANT_SUSPENDED'
  /** There is no valid token or API key. Sign in again. */
  | 'UNAUTHENTICATED'
  /** The server is too busy, or has no database. Try again later. */
  | 'UNAVAILABLE';

/** Which export is wanted. */
export type ExportAuditLogInput = {
  /** The form of the lines. */
  format?: AuditExportFormat;
};

/** A link, for the member who asked for it. Requires the permission `audit:export`. */
export type ExportAuditLogPayload = {
  __typename?: 'ExportAuditLogPayload';
  /** When it can no longer be opened. Requires the permission `audit:export`. */
  expiresAt: Scalars['DateTime']['output'];
  /** Relative to the address of the API. Whoever has it can download the log while it is valid. Requires the permission `audit:export`. It is shown only once. A mutation that selects it takes no `Idempotency-Key`. */
  url: Scalars['String']['output'];
};

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

/**
 * An operator of the service acts in this tenant, for a reason and until an end. The audit log has what they do under
 * `actorType: OPERATOR`.
 *
 * Requires the permission `audit:read`.
 */
export type Impersonation = Node & {
  __typename?: 'Impersonation';
  /** When the object was created. Requires the permission `audit:read`. */
  createdAt: Scalars['DateTime']['output'];
  /** When it was ended early; null when it was not. Requires the permission `audit:read`. */
  endedAt?: Maybe<Scalars['DateTime']['output']>;
  /** Who ended it early: a `userId`, the `id` of an API key, or the operator. Requires the permission `audit:read`. */
  endedBy?: Maybe<Scalars['String']['output']>;
  /** When it ends by itself. Requires the permission `audit:read`. */
  expiresAt: Scalars['DateTime']['output'];
  /** The id of the object. Requires the permission `audit:read`. */
  id: Scalars['ID']['output'];
  /** The operator: `actor` of their entries in the audit log. Requires the permission `audit:read`. */
  operator: Scalars['String']['output'];
  /** Why, in the words of the operator. Requires the permission `audit:read`. */
  reason: Scalars['String']['output'];
  /** The role that the operator has; as a member, the one when it began. Requires the permission `audit:read`. */
  role: Role;
  /** The `userId` of the member as whom the operator acts; null when the operator only has the role. Requires the permission `audit:read`. */
  userId?: Maybe<Scalars['ID']['output']>;
};

/** A page of a list of `Impersonation`. Requires the permission `audit:read`. */
export type ImpersonationConnection = {
  __typename?: 'ImpersonationConnection';
  /** The objects of this page, each with its cursor. Requires the permission `audit:read`. */
  edges: Array<ImpersonationEdge>;
  /** The objects of this page. Requires the permission `audit:read`. */
  nodes: Array<Impersonation>;
  /** The position of this page in the whole list. Requires the permission `audit:read`. */
  pageInfo: PageInfo;
  /** The number of objects on all pages. They are counted only when this field is selected. Requires the permission `audit:read`. */
  totalCount: Scalars['Int']['output'];
};

/** A `Impersonation` in a list, with its cursor. Requires the permission `audit:read`. */
export type ImpersonationEdge = {
  __typename?: 'ImpersonationEdge';
  /** The position of the object in its list, for the arguments `after` and `before`. Requires the permission `audit:read`. */
  cursor: Scalars['String']['output'];
  /** The object. Requires the permission `audit:read`. */
  node: Impersonation;
};

/** Conditions for a list of `Impersonation`. An object must meet all that are given. */
export type ImpersonationFilter = {
  /** True: only those that have not ended. False: only those that have. */
  active?: InputMaybe<Scalars['Boolean']['input']>;
  /** Only objects whose `createdAt` matches. */
  createdAt?: InputMaybe<DateTimeRange>;
  /** Only objects with this `operator`. */
  operator?: InputMaybe<Scalars['String']['input']>;
};

/** The order of a list of `Impersonation`. */
export type ImpersonationOrder = {
  /** Ascending or descending. */
  direction?: OrderDirection;
  /** What the list is ordered by. */
  field?: ImpersonationOrderField;
};

/** What a list of `Impersonation` can be ordered by. */
export type ImpersonationOrderField =
  /** When it began. */
  | 'CREATED_AT';

/** An e-mail address that was asked to join this tenant. There is one for each address at most. Requires the permission `users:manage`. */
export type Invitation = Node & {
  __typename?: 'Invitation';
  /** When it was accepted; null until then. Requires the permission `users:manage`. */
  acceptedAt?: Maybe<Scalars['DateTime']['output']>;
  /** The `userId` of the member it has become. Requires the permission `users:manage`. */
  acceptedBy?: Maybe<Scalars['ID']['output']>;
  /** The member it has become, while they are one. Requires the permission `members:read`. */
  acceptedByMember?: Maybe<Membership>;
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
  /** Whoever sent it, while they are a member. Requires the permission `members:read`. */
  invitedByMember?: Maybe<Membership>;
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
  /** Addresses are in lower case. */
  email?: InputMaybe<TextFilter>;
  /** Only objects whose `invitedAt` matches. */
  invitedAt?: InputMaybe<DateTimeRange>;
  /** Only objects with this `invitedBy`. */
  invitedBy?: InputMaybe<Scalars['ID']['input']>;
  /** Only objects with this `role`. */
  role?: InputMaybe<Role>;
  /** Only objects with this `status`. */
  status?: InputMaybe<InvitationStatus>;
};

/** The order of a list of `Invitation`. */
export type InvitationOrder = {
  /** Ascending or descending. */
  direction?: OrderDirection;
  /** What the list is ordered by. */
  field?: InvitationOrderField;
};

/** What a list of `Invitation` can be ordered by. */
export type InvitationOrderField =
  /** When its link becomes invalid. */
  | 'EXPIRES_AT'
  /** When it was sent, the last time. */
  | 'INVITED_AT';

/** What has become of an invitation. */
export type InvitationStatus =
  /** Its recipient is a member. */
  | 'ACCEPTED'
  /** It was not accepted in time. */
  | 'EXPIRED'
  /** Can be accepted. */
  | 'PENDING'
  /** By somebody, or because whoever sent it has left the tenant or fallen in rank. */
  | 'REVOKED';

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
  /**
   * Whether a mail is sent: false when the server is set up to send none. The invitation stands in any case. The mail is a
   * job, `invitation.mail`, which `jobs` shows; invite again to send another mail.
   *
   * Requires the permission `users:manage`.
   */
  emailSent: Scalars['Boolean']['output'];
  /** The `Invitation` as it is after the change. Requires the permission `users:manage`. */
  invitation?: Maybe<Invitation>;
};

/** Work of this tenant that is done in the background, at least once. Requires the permission `jobs:manage`. */
export type Job = Node & {
  __typename?: 'Job';
  /** Who caused it: for a user, the `sub` claim; for an API key, its `id`. Requires the permission `jobs:manage`. */
  actor: Scalars['String']['output'];
  /** What kind of actor caused it. Requires the permission `jobs:manage`. */
  actorType: ActorType;
  /** How often it was started. Requires the permission `jobs:manage`. */
  attempt: Scalars['Int']['output'];
  /** When the object was created. Requires the permission `jobs:manage`. */
  createdAt: Scalars['DateTime']['output'];
  /** When it succeeded, died or was cancelled; null before that. Requires the permission `jobs:manage`. */
  finishedAt?: Maybe<Scalars['DateTime']['output']>;
  /** The id of the object. Requires the permission `jobs:manage`. */
  id: Scalars['ID']['output'];
  /** Why the last attempt failed; null when none did, and after a success. Requires the permission `jobs:manage`. */
  lastError?: Maybe<Scalars['String']['output']>;
  /** How often it is started until it is dead. Requires the permission `jobs:manage`. */
  maxAttempts: Scalars['Int']['output'];
  /** The request that caused it, as in its `x-request-id` header. The audit entries of the job have it too. Requires the permission `jobs:manage`. */
  requestId?: Maybe<Scalars['String']['output']>;
  /** When it starts at the earliest; for a failed attempt, when the next one does. Requires the permission `jobs:manage`. */
  runAt: Scalars['DateTime']['output'];
  /** When the last attempt began; null before the first. Requires the permission `jobs:manage`. */
  startedAt?: Maybe<Scalars['DateTime']['output']>;
  /** Whether it waits, runs, has succeeded, or will not run again. Requires the permission `jobs:manage`. */
  state: JobState;
  /** What is done, `invitation.mail`. Requires the permission `jobs:manage`. */
  task: Scalars['String']['output'];
};

/** A page of a list of `Job`. Requires the permission `jobs:manage`. */
export type JobConnection = {
  __typename?: 'JobConnection';
  /** The objects of this page, each with its cursor. Requires the permission `jobs:manage`. */
  edges: Array<JobEdge>;
  /** The objects of this page. Requires the permission `jobs:manage`. */
  nodes: Array<Job>;
  /** The position of this page in the whole list. Requires the permission `jobs:manage`. */
  pageInfo: PageInfo;
  /** The number of objects on all pages. They are counted only when this field is selected. Requires the permission `jobs:manage`. */
  totalCount: Scalars['Int']['output'];
};

/** A `Job` in a list, with its cursor. Requires the permission `jobs:manage`. */
export type JobEdge = {
  __typename?: 'JobEdge';
  /** The position of the object in its list, for the arguments `after` and `before`. Requires the permission `jobs:manage`. */
  cursor: Scalars['String']['output'];
  /** The object. Requires the permission `jobs:manage`. */
  node: Job;
};

/** Conditions for a list of `Job`. An object must meet all that are given. */
export type JobFilter = {
  /** Only objects with this `requestId`. */
  requestId?: InputMaybe<Scalars['String']['input']>;
  /** Only objects with this `state`. */
  state?: InputMaybe<JobState>;
  /** Only objects with this `task`. */
  task?: InputMaybe<Scalars['String']['input']>;
};

/** The order of a list of `Job`. */
export type JobOrder = {
  /** Ascending or descending. */
  direction?: OrderDirection;
  /** What the list is ordered by. */
  field?: JobOrderField;
};

/** What a list of `Job` can be ordered by. */
export type JobOrderField =
  /** When it was queued. */
  | 'CREATED_AT';

/** What has become of a job. */
export type JobState =
  /** Somebody has cancelled it, or a newer job has replaced it. */
  | 'CANCELLED'
  /** Its last attempt has failed, or no further attempt can succeed. `retryJob` gives it new attempts. */
  | 'DEAD'
  /** It waits for its time, for a worker, or for the next attempt. */
  | 'QUEUED'
  /** A worker has it. */
  | 'RUNNING'
  /** It is done. */
  | 'SUCCEEDED';

/** Which export is to be downloaded. */
export type LinkTenantExportInput = {
  /** The id of the object. */
  id: Scalars['ID']['input'];
};

/** A link, for the member who asked for it. Requires the permission `tenant:export`. */
export type LinkTenantExportPayload = {
  __typename?: 'LinkTenantExportPayload';
  /** When it can no longer be opened. Requires the permission `tenant:export`. */
  expiresAt: Scalars['DateTime']['output'];
  /** Relative to the address of the API. Whoever has it can download the archive while it is valid. Requires the permission `tenant:export`. It is shown only once. A mutation that selects it takes no `Idempotency-Key`. */
  url: Scalars['String']['output'];
};

/** A user's place in this tenant. Requires the permission `members:read`. */
export type Membership = Node & {
  __typename?: 'Membership';
  /** The e-mail address; null when it is not known. Requires the permission `users:manage`. */
  email?: Maybe<Scalars['String']['output']>;
  /** The id of the object. Requires the permission `members:read`. */
  id: Scalars['ID']['output'];
  /** The `userId` of whoever invited this member. Requires the permission `users:manage`. */
  invitedBy?: Maybe<Scalars['ID']['output']>;
  /** Whoever invited this member, while they are a member themselves. Requires the permission `users:manage`. */
  invitedByMember?: Maybe<Membership>;
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
  /** Only objects whose `email` matches. Requires the permission `users:manage`. */
  email?: InputMaybe<TextFilter>;
  /** Only objects with this `invitedBy`. Requires the permission `users:manage`. */
  invitedBy?: InputMaybe<Scalars['ID']['input']>;
  /** Only objects whose `joinedAt` matches. */
  joinedAt?: InputMaybe<DateTimeRange>;
  /** Only objects with this `role`. */
  role?: InputMaybe<Role>;
  /** Only objects with this `userId`. */
  userId?: InputMaybe<Scalars['ID']['input']>;
};

/** The order of a list of `Membership`. */
export type MembershipOrder = {
  /** Ascending or descending. */
  direction?: OrderDirection;
  /** What the list is ordered by. */
  field?: MembershipOrderField;
};

/** What a list of `Membership` can be ordered by. */
export type MembershipOrderField =
  /** When the user became a member. */
  | 'JOINED_AT';

/** A text in a conversation. Requires the permission `conversations:read`. */
export type Message = Node & {
  __typename?: 'Message';
  /** The author, while they are a member of this tenant. Requires the permission `members:read`. */
  author?: Maybe<Membership>;
  /** The text. Requires the permission `conversations:read`. */
  body: Scalars['String']['output'];
  /** The conversation it was posted in. Requires the permission `conversations:read`. */
  conversation?: Maybe<Conversation>;
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
   * Open to every user with a verified token, member of the tenant or not. Its errors: `FORBIDDEN`, `TENANT_SUSPENDED`, `NOT_FOUND`, `QUOTA_EXCEEDED`, `CONFLICT`.
   */
  acceptInvitation?: Maybe<AcceptInvitationPayload>;
  /**
   * Cancels a queued or running job. A running one is told within seconds; what it has done until then stays. `CONFLICT`
   * when it has ended.
   *
   * Requires the permission `jobs:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`, `CONFLICT`.
   */
  cancelJob?: Maybe<CancelJobPayload>;
  /** Cancels the erasure of this tenant. Owners can do it while the tenant is suspended for it. Requires the permission `tenant:erase`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`. */
  cancelTenantErasure?: Maybe<CancelTenantErasurePayload>;
  /** Nobody grants or changes a role above their own, and a tenant keeps an owner. Requires the permission `users:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`, `CONFLICT`. */
  changeMemberRole?: Maybe<ChangeMemberRolePayload>;
  /** Moves the tenant to another plan. Requires the permission `billing:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`. */
  changePlan?: Maybe<ChangePlanPayload>;
  /** Creates an API key with some of the permissions of the caller. Only a user may do this, not an API key. Requires the permission `settings:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `QUOTA_EXCEEDED`. */
  createApiKey?: Maybe<CreateApiKeyPayload>;
  /** Creates a conversation. The caller is its author. Requires the permission `conversations:write`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `QUOTA_EXCEEDED`. */
  createConversation?: Maybe<CreateConversationPayload>;
  /** Tells an endpoint of changes from now on. Requires the permission `webhooks:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `QUOTA_EXCEEDED`. */
  createWebhook?: Maybe<CreateWebhookPayload>;
  /** Deletes the conversation and its messages. Requires the permission `conversations:write`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`. */
  deleteConversation?: Maybe<DeleteConversationPayload>;
  /** Deletes a webhook and its deliveries. What is under way may still arrive. Requires the permission `webhooks:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`. */
  deleteWebhook?: Maybe<DeleteWebhookPayload>;
  /** Ends an impersonation, on every server within a second. Requires the permission `impersonations:end`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`, `CONFLICT`. */
  endImpersonation?: Maybe<EndImpersonationPayload>;
  /** Erases a member, or somebody who was invited, from this tenant, also from the audit log. Requires the permission `persons:erase`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `CONFLICT`. */
  erasePerson?: Maybe<ErasePersonPayload>;
  /**
   * A link from which the sealed audit log can be downloaded once or several times, while the caller may export it. Values
   * are shown as they were recorded, also those of fields that the caller may not read. The download is an entry, too.
   *
   * Requires the permission `audit:export`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`.
   */
  exportAuditLog?: Maybe<ExportAuditLogPayload>;
  /**
   * Sends a mail with a link that makes its recipient a member. Nobody invites to a role above their own. Inviting an
   * address again sends another mail; the link in the one before it is then void.
   *
   * Requires the permission `users:manage`. It takes no `Idempotency-Key`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `CONFLICT`.
   */
  inviteMember?: Maybe<InviteMemberPayload>;
  /** A link from which a ready archive can be downloaded, in parts as well. It, and each download, is an entry of the audit log. Requires the permission `tenant:export`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`, `CONFLICT`. */
  linkTenantExport?: Maybe<LinkTenantExportPayload>;
  /** Adds a message to a conversation. The caller is its author. Requires the permission `conversations:write`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`. */
  postMessage?: Maybe<PostMessagePayload>;
  /**
   * Deletes values from the audit log for ever, as the law may demand. The entries remain, and the log stays verifiable: it
   * shows that something was deleted, when, by whom and why. The deletion is an entry, too.
   *
   * Requires the permission `audit:redact`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`.
   */
  redactAuditEntries?: Maybe<RedactAuditEntriesPayload>;
  /** Sends a message again, at once and with all attempts. Requires the permission `webhooks:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`. */
  redeliver?: Maybe<RedeliverPayload>;
  /** Nobody removes a member of a role above their own, and a tenant keeps an owner. Requires the permission `users:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`, `CONFLICT`. */
  removeMember?: Maybe<RemoveMemberPayload>;
  /**
   * Suspends this tenant at once, and has it erased for ever after a waiting period. Needs a token that was issued within
   * the last five minutes. Until then owners can cancel it, and export the tenant.
   *
   * Requires the permission `tenant:erase`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`.
   */
  requestTenantErasure?: Maybe<RequestTenantErasurePayload>;
  /**
   * Has an archive of all data of the tenant written. Hashes of keys and encrypted secrets are replaced in it. While one is
   * being written, no second one is begun: then this answers the first. It is an entry of the audit log.
   *
   * Requires the permission `tenant:export`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`.
   */
  requestTenantExport?: Maybe<RequestTenantExportPayload>;
  /**
   * Makes a queued, dead or cancelled job due now, with all its attempts. `CONFLICT` when it is running or has succeeded, or
   * when a newer job has taken its place.
   *
   * Requires the permission `jobs:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`, `CONFLICT`.
   */
  retryJob?: Maybe<RetryJobPayload>;
  /** The key is refused on every server within a second. Requires the permission `settings:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`. */
  revokeApiKey?: Maybe<RevokeApiKeyPayload>;
  /** Makes the link void. Nobody revokes an invitation to a role above their own. Requires the permission `users:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`, `CONFLICT`. */
  revokeInvitation?: Maybe<RevokeInvitationPayload>;
  /** Replaces the secret. For a day, messages are signed with the former one as well. Requires the permission `webhooks:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`. */
  rotateWebhookSecret?: Maybe<RotateWebhookSecretPayload>;
  /** Sends the event `webhook.test`, whether or not the webhook asked for it. Requires the permission `webhooks:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`. */
  testWebhook?: Maybe<TestWebhookPayload>;
  /** Changes the text or the subject of a conversation. What is left out stays as it is. Requires the permission `conversations:write`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`, `CONFLICT`. */
  updateConversation?: Maybe<UpdateConversationPayload>;
  /** Changes the name or the settings of the tenant. What is left out stays as it is. Requires the permission `settings:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `CONFLICT`. */
  updateTenant?: Maybe<UpdateTenantPayload>;
  /** Changes some settings of the tenant. An error names each that is not acceptable, and nothing is changed. Requires the permission `settings:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`. */
  updateTenantSettings?: Maybe<UpdateTenantSettingsPayload>;
  /**
   * Changes a webhook. Whoever changes the URL, the events or the payload, or enables it, is from then on the member whose
   * permissions a full payload has. With another URL, or when it is enabled, it begins anew: it is not failing, and its
   * messages wait no longer because it has asked for time.
   *
   * Requires the permission `webhooks:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`.
   */
  updateWebhook?: Maybe<UpdateWebhookPayload>;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationAcceptInvitationArgs = {
  input: AcceptInvitationInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationCancelJobArgs = {
  input: CancelJobInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationCancelTenantErasureArgs = {
  input: CancelTenantErasureInput;
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
export type MutationCreateWebhookArgs = {
  input: CreateWebhookInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationDeleteConversationArgs = {
  input: DeleteConversationInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationDeleteWebhookArgs = {
  input: DeleteWebhookInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationEndImpersonationArgs = {
  input: EndImpersonationInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationErasePersonArgs = {
  input: ErasePersonInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationExportAuditLogArgs = {
  input: ExportAuditLogInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationInviteMemberArgs = {
  input: InviteMemberInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationLinkTenantExportArgs = {
  input: LinkTenantExportInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationPostMessageArgs = {
  input: PostMessageInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationRedactAuditEntriesArgs = {
  input: RedactAuditEntriesInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationRedeliverArgs = {
  input: RedeliverInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationRemoveMemberArgs = {
  input: RemoveMemberInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationRequestTenantErasureArgs = {
  input: RequestTenantErasureInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationRequestTenantExportArgs = {
  input: RequestTenantExportInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationRetryJobArgs = {
  input: RetryJobInput;
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
export type MutationRotateWebhookSecretArgs = {
  input: RotateWebhookSecretInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationTestWebhookArgs = {
  input: TestWebhookInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationUpdateConversationArgs = {
  input: UpdateConversationInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationUpdateTenantArgs = {
  input: UpdateTenantInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationUpdateTenantSettingsArgs = {
  input: UpdateTenantSettingsInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationUpdateWebhookArgs = {
  input: UpdateWebhookInput;
};

/** An object with an id of its own, by which it can be read again. */
export type Node = {
  /** Globally unique. The type stands before the UUID, `conversation_0199e7a5-…`; treat it as opaque. */
  id: Scalars['ID']['output'];
};

/** The direction of an order. */
export type OrderDirection =
  /** The smallest, or oldest, first. */
  | 'ASC'
  /** The largest, or newest, first. */
  | 'DESC';

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

/** What a role may do. Modules add their own. */
export type Permission =
  /** `audit:export` in tokens, keys and errors. The roles that hold it: owner. */
  | 'AUDIT_EXPORT'
  /** `audit:read` in tokens, keys and errors. The roles that hold it: owner, admin. */
  | 'AUDIT_READ'
  /** `audit:redact` in tokens, keys and errors. The roles that hold it: owner. */
  | 'AUDIT_REDACT'
  /** `billing:manage` in tokens, keys and errors. The roles that hold it: owner. */
  | 'BILLING_MANAGE'
  /** `conversations:read` in tokens, keys and errors. The roles that hold it: owner, admin, member, viewer. */
  | 'CONVERSATIONS_READ'
  /** `conversations:write` in tokens, keys and errors. The roles that hold it: owner, admin, member. */
  | 'CONVERSATIONS_WRITE'
  /** `events:read` in tokens, keys and errors. The roles that hold it: owner, admin. */
  | 'EVENTS_READ'
  /** `impersonations:end` in tokens, keys and errors. The roles that hold it: owner. */
  | 'IMPERSONATIONS_END'
  /** `jobs:manage` in tokens, keys and errors. The roles that hold it: owner, admin. */
  | 'JOBS_MANAGE'
  /** `members:read` in tokens, keys and errors. The roles that hold it: owner, admin, member, viewer. */
  | 'MEMBERS_READ'
  /** `persons:erase` in tokens, keys and errors. The roles that hold it: owner. */
  | 'PERSONS_ERASE'
  /** `settings:manage` in tokens, keys and errors. The roles that hold it: owner, admin. */
  | 'SETTINGS_MANAGE'
  /** `tenant:erase` in tokens, keys and errors. The roles that hold it: owner. */
  | 'TENANT_ERASE'
  /** `tenant:export` in tokens, keys and errors. The roles that hold it: owner. */
  | 'TENANT_EXPORT'
  /** `users:manage` in tokens, keys and errors. The roles that hold it: owner, admin. */
  | 'USERS_MANAGE'
  /** `webhooks:manage` in tokens, keys and errors. The roles that hold it: owner, admin. */
  | 'WEBHOOKS_MANAGE';

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

/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type Query = {
  __typename?: 'Query';
  /** The API keys of this tenant, the newest first unless `orderBy` says otherwise. Requires the permission `settings:manage`. */
  apiKeys?: Maybe<ApiKeyConnection>;
  /** The audit log, the newest entry first unless `orderBy` says otherwise. Requires the permission `audit:read`. */
  auditLog?: Maybe<AuditEntryConnection>;
  /**
   * Recomputes every hash of the audit log and compares it with the seals. A log with very many entries does not fit in the
   * time of a request: then the operators' `tenantry audit-log verify` does it.
   *
   * Requires the permission `audit:read`. It costs 1000 points besides its answer.
   */
  auditVerification?: Maybe<AuditVerification>;
  /** One conversation; null when there is none with this id. Requires the permission `conversations:read`. */
  conversation?: Maybe<Conversation>;
  /** The conversations of this tenant, the newest first unless `orderBy` says otherwise. Requires the permission `conversations:read`. */
  conversations?: Maybe<ConversationConnection>;
  /** All values of `extensions.code`. Code generators make a type of the codes for operations that select it. Open to every member of the tenant. */
  errorCodes: Array<ErrorCode>;
  /**
   * The events of this tenant in an order that never changes, the oldest first, for programs that follow everything: no event
   * ever appears before a cursor. An event appears when its entry in the audit log is sealed, about a second after it
   * happened. `BAD_USER_INPUT` when events after the cursor are not kept any more.
   *
   * Requires the permission `events:read`.
   */
  events?: Maybe<AuditEventConnection>;
  /** The exports of this tenant, the newest first unless `orderBy` says otherwise. They are removed a week after they were made. Requires the permission `tenant:export`. */
  exports?: Maybe<TenantExportConnection>;
  /** The impersonations by operators in this tenant, the newest first unless `orderBy` says otherwise. Requires the permission `audit:read`. */
  impersonations?: Maybe<ImpersonationConnection>;
  /** The invitations to this tenant, the newest first unless `orderBy` says otherwise. Requires the permission `users:manage`. */
  invitations?: Maybe<InvitationConnection>;
  /**
   * The jobs of this tenant, the newest first unless `orderBy` says otherwise. Jobs that have succeeded or were cancelled are
   * kept for a week, dead ones for ninety days.
   *
   * Requires the permission `jobs:manage`.
   */
  jobs?: Maybe<JobConnection>;
  /** The caller: who they are, and what they may do in this tenant. Open to every member of the tenant. */
  me: Viewer;
  /** The members of this tenant, in the order they joined unless `orderBy` says otherwise. Requires the permission `members:read`. */
  members?: Maybe<MembershipConnection>;
  /** The object with this id; null when there is none in this tenant. FORBIDDEN when the caller may not read its type. Open to every member of the tenant. */
  node?: Maybe<Node>;
  /**
   * The objects with these ids, in their order, at most 100. An object that `node` would refuse is null, and the others
   * stand.
   *
   * Open to every member of the tenant.
   */
  nodes: Array<Maybe<Node>>;
  /** The plans that a tenant can have, the smallest first. Requires the permission `billing:manage`. */
  plans?: Maybe<Array<Plan>>;
  /** Which permissions each role holds. Open to every member of the tenant. */
  roles: Array<RolePermissions>;
  /** The settings that each tenant has, in alphabetical order, with their values in this tenant. Requires the permission `settings:manage`. */
  settings?: Maybe<Array<Setting>>;
  /** The tenant that the caller acts in. Open to every member of the tenant. */
  tenant: Tenant;
  /** The erasure of this tenant; null when nobody has asked for one. Requires the permission `tenant:erase`. */
  tenantErasure?: Maybe<TenantErasure>;
  /** What was sent to webhooks in the last thirty days, the newest first unless `orderBy` says otherwise. Requires the permission `webhooks:manage`. */
  webhookDeliveries?: Maybe<WebhookDeliveryConnection>;
  /** The webhooks of this tenant, the newest first unless `orderBy` says otherwise. Requires the permission `webhooks:manage`. */
  webhooks?: Maybe<WebhookConnection>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type QueryApiKeysArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<ApiKeyFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<ApiKeyOrder>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type QueryAuditLogArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<AuditEntryFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<AuditEntryOrder>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type QueryAuditVerificationArgs = {
  head?: InputMaybe<Scalars['JSONObject']['input']>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type QueryConversationArgs = {
  id: Scalars['ID']['input'];
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type QueryConversationsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<ConversationFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<ConversationOrder>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type QueryEventsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type QueryExportsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<TenantExportFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<TenantExportOrder>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type QueryImpersonationsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<ImpersonationFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<ImpersonationOrder>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type QueryInvitationsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<InvitationFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<InvitationOrder>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type QueryJobsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<JobFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<JobOrder>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type QueryMembersArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<MembershipFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<MembershipOrder>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type QueryNodeArgs = {
  id: Scalars['ID']['input'];
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type QueryNodesArgs = {
  ids: Array<Scalars['ID']['input']>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type QueryWebhookDeliveriesArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<WebhookDeliveryFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<WebhookDeliveryOrder>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type QueryWebhooksArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<WebhookFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<WebhookOrder>;
};

/** Which values are deleted: of entries, of a user, or of both. */
export type RedactAuditEntriesInput = {
  /** Whether the actors of these entries are deleted, too. */
  deleteActors?: Scalars['Boolean']['input'];
  /** Entries whose values are all deleted, at most 1,000. */
  entryIds?: InputMaybe<Array<Scalars['ID']['input']>>;
  /** Why, 1 to 500 characters. It stays in the log: it must not repeat what is deleted. */
  reason: Scalars['String']['input'];
  /**
   * A user, by the `sub` claim. Deleted are all values of rows about the user, and elsewhere the user's id and values that
   * contain it, also the actor.
   */
  userId?: InputMaybe<Scalars['String']['input']>;
};

/** What was deleted. Requires the permission `audit:redact`. */
export type RedactAuditEntriesPayload = {
  __typename?: 'RedactAuditEntriesPayload';
  /** Whether there are more entries than one call deletes from: then call it again. Requires the permission `audit:redact`. */
  hasMore: Scalars['Boolean']['output'];
  /** The number of entries that lost values. Requires the permission `audit:redact`. */
  redacted: Scalars['Int']['output'];
};

/** The input of the mutation `redeliver`. */
export type RedeliverInput = {
  /** The id of a delivery. */
  id: Scalars['ID']['input'];
};

/** The answer of the mutation `redeliver`. Requires the permission `webhooks:manage`. */
export type RedeliverPayload = {
  __typename?: 'RedeliverPayload';
  /** The `WebhookDelivery` as it is after the change. Requires the permission `webhooks:manage`. */
  delivery?: Maybe<WebhookDelivery>;
};

/** The input of the mutation `removeMember`. */
export type RemoveMemberInput = {
  /** The id of the membership. */
  id?: InputMaybe<Scalars['ID']['input']>;
  /**
   * The former name of `id`.
   * @deprecated Use `id`.
   */
  membershipId?: InputMaybe<Scalars['ID']['input']>;
};

/** The answer of the mutation `removeMember`. Requires the permission `users:manage`. */
export type RemoveMemberPayload = {
  __typename?: 'RemoveMemberPayload';
  /** The id of the deleted object. Requires the permission `users:manage`. */
  deletedId: Scalars['ID']['output'];
};

/** Which tenant is to be erased. */
export type RequestTenantErasureInput = {
  /** The words `erase SLUG`, with the slug of this tenant, so that no other one is meant. */
  confirm: Scalars['String']['input'];
};

/** The answer of the mutation `requestTenantErasure`. Requires the permission `tenant:erase`. */
export type RequestTenantErasurePayload = {
  __typename?: 'RequestTenantErasurePayload';
  /** The `TenantErasure` as it is after the change. Requires the permission `tenant:erase`. */
  erasure?: Maybe<TenantErasure>;
};

/** Which export is wanted. */
export type RequestTenantExportInput = {
  /** Whether every text is replaced by another one of the same form, for a copy to develop with. */
  anonymise?: Scalars['Boolean']['input'];
};

/** The answer of the mutation `requestTenantExport`. Requires the permission `tenant:export`. */
export type RequestTenantExportPayload = {
  __typename?: 'RequestTenantExportPayload';
  /** The `TenantExport` as it is after the change. Requires the permission `tenant:export`. */
  export?: Maybe<TenantExport>;
};

/** How much of a resource the tenant uses, and how much its plan allows. Requires the permission `billing:manage`. */
export type ResourceUsage = {
  __typename?: 'ResourceUsage';
  /** How many there may be; null when the plan does not limit them. Requires the permission `billing:manage`. */
  limit?: Maybe<Scalars['Int']['output']>;
  /** What is counted: `members`, `apiKeys`, … Requires the permission `billing:manage`. */
  resource: Scalars['String']['output'];
  /** How many there are now. More than the limit after a change to a smaller plan. Requires the permission `billing:manage`. */
  used: Scalars['Int']['output'];
};

/** The input of the mutation `retryJob`. */
export type RetryJobInput = {
  /** The id of the object. */
  id: Scalars['ID']['input'];
};

/** The answer of the mutation `retryJob`. Requires the permission `jobs:manage`. */
export type RetryJobPayload = {
  __typename?: 'RetryJobPayload';
  /** The `Job` as it is after the change. Requires the permission `jobs:manage`. */
  job?: Maybe<Job>;
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

/** A member's role in a tenant, the most powerful first. */
export type Role =
  /** Manages members and settings. */
  | 'ADMIN'
  /** Reads and writes the data of the tenant. */
  | 'MEMBER'
  /** The most powerful role. A tenant always has an owner. */
  | 'OWNER'
  /** Reads the data of the tenant. */
  | 'VIEWER';

/** One row of the role × permission matrix. Open to every member of the tenant. */
export type RolePermissions = {
  __typename?: 'RolePermissions';
  /** The permissions of its members, in alphabetical order. */
  permissions: Array<Permission>;
  /** The role. */
  role: Role;
};

/** The input of the mutation `rotateWebhookSecret`. */
export type RotateWebhookSecretInput = {
  /** The id of the object. */
  id: Scalars['ID']['input'];
};

/** The answer of the mutation `rotateWebhookSecret`. Requires the permission `webhooks:manage`. */
export type RotateWebhookSecretPayload = {
  __typename?: 'RotateWebhookSecretPayload';
  /** The new key, `whsec_…`. It is shown this once. Requires the permission `webhooks:manage`. It is shown only once. A mutation that selects it takes no `Idempotency-Key`. */
  secret: Scalars['String']['output'];
  /** The `Webhook` as it is after the change. Requires the permission `webhooks:manage`. */
  webhook?: Maybe<Webhook>;
};

/** A setting that each tenant has. The modules of the product declare them. Requires the permission `settings:manage`. */
export type Setting = {
  __typename?: 'Setting';
  /** Its value in tenants that have stored none. Requires the permission `settings:manage`. */
  defaultValue?: Maybe<Scalars['JSON']['output']>;
  /** What it is for. Requires the permission `settings:manage`. */
  description?: Maybe<Scalars['String']['output']>;
  /** What its values may be, as JSON Schema, version 2020-12. Requires the permission `settings:manage`. */
  jsonSchema: Scalars['JSONObject']['output'];
  /** Its name in `Tenant.settings`, and in the input of `updateTenantSettings`. Requires the permission `settings:manage`. */
  name: Scalars['String']['output'];
  /** Its value in this tenant; the default when none is stored. Requires the permission `settings:manage`. */
  value?: Maybe<Scalars['JSON']['output']>;
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
export type Tenant = Node & {
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
  /** What is stored of the settings of this tenant. `settings` of the query has each with its value. Requires the permission `settings:manage`. */
  settings?: Maybe<Scalars['JSONObject']['output']>;
  /** The subdomain. */
  slug: Scalars['String']['output'];
  /** Always ACTIVE for the caller's own tenant: a suspended tenant answers no requests. */
  status: TenantStatus;
  /** What the tenant uses of each resource that plans can limit, in alphabetical order. Requires the permission `billing:manage`. */
  usage?: Maybe<Array<ResourceUsage>>;
  /** What the tenant has used on each day, for its bills: the newest day first, at most 100. Days without use are left out. Requires the permission `billing:manage`. */
  usageHistory?: Maybe<Array<DailyUsage>>;
  /** Grows by one with each change. An update takes it as `expectedVersion`. */
  version: Scalars['Int']['output'];
};


/** The customer organisation the caller acts in. Open to every member of the tenant. */
export type TenantUsageHistoryArgs = {
  range?: InputMaybe<DateRange>;
};

/** The erasure of this tenant, which is to come. Meanwhile the tenant is suspended. Requires the permission `tenant:erase`. */
export type TenantErasure = {
  __typename?: 'TenantErasure';
  /** When it begins. Until then it can be cancelled. Requires the permission `tenant:erase`. */
  executeAt: Scalars['DateTime']['output'];
  /** When it was asked for. Requires the permission `tenant:erase`. */
  requestedAt: Scalars['DateTime']['output'];
  /** Who asked for it: the `sub` claim; for an operator, the operator's name. Requires the permission `tenant:erase`. */
  requestedBy: Scalars['String']['output'];
};

/** An archive with all data of this tenant, of one moment. Requires the permission `tenant:export`. */
export type TenantExport = Node & {
  __typename?: 'TenantExport';
  /** Whether every text was replaced by another one of the same form. Requires the permission `tenant:export`. */
  anonymised: Scalars['Boolean']['output'];
  /** When the object was created. Requires the permission `tenant:export`. */
  createdAt: Scalars['DateTime']['output'];
  /** When it is removed; null until it is ready. Requires the permission `tenant:export`. */
  expiresAt?: Maybe<Scalars['DateTime']['output']>;
  /** Why it was not written; null unless it has failed. Requires the permission `tenant:export`. */
  failure?: Maybe<Scalars['String']['output']>;
  /** When it was written, or given up; null before. Requires the permission `tenant:export`. */
  finishedAt?: Maybe<Scalars['DateTime']['output']>;
  /** The id of the object. Requires the permission `tenant:export`. */
  id: Scalars['ID']['output'];
  /** Who asked for it: the `sub` claim. Requires the permission `tenant:export`. */
  requestedBy: Scalars['String']['output'];
  /** Rows in it; null until it is ready. Requires the permission `tenant:export`. */
  rows?: Maybe<Scalars['BigInt']['output']>;
  /** SHA-256 of the file, in hexadecimal digits; null until it is ready. Requires the permission `tenant:export`. */
  sha256?: Maybe<Scalars['String']['output']>;
  /** Bytes of the file; null until it is ready. Requires the permission `tenant:export`. */
  size?: Maybe<Scalars['BigInt']['output']>;
  /** Whether it can be downloaded. Requires the permission `tenant:export`. */
  status: TenantExportStatus;
};

/** A page of a list of `TenantExport`. Requires the permission `tenant:export`. */
export type TenantExportConnection = {
  __typename?: 'TenantExportConnection';
  /** The objects of this page, each with its cursor. Requires the permission `tenant:export`. */
  edges: Array<TenantExportEdge>;
  /** The objects of this page. Requires the permission `tenant:export`. */
  nodes: Array<TenantExport>;
  /** The position of this page in the whole list. Requires the permission `tenant:export`. */
  pageInfo: PageInfo;
  /** The number of objects on all pages. They are counted only when this field is selected. Requires the permission `tenant:export`. */
  totalCount: Scalars['Int']['output'];
};

/** A `TenantExport` in a list, with its cursor. Requires the permission `tenant:export`. */
export type TenantExportEdge = {
  __typename?: 'TenantExportEdge';
  /** The position of the object in its list, for the arguments `after` and `before`. Requires the permission `tenant:export`. */
  cursor: Scalars['String']['output'];
  /** The object. Requires the permission `tenant:export`. */
  node: TenantExport;
};

/** Conditions for a list of `TenantExport`. An object must meet all that are given. */
export type TenantExportFilter = {
  /** Only objects with this `status`. */
  status?: InputMaybe<TenantExportStatus>;
};

/** The order of a list of `TenantExport`. */
export type TenantExportOrder = {
  /** Ascending or descending. */
  direction?: OrderDirection;
  /** What the list is ordered by. */
  field?: TenantExportOrderField;
};

/** What a list of `TenantExport` can be ordered by. */
export type TenantExportOrderField =
  /** When it was asked for. */
  | 'CREATED_AT';

/** What has become of an export. */
export type TenantExportStatus =
  /** It was not written: `failure` says why. */
  | 'FAILED'
  /** A worker writes it, or it waits for one. */
  | 'PENDING'
  /** It can be downloaded until it expires. */
  | 'READY';

/** Whether a tenant can be used. */
export type TenantStatus =
  /** Its members and API keys have access. */
  | 'ACTIVE'
  /** Nobody has access. Its data is kept. */
  | 'SUSPENDED';

/** The input of the mutation `testWebhook`. */
export type TestWebhookInput = {
  /** The id of the object. */
  id: Scalars['ID']['input'];
};

/** The answer of the mutation `testWebhook`. Requires the permission `webhooks:manage`. */
export type TestWebhookPayload = {
  __typename?: 'TestWebhookPayload';
  /** The `WebhookDelivery` as it is after the change. Requires the permission `webhooks:manage`. */
  delivery?: Maybe<WebhookDelivery>;
};

/** Texts to look for; capital letters count. Each that is given has to match. */
export type TextFilter = {
  /** The text has this anywhere in it. */
  contains?: InputMaybe<Scalars['String']['input']>;
  /** The whole text. */
  equals?: InputMaybe<Scalars['String']['input']>;
  /** One of these. */
  in?: InputMaybe<Array<Scalars['String']['input']>>;
  /** The text begins with this. */
  startsWith?: InputMaybe<Scalars['String']['input']>;
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
  /** Replaces all settings, also those that no module declares. At most 16 KiB as JSON. */
  settings?: InputMaybe<Scalars['JSONObject']['input']>;
};

/** The answer of the mutation `updateTenant`. Open to every member of the tenant. */
export type UpdateTenantPayload = {
  __typename?: 'UpdateTenantPayload';
  /** The `Tenant` as it is after the change. */
  tenant: Tenant;
};

/** The input of the mutation `updateTenantSettings`. */
export type UpdateTenantSettingsInput = {
  /**
   * Values by the names of settings; `Query.settings` has the names. Null stands for the default. What is left out stays as it
   * is. All settings together have at most 16 KiB as JSON.
   */
  settings: Scalars['JSONObject']['input'];
};

/** The answer of the mutation `updateTenantSettings`. Requires the permission `settings:manage`. */
export type UpdateTenantSettingsPayload = {
  __typename?: 'UpdateTenantSettingsPayload';
  /** All settings, with their new values. Requires the permission `settings:manage`. */
  settings: Array<Setting>;
  /** The `Tenant` as it is after the change. Requires the permission `settings:manage`. */
  tenant: Tenant;
};

/** The input of the mutation `updateWebhook`. */
export type UpdateWebhookInput = {
  /** Null removes the description; leave it out to keep it. */
  description?: InputMaybe<Scalars['String']['input']>;
  /** False sends nothing from now on. True begins again, also after the server has disabled the webhook. */
  enabled?: InputMaybe<Scalars['Boolean']['input']>;
  /** Leave them out to keep the events. */
  events?: InputMaybe<Array<Scalars['String']['input']>>;
  /** The id of the object. */
  id: Scalars['ID']['input'];
  /** Leave it out to keep it. */
  payload?: InputMaybe<WebhookPayloadKind>;
  /** Leave it out to keep the URL. */
  url?: InputMaybe<Scalars['String']['input']>;
};

/** The answer of the mutation `updateWebhook`. Requires the permission `webhooks:manage`. */
export type UpdateWebhookPayload = {
  __typename?: 'UpdateWebhookPayload';
  /** The `Webhook` as it is after the change. Requires the permission `webhooks:manage`. */
  webhook?: Maybe<Webhook>;
};

/** The authenticated caller, inside one tenant: a user, or an API key. Open to every member of the tenant. */
export type Viewer = Node & {
  __typename?: 'Viewer';
  /** Null for an API key. */
  email?: Maybe<Scalars['String']['output']>;
  /** Every part of the schema that demands a permission, or those of one type, and whether the caller holds it. */
  fields: Array<FieldAccess>;
  /** Whether `memberships` has all of them: false while a database with other tenants does not answer. */
  hasAllMemberships: Scalars['Boolean']['output'];
  /** Stands for this caller in this tenant. */
  id: Scalars['ID']['output'];
  /** Every tenant of this user, unless `hasAllMemberships` is false. An API key is a member of none. */
  memberships: Array<ViewerMembership>;
  /** What the caller may do in this tenant, in alphabetical order. */
  permissions: Array<Permission>;
  /** Null for an API key: it has permissions, and no role. */
  role?: Maybe<Role>;
  /** The tenant that the caller acts in. */
  tenant: Tenant;
  /** The `sub` claim of the identity provider. For an API key, its `id`. */
  userId: Scalars['ID']['output'];
};


/** The authenticated caller, inside one tenant: a user, or an API key. Open to every member of the tenant. */
export type ViewerFieldsArgs = {
  type?: InputMaybe<Scalars['String']['input']>;
};

/** One of the caller's own memberships, in whichever tenant. Open to every member of the tenant. */
export type ViewerMembership = Node & {
  __typename?: 'ViewerMembership';
  /** Another id than that of the `Membership`, which shows more. */
  id: Scalars['ID']['output'];
  /** When the caller became a member. */
  joinedAt: Scalars['DateTime']['output'];
  /** The role of the caller in that tenant. */
  role: Role;
  /**
   * The tenant of the membership. Of a tenant that the caller does not act in, this answers only `id`, `slug`, `name`,
   * `status`, `createdAt` and `version`; the other fields are FORBIDDEN.
   */
  tenant: Tenant;
  /** The `sub` claim of the identity provider. */
  userId: Scalars['ID']['output'];
};

/** Where the tenant is told of its changes, by the Standard Webhooks specification: an HTTP endpoint. Requires the permission `webhooks:manage`. */
export type Webhook = Node & {
  __typename?: 'Webhook';
  /** The `userId` of the member whose permissions a full payload has: whoever last said what is sent where. Requires the permission `webhooks:manage`. */
  actsFor: Scalars['ID']['output'];
  /** When the object was created. Requires the permission `webhooks:manage`. */
  createdAt: Scalars['DateTime']['output'];
  /** The `userId` of whoever created it. Requires the permission `webhooks:manage`. */
  createdBy: Scalars['ID']['output'];
  /** The member who created it, while they are one. Requires the permission `members:read`. */
  createdByMember?: Maybe<Membership>;
  /** What people call it. Requires the permission `webhooks:manage`. */
  description?: Maybe<Scalars['String']['output']>;
  /** Since when nothing is sent; null when it is enabled. Requires the permission `webhooks:manage`. */
  disabledAt?: Maybe<Scalars['DateTime']['output']>;
  /** Why nothing is sent; null when it is enabled. Requires the permission `webhooks:manage`. */
  disabledBecause?: Maybe<WebhookDisabledReason>;
  /** The actions of the audit log that it is told of: `membership.updated`. Requires the permission `webhooks:manage`. */
  events: Array<Scalars['String']['output']>;
  /** Since when every attempt has failed; null when the last one succeeded. Requires the permission `webhooks:manage`. */
  failingSince?: Maybe<Scalars['DateTime']['output']>;
  /** The id of the object. Requires the permission `webhooks:manage`. */
  id: Scalars['ID']['output'];
  /** How much it is told. Requires the permission `webhooks:manage`. */
  payload: WebhookPayloadKind;
  /** When its secret was replaced. The former one is valid for another day. Requires the permission `webhooks:manage`. */
  rotatedAt?: Maybe<Scalars['DateTime']['output']>;
  /** Where messages are sent. Requires the permission `webhooks:manage`. */
  url: Scalars['String']['output'];
};

/** A page of a list of `Webhook`. Requires the permission `webhooks:manage`. */
export type WebhookConnection = {
  __typename?: 'WebhookConnection';
  /** The objects of this page, each with its cursor. Requires the permission `webhooks:manage`. */
  edges: Array<WebhookEdge>;
  /** The objects of this page. Requires the permission `webhooks:manage`. */
  nodes: Array<Webhook>;
  /** The position of this page in the whole list. Requires the permission `webhooks:manage`. */
  pageInfo: PageInfo;
  /** The number of objects on all pages. They are counted only when this field is selected. Requires the permission `webhooks:manage`. */
  totalCount: Scalars['Int']['output'];
};

/** One event for one webhook: a message, with the same `webhook-id` in each attempt. Requires the permission `webhooks:manage`. */
export type WebhookDelivery = Node & {
  __typename?: 'WebhookDelivery';
  /** The HTTP status of the last answer. What else was answered is not kept. Requires the permission `webhooks:manage`. */
  answeredStatus?: Maybe<Scalars['Int']['output']>;
  /** How often it was sent; since it was last sent again by hand, if it was. Requires the permission `webhooks:manage`. */
  attempts: Scalars['Int']['output'];
  /** When the object was created. Requires the permission `webhooks:manage`. */
  createdAt: Scalars['DateTime']['output'];
  /** When the receiver has accepted it. Requires the permission `webhooks:manage`. */
  deliveredAt?: Maybe<Scalars['DateTime']['output']>;
  /** The model of the object that changed. Requires the permission `webhooks:manage`. */
  entity?: Maybe<Scalars['String']['output']>;
  /** The id of the object that changed. Requires the permission `webhooks:manage`. */
  entityId?: Maybe<Scalars['ID']['output']>;
  /** The action of the audit log; `webhook.test` for a test. Requires the permission `webhooks:manage`. */
  event: Scalars['String']['output'];
  /** Why there was no answer. Requires the permission `webhooks:manage`. */
  failure?: Maybe<WebhookFailure>;
  /** Also the message’s `webhook-id`. Requires the permission `webhooks:manage`. */
  id: Scalars['ID']['output'];
  /** When it was last sent. Requires the permission `webhooks:manage`. */
  lastAttemptAt?: Maybe<Scalars['DateTime']['output']>;
  /** When it is sent again. Requires the permission `webhooks:manage`. */
  nextAttemptAt?: Maybe<Scalars['DateTime']['output']>;
  /** When it changed. Requires the permission `webhooks:manage`. */
  occurredAt: Scalars['DateTime']['output'];
  /** Whether it has reached its receiver. Requires the permission `webhooks:manage`. */
  status: WebhookDeliveryStatus;
  /** The webhook that it is for. Requires the permission `webhooks:manage`. */
  webhook?: Maybe<Webhook>;
  /** The webhook that it is for, by its id. Requires the permission `webhooks:manage`. */
  webhookId: Scalars['ID']['output'];
};

/** A page of a list of `WebhookDelivery`. Requires the permission `webhooks:manage`. */
export type WebhookDeliveryConnection = {
  __typename?: 'WebhookDeliveryConnection';
  /** The objects of this page, each with its cursor. Requires the permission `webhooks:manage`. */
  edges: Array<WebhookDeliveryEdge>;
  /** The objects of this page. Requires the permission `webhooks:manage`. */
  nodes: Array<WebhookDelivery>;
  /** The position of this page in the whole list. Requires the permission `webhooks:manage`. */
  pageInfo: PageInfo;
  /** The number of objects on all pages. They are counted only when this field is selected. Requires the permission `webhooks:manage`. */
  totalCount: Scalars['Int']['output'];
};

/** A `WebhookDelivery` in a list, with its cursor. Requires the permission `webhooks:manage`. */
export type WebhookDeliveryEdge = {
  __typename?: 'WebhookDeliveryEdge';
  /** The position of the object in its list, for the arguments `after` and `before`. Requires the permission `webhooks:manage`. */
  cursor: Scalars['String']['output'];
  /** The object. Requires the permission `webhooks:manage`. */
  node: WebhookDelivery;
};

/** Conditions for a list of `WebhookDelivery`. An object must meet all that are given. */
export type WebhookDeliveryFilter = {
  /** Only objects whose `createdAt` matches. */
  createdAt?: InputMaybe<DateTimeRange>;
  /** Only objects with this `event`. */
  event?: InputMaybe<Scalars['String']['input']>;
  /** Only objects with this `status`. */
  status?: InputMaybe<WebhookDeliveryStatus>;
  /** Only objects with this `webhookId`. */
  webhookId?: InputMaybe<Scalars['ID']['input']>;
};

/** The order of a list of `WebhookDelivery`. */
export type WebhookDeliveryOrder = {
  /** Ascending or descending. */
  direction?: OrderDirection;
  /** What the list is ordered by. */
  field?: WebhookDeliveryOrderField;
};

/** What a list of `WebhookDelivery` can be ordered by. */
export type WebhookDeliveryOrderField =
  /** By `createdAt`. */
  | 'CREATED_AT';

/** Whether a message has reached its receiver. */
export type WebhookDeliveryStatus =
  /** The receiver has accepted it. */
  | 'DELIVERED'
  /** It is not sent again, except by hand. */
  | 'FAILED'
  /** It is sent, or will be sent again. */
  | 'PENDING';

/** Why a webhook is disabled. */
export type WebhookDisabledReason =
  /** Somebody has disabled it. */
  | 'BY_HAND'
  /** Nothing has reached the receiver for days. */
  | 'FAILING'
  /** The receiver has answered 410. */
  | 'GONE';

/** A `Webhook` in a list, with its cursor. Requires the permission `webhooks:manage`. */
export type WebhookEdge = {
  __typename?: 'WebhookEdge';
  /** The position of the object in its list, for the arguments `after` and `before`. Requires the permission `webhooks:manage`. */
  cursor: Scalars['String']['output'];
  /** The object. Requires the permission `webhooks:manage`. */
  node: Webhook;
};

/** Why a receiver has not answered. */
export type WebhookFailure =
  /** The answer is not HTTP. */
  | 'BAD_ANSWER'
  /** The webhook is disabled. */
  | 'DISABLED'
  /** The receiver asked for time, or did not answer in time, again and again, until it was too late for the message. */
  | 'HELD'
  /** The host has no address that may be asked. */
  | 'NO_PUBLIC_ADDRESS'
  /** It took too long. */
  | 'TIMEOUT'
  /** The certificate of the receiver is not good. */
  | 'TLS'
  /** There was no connection, or it broke. */
  | 'UNREACHABLE'
  /** The URL may not be asked. */
  | 'URL';

/** Conditions for a list of `Webhook`. An object must meet all that are given. */
export type WebhookFilter = {
  /** Only objects whose `createdAt` matches. */
  createdAt?: InputMaybe<DateTimeRange>;
  /** Whether messages are sent. */
  enabled?: InputMaybe<Scalars['Boolean']['input']>;
  /** An event that it is told of. */
  event?: InputMaybe<Scalars['String']['input']>;
};

/** The order of a list of `Webhook`. */
export type WebhookOrder = {
  /** Ascending or descending. */
  direction?: OrderDirection;
  /** What the list is ordered by. */
  field?: WebhookOrderField;
};

/** What a list of `Webhook` can be ordered by. */
export type WebhookOrderField =
  /** By `createdAt`. */
  | 'CREATED_AT';

/** How much a webhook tells. */
export type WebhookPayloadKind =
  /**
   * The object as well, as it is when it is sent, with what the member may read who last said what is sent where. It is left
   * out when it is too large, and when the member may not read it any more.
   */
  | 'FULL'
  /** Which object, and what happened to it. The receiver reads the object with its own permissions. */
  | 'THIN';

export type ConversationsQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<ConversationFilter>;
  orderBy?: InputMaybe<ConversationOrder>;
}>;


export type ConversationsQuery = { conversations?: { __typename?: 'ConversationConnection', totalCount: number, pageInfo: { __typename?: 'PageInfo', hasNextPage: boolean, endCursor?: string | null }, nodes: Array<{ __typename?: 'Conversation', id: string, subject?: string | null, body: string, userId: string, createdAt: string, updatedAt: string, version: number, author?: { __typename?: 'Membership', id: string, userId: string, email?: string | null } | null }> } | null };

export type ConversationQueryVariables = Exact<{
  id: Scalars['ID']['input'];
  before?: InputMaybe<Scalars['String']['input']>;
}>;


export type ConversationQuery = { conversation?: { __typename?: 'Conversation', id: string, subject?: string | null, body: string, userId: string, createdAt: string, updatedAt: string, version: number, messages: { __typename?: 'MessageConnection', totalCount: number, pageInfo: { __typename?: 'PageInfo', hasPreviousPage: boolean, startCursor?: string | null }, nodes: Array<{ __typename?: 'Message', id: string, body: string, userId: string, createdAt: string, author?: { __typename?: 'Membership', id: string, userId: string, email?: string | null } | null }> } } | null };

export type CreateConversationMutationVariables = Exact<{
  subject?: InputMaybe<Scalars['String']['input']>;
  body: Scalars['String']['input'];
}>;


export type CreateConversationMutation = { createConversation?: { __typename?: 'CreateConversationPayload', conversation?: { __typename?: 'Conversation', id: string } | null } | null };

export type UpdateConversationMutationVariables = Exact<{
  id: Scalars['ID']['input'];
  subject?: InputMaybe<Scalars['String']['input']>;
  body?: InputMaybe<Scalars['String']['input']>;
  expectedVersion?: InputMaybe<Scalars['Int']['input']>;
}>;


export type UpdateConversationMutation = { updateConversation?: { __typename?: 'UpdateConversationPayload', conversation?: { __typename?: 'Conversation', id: string, subject?: string | null, body: string, version: number, updatedAt: string } | null } | null };

export type DeleteConversationMutationVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type DeleteConversationMutation = { deleteConversation?: { __typename?: 'DeleteConversationPayload', deletedId: string } | null };

export type PostMessageMutationVariables = Exact<{
  conversationId: Scalars['ID']['input'];
  body: Scalars['String']['input'];
}>;


export type PostMessageMutation = { postMessage?: { __typename?: 'PostMessagePayload', message?: { __typename?: 'Message', id: string, conversationId: string, body: string, userId: string, createdAt: string } | null } | null };

export type ConversationChangedSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type ConversationChangedSubscription = { conversationChanged?: { __typename?: 'ConversationChange', kind: ChangeKind, conversationId: string, deletedId?: string | null, conversation?: { __typename?: 'Conversation', id: string, subject?: string | null, body: string, version: number, updatedAt: string } | null } | null };

export type MessagePostedSubscriptionVariables = Exact<{
  conversationId: Scalars['ID']['input'];
}>;


export type MessagePostedSubscription = { messagePosted?: { __typename?: 'Message', id: string, conversationId: string, body: string, userId: string, createdAt: string, author?: { __typename?: 'Membership', id: string, userId: string, email?: string | null } | null } | null };

export type ApiKeysQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<ApiKeyFilter>;
}>;


export type ApiKeysQuery = { apiKeys?: { __typename?: 'ApiKeyConnection', totalCount: number, pageInfo: { __typename?: 'PageInfo', hasNextPage: boolean, endCursor?: string | null }, nodes: Array<{ __typename?: 'ApiKey', id: string, name: string, prefix: string, permissions: Array<Permission>, status: ApiKeyStatus, createdAt: string, expiresAt?: string | null, revokedAt?: string | null, lastUsedAt?: string | null, createdBy: string }> } | null };

export type CreateApiKeyMutationVariables = Exact<{
  name: Scalars['String']['input'];
  permissions: Array<Permission> | Permission;
  expiresAt?: InputMaybe<Scalars['DateTime']['input']>;
}>;


export type CreateApiKeyMutation = { createApiKey?: { __typename?: 'CreateApiKeyPayload', secret: string, apiKey?: { __typename?: 'ApiKey', id: string, name: string } | null } | null };

export type RevokeApiKeyMutationVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type RevokeApiKeyMutation = { revokeApiKey?: { __typename?: 'RevokeApiKeyPayload', apiKey?: { __typename?: 'ApiKey', id: string, status: ApiKeyStatus, revokedAt?: string | null } | null } | null };

export type AuditLogQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<AuditEntryFilter>;
  orderBy?: InputMaybe<AuditEntryOrder>;
}>;


export type AuditLogQuery = { auditLog?: { __typename?: 'AuditEntryConnection', totalCount: number, pageInfo: { __typename?: 'PageInfo', hasNextPage: boolean, endCursor?: string | null }, nodes: Array<{ __typename?: 'AuditEntry', id: string, action: string, entity: string, entityId?: string | null, actor: string, actorType: ActorType, requestId?: string | null, createdAt: string, oldValue?: Record<string, unknown> | null, newValue?: Record<string, unknown> | null, actorMember?: { __typename?: 'Membership', id: string, userId: string, email?: string | null } | null }> } | null };

export type AuditVerificationQueryVariables = Exact<{ [key: string]: never; }>;


export type AuditVerificationQuery = { auditVerification?: { __typename?: 'AuditVerification', intact?: boolean | null, entries: number, pending: number, redacted: number, dropped: number, sealedThrough?: string | null, head?: Record<string, unknown> | null, firstBroken?: { __typename?: 'BrokenAuditEntry', entryId?: string | null, reason: AuditDefect, explanation: string } | null } | null };

export type ExportAuditLogMutationVariables = Exact<{
  format: AuditExportFormat;
}>;


export type ExportAuditLogMutation = { exportAuditLog?: { __typename?: 'ExportAuditLogPayload', url: string, expiresAt: string } | null };

export type ImpersonationsQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
}>;


export type ImpersonationsQuery = { impersonations?: { __typename?: 'ImpersonationConnection', nodes: Array<{ __typename?: 'Impersonation', id: string, operator: string, reason: string, role: Role, createdAt: string, expiresAt: string, endedAt?: string | null }> } | null };

export type EndImpersonationMutationVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type EndImpersonationMutation = { endImpersonation?: { __typename?: 'EndImpersonationPayload', impersonation?: { __typename?: 'Impersonation', id: string, endedAt?: string | null } | null } | null };

export type ExportsQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
}>;


export type ExportsQuery = { exports?: { __typename?: 'TenantExportConnection', totalCount: number, pageInfo: { __typename?: 'PageInfo', hasNextPage: boolean, endCursor?: string | null }, nodes: Array<{ __typename?: 'TenantExport', id: string, status: TenantExportStatus, anonymised: boolean, requestedBy: string, createdAt: string, finishedAt?: string | null, expiresAt?: string | null, size?: string | null, rows?: string | null, sha256?: string | null, failure?: string | null }> } | null };

export type ErasureQueryVariables = Exact<{ [key: string]: never; }>;


export type ErasureQuery = { tenantErasure?: { __typename?: 'TenantErasure', requestedAt: string, requestedBy: string, executeAt: string } | null };

export type RequestTenantExportMutationVariables = Exact<{
  anonymise: Scalars['Boolean']['input'];
}>;


export type RequestTenantExportMutation = { requestTenantExport?: { __typename?: 'RequestTenantExportPayload', export?: { __typename?: 'TenantExport', id: string, status: TenantExportStatus } | null } | null };

export type LinkTenantExportMutationVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type LinkTenantExportMutation = { linkTenantExport?: { __typename?: 'LinkTenantExportPayload', url: string, expiresAt: string } | null };

export type RequestTenantErasureMutationVariables = Exact<{
  confirm: Scalars['String']['input'];
}>;


export type RequestTenantErasureMutation = { requestTenantErasure?: { __typename?: 'RequestTenantErasurePayload', erasure?: { __typename?: 'TenantErasure', executeAt: string } | null } | null };

export type ErasePersonMutationVariables = Exact<{
  email?: InputMaybe<Scalars['String']['input']>;
  userId?: InputMaybe<Scalars['String']['input']>;
  confirm: Scalars['String']['input'];
  reason: Scalars['String']['input'];
}>;


export type ErasePersonMutation = { erasePerson?: { __typename?: 'ErasePersonPayload', memberships: number, invitations: number, exports: number, auditEntries: number, remaining: Array<{ __typename?: 'ErasedRows', table: string, column?: string | null, rows: number }> } | null };

export type InvitationsQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<InvitationFilter>;
}>;


export type InvitationsQuery = { invitations?: { __typename?: 'InvitationConnection', totalCount: number, pageInfo: { __typename?: 'PageInfo', hasNextPage: boolean, endCursor?: string | null }, nodes: Array<{ __typename?: 'Invitation', id: string, email: string, role: Role, status: InvitationStatus, invitedAt: string, expiresAt: string, acceptedAt?: string | null, revokedAt?: string | null }> } | null };

export type InvitableRolesQueryVariables = Exact<{ [key: string]: never; }>;


export type InvitableRolesQuery = { roles: Array<{ __typename?: 'RolePermissions', role: Role, permissions: Array<Permission> }> };

export type InviteMemberMutationVariables = Exact<{
  email: Scalars['String']['input'];
  role: Role;
}>;


export type InviteMemberMutation = { inviteMember?: { __typename?: 'InviteMemberPayload', emailSent: boolean, invitation?: { __typename?: 'Invitation', id: string, email: string, role: Role, status: InvitationStatus } | null } | null };

export type RevokeInvitationMutationVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type RevokeInvitationMutation = { revokeInvitation?: { __typename?: 'RevokeInvitationPayload', invitation?: { __typename?: 'Invitation', id: string, status: InvitationStatus, revokedAt?: string | null } | null } | null };

export type JobsQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<JobFilter>;
}>;


export type JobsQuery = { jobs?: { __typename?: 'JobConnection', totalCount: number, pageInfo: { __typename?: 'PageInfo', hasNextPage: boolean, endCursor?: string | null }, nodes: Array<{ __typename?: 'Job', id: string, task: string, state: JobState, attempt: number, maxAttempts: number, runAt: string, actor: string, actorType: ActorType, createdAt: string, startedAt?: string | null, finishedAt?: string | null, lastError?: string | null }> } | null };

export type RetryJobMutationVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type RetryJobMutation = { retryJob?: { __typename?: 'RetryJobPayload', job?: { __typename?: 'Job', id: string, state: JobState, attempt: number, runAt: string, lastError?: string | null } | null } | null };

export type CancelJobMutationVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type CancelJobMutation = { cancelJob?: { __typename?: 'CancelJobPayload', job?: { __typename?: 'Job', id: string, state: JobState, finishedAt?: string | null } | null } | null };

export type MembersQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<MembershipFilter>;
  orderBy?: InputMaybe<MembershipOrder>;
}>;


export type MembersQuery = { members?: { __typename?: 'MembershipConnection', totalCount: number, pageInfo: { __typename?: 'PageInfo', hasNextPage: boolean, endCursor?: string | null }, nodes: Array<{ __typename?: 'Membership', id: string, userId: string, role: Role, joinedAt: string, email?: string | null, invitedByMember?: { __typename?: 'Membership', id: string, userId: string, email?: string | null } | null }> } | null };

export type GrantableRolesQueryVariables = Exact<{ [key: string]: never; }>;


export type GrantableRolesQuery = { roles: Array<{ __typename?: 'RolePermissions', role: Role, permissions: Array<Permission> }> };

export type ChangeMemberRoleMutationVariables = Exact<{
  id: Scalars['ID']['input'];
  role: Role;
}>;


export type ChangeMemberRoleMutation = { changeMemberRole?: { __typename?: 'ChangeMemberRolePayload', membership?: { __typename?: 'Membership', id: string, role: Role } | null } | null };

export type RemoveMemberMutationVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type RemoveMemberMutation = { removeMember?: { __typename?: 'RemoveMemberPayload', deletedId: string } | null };

export type OverviewQueryVariables = Exact<{ [key: string]: never; }>;


export type OverviewQuery = { tenant: { __typename?: 'Tenant', id: string, name: string, createdAt: string, plan?: string | null, usage?: Array<{ __typename?: 'ResourceUsage', resource: string, used: number, limit?: number | null }> | null }, members?: { __typename?: 'MembershipConnection', totalCount: number } | null, auditLog?: { __typename?: 'AuditEntryConnection', nodes: Array<{ __typename?: 'AuditEntry', id: string, action: string, entity: string, actor: string, actorType: ActorType, createdAt: string, actorMember?: { __typename?: 'Membership', id: string, userId: string, email?: string | null } | null }> } | null };

export type ActivityQueryVariables = Exact<{
  day0: DateTimeRange;
  day1: DateTimeRange;
  day2: DateTimeRange;
  day3: DateTimeRange;
  day4: DateTimeRange;
  day5: DateTimeRange;
  day6: DateTimeRange;
}>;


export type ActivityQuery = { day0?: { __typename?: 'AuditEntryConnection', totalCount: number } | null, day1?: { __typename?: 'AuditEntryConnection', totalCount: number } | null, day2?: { __typename?: 'AuditEntryConnection', totalCount: number } | null, day3?: { __typename?: 'AuditEntryConnection', totalCount: number } | null, day4?: { __typename?: 'AuditEntryConnection', totalCount: number } | null, day5?: { __typename?: 'AuditEntryConnection', totalCount: number } | null, day6?: { __typename?: 'AuditEntryConnection', totalCount: number } | null };

export type PlanQueryVariables = Exact<{ [key: string]: never; }>;


export type PlanQuery = { plans?: Array<{ __typename?: 'Plan', name: string }> | null, tenant: { __typename?: 'Tenant', id: string, plan?: string | null, billingEmail?: string | null, usage?: Array<{ __typename?: 'ResourceUsage', resource: string, used: number, limit?: number | null }> | null } };

export type ChangePlanMutationVariables = Exact<{
  plan: Scalars['String']['input'];
}>;


export type ChangePlanMutation = { changePlan?: { __typename?: 'ChangePlanPayload', tenant: { __typename?: 'Tenant', id: string, plan?: string | null, usage?: Array<{ __typename?: 'ResourceUsage', resource: string, used: number, limit?: number | null }> | null } } | null };

export type RolesQueryVariables = Exact<{ [key: string]: never; }>;


export type RolesQuery = { roles: Array<{ __typename?: 'RolePermissions', role: Role, permissions: Array<Permission> }> };

export type SettingsQueryVariables = Exact<{ [key: string]: never; }>;


export type SettingsQuery = { tenant: { __typename?: 'Tenant', id: string, slug: string, name: string, version: number }, settings?: Array<{ __typename?: 'Setting', name: string, description?: string | null, jsonSchema: Record<string, unknown>, value?: unknown | null, defaultValue?: unknown | null }> | null };

export type RenameTenantMutationVariables = Exact<{
  name: Scalars['String']['input'];
  expectedVersion: Scalars['Int']['input'];
}>;


export type RenameTenantMutation = { updateTenant?: { __typename?: 'UpdateTenantPayload', tenant: { __typename?: 'Tenant', id: string, name: string, version: number } } | null };

export type UpdateTenantSettingsMutationVariables = Exact<{
  settings: Scalars['JSONObject']['input'];
}>;


export type UpdateTenantSettingsMutation = { updateTenantSettings?: { __typename?: 'UpdateTenantSettingsPayload', tenant: { __typename?: 'Tenant', id: string, name: string, version: number }, settings: Array<{ __typename?: 'Setting', name: string, value?: unknown | null }> } | null };

export type WebhooksQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
}>;


export type WebhooksQuery = { webhooks?: { __typename?: 'WebhookConnection', totalCount: number, pageInfo: { __typename?: 'PageInfo', hasNextPage: boolean, endCursor?: string | null }, nodes: Array<{ __typename?: 'Webhook', id: string, url: string, description?: string | null, events: Array<string>, payload: WebhookPayloadKind, createdAt: string, disabledAt?: string | null, disabledBecause?: WebhookDisabledReason | null, failingSince?: string | null }> } | null };

export type WebhookDeliveriesQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<WebhookDeliveryFilter>;
}>;


export type WebhookDeliveriesQuery = { webhookDeliveries?: { __typename?: 'WebhookDeliveryConnection', totalCount: number, pageInfo: { __typename?: 'PageInfo', hasNextPage: boolean, endCursor?: string | null }, nodes: Array<{ __typename?: 'WebhookDelivery', id: string, event: string, status: WebhookDeliveryStatus, attempts: number, answeredStatus?: number | null, failure?: WebhookFailure | null, createdAt: string, lastAttemptAt?: string | null, nextAttemptAt?: string | null, webhook?: { __typename?: 'Webhook', id: string, url: string } | null }> } | null };

export type CreateWebhookMutationVariables = Exact<{
  url: Scalars['String']['input'];
  events: Array<Scalars['String']['input']> | Scalars['String']['input'];
  description?: InputMaybe<Scalars['String']['input']>;
}>;


export type CreateWebhookMutation = { createWebhook?: { __typename?: 'CreateWebhookPayload', secret: string, webhook?: { __typename?: 'Webhook', id: string } | null } | null };

export type EnableWebhookMutationVariables = Exact<{
  id: Scalars['ID']['input'];
  enabled: Scalars['Boolean']['input'];
}>;


export type EnableWebhookMutation = { updateWebhook?: { __typename?: 'UpdateWebhookPayload', webhook?: { __typename?: 'Webhook', id: string, disabledAt?: string | null, disabledBecause?: WebhookDisabledReason | null, failingSince?: string | null } | null } | null };

export type DeleteWebhookMutationVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type DeleteWebhookMutation = { deleteWebhook?: { __typename?: 'DeleteWebhookPayload', deletedId: string } | null };

export type RotateWebhookSecretMutationVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type RotateWebhookSecretMutation = { rotateWebhookSecret?: { __typename?: 'RotateWebhookSecretPayload', secret: string } | null };

export type TestWebhookMutationVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type TestWebhookMutation = { testWebhook?: { __typename?: 'TestWebhookPayload', delivery?: { __typename?: 'WebhookDelivery', id: string, status: WebhookDeliveryStatus } | null } | null };

export type RedeliverMutationVariables = Exact<{
  id: Scalars['ID']['input'];
}>;


export type RedeliverMutation = { redeliver?: { __typename?: 'RedeliverPayload', delivery?: { __typename?: 'WebhookDelivery', id: string, status: WebhookDeliveryStatus, attempts: number } | null } | null };

export type AcceptInvitationMutationVariables = Exact<{
  token: Scalars['String']['input'];
}>;


export type AcceptInvitationMutation = { acceptInvitation?: { __typename?: 'AcceptInvitationPayload', membership: { __typename?: 'ViewerMembership', id: string, role: Role, tenant: { __typename?: 'Tenant', id: string, slug: string, name: string } } } | null };

export type CancelTenantErasureMutationVariables = Exact<{
  slug: Scalars['String']['input'];
}>;


export type CancelTenantErasureMutation = { cancelTenantErasure?: { __typename?: 'CancelTenantErasurePayload', active: boolean } | null };

export type MeQueryVariables = Exact<{ [key: string]: never; }>;


export type MeQuery = { me: { __typename?: 'Viewer', id: string, userId: string, email?: string | null, role?: Role | null, permissions: Array<Permission>, tenant: { __typename?: 'Tenant', id: string, slug: string, name: string }, memberships: Array<{ __typename?: 'ViewerMembership', id: string, role: Role, tenant: { __typename?: 'Tenant', id: string, slug: string, name: string, status: TenantStatus } }> } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}

export const ConversationsDocument = new TypedDocumentString(`
    query Conversations($first: Int, $after: String, $filter: ConversationFilter, $orderBy: ConversationOrder) {
  conversations(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      id
      subject
      body
      userId
      createdAt
      updatedAt
      version
      author @needs(permission: MEMBERS_READ) {
        id
        userId
        email @needs(permission: USERS_MANAGE)
      }
    }
  }
}
    `) as unknown as TypedDocumentString<ConversationsQuery, ConversationsQueryVariables>;
export const ConversationDocument = new TypedDocumentString(`
    query Conversation($id: ID!, $before: String) {
  conversation(id: $id) {
    id
    subject
    body
    userId
    createdAt
    updatedAt
    version
    messages(last: 50, before: $before) {
      totalCount
      pageInfo {
        hasPreviousPage
        startCursor
      }
      nodes {
        id
        body
        userId
        createdAt
        author @needs(permission: MEMBERS_READ) {
          id
          userId
          email @needs(permission: USERS_MANAGE)
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<ConversationQuery, ConversationQueryVariables>;
export const CreateConversationDocument = new TypedDocumentString(`
    mutation CreateConversation($subject: String, $body: String!) @needs(permission: CONVERSATIONS_WRITE) {
  createConversation(input: {subject: $subject, body: $body}) {
    conversation @needs(permission: CONVERSATIONS_READ) {
      id
    }
  }
}
    `) as unknown as TypedDocumentString<CreateConversationMutation, CreateConversationMutationVariables>;
export const UpdateConversationDocument = new TypedDocumentString(`
    mutation UpdateConversation($id: ID!, $subject: String, $body: String, $expectedVersion: Int) @needs(permission: CONVERSATIONS_WRITE) {
  updateConversation(
    input: {id: $id, subject: $subject, body: $body, expectedVersion: $expectedVersion}
  ) {
    conversation @needs(permission: CONVERSATIONS_READ) {
      id
      subject
      body
      version
      updatedAt
    }
  }
}
    `) as unknown as TypedDocumentString<UpdateConversationMutation, UpdateConversationMutationVariables>;
export const DeleteConversationDocument = new TypedDocumentString(`
    mutation DeleteConversation($id: ID!) @needs(permission: CONVERSATIONS_WRITE) {
  deleteConversation(input: {id: $id}) {
    deletedId
  }
}
    `) as unknown as TypedDocumentString<DeleteConversationMutation, DeleteConversationMutationVariables>;
export const PostMessageDocument = new TypedDocumentString(`
    mutation PostMessage($conversationId: ID!, $body: String!) @needs(permission: CONVERSATIONS_WRITE) {
  postMessage(input: {conversationId: $conversationId, body: $body}) {
    message @needs(permission: CONVERSATIONS_READ) {
      id
      conversationId
      body
      userId
      createdAt
    }
  }
}
    `) as unknown as TypedDocumentString<PostMessageMutation, PostMessageMutationVariables>;
export const ConversationChangedDocument = new TypedDocumentString(`
    subscription ConversationChanged {
  conversationChanged {
    kind
    conversationId
    deletedId
    conversation {
      id
      subject
      body
      version
      updatedAt
    }
  }
}
    `) as unknown as TypedDocumentString<ConversationChangedSubscription, ConversationChangedSubscriptionVariables>;
export const MessagePostedDocument = new TypedDocumentString(`
    subscription MessagePosted($conversationId: ID!) {
  messagePosted(conversationId: $conversationId) {
    id
    conversationId
    body
    userId
    createdAt
    author @needs(permission: MEMBERS_READ) {
      id
      userId
      email @needs(permission: USERS_MANAGE)
    }
  }
}
    `) as unknown as TypedDocumentString<MessagePostedSubscription, MessagePostedSubscriptionVariables>;
export const ApiKeysDocument = new TypedDocumentString(`
    query ApiKeys($first: Int, $after: String, $filter: ApiKeyFilter) {
  apiKeys(first: $first, after: $after, filter: $filter) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      id
      name
      prefix
      permissions
      status
      createdAt
      expiresAt
      revokedAt
      lastUsedAt
      createdBy
    }
  }
}
    `) as unknown as TypedDocumentString<ApiKeysQuery, ApiKeysQueryVariables>;
export const CreateApiKeyDocument = new TypedDocumentString(`
    mutation CreateApiKey($name: String!, $permissions: [Permission!]!, $expiresAt: DateTime) @needs(permission: SETTINGS_MANAGE) {
  createApiKey(
    input: {name: $name, permissions: $permissions, expiresAt: $expiresAt}
  ) {
    secret
    apiKey {
      id
      name
    }
  }
}
    `) as unknown as TypedDocumentString<CreateApiKeyMutation, CreateApiKeyMutationVariables>;
export const RevokeApiKeyDocument = new TypedDocumentString(`
    mutation RevokeApiKey($id: ID!) @needs(permission: SETTINGS_MANAGE) {
  revokeApiKey(input: {id: $id}) {
    apiKey {
      id
      status
      revokedAt
    }
  }
}
    `) as unknown as TypedDocumentString<RevokeApiKeyMutation, RevokeApiKeyMutationVariables>;
export const AuditLogDocument = new TypedDocumentString(`
    query AuditLog($first: Int, $after: String, $filter: AuditEntryFilter, $orderBy: AuditEntryOrder) {
  auditLog(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      id
      action
      entity
      entityId
      actor
      actorType
      requestId
      createdAt
      oldValue
      newValue
      actorMember @needs(permission: MEMBERS_READ) {
        id
        userId
        email @needs(permission: USERS_MANAGE)
      }
    }
  }
}
    `) as unknown as TypedDocumentString<AuditLogQuery, AuditLogQueryVariables>;
export const AuditVerificationDocument = new TypedDocumentString(`
    query AuditVerification {
  auditVerification {
    intact
    entries
    pending
    redacted
    dropped
    sealedThrough
    head
    firstBroken {
      entryId
      reason
      explanation
    }
  }
}
    `) as unknown as TypedDocumentString<AuditVerificationQuery, AuditVerificationQueryVariables>;
export const ExportAuditLogDocument = new TypedDocumentString(`
    mutation ExportAuditLog($format: AuditExportFormat!) @needs(permission: AUDIT_EXPORT) {
  exportAuditLog(input: {format: $format}) {
    url
    expiresAt
  }
}
    `) as unknown as TypedDocumentString<ExportAuditLogMutation, ExportAuditLogMutationVariables>;
export const ImpersonationsDocument = new TypedDocumentString(`
    query Impersonations($first: Int) {
  impersonations(first: $first) {
    nodes {
      id
      operator
      reason
      role
      createdAt
      expiresAt
      endedAt
    }
  }
}
    `) as unknown as TypedDocumentString<ImpersonationsQuery, ImpersonationsQueryVariables>;
export const EndImpersonationDocument = new TypedDocumentString(`
    mutation EndImpersonation($id: ID!) @needs(permission: IMPERSONATIONS_END) {
  endImpersonation(input: {id: $id}) {
    impersonation @needs(permission: AUDIT_READ) {
      id
      endedAt
    }
  }
}
    `) as unknown as TypedDocumentString<EndImpersonationMutation, EndImpersonationMutationVariables>;
export const ExportsDocument = new TypedDocumentString(`
    query Exports($first: Int, $after: String) {
  exports(first: $first, after: $after) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      id
      status
      anonymised
      requestedBy
      createdAt
      finishedAt
      expiresAt
      size
      rows
      sha256
      failure
    }
  }
}
    `) as unknown as TypedDocumentString<ExportsQuery, ExportsQueryVariables>;
export const ErasureDocument = new TypedDocumentString(`
    query Erasure @needs(permission: TENANT_ERASE) {
  tenantErasure {
    requestedAt
    requestedBy
    executeAt
  }
}
    `) as unknown as TypedDocumentString<ErasureQuery, ErasureQueryVariables>;
export const RequestTenantExportDocument = new TypedDocumentString(`
    mutation RequestTenantExport($anonymise: Boolean!) @needs(permission: TENANT_EXPORT) {
  requestTenantExport(input: {anonymise: $anonymise}) {
    export {
      id
      status
    }
  }
}
    `) as unknown as TypedDocumentString<RequestTenantExportMutation, RequestTenantExportMutationVariables>;
export const LinkTenantExportDocument = new TypedDocumentString(`
    mutation LinkTenantExport($id: ID!) @needs(permission: TENANT_EXPORT) {
  linkTenantExport(input: {id: $id}) {
    url
    expiresAt
  }
}
    `) as unknown as TypedDocumentString<LinkTenantExportMutation, LinkTenantExportMutationVariables>;
export const RequestTenantErasureDocument = new TypedDocumentString(`
    mutation RequestTenantErasure($confirm: String!) @needs(permission: TENANT_ERASE) {
  requestTenantErasure(input: {confirm: $confirm}) {
    erasure {
      executeAt
    }
  }
}
    `) as unknown as TypedDocumentString<RequestTenantErasureMutation, RequestTenantErasureMutationVariables>;
export const ErasePersonDocument = new TypedDocumentString(`
    mutation ErasePerson($email: String, $userId: String, $confirm: String!, $reason: String!) @needs(permission: PERSONS_ERASE) {
  erasePerson(
    input: {email: $email, userId: $userId, confirm: $confirm, reason: $reason}
  ) {
    memberships
    invitations
    exports
    auditEntries
    remaining {
      table
      column
      rows
    }
  }
}
    `) as unknown as TypedDocumentString<ErasePersonMutation, ErasePersonMutationVariables>;
export const InvitationsDocument = new TypedDocumentString(`
    query Invitations($first: Int, $after: String, $filter: InvitationFilter) {
  invitations(first: $first, after: $after, filter: $filter) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      id
      email
      role
      status
      invitedAt
      expiresAt
      acceptedAt
      revokedAt
    }
  }
}
    `) as unknown as TypedDocumentString<InvitationsQuery, InvitationsQueryVariables>;
export const InvitableRolesDocument = new TypedDocumentString(`
    query InvitableRoles {
  roles {
    role
    permissions
  }
}
    `) as unknown as TypedDocumentString<InvitableRolesQuery, InvitableRolesQueryVariables>;
export const InviteMemberDocument = new TypedDocumentString(`
    mutation InviteMember($email: String!, $role: Role!) @needs(permission: USERS_MANAGE) {
  inviteMember(input: {email: $email, role: $role}) {
    emailSent
    invitation {
      id
      email
      role
      status
    }
  }
}
    `) as unknown as TypedDocumentString<InviteMemberMutation, InviteMemberMutationVariables>;
export const RevokeInvitationDocument = new TypedDocumentString(`
    mutation RevokeInvitation($id: ID!) @needs(permission: USERS_MANAGE) {
  revokeInvitation(input: {id: $id}) {
    invitation {
      id
      status
      revokedAt
    }
  }
}
    `) as unknown as TypedDocumentString<RevokeInvitationMutation, RevokeInvitationMutationVariables>;
export const JobsDocument = new TypedDocumentString(`
    query Jobs($first: Int, $after: String, $filter: JobFilter) {
  jobs(first: $first, after: $after, filter: $filter) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      id
      task
      state
      attempt
      maxAttempts
      runAt
      actor
      actorType
      createdAt
      startedAt
      finishedAt
      lastError
    }
  }
}
    `) as unknown as TypedDocumentString<JobsQuery, JobsQueryVariables>;
export const RetryJobDocument = new TypedDocumentString(`
    mutation RetryJob($id: ID!) @needs(permission: JOBS_MANAGE) {
  retryJob(input: {id: $id}) {
    job {
      id
      state
      attempt
      runAt
      lastError
    }
  }
}
    `) as unknown as TypedDocumentString<RetryJobMutation, RetryJobMutationVariables>;
export const CancelJobDocument = new TypedDocumentString(`
    mutation CancelJob($id: ID!) @needs(permission: JOBS_MANAGE) {
  cancelJob(input: {id: $id}) {
    job {
      id
      state
      finishedAt
    }
  }
}
    `) as unknown as TypedDocumentString<CancelJobMutation, CancelJobMutationVariables>;
export const MembersDocument = new TypedDocumentString(`
    query Members($first: Int, $after: String, $filter: MembershipFilter, $orderBy: MembershipOrder) {
  members(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      id
      userId
      role
      joinedAt
      email @needs(permission: USERS_MANAGE)
      invitedByMember @needs(permission: USERS_MANAGE) {
        id
        userId
        email
      }
    }
  }
}
    `) as unknown as TypedDocumentString<MembersQuery, MembersQueryVariables>;
export const GrantableRolesDocument = new TypedDocumentString(`
    query GrantableRoles {
  roles {
    role
    permissions
  }
}
    `) as unknown as TypedDocumentString<GrantableRolesQuery, GrantableRolesQueryVariables>;
export const ChangeMemberRoleDocument = new TypedDocumentString(`
    mutation ChangeMemberRole($id: ID!, $role: Role!) @needs(permission: USERS_MANAGE) {
  changeMemberRole(input: {id: $id, role: $role}) {
    membership @needs(permission: MEMBERS_READ) {
      id
      role
    }
  }
}
    `) as unknown as TypedDocumentString<ChangeMemberRoleMutation, ChangeMemberRoleMutationVariables>;
export const RemoveMemberDocument = new TypedDocumentString(`
    mutation RemoveMember($id: ID!) @needs(permission: USERS_MANAGE) {
  removeMember(input: {id: $id}) {
    deletedId
  }
}
    `) as unknown as TypedDocumentString<RemoveMemberMutation, RemoveMemberMutationVariables>;
export const OverviewDocument = new TypedDocumentString(`
    query Overview {
  tenant {
    id
    name
    createdAt
    plan @needs(permission: BILLING_MANAGE)
    usage @needs(permission: BILLING_MANAGE) {
      resource
      used
      limit
    }
  }
  members @needs(permission: MEMBERS_READ) {
    totalCount
  }
  auditLog(first: 10) @needs(permission: AUDIT_READ) {
    nodes {
      id
      action
      entity
      actor
      actorType
      createdAt
      actorMember @needs(permission: MEMBERS_READ) {
        id
        userId
        email @needs(permission: USERS_MANAGE)
      }
    }
  }
}
    `) as unknown as TypedDocumentString<OverviewQuery, OverviewQueryVariables>;
export const ActivityDocument = new TypedDocumentString(`
    query Activity($day0: DateTimeRange!, $day1: DateTimeRange!, $day2: DateTimeRange!, $day3: DateTimeRange!, $day4: DateTimeRange!, $day5: DateTimeRange!, $day6: DateTimeRange!) @needs(permission: AUDIT_READ) {
  day0: auditLog(first: 0, filter: {createdAt: $day0}) {
    totalCount
  }
  day1: auditLog(first: 0, filter: {createdAt: $day1}) {
    totalCount
  }
  day2: auditLog(first: 0, filter: {createdAt: $day2}) {
    totalCount
  }
  day3: auditLog(first: 0, filter: {createdAt: $day3}) {
    totalCount
  }
  day4: auditLog(first: 0, filter: {createdAt: $day4}) {
    totalCount
  }
  day5: auditLog(first: 0, filter: {createdAt: $day5}) {
    totalCount
  }
  day6: auditLog(first: 0, filter: {createdAt: $day6}) {
    totalCount
  }
}
    `) as unknown as TypedDocumentString<ActivityQuery, ActivityQueryVariables>;
export const PlanDocument = new TypedDocumentString(`
    query Plan {
  plans {
    name
  }
  tenant {
    id
    plan
    billingEmail
    usage {
      resource
      used
      limit
    }
  }
}
    `) as unknown as TypedDocumentString<PlanQuery, PlanQueryVariables>;
export const ChangePlanDocument = new TypedDocumentString(`
    mutation ChangePlan($plan: String!) @needs(permission: BILLING_MANAGE) {
  changePlan(input: {plan: $plan}) {
    tenant {
      id
      plan @needs(permission: BILLING_MANAGE)
      usage @needs(permission: BILLING_MANAGE) {
        resource
        used
        limit
      }
    }
  }
}
    `) as unknown as TypedDocumentString<ChangePlanMutation, ChangePlanMutationVariables>;
export const RolesDocument = new TypedDocumentString(`
    query Roles {
  roles {
    role
    permissions
  }
}
    `) as unknown as TypedDocumentString<RolesQuery, RolesQueryVariables>;
export const SettingsDocument = new TypedDocumentString(`
    query Settings {
  tenant {
    id
    slug
    name
    version
  }
  settings {
    name
    description
    jsonSchema
    value
    defaultValue
  }
}
    `) as unknown as TypedDocumentString<SettingsQuery, SettingsQueryVariables>;
export const RenameTenantDocument = new TypedDocumentString(`
    mutation RenameTenant($name: String!, $expectedVersion: Int!) @needs(permission: SETTINGS_MANAGE) {
  updateTenant(input: {name: $name, expectedVersion: $expectedVersion}) {
    tenant {
      id
      name
      version
    }
  }
}
    `) as unknown as TypedDocumentString<RenameTenantMutation, RenameTenantMutationVariables>;
export const UpdateTenantSettingsDocument = new TypedDocumentString(`
    mutation UpdateTenantSettings($settings: JSONObject!) @needs(permission: SETTINGS_MANAGE) {
  updateTenantSettings(input: {settings: $settings}) {
    tenant {
      id
      name
      version
    }
    settings {
      name
      value
    }
  }
}
    `) as unknown as TypedDocumentString<UpdateTenantSettingsMutation, UpdateTenantSettingsMutationVariables>;
export const WebhooksDocument = new TypedDocumentString(`
    query Webhooks($first: Int, $after: String) {
  webhooks(first: $first, after: $after) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      id
      url
      description
      events
      payload
      createdAt
      disabledAt
      disabledBecause
      failingSince
    }
  }
}
    `) as unknown as TypedDocumentString<WebhooksQuery, WebhooksQueryVariables>;
export const WebhookDeliveriesDocument = new TypedDocumentString(`
    query WebhookDeliveries($first: Int, $after: String, $filter: WebhookDeliveryFilter) {
  webhookDeliveries(first: $first, after: $after, filter: $filter) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      id
      event
      status
      attempts
      answeredStatus
      failure
      createdAt
      lastAttemptAt
      nextAttemptAt
      webhook {
        id
        url
      }
    }
  }
}
    `) as unknown as TypedDocumentString<WebhookDeliveriesQuery, WebhookDeliveriesQueryVariables>;
export const CreateWebhookDocument = new TypedDocumentString(`
    mutation CreateWebhook($url: String!, $events: [String!]!, $description: String) @needs(permission: WEBHOOKS_MANAGE) {
  createWebhook(input: {url: $url, events: $events, description: $description}) {
    secret
    webhook {
      id
    }
  }
}
    `) as unknown as TypedDocumentString<CreateWebhookMutation, CreateWebhookMutationVariables>;
export const EnableWebhookDocument = new TypedDocumentString(`
    mutation EnableWebhook($id: ID!, $enabled: Boolean!) @needs(permission: WEBHOOKS_MANAGE) {
  updateWebhook(input: {id: $id, enabled: $enabled}) {
    webhook {
      id
      disabledAt
      disabledBecause
      failingSince
    }
  }
}
    `) as unknown as TypedDocumentString<EnableWebhookMutation, EnableWebhookMutationVariables>;
export const DeleteWebhookDocument = new TypedDocumentString(`
    mutation DeleteWebhook($id: ID!) @needs(permission: WEBHOOKS_MANAGE) {
  deleteWebhook(input: {id: $id}) {
    deletedId
  }
}
    `) as unknown as TypedDocumentString<DeleteWebhookMutation, DeleteWebhookMutationVariables>;
export const RotateWebhookSecretDocument = new TypedDocumentString(`
    mutation RotateWebhookSecret($id: ID!) @needs(permission: WEBHOOKS_MANAGE) {
  rotateWebhookSecret(input: {id: $id}) {
    secret
  }
}
    `) as unknown as TypedDocumentString<RotateWebhookSecretMutation, RotateWebhookSecretMutationVariables>;
export const TestWebhookDocument = new TypedDocumentString(`
    mutation TestWebhook($id: ID!) @needs(permission: WEBHOOKS_MANAGE) {
  testWebhook(input: {id: $id}) {
    delivery {
      id
      status
    }
  }
}
    `) as unknown as TypedDocumentString<TestWebhookMutation, TestWebhookMutationVariables>;
export const RedeliverDocument = new TypedDocumentString(`
    mutation Redeliver($id: ID!) @needs(permission: WEBHOOKS_MANAGE) {
  redeliver(input: {id: $id}) {
    delivery {
      id
      status
      attempts
    }
  }
}
    `) as unknown as TypedDocumentString<RedeliverMutation, RedeliverMutationVariables>;
export const AcceptInvitationDocument = new TypedDocumentString(`
    mutation AcceptInvitation($token: String!) {
  acceptInvitation(input: {token: $token}) {
    membership {
      id
      role
      tenant {
        id
        slug
        name
      }
    }
  }
}
    `) as unknown as TypedDocumentString<AcceptInvitationMutation, AcceptInvitationMutationVariables>;
export const CancelTenantErasureDocument = new TypedDocumentString(`
    mutation CancelTenantErasure($slug: String!) @needs(permission: TENANT_ERASE) {
  cancelTenantErasure(input: {slug: $slug}) {
    active
  }
}
    `) as unknown as TypedDocumentString<CancelTenantErasureMutation, CancelTenantErasureMutationVariables>;
export const MeDocument = new TypedDocumentString(`
    query Me {
  me {
    id
    userId
    email
    role
    permissions
    tenant {
      id
      slug
      name
    }
    memberships {
      id
      role
      tenant {
        id
        slug
        name
        status
      }
    }
  }
}
    `) as unknown as TypedDocumentString<MeQuery, MeQueryVariables>;