/** Roles and the permissions they grant. Modules declare their permissions; this is where they come together. */

/** The roles of a membership, the most powerful first. */
export const ROLES = ['owner', 'admin', 'member', 'viewer'] as const;

export type Role = (typeof ROLES)[number];

/** A permission as tokens, keys and `extensions.requires` spell it: `conversations:read`. */
export type Permission = `${string}:${string}`;

/** Which roles hold which permission. */
export type PermissionGrants = Readonly<Record<Permission, readonly Role[]>>;

/** The GraphQL enum value of a permission: `conversations:read` → `CONVERSATIONS_READ`. */
export const enumName = (permission: Permission): string => permission.replace(':', '_').toUpperCase();

export const isRole = (value: string): value is Role => ROLES.some((role) => role === value);

/** True when `role` stands at least as high as `other`. Nobody grants, changes or removes a role above their own. */
export const atLeast = (role: Role, other: Role): boolean => ROLES.indexOf(role) <= ROLES.indexOf(other);

/** The role × permission matrix of the installed modules. */
export class RoleMatrix {
  readonly permissions: readonly Permission[];
  private readonly byRole: ReadonlyMap<Role, ReadonlySet<Permission>>;

  /** @throws Error when two modules declare the same permission. */
  constructor(grants: readonly PermissionGrants[]) {
    const all = grants.flatMap((grant) => Object.entries(grant) as [Permission, readonly Role[]][]);
    this.permissions = all.map(([permission]) => permission).sort();
    const twice = this.permissions.find((permission, at) => permission === this.permissions[at + 1]);
    if (twice) throw new Error(`the permission ${twice} is declared by two modules`);
    this.byRole = new Map(
      ROLES.map((role) => [
        role,
        new Set(all.filter(([, roles]) => roles.includes(role)).map(([permission]) => permission)),
      ]),
    );
  }

  of(role: Role): ReadonlySet<Permission> {
    return this.byRole.get(role) ?? new Set();
  }
}
