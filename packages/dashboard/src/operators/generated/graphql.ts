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
  /** A point in time as text, RFC 3339, in UTC with milliseconds: `2026-11-29T08:15:00.000Z`. */
  DateTime: { input: string; output: string; }
  /** A JSON object. */
  JSONObject: { input: Record<string, unknown>; output: Record<string, unknown>; }
};

/** The result of a verification. Requires the permission `tenants:read`. */
export type AuditVerification = {
  __typename?: 'AuditVerification';
  /** The entries that were verified. Requires the permission `tenants:read`. */
  entries: Scalars['Int']['output'];
  /** False when the log is not what was sealed. Requires the permission `tenants:read`. */
  intact: Scalars['Boolean']['output'];
  /** The entries that are not sealed yet. Requires the permission `tenants:read`. */
  pending: Scalars['Int']['output'];
  /** What is wrong, in a sentence; null when nothing is. Requires the permission `tenants:read`. */
  problem?: Maybe<Scalars['String']['output']>;
};

/** The input of the mutation `cancelTenantErasure`. */
export type CancelTenantErasureInput = {
  /** Why, for the audit log of the tenant: 1 to 500 characters. */
  reason: Scalars['String']['input'];
  /** The subdomain. */
  slug: Scalars['String']['input'];
};

/** The answer of the mutation `cancelTenantErasure`. Requires the permission `tenants:erase`. */
export type CancelTenantErasurePayload = {
  __typename?: 'CancelTenantErasurePayload';
  /** The tenant, which is in use again, unless it was suspended before. Requires the permission `tenants:read`. */
  tenant?: Maybe<Tenant>;
};

/** The input of the mutation `changeTenantPlan`. */
export type ChangeTenantPlanInput = {
  /** The name of the plan. */
  plan: Scalars['String']['input'];
  /** Why, for the audit log of the tenant: 1 to 500 characters. */
  reason: Scalars['String']['input'];
  /** The subdomain. */
  slug: Scalars['String']['input'];
};

/** The answer of the mutation `changeTenantPlan`. Requires the permission `tenants:manage`. */
export type ChangeTenantPlanPayload = {
  __typename?: 'ChangeTenantPlanPayload';
  /** The tenant with its new plan. Requires the permission `tenants:read`. */
  tenant?: Maybe<Tenant>;
};

/** The input of the mutation `createTenant`. */
export type CreateTenantInput = {
  /** The name of the cell. Default: `default`, the database of `DATABASE_URL`. */
  cell?: InputMaybe<Scalars['String']['input']>;
  /** 1 to 200 characters. */
  name: Scalars['String']['input'];
  /** The owner's e-mail address. */
  ownerEmail: Scalars['String']['input'];
  /** The founding owner: the `sub` claim of the tenants' identity provider. */
  ownerUserId: Scalars['String']['input'];
  /** The name of a plan. Default: the smallest. */
  plan?: InputMaybe<Scalars['String']['input']>;
  /** Why, for the audit log of the tenant: 1 to 500 characters. */
  reason: Scalars['String']['input'];
  /** The subdomain: 1 to 63 lower-case letters, digits and inner hyphens. */
  slug: Scalars['String']['input'];
};

/** The answer of the mutation `createTenant`. Requires the permission `tenants:manage`. */
export type CreateTenantPayload = {
  __typename?: 'CreateTenantPayload';
  /** The new tenant. Requires the permission `tenants:read`. */
  tenant?: Maybe<Tenant>;
};

/** The input of the mutation `endImpersonation`. */
export type EndImpersonationInput = {
  /** The impersonation. */
  id: Scalars['ID']['input'];
  /** Why, for the audit log of the tenant: 1 to 500 characters. */
  reason: Scalars['String']['input'];
  /** The subdomain. */
  slug: Scalars['String']['input'];
};

/** The answer of the mutation `endImpersonation`. Requires the permission `tenants:impersonate`. */
export type EndImpersonationPayload = {
  __typename?: 'EndImpersonationPayload';
  /** The impersonation, which has ended. Requires the permission `tenants:read`. */
  impersonation?: Maybe<Impersonation>;
};

/** The input of the mutation `eraseTenant`. */
export type EraseTenantInput = {
  /** The word `erase`, a space and the subdomain. */
  confirm: Scalars['String']['input'];
  /**
   * Whether servers begin with it at once. Otherwise it waits as long as one that an owner has asked for, and can be
   * cancelled until then.
   */
  now?: Scalars['Boolean']['input'];
  /** Why, for the audit log of the tenant: 1 to 500 characters. */
  reason: Scalars['String']['input'];
  /** The subdomain. */
  slug: Scalars['String']['input'];
};

/** The answer of the mutation `eraseTenant`. Requires the permission `tenants:erase`. */
export type EraseTenantPayload = {
  __typename?: 'EraseTenantPayload';
  /** The tenant, which is suspended. Requires the permission `tenants:read`. */
  tenant?: Maybe<Tenant>;
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

/** As whom the operator acts: exactly one of the two. */
export type ImpersonateInput = {
  /** When it ends by itself: 1 to 480 minutes from now. */
  minutes: Scalars['Int']['input'];
  /** Why, as the tenant reads it: 1 to 500 characters. */
  reason: Scalars['String']['input'];
  /** A role, as nobody in particular. */
  role?: InputMaybe<Role>;
  /** The subdomain. */
  slug: Scalars['String']['input'];
  /** A member, by the `sub` claim: the operator has the role of the member, and its rows are theirs. */
  userId?: InputMaybe<Scalars['String']['input']>;
};

/** The answer of the mutation `impersonate`. Requires the permission `tenants:impersonate`. */
export type ImpersonatePayload = {
  __typename?: 'ImpersonatePayload';
  /**
   * The credential: `Authorization: Bearer ti_…` at the tenants' API, until the end. It creates no access that would outlast
   * it: no API key, invitation, webhook or change of a role.
   *
   * Requires the permission `tenants:impersonate`. It is shown only once. A mutation that selects it takes no `Idempotency-Key`.
   */
  credential: Scalars['String']['output'];
  /** The impersonation, as the tenant sees it. Requires the permission `tenants:read`. */
  impersonation?: Maybe<Impersonation>;
};

/** An operator acts in a tenant, for a reason and until an end. Requires the permission `tenants:read`. */
export type Impersonation = Node & {
  __typename?: 'Impersonation';
  /** When the object was created. Requires the permission `tenants:read`. */
  createdAt: Scalars['DateTime']['output'];
  /** When it was ended early; null when it was not. Requires the permission `tenants:read`. */
  endedAt?: Maybe<Scalars['DateTime']['output']>;
  /** Who ended it early: the operator, or a member of the tenant. Requires the permission `tenants:read`. */
  endedBy?: Maybe<Scalars['String']['output']>;
  /** When it ends by itself. Requires the permission `tenants:read`. */
  expiresAt: Scalars['DateTime']['output'];
  /** The id of the object. Requires the permission `tenants:read`. */
  id: Scalars['ID']['output'];
  /** The operator: the `sub` claim of the operators' identity provider. Requires the permission `tenants:read`. */
  operator: Scalars['String']['output'];
  /** Why, as the tenant reads it. Requires the permission `tenants:read`. */
  reason: Scalars['String']['output'];
  /** The role that the operator has; as a member, the one when it began. Requires the permission `tenants:read`. */
  role: Role;
  /** The member as whom the operator acts; null when the operator only has the role. Requires the permission `tenants:read`. */
  userId?: Maybe<Scalars['String']['output']>;
};

/** Work of a tenant. Its payload, which is the tenant's data, is not shown. Requires the permission `tenants:read`. */
export type Job = {
  __typename?: 'Job';
  /** How often it was started. Requires the permission `tenants:read`. */
  attempt: Scalars['Int']['output'];
  /** When the object was created. Requires the permission `tenants:read`. */
  createdAt: Scalars['DateTime']['output'];
  /** When it ended. Requires the permission `tenants:read`. */
  finishedAt?: Maybe<Scalars['DateTime']['output']>;
  /** The UUID of the job. Requires the permission `tenants:read`. */
  id: Scalars['ID']['output'];
  /** Why the last attempt failed. Requires the permission `tenants:read`. */
  lastError?: Maybe<Scalars['String']['output']>;
  /** How often it may be started. Requires the permission `tenants:read`. */
  maxAttempts: Scalars['Int']['output'];
  /** When it is due, or was. Requires the permission `tenants:read`. */
  runAt: Scalars['DateTime']['output'];
  /** When it was last started. Requires the permission `tenants:read`. */
  startedAt?: Maybe<Scalars['DateTime']['output']>;
  /** What became of it. Requires the permission `tenants:read`. */
  state: JobState;
  /** What it does. Requires the permission `tenants:read`. */
  task: Scalars['String']['output'];
};

export type JobState =
  /** Somebody cancelled it. */
  | 'CANCELLED'
  /** Its last attempt failed. */
  | 'DEAD'
  /** It waits for its time, or for a worker. */
  | 'QUEUED'
  /** A worker is doing it. */
  | 'RUNNING'
  /** It was done. */
  | 'SUCCEEDED';

/** A tenant as lists show it. Lists are in no audit log of a tenant. Requires the permission `tenants:read`. */
export type ListedTenant = {
  __typename?: 'ListedTenant';
  /** When the object was created. Requires the permission `tenants:read`. */
  createdAt: Scalars['DateTime']['output'];
  /** The id of the tenant. Requires the permission `tenants:read`. */
  id: Scalars['ID']['output'];
  /** The name that people read. Requires the permission `tenants:read`. */
  name: Scalars['String']['output'];
  /** The name of its plan. Requires the permission `tenants:read`. */
  plan: Scalars['String']['output'];
  /** The subdomain. Requires the permission `tenants:read`. */
  slug: Scalars['String']['output'];
  /** Whether it is served. Requires the permission `tenants:read`. */
  status: TenantStatus;
};

/** A page of a list of `ListedTenant`. Requires the permission `tenants:read`. */
export type ListedTenantConnection = {
  __typename?: 'ListedTenantConnection';
  /** The objects of this page, each with its cursor. Requires the permission `tenants:read`. */
  edges: Array<ListedTenantEdge>;
  /** The objects of this page. Requires the permission `tenants:read`. */
  nodes: Array<ListedTenant>;
  /** The position of this page in the whole list. Requires the permission `tenants:read`. */
  pageInfo: PageInfo;
  /** Without the tenants of `unavailableCells`. Requires the permission `tenants:read`. */
  totalCount: Scalars['Int']['output'];
  /** The cells that do not answer at present: the page lacks their tenants. The default cell is `default`. Requires the permission `tenants:read`. */
  unavailableCells: Array<Scalars['String']['output']>;
};

/** A `ListedTenant` in a list, with its cursor. Requires the permission `tenants:read`. */
export type ListedTenantEdge = {
  __typename?: 'ListedTenantEdge';
  /** The position of the object in its list, for the arguments `after` and `before`. Requires the permission `tenants:read`. */
  cursor: Scalars['String']['output'];
  /** The object. Requires the permission `tenants:read`. */
  node: ListedTenant;
};

/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type Mutation = {
  __typename?: 'Mutation';
  /** Cancels the erasure of a tenant, of an owner or of an operator, that has not begun. Requires the permission `tenants:erase`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`. */
  cancelTenantErasure?: Maybe<CancelTenantErasurePayload>;
  /** Moves a tenant to another plan, which limits it on every server within a second. Requires the permission `tenants:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`. */
  changeTenantPlan?: Maybe<ChangeTenantPlanPayload>;
  /**
   * Creates a tenant with its owner. NOT_FOUND: there is no such cell. CONFLICT: the slug is taken, or the cell takes no new
   * tenants.
   *
   * Requires the permission `tenants:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `CONFLICT`, `NOT_FOUND`.
   */
  createTenant?: Maybe<CreateTenantPayload>;
  /** Ends an impersonation of any operator, on every server within a second. Requires the permission `tenants:impersonate`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `CONFLICT`, `NOT_FOUND`. */
  endImpersonation?: Maybe<EndImpersonationPayload>;
  /**
   * Suspends a tenant at once, and erases it for ever when its time has come: docs/tenant-life.md. An erasure that was asked
   * for before keeps its time, unless this one is sooner.
   *
   * Requires the permission `tenants:erase`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`.
   */
  eraseTenant?: Maybe<EraseTenantPayload>;
  /** Lets the operator act in a tenant, with a role or as a member, until an end. The tenant sees it, and can end it. Requires the permission `tenants:impersonate`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `CONFLICT`, `NOT_FOUND`. */
  impersonate?: Maybe<ImpersonatePayload>;
  /** Changes the name or the subdomain of a tenant, or both. Requires the permission `tenants:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `CONFLICT`, `NOT_FOUND`. */
  renameTenant?: Maybe<RenameTenantPayload>;
  /** Serves a suspended tenant again. Requires the permission `tenants:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`. */
  resumeTenant?: Maybe<ResumeTenantPayload>;
  /** Refuses all requests of a tenant on every server within a second, ends what is under way, and lets its jobs wait. Requires the permission `tenants:manage`. Its errors: `FORBIDDEN`, `BAD_USER_INPUT`, `NOT_FOUND`. */
  suspendTenant?: Maybe<SuspendTenantPayload>;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationCancelTenantErasureArgs = {
  input: CancelTenantErasureInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationChangeTenantPlanArgs = {
  input: ChangeTenantPlanInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationCreateTenantArgs = {
  input: CreateTenantInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationEndImpersonationArgs = {
  input: EndImpersonationInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationEraseTenantArgs = {
  input: EraseTenantInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationImpersonateArgs = {
  input: ImpersonateInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationRenameTenantArgs = {
  input: RenameTenantInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationResumeTenantArgs = {
  input: ResumeTenantInput;
};


/** Changes. The root fields of an operation run one after the other, each in its own transaction. */
export type MutationSuspendTenantArgs = {
  input: SuspendTenantInput;
};

/** Everything that has an id. */
export type Node = {
  /** The id of the object. */
  id: Scalars['ID']['output'];
};

/** An operator: the caller. Open to every operator. */
export type Operator = {
  __typename?: 'Operator';
  /** The `sub` claim: the name in the audit logs. */
  name: Scalars['String']['output'];
  /** What the `scope` claim of the token names. */
  permissions: Array<OperatorPermission>;
};

/** What an operator may do: the names in the `scope` claim of the token. */
export type OperatorPermission =
  /** `tenants:erase`: have a tenant erased for ever, and cancel that while it waits. */
  | 'TENANTS_ERASE'
  /** `tenants:impersonate`: act in a tenant, for a time that the tenant sees and can end. */
  | 'TENANTS_IMPERSONATE'
  /** `tenants:manage`: create, suspend, resume and rename tenants, and change their plans. */
  | 'TENANTS_MANAGE'
  /** `tenants:read`: list tenants, and look at one, which its audit log records. */
  | 'TENANTS_READ';

export type OrderDirection =
  /** The smallest or oldest first. */
  | 'ASC'
  /** The largest or newest first. */
  | 'DESC';

/** The position of a page in its list. Requires the permission `tenants:read`. */
export type PageInfo = {
  __typename?: 'PageInfo';
  /** The cursor of the last object; null for an empty page. Requires the permission `tenants:read`. */
  endCursor?: Maybe<Scalars['String']['output']>;
  /** Whether there are objects after this page. Requires the permission `tenants:read`. */
  hasNextPage: Scalars['Boolean']['output'];
  /** Whether there are objects before this page. Requires the permission `tenants:read`. */
  hasPreviousPage: Scalars['Boolean']['output'];
  /** The cursor of the first object; null for an empty page. Requires the permission `tenants:read`. */
  startCursor?: Maybe<Scalars['String']['output']>;
};

/** What a tenant has used in one hour or on one day. The numbers of the present period are some seconds old. Requires the permission `tenants:read`. */
export type PeriodUsage = {
  __typename?: 'PeriodUsage';
  /** The bytes of answers and events, before compression. Requires the permission `tenants:read`. */
  bytes: Scalars['Float']['output'];
  /** How long its transactions have held connections to the database, in seconds. Requires the permission `tenants:read`. */
  databaseSeconds: Scalars['Float']['output'];
  /** Attempts of jobs. Requires the permission `tenants:read`. */
  jobs: Scalars['Float']['output'];
  /** Operations that began: queries, mutations and subscriptions. Refused requests do not count. Requires the permission `tenants:read`. */
  requests: Scalars['Float']['output'];
  /** Rows that statements have read or written. Requires the permission `tenants:read`. */
  rows: Scalars['Float']['output'];
  /** The beginning of the hour or of the day. Requires the permission `tenants:read`. */
  startsAt: Scalars['DateTime']['output'];
};

/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type Query = {
  __typename?: 'Query';
  /** The caller, and what the token allows. Open to every operator. */
  me: Operator;
  /** The names of the plans that a tenant can have, the smallest first. Open to every operator. */
  plans: Array<Scalars['String']['output']>;
  /** One tenant, or null. Its audit log records it, with the reason. Requires the permission `tenants:read`. */
  tenant?: Maybe<Tenant>;
  /** The tenants, by slug unless `orderBy` says otherwise. No audit log of a tenant records it. Requires the permission `tenants:read`. */
  tenants?: Maybe<ListedTenantConnection>;
  /**
   * The tenants that have used most in the last hours, the largest first, without those of `unavailableCells`. No audit log of
   * a tenant records it.
   *
   * Requires the permission `tenants:read`.
   */
  topTenants: Array<TopTenant>;
  /** The cells that do not answer at present: all lists of the same request lack their tenants. The default cell is `default`. Requires the permission `tenants:read`. */
  unavailableCells: Array<Scalars['String']['output']>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type QueryTenantArgs = {
  reason: Scalars['String']['input'];
  slug: Scalars['String']['input'];
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type QueryTenantsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  before?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<TenantFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  last?: InputMaybe<Scalars['Int']['input']>;
  orderBy?: InputMaybe<TenantOrder>;
  search?: InputMaybe<Scalars['String']['input']>;
};


/** Reads. A field that the caller may not read is null, with an error that names the missing permission. A document has at most 2000 tokens, an operation 20 levels of fields and 50 aliases. */
export type QueryTopTenantsArgs = {
  by?: TopTenantOrder;
  first?: Scalars['Int']['input'];
  hours?: Scalars['Int']['input'];
};

/** The input of the mutation `renameTenant`. */
export type RenameTenantInput = {
  /** The new name, 1 to 200 characters. Left out, it stays. */
  name?: InputMaybe<Scalars['String']['input']>;
  /** The new subdomain. Left out, it stays. */
  newSlug?: InputMaybe<Scalars['String']['input']>;
  /** Why, for the audit log of the tenant: 1 to 500 characters. */
  reason: Scalars['String']['input'];
  /** The subdomain. */
  slug: Scalars['String']['input'];
};

/** The answer of the mutation `renameTenant`. Requires the permission `tenants:manage`. */
export type RenameTenantPayload = {
  __typename?: 'RenameTenantPayload';
  /** The tenant with its new name. Requires the permission `tenants:read`. */
  tenant?: Maybe<Tenant>;
};

/** How much of a resource a tenant uses, and how much its plan allows. Requires the permission `tenants:read`. */
export type ResourceUsage = {
  __typename?: 'ResourceUsage';
  /** How many there may be; null when the plan does not limit them. Requires the permission `tenants:read`. */
  limit?: Maybe<Scalars['Int']['output']>;
  /** What is counted: `members`, `apiKeys`, … Requires the permission `tenants:read`. */
  resource: Scalars['String']['output'];
  /** How many there are. Requires the permission `tenants:read`. */
  used: Scalars['Int']['output'];
};

/** The input of the mutation `resumeTenant`. */
export type ResumeTenantInput = {
  /** Why, for the audit log of the tenant: 1 to 500 characters. */
  reason: Scalars['String']['input'];
  /** The subdomain. */
  slug: Scalars['String']['input'];
};

/** The answer of the mutation `resumeTenant`. Requires the permission `tenants:manage`. */
export type ResumeTenantPayload = {
  __typename?: 'ResumeTenantPayload';
  /** The tenant, which is served again. Requires the permission `tenants:read`. */
  tenant?: Maybe<Tenant>;
};

/** A role in a tenant, the most powerful first. */
export type Role =
  /** Manages members and settings. */
  | 'ADMIN'
  /** Reads and writes the data of the tenant. */
  | 'MEMBER'
  /** The most powerful role. */
  | 'OWNER'
  /** Reads the data of the tenant. */
  | 'VIEWER';

/** The input of the mutation `suspendTenant`. */
export type SuspendTenantInput = {
  /** Why, for the audit log of the tenant and, unless `tellMembers` is false, for its members: 1 to 500 characters. */
  reason: Scalars['String']['input'];
  /** The subdomain. */
  slug: Scalars['String']['input'];
  /** Whether members read the reason in the error with which they are refused. */
  tellMembers?: Scalars['Boolean']['input'];
};

/** The answer of the mutation `suspendTenant`. Requires the permission `tenants:manage`. */
export type SuspendTenantPayload = {
  __typename?: 'SuspendTenantPayload';
  /** The suspended tenant. Requires the permission `tenants:read`. */
  tenant?: Maybe<Tenant>;
};

/** One tenant. That an operator has read it is in its audit log, with the reason. Requires the permission `tenants:read`. */
export type Tenant = Node & {
  __typename?: 'Tenant';
  /** Verifies its sealed audit log from the first entry to the last; null on a server without the keys of the seals. Requires the permission `tenants:read`. */
  auditVerification?: Maybe<AuditVerification>;
  /** The name of the cell that it is in; `default` for the database of `DATABASE_URL`. Requires the permission `tenants:read`. */
  cell: Scalars['String']['output'];
  /** When the object was created. Requires the permission `tenants:read`. */
  createdAt: Scalars['DateTime']['output'];
  /** Its erasure, when one was asked for. Requires the permission `tenants:read`. */
  erasure?: Maybe<TenantErasure>;
  /** The exports that its owners asked for, the newest first, at most 100. Requires the permission `tenants:read`. */
  exports: Array<TenantExport>;
  /** How it is. Requires the permission `tenants:read`. */
  health: TenantHealth;
  /** The id of the object. Requires the permission `tenants:read`. */
  id: Scalars['ID']['output'];
  /** The newest impersonations in it, at most 100. Requires the permission `tenants:read`. */
  impersonations: Array<Impersonation>;
  /** Its jobs, the newest first, at most 100. Requires the permission `tenants:read`. */
  jobs: Array<Job>;
  /** The name that people read. Requires the permission `tenants:read`. */
  name: Scalars['String']['output'];
  /** The name of its plan. Requires the permission `tenants:read`. */
  plan: Scalars['String']['output'];
  /** The subdomain. Requires the permission `tenants:read`. */
  slug: Scalars['String']['output'];
  /** Whether it is served. Requires the permission `tenants:read`. */
  status: TenantStatus;
  /** What its members are told while it is suspended. Requires the permission `tenants:read`. */
  suspensionReason?: Maybe<Scalars['String']['output']>;
  /** What it uses of each resource that plans can limit, in alphabetical order. Requires the permission `tenants:read`. */
  usage: Array<ResourceUsage>;
  /** What it has used in each hour or on each day, the newest first. Periods without use are left out. Requires the permission `tenants:read`. */
  usageHistory: Array<PeriodUsage>;
};


/** One tenant. That an operator has read it is in its audit log, with the reason. Requires the permission `tenants:read`. */
export type TenantJobsArgs = {
  state?: InputMaybe<JobState>;
};


/** One tenant. That an operator has read it is in its audit log, with the reason. Requires the permission `tenants:read`. */
export type TenantUsageHistoryArgs = {
  last?: Scalars['Int']['input'];
  period?: UsagePeriod;
};

/** The erasure of a tenant. When it is done, the tenant is gone, and only the certificate of the erasure is left. Requires the permission `tenants:read`. */
export type TenantErasure = {
  __typename?: 'TenantErasure';
  /** When servers begin with it. Requires the permission `tenants:read`. */
  executeAt: Scalars['DateTime']['output'];
  /** When it was asked for. Requires the permission `tenants:read`. */
  requestedAt: Scalars['DateTime']['output'];
  /** Who asked for it: the `sub` claim of an owner or of an operator. Requires the permission `tenants:read`. */
  requestedBy: Scalars['String']['output'];
  /** Whether it can still be cancelled. Requires the permission `tenants:read`. */
  state: TenantErasureState;
};

/** Whether an erasure can still be cancelled. */
export type TenantErasureState =
  /** It waits for its time. */
  | 'REQUESTED'
  /** It has begun, and cannot be cancelled. */
  | 'RUNNING';

/** An archive that an owner of the tenant asked for. Operators cannot download it. Requires the permission `tenants:read`. */
export type TenantExport = {
  __typename?: 'TenantExport';
  /** Whether every text was replaced by another one of the same form. Requires the permission `tenants:read`. */
  anonymised: Scalars['Boolean']['output'];
  /** When the object was created. Requires the permission `tenants:read`. */
  createdAt: Scalars['DateTime']['output'];
  /** When it is removed; null until it is ready. Requires the permission `tenants:read`. */
  expiresAt?: Maybe<Scalars['DateTime']['output']>;
  /** Why it was not written; null unless it has failed. Requires the permission `tenants:read`. */
  failure?: Maybe<Scalars['String']['output']>;
  /** When it was written, or given up; null before. Requires the permission `tenants:read`. */
  finishedAt?: Maybe<Scalars['DateTime']['output']>;
  /** The UUID of the export. Requires the permission `tenants:read`. */
  id: Scalars['ID']['output'];
  /** Who asked for it: the `sub` claim. Requires the permission `tenants:read`. */
  requestedBy: Scalars['String']['output'];
  /** Rows in it; null until it is ready. Requires the permission `tenants:read`. */
  rows?: Maybe<Scalars['Float']['output']>;
  /** Bytes of the file; null until it is ready. Requires the permission `tenants:read`. */
  size?: Maybe<Scalars['Float']['output']>;
  /** Whether it can be downloaded. Requires the permission `tenants:read`. */
  status: TenantExportStatus;
};

/** What has become of an export. */
export type TenantExportStatus =
  /** It was not written: `failure` says why. */
  | 'FAILED'
  /** A worker writes it, or it waits for one. */
  | 'PENDING'
  /** It can be downloaded until it expires. */
  | 'READY';

/** Conditions for a list of `Tenant`. An object must meet all that are given. */
export type TenantFilter = {
  /** Only tenants with this plan. */
  plan?: InputMaybe<Scalars['String']['input']>;
  /** Only tenants with this status. */
  status?: InputMaybe<TenantStatus>;
};

/** How a tenant is. Counts end at 10,000. Requires the permission `tenants:read`. */
export type TenantHealth = {
  __typename?: 'TenantHealth';
  /** Jobs whose last attempt failed. Requires the permission `tenants:read`. */
  jobsDead: Scalars['Int']['output'];
  /** Jobs that run. Requires the permission `tenants:read`. */
  jobsRunning: Scalars['Int']['output'];
  /** Jobs that are queued. Requires the permission `tenants:read`. */
  jobsWaiting: Scalars['Int']['output'];
  /** The last entry of its audit log that is not an operator’s access; null when there is none. Requires the permission `tenants:read`. */
  lastActivityAt?: Maybe<Scalars['DateTime']['output']>;
  /** How many members it has. Requires the permission `tenants:read`. */
  members: Scalars['Int']['output'];
  /** The age of the oldest of them, in seconds. Requires the permission `tenants:read`. */
  sealLagSeconds: Scalars['Int']['output'];
  /** When its audit log was last sealed; null when it never was. Requires the permission `tenants:read`. */
  sealedAt?: Maybe<Scalars['DateTime']['output']>;
  /** Entries of the audit log that are not sealed yet. Requires the permission `tenants:read`. */
  unsealedEntries: Scalars['Int']['output'];
};

/** The order of a list of `Tenant`. */
export type TenantOrder = {
  /** In which direction. */
  direction?: OrderDirection;
  /** What the list is ordered by. */
  field?: TenantOrderField;
};

/** What a list of `Tenant` can be ordered by. */
export type TenantOrderField =
  /** When the tenant was created. */
  | 'CREATED_AT'
  /** The name that people read. */
  | 'NAME'
  /** The subdomain. */
  | 'SLUG';

/** Whether a tenant is served. */
export type TenantStatus =
  /** Its members and API keys have access. */
  | 'ACTIVE'
  /** Nobody has access, its jobs wait, and its data is kept. */
  | 'SUSPENDED';

/** What a tenant has used in some hours. Lists are in no audit log of a tenant. Requires the permission `tenants:read`. */
export type TopTenant = {
  __typename?: 'TopTenant';
  /** The bytes of answers and events, before compression. Requires the permission `tenants:read`. */
  bytes: Scalars['Float']['output'];
  /** How long its transactions have held connections to the database, in seconds. Requires the permission `tenants:read`. */
  databaseSeconds: Scalars['Float']['output'];
  /** Attempts of jobs. Requires the permission `tenants:read`. */
  jobs: Scalars['Float']['output'];
  /** The name of its plan. Requires the permission `tenants:read`. */
  plan: Scalars['String']['output'];
  /** Operations that began: queries, mutations and subscriptions. Refused requests do not count. Requires the permission `tenants:read`. */
  requests: Scalars['Float']['output'];
  /** Rows that statements have read or written. Requires the permission `tenants:read`. */
  rows: Scalars['Float']['output'];
  /** Its part of the time that all tenants have used in the database, from 0 to 1. Requires the permission `tenants:read`. */
  share: Scalars['Float']['output'];
  /** The subdomain. Requires the permission `tenants:read`. */
  slug: Scalars['String']['output'];
};

/** The order of a list of `TopTenant`. */
export type TopTenantOrder =
  /** Operations that began. */
  | 'REQUESTS'
  /** Rows that statements have read or written. */
  | 'ROWS'
  /** Time in the database. */
  | 'TIME';

export type UsagePeriod =
  /** From midnight to midnight in UTC. */
  | 'DAY'
  /** From one full hour to the next. */
  | 'HOUR';

export type OperatorQueryVariables = Exact<{ [key: string]: never; }>;


export type OperatorQuery = { plans: Array<string>, me: { __typename?: 'Operator', name: string, permissions: Array<OperatorPermission> } };

export type TenantQueryVariables = Exact<{
  slug: Scalars['String']['input'];
  reason: Scalars['String']['input'];
}>;


export type TenantQuery = { tenant?: { __typename?: 'Tenant', id: string, slug: string, name: string, plan: string, status: TenantStatus, suspensionReason?: string | null, createdAt: string, cell: string, usage: Array<{ __typename?: 'ResourceUsage', resource: string, used: number, limit?: number | null }>, usageHistory: Array<{ __typename?: 'PeriodUsage', startsAt: string, requests: number, databaseSeconds: number, rows: number, bytes: number, jobs: number }>, health: { __typename?: 'TenantHealth', lastActivityAt?: string | null, members: number, jobsWaiting: number, jobsRunning: number, jobsDead: number, sealedAt?: string | null, unsealedEntries: number, sealLagSeconds: number }, jobs: Array<{ __typename?: 'Job', id: string, task: string, state: JobState, attempt: number, maxAttempts: number, createdAt: string, finishedAt?: string | null, lastError?: string | null }>, impersonations: Array<{ __typename?: 'Impersonation', id: string, operator: string, reason: string, role: Role, userId?: string | null, createdAt: string, expiresAt: string, endedAt?: string | null, endedBy?: string | null }>, exports: Array<{ __typename?: 'TenantExport', id: string, status: TenantExportStatus, requestedBy: string, anonymised: boolean, createdAt: string, expiresAt?: string | null, size?: number | null, rows?: number | null, failure?: string | null }>, erasure?: { __typename?: 'TenantErasure', state: TenantErasureState, requestedBy: string, requestedAt: string, executeAt: string } | null } | null };

export type TenantJobsQueryVariables = Exact<{
  slug: Scalars['String']['input'];
  reason: Scalars['String']['input'];
  state: JobState;
}>;


export type TenantJobsQuery = { tenant?: { __typename?: 'Tenant', id: string, jobs: Array<{ __typename?: 'Job', id: string, task: string, state: JobState, attempt: number, maxAttempts: number, createdAt: string, finishedAt?: string | null, lastError?: string | null }> } | null };

export type VerifyTrailQueryVariables = Exact<{
  slug: Scalars['String']['input'];
  reason: Scalars['String']['input'];
}>;


export type VerifyTrailQuery = { tenant?: { __typename?: 'Tenant', id: string, auditVerification?: { __typename?: 'AuditVerification', intact: boolean, entries: number, pending: number, problem?: string | null } | null } | null };

export type SuspendTenantMutationVariables = Exact<{
  input: SuspendTenantInput;
}>;


export type SuspendTenantMutation = { suspendTenant?: { __typename: 'SuspendTenantPayload', tenant?: { __typename?: 'Tenant', id: string, slug: string, name: string, plan: string, status: TenantStatus, suspensionReason?: string | null, usage: Array<{ __typename?: 'ResourceUsage', resource: string, used: number, limit?: number | null }>, erasure?: { __typename?: 'TenantErasure', state: TenantErasureState, requestedBy: string, requestedAt: string, executeAt: string } | null } | null } | null };

export type ResumeTenantMutationVariables = Exact<{
  input: ResumeTenantInput;
}>;


export type ResumeTenantMutation = { resumeTenant?: { __typename: 'ResumeTenantPayload', tenant?: { __typename?: 'Tenant', id: string, slug: string, name: string, plan: string, status: TenantStatus, suspensionReason?: string | null, usage: Array<{ __typename?: 'ResourceUsage', resource: string, used: number, limit?: number | null }>, erasure?: { __typename?: 'TenantErasure', state: TenantErasureState, requestedBy: string, requestedAt: string, executeAt: string } | null } | null } | null };

export type RenameTenantMutationVariables = Exact<{
  input: RenameTenantInput;
}>;


export type RenameTenantMutation = { renameTenant?: { __typename: 'RenameTenantPayload', tenant?: { __typename?: 'Tenant', id: string, slug: string, name: string, plan: string, status: TenantStatus, suspensionReason?: string | null, usage: Array<{ __typename?: 'ResourceUsage', resource: string, used: number, limit?: number | null }>, erasure?: { __typename?: 'TenantErasure', state: TenantErasureState, requestedBy: string, requestedAt: string, executeAt: string } | null } | null } | null };

export type ChangeTenantPlanMutationVariables = Exact<{
  input: ChangeTenantPlanInput;
}>;


export type ChangeTenantPlanMutation = { changeTenantPlan?: { __typename: 'ChangeTenantPlanPayload', tenant?: { __typename?: 'Tenant', id: string, slug: string, name: string, plan: string, status: TenantStatus, suspensionReason?: string | null, usage: Array<{ __typename?: 'ResourceUsage', resource: string, used: number, limit?: number | null }>, erasure?: { __typename?: 'TenantErasure', state: TenantErasureState, requestedBy: string, requestedAt: string, executeAt: string } | null } | null } | null };

export type EraseTenantMutationVariables = Exact<{
  input: EraseTenantInput;
}>;


export type EraseTenantMutation = { eraseTenant?: { __typename: 'EraseTenantPayload', tenant?: { __typename?: 'Tenant', id: string, slug: string, name: string, plan: string, status: TenantStatus, suspensionReason?: string | null, usage: Array<{ __typename?: 'ResourceUsage', resource: string, used: number, limit?: number | null }>, erasure?: { __typename?: 'TenantErasure', state: TenantErasureState, requestedBy: string, requestedAt: string, executeAt: string } | null } | null } | null };

export type CancelTenantErasureMutationVariables = Exact<{
  input: CancelTenantErasureInput;
}>;


export type CancelTenantErasureMutation = { cancelTenantErasure?: { __typename: 'CancelTenantErasurePayload', tenant?: { __typename?: 'Tenant', id: string, slug: string, name: string, plan: string, status: TenantStatus, suspensionReason?: string | null, usage: Array<{ __typename?: 'ResourceUsage', resource: string, used: number, limit?: number | null }>, erasure?: { __typename?: 'TenantErasure', state: TenantErasureState, requestedBy: string, requestedAt: string, executeAt: string } | null } | null } | null };

export type ImpersonateMutationVariables = Exact<{
  input: ImpersonateInput;
}>;


export type ImpersonateMutation = { impersonate?: { __typename?: 'ImpersonatePayload', credential: string } | null };

export type EndImpersonationMutationVariables = Exact<{
  input: EndImpersonationInput;
}>;


export type EndImpersonationMutation = { endImpersonation?: { __typename: 'EndImpersonationPayload', impersonation?: { __typename?: 'Impersonation', id: string, endedAt?: string | null, endedBy?: string | null } | null } | null };

export type TenantsQueryVariables = Exact<{
  first?: InputMaybe<Scalars['Int']['input']>;
  after?: InputMaybe<Scalars['String']['input']>;
  search?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<TenantFilter>;
  orderBy?: InputMaybe<TenantOrder>;
}>;


export type TenantsQuery = { tenants?: { __typename?: 'ListedTenantConnection', totalCount: number, unavailableCells: Array<string>, pageInfo: { __typename?: 'PageInfo', hasNextPage: boolean, endCursor?: string | null }, nodes: Array<{ __typename?: 'ListedTenant', id: string, slug: string, name: string, plan: string, status: TenantStatus, createdAt: string }> } | null };

export type CreateTenantMutationVariables = Exact<{
  input: CreateTenantInput;
}>;


export type CreateTenantMutation = { createTenant?: { __typename: 'CreateTenantPayload' } | null };

export type TopTenantsQueryVariables = Exact<{
  by: TopTenantOrder;
  hours: Scalars['Int']['input'];
}>;


export type TopTenantsQuery = { unavailableCells: Array<string>, topTenants: Array<{ __typename?: 'TopTenant', slug: string, plan: string, requests: number, databaseSeconds: number, rows: number, bytes: number, jobs: number, share: number }> };

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

export const OperatorDocument = new TypedDocumentString(`
    query Operator {
  me {
    name
    permissions
  }
  plans
}
    `) as unknown as TypedDocumentString<OperatorQuery, OperatorQueryVariables>;
export const TenantDocument = new TypedDocumentString(`
    query Tenant($slug: String!, $reason: String!) @needs(permission: TENANTS_READ) {
  tenant(slug: $slug, reason: $reason) {
    id
    slug
    name
    plan
    status
    suspensionReason
    createdAt
    cell
    usage {
      resource
      used
      limit
    }
    usageHistory(period: DAY, last: 31) {
      startsAt
      requests
      databaseSeconds
      rows
      bytes
      jobs
    }
    health {
      lastActivityAt
      members
      jobsWaiting
      jobsRunning
      jobsDead
      sealedAt
      unsealedEntries
      sealLagSeconds
    }
    jobs {
      id
      task
      state
      attempt
      maxAttempts
      createdAt
      finishedAt
      lastError
    }
    impersonations {
      id
      operator
      reason
      role
      userId
      createdAt
      expiresAt
      endedAt
      endedBy
    }
    exports {
      id
      status
      requestedBy
      anonymised
      createdAt
      expiresAt
      size
      rows
      failure
    }
    erasure {
      state
      requestedBy
      requestedAt
      executeAt
    }
  }
}
    `) as unknown as TypedDocumentString<TenantQuery, TenantQueryVariables>;
export const TenantJobsDocument = new TypedDocumentString(`
    query TenantJobs($slug: String!, $reason: String!, $state: JobState!) @needs(permission: TENANTS_READ) {
  tenant(slug: $slug, reason: $reason) {
    id
    jobs(state: $state) {
      id
      task
      state
      attempt
      maxAttempts
      createdAt
      finishedAt
      lastError
    }
  }
}
    `) as unknown as TypedDocumentString<TenantJobsQuery, TenantJobsQueryVariables>;
export const VerifyTrailDocument = new TypedDocumentString(`
    query VerifyTrail($slug: String!, $reason: String!) @needs(permission: TENANTS_READ) {
  tenant(slug: $slug, reason: $reason) {
    id
    auditVerification {
      intact
      entries
      pending
      problem
    }
  }
}
    `) as unknown as TypedDocumentString<VerifyTrailQuery, VerifyTrailQueryVariables>;
export const SuspendTenantDocument = new TypedDocumentString(`
    mutation SuspendTenant($input: SuspendTenantInput!) @needs(permission: TENANTS_MANAGE) {
  suspendTenant(input: $input) {
    __typename
    tenant @needs(permission: TENANTS_READ) {
      id
      slug
      name
      plan
      status
      suspensionReason
      usage {
        resource
        used
        limit
      }
      erasure {
        state
        requestedBy
        requestedAt
        executeAt
      }
    }
  }
}
    `) as unknown as TypedDocumentString<SuspendTenantMutation, SuspendTenantMutationVariables>;
export const ResumeTenantDocument = new TypedDocumentString(`
    mutation ResumeTenant($input: ResumeTenantInput!) @needs(permission: TENANTS_MANAGE) {
  resumeTenant(input: $input) {
    __typename
    tenant @needs(permission: TENANTS_READ) {
      id
      slug
      name
      plan
      status
      suspensionReason
      usage {
        resource
        used
        limit
      }
      erasure {
        state
        requestedBy
        requestedAt
        executeAt
      }
    }
  }
}
    `) as unknown as TypedDocumentString<ResumeTenantMutation, ResumeTenantMutationVariables>;
export const RenameTenantDocument = new TypedDocumentString(`
    mutation RenameTenant($input: RenameTenantInput!) @needs(permission: TENANTS_MANAGE) {
  renameTenant(input: $input) {
    __typename
    tenant @needs(permission: TENANTS_READ) {
      id
      slug
      name
      plan
      status
      suspensionReason
      usage {
        resource
        used
        limit
      }
      erasure {
        state
        requestedBy
        requestedAt
        executeAt
      }
    }
  }
}
    `) as unknown as TypedDocumentString<RenameTenantMutation, RenameTenantMutationVariables>;
export const ChangeTenantPlanDocument = new TypedDocumentString(`
    mutation ChangeTenantPlan($input: ChangeTenantPlanInput!) @needs(permission: TENANTS_MANAGE) {
  changeTenantPlan(input: $input) {
    __typename
    tenant @needs(permission: TENANTS_READ) {
      id
      slug
      name
      plan
      status
      suspensionReason
      usage {
        resource
        used
        limit
      }
      erasure {
        state
        requestedBy
        requestedAt
        executeAt
      }
    }
  }
}
    `) as unknown as TypedDocumentString<ChangeTenantPlanMutation, ChangeTenantPlanMutationVariables>;
export const EraseTenantDocument = new TypedDocumentString(`
    mutation EraseTenant($input: EraseTenantInput!) @needs(permission: TENANTS_ERASE) {
  eraseTenant(input: $input) {
    __typename
    tenant @needs(permission: TENANTS_READ) {
      id
      slug
      name
      plan
      status
      suspensionReason
      usage {
        resource
        used
        limit
      }
      erasure {
        state
        requestedBy
        requestedAt
        executeAt
      }
    }
  }
}
    `) as unknown as TypedDocumentString<EraseTenantMutation, EraseTenantMutationVariables>;
export const CancelTenantErasureDocument = new TypedDocumentString(`
    mutation CancelTenantErasure($input: CancelTenantErasureInput!) @needs(permission: TENANTS_ERASE) {
  cancelTenantErasure(input: $input) {
    __typename
    tenant @needs(permission: TENANTS_READ) {
      id
      slug
      name
      plan
      status
      suspensionReason
      usage {
        resource
        used
        limit
      }
      erasure {
        state
        requestedBy
        requestedAt
        executeAt
      }
    }
  }
}
    `) as unknown as TypedDocumentString<CancelTenantErasureMutation, CancelTenantErasureMutationVariables>;
export const ImpersonateDocument = new TypedDocumentString(`
    mutation Impersonate($input: ImpersonateInput!) @needs(permission: TENANTS_IMPERSONATE) {
  impersonate(input: $input) {
    credential
  }
}
    `) as unknown as TypedDocumentString<ImpersonateMutation, ImpersonateMutationVariables>;
export const EndImpersonationDocument = new TypedDocumentString(`
    mutation EndImpersonation($input: EndImpersonationInput!) @needs(permission: TENANTS_IMPERSONATE) {
  endImpersonation(input: $input) {
    __typename
    impersonation @needs(permission: TENANTS_READ) {
      id
      endedAt
      endedBy
    }
  }
}
    `) as unknown as TypedDocumentString<EndImpersonationMutation, EndImpersonationMutationVariables>;
export const TenantsDocument = new TypedDocumentString(`
    query Tenants($first: Int, $after: String, $search: String, $filter: TenantFilter, $orderBy: TenantOrder) @needs(permission: TENANTS_READ) {
  tenants(
    first: $first
    after: $after
    search: $search
    filter: $filter
    orderBy: $orderBy
  ) {
    totalCount
    unavailableCells
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      id
      slug
      name
      plan
      status
      createdAt
    }
  }
}
    `) as unknown as TypedDocumentString<TenantsQuery, TenantsQueryVariables>;
export const CreateTenantDocument = new TypedDocumentString(`
    mutation CreateTenant($input: CreateTenantInput!) @needs(permission: TENANTS_MANAGE) {
  createTenant(input: $input) {
    __typename
  }
}
    `) as unknown as TypedDocumentString<CreateTenantMutation, CreateTenantMutationVariables>;
export const TopTenantsDocument = new TypedDocumentString(`
    query TopTenants($by: TopTenantOrder!, $hours: Int!) @needs(permission: TENANTS_READ) {
  topTenants(by: $by, hours: $hours, first: 50) {
    slug
    plan
    requests
    databaseSeconds
    rows
    bytes
    jobs
    share
  }
  unavailableCells
}
    `) as unknown as TypedDocumentString<TopTenantsQuery, TopTenantsQueryVariables>;