import type { Actor } from '../vocabulary/actor.js';
import type { Plan } from './plan.js';
import type { Permission, Role } from './permissions.js';

/** A user whose token was verified; not necessarily a member of a tenant. */
export interface VerifiedUser {
  /** The `sub` claim of the identity provider. */
  readonly userId: string;
  /** The e-mail address that the identity provider has explicitly verified. */
  readonly verifiedEmail: string | undefined;
}

/** The authenticated caller inside one tenant: a user or an API key. Made by `auth`, from verified facts and the database. */
export interface Viewer extends VerifiedUser {
  readonly actor: Actor;
  /** For an API key, its id in the API: rows that it creates belong to the key, not to its creator. */
  readonly userId: string;
  /**
   * The user whose membership gives the access: the caller, or the creator of the API key. Changes of it affect the
   * viewer.
   */
  readonly memberId: string;
  /** The e-mail address of the token, unless the identity provider says that it is not verified. */
  readonly email: string | undefined;
  readonly tenantId: string;
  readonly tenantSlug: string;
  /** The tenant's plan. */
  readonly plan: Plan;
  /** The role of the membership in the database, never from a token. An API key has none. */
  readonly role: Role | undefined;
  readonly permissions: ReadonlySet<Permission>;
  /** When the user has signed in, in milliseconds since 1970; undefined for an API key, or when the token does not say. */
  readonly signedInAt?: number | undefined;
  /** When the credential is no longer accepted, in milliseconds since 1970: connections must not outlast it. */
  readonly expiresAt: number;
}
