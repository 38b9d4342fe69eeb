import type { Actor } from '../vocabulary/actor.js';
import type { Permission, Role } from './permissions.js';

/** A user whose token was verified. Not necessarily a member of anything. */
export interface VerifiedUser {
  /** The `sub` claim of the identity provider. */
  readonly userId: string;
  /** The e-mail address of which the identity provider says expressly that it is this user's. */
  readonly verifiedEmail: string | undefined;
}

/** The authenticated caller inside one tenant: a user or an API key. Made by `auth`, from verified facts and the database. */
export interface Viewer extends VerifiedUser {
  readonly actor: Actor;
  /** For an API key, its id: what it makes is its own, not its creator's. */
  readonly userId: string;
  /** Whose membership the access hangs on: the user's own, or that of whoever made the API key. News of it concern the viewer. */
  readonly memberId: string;
  /** The e-mail address of the token, unless the identity provider says that it is not verified. */
  readonly email: string | undefined;
  readonly tenantId: string;
  readonly tenantSlug: string;
  /** The role of the membership in the database; a token does not decide it. An API key has none. */
  readonly role: Role | undefined;
  readonly permissions: ReadonlySet<Permission>;
  /** When the credential expires, in milliseconds since 1970: what lasts longer than a request must not outlast it. */
  readonly expiresAt: number;
}
