/** Roles and the permissions they grant. Modules declare permissions; the matrix combines them. */

/** The roles of a membership, the most powerful first. */
export const ROLES = ['owner', 'admin', 'member', 'viewer'] as const;

export type Role = (typeof ROLES)[number];

/** A permission in the notation of keys and `extensions.requires`: `conversations:read`. */
export type Permission = `${string}:${string}`;

/** The roles that hold each permission. */
export type PermissionGrants = Readonly<Record<Permission, readonly Role[]>>;

/** The GraphQL enum value of a permission: `conversations:read` → `CONVERSATIONS_READ`. */
export const enumName = (permission: Permission): string => permission.replace(':', '_').toUpperCase();

/** Whether a text is the name of a role, as the database spells it. */
export const isRole = (value: string): value is Role => ROLES.some((role) => role === value);

/** True when `role` is at least as powerful as `other`. Nobody may grant, change or remove a role above their own. */
export const atLeast = (role: Role, other: Role): boolean => ROLES.indexOf(role) <= ROLES.indexOf(other);

/** The role × permission matrix of the installed modules. */
export class RoleMatrix {
  readonly permissions: readonly Permission[];
  private readonly byRole: ReadonlyMap<Role, ReadonlySet<Permission>>;

  /** @throws Error when a permission is declared twice, or two have the same name in GraphQL */
  constructor(grants: readonly PermissionGrants[]) {
    const all = grants.flatMap((grant) => Object.entries(grant) as [Permission, readonly Role[]][]);
    this.permissions = all.map(([permission]) => permission).sort();
    const named = new Map<string, Permission>();
    for (const permission of this.permissions) {
      const name = enumName(permission);
      const other = named.get(name);
      if (other === permission) throw new Error(`the permission ${permission} is declared by two modules`);
      if (other) throw new Error(`the permissions ${other} and ${permission} are both ${name} in GraphQL`);
      named.set(name, permission);
    }
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
