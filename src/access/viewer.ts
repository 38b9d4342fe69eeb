import type { Actor } from '../tenancy/context.js';
import type { Permission, Role } from './permissions.js';

/** The authenticated caller inside one tenant. Made by `auth`, from verified facts and the database. */
export interface Viewer {
  readonly actor: Actor;
  /** The `sub` claim of the identity provider. */
  readonly userId: string;
  /** The e-mail address the identity provider vouches for, if it does. */
  readonly email: string | undefined;
  readonly tenantId: string;
  readonly tenantSlug: string;
  /** The role of the membership in the database; a token does not decide it. */
  readonly role: Role;
  readonly permissions: ReadonlySet<Permission>;
  /** When the credential expires, in milliseconds since 1970: what lasts longer than a request must not outlast it. */
  readonly expiresAt: number;
}
