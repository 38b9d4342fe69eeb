/**
 * From a request's headers to the viewer: who calls, in which tenant, and what the database says they are there.
 * Every refusal is an error with a code of section "Access" in docs/errors.md.
 */
import { PublicError, unauthenticated } from '../errors.js';
import type { RoleMatrix } from '../access/permissions.js';
import type { Viewer } from '../access/viewer.js';
import type { Access, AccessResolver } from '../tenancy/resolve-access.js';
import type { Identity, VerifyToken } from './verify-token.js';

export interface AuthenticationParts {
  readonly verifyToken: VerifyToken;
  readonly access: AccessResolver;
  readonly roles: RoleMatrix;
  readonly baseDomain: string;
}

/** The headers that take part. */
export interface RequestHeaders {
  readonly authorization?: string | undefined;
  readonly host?: string | undefined;
}

/**
 * The caller inside one tenant.
 *
 * @throws UNAUTHENTICATED, TENANT_REQUIRED, TENANT_NOT_FOUND, TENANT_MISMATCH, FORBIDDEN, TENANT_SUSPENDED
 */
export async function authenticate(parts: AuthenticationParts, headers: RequestHeaders): Promise<Viewer> {
  const identity = await parts.verifyToken(bearerToken(headers.authorization));
  const access = await resolveTenant(parts.access, identity, subdomainOf(headers.host, parts.baseDomain));
  // Whether a tenant is suspended is its members' business.
  if (!access.role)
    throw new PublicError('FORBIDDEN', 'You are not a member of this tenant.', { requires: 'membership' });
  if (access.status !== 'active') throw new PublicError('TENANT_SUSPENDED', 'This tenant is suspended.');
  return {
    actor: { type: 'user', id: identity.userId },
    userId: identity.userId,
    email: identity.email,
    tenantId: access.tenantId,
    tenantSlug: access.slug,
    role: access.role,
    permissions: parts.roles.of(access.role),
    expiresAt: identity.expiresAt,
  };
}

function bearerToken(authorization: string | undefined): string {
  const token = /^Bearer +([^ ]+) *$/i.exec(authorization ?? '')?.[1];
  if (token === undefined) throw unauthenticated('Send a bearer token in the Authorization header.');
  return token;
}

/**
 * The tenant named by the token, by the subdomain, or by both in agreement.
 */
async function resolveTenant(
  resolver: AccessResolver,
  { tenantRef, userId }: Identity,
  subdomain: string | undefined,
): Promise<Access> {
  const named = subdomain ?? tenantRef;
  if (named === undefined) {
    throw new PublicError(
      'TENANT_REQUIRED',
      'Name a tenant: by the subdomain or by the token’s tenant_id claim.',
    );
  }
  const access = await resolver.resolve(named, userId);
  if (!access) throw new PublicError('TENANT_NOT_FOUND', 'There is no such tenant.');
  const claimed = tenantRef?.toLowerCase();
  if (claimed !== undefined && claimed !== access.tenantId && claimed !== access.slug) {
    throw new PublicError('TENANT_MISMATCH', 'The token is for another tenant than this host.');
  }
  return access;
}

/** `acme` for `acme.example.com:4000` below the base domain `example.com`; undefined for any other host. */
export function subdomainOf(host: string | undefined, baseDomain: string): string | undefined {
  const name = host?.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '');
  const suffix = `.${baseDomain}`;
  return name?.endsWith(suffix) && name.length > suffix.length ? name.slice(0, -suffix.length) : undefined;
}
