/**
 * Determines the viewer from a request's headers: the caller, the tenant, and the role or permissions from the
 * database. Every refusal is an error with a code of section "Access" in docs/errors.md.
 */
import { encodeId, idPrefix, readId } from '../vocabulary/id.js';
import { PublicError } from '../vocabulary/errors.js';
import type { Actor } from '../vocabulary/actor.js';
import type { Plan } from '../vocabulary/plan.js';
import type { RoleMatrix } from '../vocabulary/permissions.js';
import type { VerifiedUser, Viewer } from '../vocabulary/viewer.js';
import type { ApiKeyUse } from './api-key-use.js';
import { lowerAscii } from '../vocabulary/lower-ascii.js';
import type { Access, AccessResolver } from './resolve-access.js';
import type { ApiKeyAccess, ApiKeyResolver } from './resolve-api-key.js';
import { apiKeyHash, isApiKey, tenantOfApiKey } from './api-key.js';
import { impersonationHash, isImpersonation, tenantOfImpersonation } from './impersonation.js';
import { actingAs, type ImpersonationResolver } from './resolve-impersonation.js';
import { RefusedCredential } from './refused-credential.js';
import type { Identity, VerifyToken } from './verify-token.js';

export interface AuthenticationParts {
  readonly verifyToken: VerifyToken;
  readonly access: AccessResolver;
  readonly apiKeys: ApiKeyResolver;
  readonly apiKeyUse: ApiKeyUse;
  readonly impersonations: ImpersonationResolver;
  readonly roles: RoleMatrix;
  /** The plan that limits a tenant, by the name in its row. */
  readonly planOf: (name: string) => Plan;
  readonly baseDomain: string;
}

/** The headers that are used. */
export interface RequestHeaders {
  readonly authorization?: string | undefined;
  readonly host?: string | undefined;
}

/** A user with a verified token is refused because they have no membership, or named no tenant. */
export class GuestError extends PublicError {
  constructor(
    readonly user: VerifiedUser,
    ...refusal: ConstructorParameters<typeof PublicError>
  ) {
    super(...refusal);
  }
}

/** What a credential gives access to: an API key to its tenant; a user's token, perhaps, to the tenant that it names. */
export type Presented =
  | { readonly tenantId: string; readonly actor: Actor }
  | { readonly tenantRef: string; readonly userId: string };

/** A valid credential names another tenant than the host. */
export class TenantMismatchError extends PublicError {
  /** @param host the subdomain where the credential was presented */
  constructor(
    message: string,
    readonly host: string,
    readonly presented: Presented,
  ) {
    super('TENANT_MISMATCH', message);
  }
}

/**
 * The caller inside one tenant.
 *
 * @param beforeLookUp is called before an API key, or the credential of an impersonation, is looked up in the database; its
 * error refuses it
 * @throws UNAUTHENTICATED, TENANT_REQUIRED, TENANT_NOT_FOUND, TENANT_MISMATCH, FORBIDDEN, TENANT_SUSPENDED;
 * TENANT_REQUIRED and FORBIDDEN as a GuestError, TENANT_MISMATCH as a TenantMismatchError
 */
export async function authenticate(
  parts: AuthenticationParts,
  headers: RequestHeaders,
  beforeLookUp?: () => void,
): Promise<Viewer> {
  const credential = bearerToken(headers.authorization);
  const subdomain = subdomainOf(headers.host, parts.baseDomain);
  if (isApiKey(credential)) return authenticateKey(parts, credential, subdomain, beforeLookUp);
  if (isImpersonation(credential)) {
    return authenticateOperator(parts, credential, subdomain, beforeLookUp);
  }
  return authenticateUser(parts, await parts.verifyToken(credential), subdomain);
}

async function authenticateUser(
  parts: AuthenticationParts,
  identity: Identity,
  subdomain: string | undefined,
): Promise<Viewer> {
  const access = await resolveTenant(parts.access, identity, subdomain);
  // Only members may learn that a tenant is suspended.
  if (!access.role) {
    throw new GuestError(identity, 'FORBIDDEN', 'You are not a member of this tenant.', {
      requires: 'membership',
    });
  }
  const viewer: Viewer = {
    actor: { type: 'user', id: identity.userId },
    userId: identity.userId,
    memberId: identity.userId,
    email: identity.email,
    verifiedEmail: identity.verifiedEmail,
    tenantId: access.tenantId,
    tenantSlug: access.slug,
    plan: parts.planOf(access.plan),
    role: access.role,
    permissions: parts.roles.of(access.role),
    signedInAt: identity.signedInAt,
    expiresAt: identity.expiresAt,
  };
  refuseSuspended(access, access.role === 'owner' ? viewer : undefined);
  return viewer;
}

/** A key determines its tenant. The answer is the same for every reason why a key is invalid. */
async function authenticateKey(
  parts: AuthenticationParts,
  key: string,
  subdomain: string | undefined,
  beforeLookUp: (() => void) | undefined,
): Promise<Viewer> {
  const keyHash = apiKeyHash(key);
  const access =
    keyHash === undefined
      ? undefined
      : await parts.apiKeys.resolve(keyHash, beforeLookUp, tenantOfApiKey(key));
  if (!access) throw new RefusedCredential('api_key', 'The API key is not valid.');
  if (subdomain !== undefined && subdomain !== access.slug) {
    throw new TenantMismatchError('The API key is for another tenant than this host.', subdomain, {
      tenantId: access.tenantId,
      actor: { type: 'api_key', id: access.apiKeyId },
    });
  }
  refuseSuspended(access);
  parts.apiKeyUse.record(access);
  return {
    actor: { type: 'api_key', id: access.apiKeyId },
    // With its type, so that it is never the same as the `sub` claim of a user.
    userId: encodeId('ApiKey', access.apiKeyId),
    memberId: access.createdBy,
    email: undefined,
    verifiedEmail: undefined,
    tenantId: access.tenantId,
    tenantSlug: access.slug,
    plan: parts.planOf(access.plan),
    role: undefined,
    permissions: permissionsOf(access, parts.roles),
    expiresAt: access.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY,
  };
}

/**
 * An operator who acts in a tenant, with a role or as a member. The audit log records the operator as the actor. The answer
 * is the same for every reason why a credential is invalid.
 */
async function authenticateOperator(
  parts: AuthenticationParts,
  credential: string,
  subdomain: string | undefined,
  beforeLookUp: (() => void) | undefined,
): Promise<Viewer> {
  const hash = impersonationHash(credential);
  const access =
    hash === undefined
      ? undefined
      : await parts.impersonations.resolve(hash, beforeLookUp, tenantOfImpersonation(credential));
  if (!access) throw new RefusedCredential('impersonation', 'The impersonation has ended, or there is none.');
  if (subdomain !== undefined && subdomain !== access.slug) {
    throw new PublicError('TENANT_MISMATCH', 'The impersonation is in another tenant than this host.');
  }
  refuseSuspended(access);
  return {
    actor: { type: 'operator', id: access.operator },
    userId: actingAs(access),
    memberId: actingAs(access),
    email: undefined,
    verifiedEmail: undefined,
    tenantId: access.tenantId,
    tenantSlug: access.slug,
    plan: parts.planOf(access.plan),
    role: access.role,
    permissions: parts.roles.of(access.role),
    expiresAt: access.expiresAt.getTime(),
  };
}

/** The key's permissions, reduced to those that its creator still has. */
function permissionsOf({ permissions, creatorRole }: ApiKeyAccess, roles: RoleMatrix) {
  return new Set([...roles.of(creatorRole)].filter((permission) => permissions.includes(permission)));
}

/** The refusal of a caller whose tenant is suspended. */
export class SuspendedError extends PublicError {
  /** The caller, when it is an owner: what they may do nevertheless is decided by their request. */
  readonly owner: Viewer | undefined;

  /** @param reason why the tenant is suspended, if an operator has said so: only for its members */
  constructor(reason: string | undefined, owner: Viewer | undefined) {
    super('TENANT_SUSPENDED', 'This tenant is suspended.', reason === undefined ? {} : { reason });
    this.owner = owner;
  }
}

function refuseSuspended(
  { status, suspensionReason }: Pick<Access, 'status' | 'suspensionReason'>,
  owner?: Viewer,
): void {
  if (status !== 'active') throw new SuspendedError(suspensionReason, owner);
}

/** @throws UNAUTHENTICATED when the header has no bearer token */
export function bearerToken(authorization: string | undefined): string {
  const token = /^Bearer +([^ ]+) *$/i.exec(authorization ?? '')?.[1];
  if (token === undefined) {
    throw new RefusedCredential('missing', 'Send a bearer token in the Authorization header.');
  }
  return token;
}

/** The tenant named by the token or the subdomain; when both name one, they must agree. */
async function resolveTenant(
  resolver: AccessResolver,
  identity: Identity,
  subdomain: string | undefined,
): Promise<Access> {
  const { userId } = identity;
  const tenantRef = identity.tenantRef === undefined ? undefined : withoutType(identity.tenantRef);
  const named = subdomain ?? tenantRef;
  if (named === undefined) {
    throw new GuestError(
      identity,
      'TENANT_REQUIRED',
      'Name a tenant: by the subdomain or by the token’s tenant_id claim.',
    );
  }
  const access = await resolver.resolve(named, userId);
  if (!access) throw new PublicError('TENANT_NOT_FOUND', 'There is no such tenant.');
  if (subdomain === undefined || tenantRef === undefined) return access;
  const claimed = lowerAscii(tenantRef);
  if (claimed !== access.tenantId && claimed !== access.slug) {
    throw new TenantMismatchError('The token is for another tenant than this host.', subdomain, {
      tenantRef,
      userId,
    });
  }
  return access;
}

/** A tenant's slug or UUID; the id of a tenant in the API as its UUID. */
function withoutType(tenantRef: string): string {
  const id = readId(tenantRef);
  return id?.prefix === idPrefix('Tenant') ? id.uuid : tenantRef;
}

/** `acme` for `acme.example.com:4000` below the base domain `example.com`; undefined for any other host. */
export function subdomainOf(host: string | undefined, baseDomain: string): string | undefined {
  const name = host && lowerAscii(host).replace(/:\d+$/, '').replace(/\.$/, '');
  const suffix = `.${baseDomain}`;
  return name?.endsWith(suffix) && name.length > suffix.length ? name.slice(0, -suffix.length) : undefined;
}
